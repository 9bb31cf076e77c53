/*
 * cmd_mapping_diff.c - shows what another configuration would make of recorded events.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>

#include "queue/audit.h"
#include "server/cli/cli.h"
#include "server/cli/cli_queue.h"
#include "server/cli/mapping_walk.h"
#include "server/commands.h"
#include "server/config/config_value.h"
#include "server/ops/clock.h"

enum {
    EXIT_DIFFERENT = 1,
    SHOWN_DEFAULT = 20, /* events that differ; all are counted */
    SHOWN_MAX = 10000,
};

static const char command[] = "mapping-diff";

struct arguments {
    struct cli_texts files;
    const char *config;
    const char *since;
    bool json;
    bool all;
};

static bool
parse(int argc, char **argv, struct arguments *arguments, int *ret_exit)
{
    const struct cli_option options[] = {
        {"since", "DURATION", "only what happened so long ago at most: 7d, 12h",
            &arguments->since, NULL, NULL},
        {"all", NULL, "print up to 10000 events that differ, not only 20", NULL, NULL,
            &arguments->all},
        {"config", "FILE", "whose Redis is asked; OLD when it is not given",
            &arguments->config, NULL, NULL},
        {"json", NULL, "print the result as JSON", NULL, NULL, &arguments->json},
    };
    const struct cli cli = {
        .command = command,
        .synopsis = "OLD.yaml NEW.yaml [--since DURATION] [--all] [--json]",
        .summary =
            "Maps the events in Redis by both configurations and prints where Brevo's\n"
            "requests differ. Nothing is sent or changed. Personal data is not printed: only\n"
            "how long it is. Settled events are there as long as queue.keep_bodies says.\n"
            "Exit 0: no difference, 1: some.\n",
        .options = options,
        .option_count = LENGTH(options),
        .operands = &arguments->files,
        .operand_name = "OLD.yaml NEW.yaml",
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void
take_record(void *context, const struct queue_audited *record)
{
    mapping_walk_take(context, record->partition, record->key);
}

static void
ignore_finding(void *context, const struct queue_finding *finding)
{
    (void)context;
    (void)finding;
}

static int
look_at_all(struct mapping_walk *walk, const struct config *config, struct queue *queue)
{
    int r = QUEUE_OK;

    const struct queue_audit_options options = {
        .record = take_record,
        .finding = ignore_finding,
        .context = walk,
    };
    struct queue_audit audit;

    while (r == QUEUE_OK && walk->result == QUEUE_OK && walk->pass != MAPPING_END) {
        r = queue_audit(queue, &options, &audit);
        mapping_walk_end(walk);
    }
    if (r != QUEUE_OK) {
        return cli_queue_unavailable(config, queue, "the queue cannot be read");
    }
    if (walk->result == -ENOMEM) {
        return cli_out_of_memory();
    }
    return walk->result == QUEUE_OK
               ? EX_OK
               : cli_queue_unavailable(config, walk->queue, "the queue cannot be read");
}

/* ---- printed --------------------------------------------------------------------------------- */

static void
print_records(const struct mapping_walk *walk)
{
    size_t i;
    size_t j;
    json_t *record;
    json_t *change;

    json_array_foreach(walk->records, i, record)
    {
        (void)printf("%s\n", json_string_value(json_object_get(record, "record")));
        json_array_foreach(json_object_get(record, "changes"), j, change)
        {
            char *kind = mapping_walk_kind(change);

            (void)printf("  %s\n", kind != NULL ? kind : "");
            free(kind);
        }
        (void)printf("\n");
    }
    if (walk->different > (int64_t)json_array_size(walk->records)) {
        (void)printf("... and %" PRId64 " more\n\n",
            walk->different - (int64_t)json_array_size(walk->records));
    }
}

static void
print_unjudged(const struct mapping_walk *walk)
{
    const char *reason;
    json_t *count;

    json_object_foreach(walk->unjudged, reason, count)
    {
        (void)printf("%6" JSON_INTEGER_FORMAT
                     "  alike as far as is recorded, not for certain: %s\n",
            json_integer_value(count), reason);
    }
}

static void
print_text(const struct mapping_walk *walk)
{
    const char *kind;
    json_t *count;

    print_records(walk);
    json_object_foreach(walk->kinds, kind, count)
    {
        (void)printf("%6" JSON_INTEGER_FORMAT "  %s\n", json_integer_value(count), kind);
    }
    (void)printf("%s%" PRId64 " events compared, %" PRId64 " differ; %" PRId64
                 " without their bytes, %" PRId64 " older\n",
        walk->different > 0 ? "\n" : "", walk->compared, walk->different,
        walk->without_bytes, walk->older);
    print_unjudged(walk);
}

static int
print_result(const struct mapping_walk *walk, const struct arguments *arguments)
{
    int status = EX_OK;

    if (arguments->json) {
        status = cli_print_json(
            json_pack("{s:I, s:I, s:I, s:I, s:O, s:O, s:O}", "compared",
                (json_int_t)walk->compared, "different", (json_int_t)walk->different,
                "without_bytes", (json_int_t)walk->without_bytes, "older",
                (json_int_t)walk->older, "unjudged", walk->unjudged, "changes",
                walk->kinds, "records", walk->records),
            stdout);
    } else {
        print_text(walk);
    }
    return status != EX_OK ? status : walk->different > 0 ? EXIT_DIFFERENT : EX_OK;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int
read_since(const struct arguments *arguments, struct mapping_walk *walk)
{
    int64_t since = 0;

    walk->now_ms = clock_unix_ms();
    walk->shown_max = arguments->all ? SHOWN_MAX : SHOWN_DEFAULT;
    if (arguments->since == NULL) {
        return EX_OK;
    }
    if (!config_duration_parse(arguments->since, &since) || since <= 0) {
        return cli_usage_error(command, "not a duration: --since %s", arguments->since);
    }
    walk->since_ms = walk->now_ms - since;
    return EX_OK;
}

/* Two queues: the walk goes on while its records are looked up. */
static int
run(struct mapping_walk *walk, const struct config *config,
    const struct arguments *arguments)
{
    AUTO(queue_close) struct queue *queue = NULL;
    int status = cli_queue_open(config, &queue);

    if (status == EX_OK) {
        status = cli_queue_open(config, &walk->queue);
    }
    if (mapping_walk_init(walk) != 0) {
        status = cli_out_of_memory();
    }
    if (status == EX_OK) {
        status = look_at_all(walk, config, queue);
    }
    if (status == EX_OK) {
        status = print_result(walk, arguments);
    }
    mapping_walk_done(walk);
    queue_close(&walk->queue);
    return status;
}

int
command_mapping_diff(int argc, char **argv)
{
    AUTO(config_done) struct config old_config = {0};
    AUTO(config_done) struct config new_config = {0};
    AUTO(config_done) struct config config = {0};
    struct arguments arguments = {0};
    struct mapping_walk walk = {.old_config = &old_config, .new_config = &new_config};
    int status;

    if (!parse(argc, argv, &arguments, &status)) {
        return status;
    }
    if (arguments.files.count != 2) {
        return cli_usage_error(command, "two configurations are needed: OLD and NEW");
    }
    status = read_since(&arguments, &walk);
    if (status == EX_OK) {
        status = cli_load_config(arguments.files.items[0], CONFIG_FOR_TOOL, &old_config);
    }
    if (status == EX_OK) {
        status = cli_load_config(arguments.files.items[1], CONFIG_FOR_TOOL, &new_config);
    }
    if (status == EX_OK && arguments.config != NULL) {
        status = cli_load_config(arguments.config, CONFIG_FOR_TOOL, &config);
    }
    return status == EX_OK
               ? run(&walk, arguments.config != NULL ? &config : &old_config, &arguments)
               : status;
}
