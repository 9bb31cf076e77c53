/*
 * cmd_pause.c - the operator stops deliveries, all or those of one event, and lets them go on.
 *
 * Both only write to Redis, where every worker looks twice a second.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "server/cli/cli.h"
#include "server/cli/cli_queue.h"
#include "server/commands.h"
#include "server/config/options.h"
#include "server/deliver/pause.h"

enum {
    REASON_MAX = 120,
};

struct arguments {
    const char *config;
    const char *event;
    const char *reason; /* pause only */
    bool json;
};

/* Canonical events a command is about; none: all deliveries. */
struct events {
    enum event_type types[EVENT_TYPE_COUNT];
    size_t count;
};

#define EVENT_HELP "only this event, by its name here or at Brevo: task.completed"

static bool
parse_pause(int argc, char **argv, struct arguments *arguments, int *ret_exit)
{
    const struct cli_option options[] = {
        {"event", "NAME", EVENT_HELP, &arguments->event, NULL, NULL},
        {"reason", "TEXT", "why, for whoever asks: shown by status and in the log",
            &arguments->reason, NULL, NULL},
        {"config", "FILE", CLI_CONFIG_HELP, &arguments->config, NULL, NULL},
        {"json", NULL, "print the result as JSON", NULL, NULL, &arguments->json},
    };
    const struct cli cli = {
        .command = "pause",
        .synopsis = "[--event NAME] [--reason TEXT] [--config FILE] [--json]",
        .summary =
            "Nothing more, or nothing more of one event, is told to Brevo, by any worker,\n"
            "within a second; calls under way end. Webhooks are taken as always and wait.\n"
            "Restarts change nothing: it lasts until `flexbrevo resume`.\n"
            "Exit status: 0 paused, 69 Redis does not answer.\n",
        .options = options,
        .option_count = LENGTH(options),
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

static bool
parse_resume(int argc, char **argv, struct arguments *arguments, int *ret_exit)
{
    const struct cli_option options[] = {
        {"event", "NAME", EVENT_HELP, &arguments->event, NULL, NULL},
        {"config", "FILE", CLI_CONFIG_HELP, &arguments->config, NULL, NULL},
        {"json", NULL, "print the result as JSON", NULL, NULL, &arguments->json},
    };
    const struct cli cli = {
        .command = "resume",
        .synopsis = "[--event NAME] [--config FILE] [--json]",
        .summary =
            "Ends what `flexbrevo pause` began: all of it, or the pause of one event. What\n"
            "waited goes on within a second, the oldest first. A pause that Brevo caused ends\n"
            "by itself when Brevo accepts a request again.\n"
            "Exit status: 0 what was asked for is not paused any more, or was not; what still\n"
            "is is listed. 69 Redis does not answer.\n",
        .options = options,
        .option_count = LENGTH(options),
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

/* ---- which event ------------------------------------------------------------------------- */

static int
refuse_event(const char *command, const char *name, const struct config *config)
{
    const char *names[2 * EVENT_TYPE_COUNT];
    size_t count = 0;

    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++) {
        names[count++] = event_type_name((enum event_type)i);
        if (config->rules.event_names[i] != NULL) {
            names[count++] = config->rules.event_names[i];
        }
    }
    const char *nearest = option_nearest(name, names, count);

    return nearest != NULL
               ? cli_usage_error(
                     command, "no such event: %s (did you mean %s?)", name, nearest)
               : cli_usage_error(command,
                     "no such event: %s (event_mapping in docs/config.md lists them)",
                     name);
}

/* Several may have one name at Brevo. 0, or EX_USAGE said. */
static int
find_events(const char *command, const char *name, const struct config *config,
    struct events *ret_events)
{
    ret_events->count = 0;
    if (name == NULL) {
        return 0;
    }
    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++) {
        const enum event_type type = (enum event_type)i;
        const char *at_brevo = config->rules.event_names[i];

        if (strcmp(name, event_type_name(type)) == 0 ||
            (at_brevo != NULL && strcmp(name, at_brevo) == 0)) {
            ret_events->types[ret_events->count++] = type;
        }
    }
    return ret_events->count > 0 ? 0 : refuse_event(command, name, config);
}

/* "operator", or "operator:task.completed". */
static void
write_cause(const struct events *events, size_t index, char cause[QUEUE_TEXT_MAX])
{
    if (events->count == 0) {
        (void)snprintf(cause, QUEUE_TEXT_MAX, PAUSE_OPERATOR);
    } else {
        (void)snprintf(cause, QUEUE_TEXT_MAX, PAUSE_OPERATOR ":%s",
            event_type_name(events->types[index]));
    }
}

/* ---- pause ------------------------------------------------------------------------------- */

static int
check_reason(const char *reason)
{
    if (reason == NULL) {
        return 0;
    }
    if (strlen(reason) > REASON_MAX) {
        return cli_usage_error(
            "pause", "longer than %d characters: --reason", REASON_MAX);
    }
    for (const char *c = reason; *c != '\0'; c++) {
        if (iscntrl((unsigned char)*c)) {
            return cli_usage_error("pause", "a control character: --reason");
        }
    }
    return 0;
}

static int
put_pause(struct queue *queue, const struct arguments *arguments, const char *cause)
{
    const char *event = strchr(cause, ':');
    char remedy[QUEUE_ERROR_SIZE];
    const struct queue_pause pause = {.cause = cause, .where = "-", .remedy = remedy};

    (void)snprintf(remedy, sizeof(remedy), "flexbrevo resume%s%s%s%s",
        event != NULL ? " --event " : "", event != NULL ? event + 1 : "",
        arguments->reason != NULL ? "; paused because: " : "",
        arguments->reason != NULL ? arguments->reason : "");
    return queue_pause_put(queue, &pause);
}

/* Adds a cause to what is printed at the end. */
static int
say(json_t *causes, const char *verb, const char *cause)
{
    if (causes == NULL) {
        (void)printf("%s  %s\n", verb, cause);
        return 0;
    }
    return json_array_append_new(causes, json_string(cause)) == 0 ? 0
                                                                  : cli_out_of_memory();
}

static int
pause_all(const struct arguments *arguments, const struct config *config,
    struct queue *queue, json_t *causes)
{
    struct events events;
    int status = find_events("pause", arguments->event, config, &events);
    size_t next = 0;

    while (status == 0 && (next == 0 || next < events.count)) {
        char cause[QUEUE_TEXT_MAX];

        write_cause(&events, next++, cause);
        if (put_pause(queue, arguments, cause) != QUEUE_OK) {
            return cli_queue_unavailable(config, queue, "nothing was paused");
        }
        status = say(causes, "paused", cause);
    }
    return status;
}

/* ---- resume ------------------------------------------------------------------------------ */

/* A pause by command that this resume is about. */
static bool
is_meant(const struct events *events, const char *cause)
{
    if (events->count == 0) {
        return slice_is(slice_before(slice_of(cause), ':'), PAUSE_OPERATOR);
    }
    for (size_t i = 0; i < events->count; i++) {
        char meant[QUEUE_TEXT_MAX];

        write_cause(events, i, meant);
        if (strcmp(cause, meant) == 0) {
            return true;
        }
    }
    return false;
}

/* What this resume leaves as it was; `is_all`: it ended nothing. */
static void
tell_rest(const struct queue_labels *rest, const char *event, bool is_all)
{
    if (is_all && event != NULL) {
        (void)printf("no command paused %s alone\n", event);
    } else if (is_all) {
        (void)puts("nothing was paused by command");
    }
    for (size_t i = 0; i < rest->count; i++) {
        (void)printf("still paused  %s: %s\n", rest->items[i].name, rest->items[i].text);
    }
}

static int
resume_all(const struct arguments *arguments, const struct config *config,
    struct queue *queue, json_t *causes)
{
    struct queue_labels pauses = {0};
    struct queue_labels rest = {0};
    struct events events;
    bool may_probe;
    int status = find_events("resume", arguments->event, config, &events);

    if (status != 0) {
        return status;
    }
    if (queue_pause_look(queue, 0, &pauses, &may_probe) != QUEUE_OK) {
        return cli_queue_unavailable(config, queue, "nothing was resumed");
    }
    for (size_t i = 0; i < pauses.count && status == 0; i++) {
        const char *cause = pauses.items[i].name;

        if (!is_meant(&events, cause)) {
            rest.items[rest.count++] = pauses.items[i];
            continue;
        }
        if (queue_pause_remove(queue, cause) != QUEUE_OK) {
            return cli_queue_unavailable(config, queue, "not all was resumed");
        }
        status = say(causes, "resumed", cause);
    }
    if (causes == NULL) {
        tell_rest(&rest, arguments->event, rest.count == pauses.count);
    }
    return status;
}

/* ---- the commands ------------------------------------------------------------------------ */

typedef int(pause_work)(const struct arguments *arguments, const struct config *config,
    struct queue *queue, json_t *causes);

static int
run(const struct arguments *arguments, pause_work *work, const char *result)
{
    AUTO(config_done) struct config config = {0};
    AUTO(queue_close) struct queue *queue = NULL;
    json_t *causes = NULL;
    int status = cli_load_config(arguments->config, CONFIG_FOR_TOOL, &config);

    if (status == 0) {
        status = cli_queue_open(&config, &queue);
    }
    if (status == 0 && arguments->json) {
        causes = json_array();
        status = causes != NULL ? 0 : cli_out_of_memory();
    }
    if (status == 0) {
        status = work(arguments, &config, queue, causes);
    }
    if (status == 0 && causes != NULL) {
        status = cli_print_json(json_pack("{s:O}", result, causes), stdout);
    }
    json_decref(causes);
    return status;
}

int
command_pause(int argc, char **argv)
{
    struct arguments arguments = {0};
    int status;

    if (!parse_pause(argc, argv, &arguments, &status)) {
        return status;
    }
    status = check_reason(arguments.reason);
    return status != 0 ? status : run(&arguments, pause_all, "paused");
}

int
command_resume(int argc, char **argv)
{
    struct arguments arguments = {0};
    int status;

    if (!parse_resume(argc, argv, &arguments, &status)) {
        return status;
    }
    return run(&arguments, resume_all, "resumed");
}
