/*
 * cmd_version.c - version, build and libraries.
 */
#include <sysexits.h>

#include "server/cli/cli.h"
#include "server/commands.h"
#include "server/ingest/verify.h"
#include "server/net/http_client.h"

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

int
command_version(int argc, char **argv)
{
    bool json = false;
    int status;

    if (!parse(argc, argv, &json, &status)) {
        return status;
    }
    if (json) {
        return cli_print_json(
            json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s}}", "version", FLEXBREVO_VERSION,
                "build", BUILD, "compiler", COMPILER, "libraries", "openssl",
                verify_version(), "curl", http_client_version(), "jansson",
                jansson_version_str()),
            stdout);
    }
    (void)printf("flexbrevo %s\nbuild     %s, %s\nlibraries %s, %s, jansson %s\n",
        FLEXBREVO_VERSION, BUILD, COMPILER, verify_version(), http_client_version(),
        jansson_version_str());
    return EX_OK;
}
