/*
 * cmd_service.c - the long-running commands: run, serve, work.
 */
#include <sysexits.h>

#include "server/cli/cli.h"
#include "server/commands.h"
#include "server/service/service.h"

struct service_command {
    const char *name;
    const char *summary;
    enum config_command checks;
    unsigned roles;
};

static int
run_service(const struct service_command *command, int argc, char **argv)
{
    const char *path = NULL;
    const struct cli_option options[] = {
        {"config", "FILE", CLI_CONFIG_HELP, &path, NULL, NULL},
    };
    const struct cli cli = {
        .command = command->name,
        .synopsis = "[--config FILE]",
        .summary = command->summary,
        .options = options,
        .option_count = LENGTH(options),
    };
    AUTO(config_done) struct config config = {0};
    int code = EX_OK;

    if (!cli_parse(&cli, argc, argv, &code)) {
        return code;
    }
    code = cli_load_config(path, command->checks, &config);
    if (code != 0) {
        return code;
    }
    log_set_level(config.log_level);
    const struct service_options service = {
        .config = &config,
        .config_path = path,
        .command = command->checks,
        .roles = command->roles,
    };

    return service_run(&service);
}

int
command_run(int argc, char **argv)
{
    static const struct service_command command = {
        "run",
        "The webhook server and the worker in one process. Without redis.url it starts a\n"
        "redis-server of its own on a private unix socket, every write fsynced, its data under\n"
        "state_dir. SIGTERM and SIGINT drain and end it, SIGHUP loads tokens anew.\n",
        CONFIG_FOR_RUN,
        SERVICE_BOTH,
    };

    return run_service(&command, argc, argv);
}

int
command_serve(int argc, char **argv)
{
    static const struct service_command command = {
        "serve",
        "Only the webhook server. Any number of them, on any hosts, share one Redis.\n"
        "SIGTERM and SIGINT drain and end it, SIGHUP loads tokens anew.\n",
        CONFIG_FOR_SERVE,
        SERVICE_SERVER,
    };

    return run_service(&command, argc, argv);
}

int
command_work(int argc, char **argv)
{
    static const struct service_command command = {
        "work",
        "Only the worker. Any number of them, on any hosts, share one Redis.\n"
        "SIGTERM and SIGINT drain and end it.\n",
        CONFIG_FOR_WORK,
        SERVICE_WORKER,
    };

    return run_service(&command, argc, argv);
}
