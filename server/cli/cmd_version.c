/*
 * cmd_version.c - version, build and libraries.
 */
#include <sysexits.h>

#include "queue/spool.h"
#include "server/cli/cli.h"
#include "server/commands.h"
#include "server/config/config_yaml.h"
#include "server/net/http.h"
#include "server/net/http_client.h"
#include "server/proof/verify.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* What a bug report should say of the build beside its version. */
#if defined(__SANITIZE_ADDRESS__)
#define BUILD "address sanitizer"
#elif defined(__SANITIZE_THREAD__)
#define BUILD "thread sanitizer"
#elif defined(__OPTIMIZE__)
#define BUILD "optimized"
#else
#define BUILD "unoptimized"
#endif

static bool
parse(int argc, char **argv, bool *json, int *ret_exit)
{
    const struct cli_option options[] = {
        {"json", NULL, "print the result as JSON", NULL, NULL, json},
    };
    const struct cli cli = {
        .command = "version",
        .synopsis = "[--json]",
        .summary = "Prints version, build and libraries, as bug reports need them.\n",
        .options = options,
        .option_count = LENGTH(options),
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

/* The libraries as they call themselves at run time. */
static json_t *
describe(void)
{
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s}}", "version",
        FLEXBREVO_VERSION, "build", BUILD, "compiler", COMPILER, "libraries", "openssl",
        verify_version(), "curl", http_client_version(), "jansson", jansson_version_str(),
        "libyaml", config_yaml_version(), "libmicrohttpd", http_server_version(),
        "hiredis", HIREDIS_VERSION, "sqlite", spool_library_version());
}

static int
print_text(json_t *version)
{
    const char *name;
    json_t *library;

    if (version == NULL) {
        return cli_out_of_memory();
    }
    (void)printf(
        "flexbrevo %s\n%-14s%s, %s\n", FLEXBREVO_VERSION, "build", BUILD, COMPILER);
    json_object_foreach(json_object_get(version, "libraries"), name, library)
    {
        (void)printf("%-14s%s\n", name, json_string_value(library));
    }
    json_decref(version);
    return EX_OK;
}

int
command_version(int argc, char **argv)
{
    bool json = false;
    int status;

    if (!parse(argc, argv, &json, &status)) {
        return status;
    }
    return json ? cli_print_json(describe(), stdout) : print_text(describe());
}
