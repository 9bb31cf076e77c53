/*
 * cmd_check_config.c - `flexbrevo check-config`: is it right, and what does it come to?
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "server/cli/cli.h"
#include "server/commands.h"
#include "server/config/config_print.h"
#include "server/config/options.h"

static int
print_keys(void)
{
    for (size_t i = 0; i < config_option_count; i++) {
        const struct config_option *option = &config_options[i];

        (void)printf("%s\n", option->key);
        if (option_has_file_form(option)) {
            (void)printf("%s" OPTION_FILE_SUFFIX "\n", option->key);
        }
    }
    return EX_OK;
}

static int
print_json(const struct config *config)
{
    json_t *result = json_pack("{s:o*, s:o*}", "config", config_to_json(config),
        "left_out", config_omissions(config));

    return cli_print_json(result, stdout);
}

/* What is left out follows as comments, so that the whole can be read back in. */
static int
print_yaml(const struct config *config)
{
    json_t *lines = config_omissions(config);

    config_print(config, stdout);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        (void)printf(
            "%s# %s\n", i == 0 ? "\n" : "", json_string_value(json_array_get(lines, i)));
    }
    json_decref(lines);
    return EX_OK;
}

/* NULL: everything, whichever of them it is for. */
static bool
find_command(const char *name, enum config_command *ret_command)
{
    static const struct {
        const char *name;
        enum config_command command;
    } services[] = {
        {"run", CONFIG_FOR_RUN}, {"serve", CONFIG_FOR_SERVE}, {"work", CONFIG_FOR_WORK}};

    *ret_command = CONFIG_FOR_CHECK;
    for (size_t i = 0; name != NULL && i < LENGTH(services); i++) {
        if (strcmp(name, services[i].name) == 0) {
            *ret_command = services[i].command;
            return true;
        }
    }
    return name == NULL;
}

int
command_check_config(int argc, char **argv)
{
    const char *path = NULL;
    const char *service = NULL;
    enum config_command for_command;
    bool as_json = false;
    bool keys_only = false;
    const struct cli_option options[] = {
        {"config", "FILE", CLI_CONFIG_HELP, &path, NULL, NULL},
        {"for", "COMMAND", "what is to start with it: run (the default), serve or work",
            &service, NULL, NULL},
        {"json", NULL, "print JSON", NULL, NULL, &as_json},
        {"keys", NULL, "print the name of every key, and check nothing", NULL, NULL,
            &keys_only},
    };
    const struct cli cli = {
        .command = "check-config",
        .synopsis = "[--config FILE] [--for COMMAND] [--json | --keys]",
        .summary =
            "Reads the configuration as `run` would, prints the effective values with secrets\n"
            "masked, and names the channels and switches that leave something out.\n"
            "Exit 0: it would start. Exit 78: it would not, and the error says why.\n",
        .options = options,
        .option_count = LENGTH(options),
    };
    struct config config = {0};
    int exit_code;

    if (!cli_parse(&cli, argc, argv, &exit_code)) {
        return exit_code;
    }
    if (keys_only) {
        return print_keys();
    }
    if (!find_command(service, &for_command)) {
        return cli_usage_error(cli.command, "not run, serve or work: --for %s", service);
    }
    exit_code = cli_load_config(path, for_command, &config);
    if (exit_code != 0) {
        return exit_code;
    }
    exit_code = as_json ? print_json(&config) : print_yaml(&config);
    config_done(&config);
    return exit_code;
}
