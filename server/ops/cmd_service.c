/*
 * cmd_service.c - the long-running commands: run, serve, work.
 */
#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#include "server/commands.h"
#include "server/ops/service.h"

struct service_command {
    const char *name;
    const char *does;
    enum config_command checks;
    unsigned roles;
};

static void
print_help(const struct service_command *command)
{
    (void)printf("usage: flexbrevo %s [--config FILE]\n\n%s\n\n"
                 "  --config FILE  configuration (else $FLEXBREVO_CONFIG, else\n"
                 "                 /etc/flexbrevo/flexbrevo.yaml if it exists); the\n"
                 "                 environment wins over it\n"
                 "  --help         this text\n\n"
                 "SIGTERM and SIGINT drain and end it with status 0.\n",
        command->name, command->does);
}

static int
run_service(const struct service_command *command, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *path = NULL;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 'h':
            print_help(command);
            return EX_OK;
        default:
            return EX_USAGE; /* getopt has said what is wrong */
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr,
            "flexbrevo: unexpected argument: %s (see `flexbrevo %s --help`)\n",
            argv[optind], command->name);
        return EX_USAGE;
    }
    AUTO(config_done) struct config config = {0};
    char error[CONFIG_ERROR_SIZE] = "";

    if (config_load(path, command->checks, &config, error) != 0) {
        (void)fprintf(stderr, "flexbrevo: %s\n", error);
        return EX_CONFIG;
    }
    log_set_level(config.debug ? LOG_DEBUG : config.log_level);
    return service_run(&config, command->roles);
}

int
command_run(int argc, char **argv)
{
    static const struct service_command command = {
        "run",
        "The webhook server and the worker in one process. Without redis.url it starts a\n"
        "redis-server of its own on a private unix socket, every write fsynced, its data under\n"
        "state_dir.",
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
        "Only the webhook server. Any number of them, on any hosts, share one Redis.",
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
        "Only the worker. Any number of them, on any hosts, share one Redis.",
        CONFIG_FOR_WORK,
        SERVICE_WORKER,
    };

    return run_service(&command, argc, argv);
}
