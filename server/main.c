/*
 * main.c - picks the command.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "server/cli/cli.h"
#include "server/commands.h"
#include "server/config/options.h"

enum {
    SLIP_MAX = 2, /* letters off in a slip of the finger */
};

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *does;
};

static const struct command commands[] = {
    {"run", command_run, "webhook server and worker in one process"},
    {"serve", command_serve, "only the webhook server"},
    {"work", command_work, "only the worker"},
    {"check", command_check, "ask Redis and Brevo whether all is as configured"},
    {"check-config", command_check_config,
        "check the configuration and print what is in effect"},
    {"verify-signature", command_verify_signature,
        "say whether an X-Twilio-Signature is valid"},
    {"explain", command_explain, "show what a captured webhook would become in Brevo"},
    {"trigger", command_trigger, "send a signed sample webhook"},
    {"status", command_status,
        "show the queue: what waits, what is parked, what is paused"},
    {"report", command_report,
        "show how queues and agents did: waits, abandonment, handling times"},
    {"parked", command_parked, "list, show, replay or drop what was set aside"},
    {"audit", command_audit, "walk every record, say where it is and what does not fit"},
    {"conflicts", command_conflicts,
        "list contacts of one customer that Brevo has apart"},
    {"mapping-diff", command_mapping_diff,
        "show what another configuration would make of recorded events"},
    {"pause", command_pause, "tell Brevo nothing, or nothing of one event, for now"},
    {"resume", command_resume, "end what pause began"},
    {"version", command_version, "print version, build and libraries"},
};

static void
print_help(FILE *out)
{
    (void)fputs(
        "usage: flexbrevo COMMAND [OPTIONS]\n\n"
        "Receives Twilio Flex webhooks and turns them into Brevo events and contacts.\n\n"
        "commands:\n",
        out);
    for (size_t i = 0; i < LENGTH(commands); i++) {
        (void)fprintf(out, "  %-18s%s\n", commands[i].name, commands[i].does);
    }
    (void)fputs("\n`flexbrevo COMMAND --help` explains each.\n", out);
}

static const struct command *
find_command(const char *name)
{
    for (size_t i = 0; i < LENGTH(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static int
refuse_command(const char *name)
{
    const char *nearest = NULL;
    size_t nearest_distance = SLIP_MAX + 1;

    for (size_t i = 0; i < LENGTH(commands); i++) {
        const size_t distance = option_distance(name, commands[i].name);

        if (distance < nearest_distance) {
            nearest = commands[i].name;
            nearest_distance = distance;
        }
    }
    if (nearest != NULL && 2 * nearest_distance < strlen(name)) {
        cli_error("unknown command: %s (did you mean %s?)", name, nearest);
    } else {
        cli_error("unknown command: %s (see flexbrevo --help)", name);
    }
    return EX_USAGE;
}

/* Output that could not be written (a full disk) is a failure, too. */
static int
run_command(const struct command *command, int argc, char **argv)
{
    const int status = command->run(argc, argv);

    if (fflush(stdout) != 0 && status == EX_OK) {
        cli_error("cannot write: standard output: %s", strerror(errno));
        return EX_IOERR;
    }
    return status;
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EX_USAGE;
    }
    const char *name = argv[1];

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help(stdout);
        return EX_OK;
    }
    const struct command *command =
        find_command(strcmp(name, "--version") == 0 ? "version" : name);

    return command != NULL ? run_command(command, argc - 1, argv + 1)
                           : refuse_command(name);
}
