/*
 * cmd_mapping_diff.c - shows what another configuration would make of recorded events.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "mapping/payload.h"
#include "mapping/twilio_type.h"
#include "queue/audit.h"
#include "queue/recorded.h"
#include "server/cli/cli.h"
#include "server/cli/cli_queue.h"
#include "server/cli/mapping_diff.h"
#include "server/commands.h"
#include "server/config/config_value.h"
#include "server/deliver/record_payload.h"
#include "server/ops/clock.h"

enum {
    EXIT_DIFFERENT = 1,
    SHOWN_DEFAULT = 20, /* events that differ; all are counted */
    SHOWN_MAX = 10000,
    KINDS_MAX = 1000, /* of changes, counted apart */
};

static const char command[] = "mapping-diff";

struct arguments {
    struct cli_texts files;
    const char *config;
    const char *since;
    bool json;
    bool all;
};

struct walk {
    struct queue *queue; /* another one than the walk's */
    const struct rules *old_rules;
    const struct rules *new_rules;
    int64_t now_ms;
    int64_t since_ms;
    size_t shown_max;
    unsigned partition; /* of the keys */
    size_t count;
    char *keys[QUEUE_RECORDED_MAX];
    int64_t compared;
    int64_t without_bytes;
    int64_t older;
    int64_t different;
    json_t *records; /* those that are different */
    json_t *kinds;   /* of changes: how often each */
    int result;      /* the first failure: QUEUE_E_*, -errno */
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

/* ---- one event ------------------------------------------------------------------------------- */

/* "event.event_name: "A" -> "B"": the same for all events it happens to. */
static char *
name_kind(const json_t *change)
{
    AUTO(buffer_done) struct buffer text = {0};
    char *before = json_dumps(json_object_get(change, "before"), JSON_ENCODE_ANY);
    char *after = json_dumps(json_object_get(change, "after"), JSON_ENCODE_ANY);

    buffer_init(&text, CLI_FILE_MAX);
    buffer_addf(&text, "%s: %s -> %s", json_string_value(json_object_get(change, "path")),
        before != NULL ? before : "", after != NULL ? after : "");
    free(before);
    free(after);
    return text.failed ? NULL : slice_copy(buffer_slice(&text));
}

static int
count_kinds(struct walk *walk, const json_t *changes)
{
    size_t i;
    json_t *change;

    json_array_foreach(changes, i, change)
    {
        char *kind = name_kind(change);
        const json_int_t count =
            kind != NULL ? json_integer_value(json_object_get(walk->kinds, kind)) : 0;
        const bool fits = count > 0 || json_object_size(walk->kinds) < KINDS_MAX;
        const bool failed =
            kind == NULL || (fits && json_object_set_new(walk->kinds, kind,
                                         json_integer(count + 1)) != 0);

        free(kind);
        if (failed) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int
keep_changes(struct walk *walk, const char *key, json_t *changes)
{
    walk->different++;
    if (json_array_size(walk->records) < walk->shown_max &&
        json_array_append_new(walk->records,
            json_pack("{s:s, s:O}", "record", key, "changes", changes)) != 0) {
        return -ENOMEM;
    }
    return count_kinds(walk, changes);
}

static int
compare(struct walk *walk, const char *key, const struct queue_recorded *recorded)
{
    AUTO(payload_release) json_t *payload = NULL;
    AUTO(payload_release) json_t *changes = NULL;
    const struct event_context context = {
        .record_key = slice_of(key), .received_ms = walk->now_ms};
    int r =
        record_payload(slice_of(key), recorded->routes, recorded->route_count, &payload);

    if (payload == NULL) {
        walk->without_bytes++;
        return r;
    }
    const struct mapping_diff_input input = {
        .payload = payload,
        .context = &context,
        .old_rules = walk->old_rules,
        .new_rules = walk->new_rules,
        .since_ms = walk->since_ms,
    };

    r = mapping_diff(&input, &changes);
    if (r != 0) {
        return r;
    }
    if (changes == NULL) {
        walk->older++;
        return 0;
    }
    walk->compared++;
    return json_array_size(changes) > 0 ? keep_changes(walk, key, changes) : 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void
compare_batch(struct walk *walk)
{
    struct queue_recorded recorded[QUEUE_RECORDED_MAX];
    struct slice keys[QUEUE_RECORDED_MAX];

    for (size_t i = 0; i < walk->count; i++) {
        keys[i] = slice_of(walk->keys[i]);
    }
    if (walk->result == QUEUE_OK && walk->count > 0) {
        walk->result =
            queue_recorded(walk->queue, walk->partition, keys, walk->count, recorded);
    }
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->result == QUEUE_OK) {
            walk->result = compare(walk, walk->keys[i], &recorded[i]);
        }
        free(walk->keys[i]);
    }
    walk->count = 0;
}

static void
take_record(void *context, unsigned partition, struct slice key, struct slice state)
{
    struct walk *walk = context;

    (void)state;
    if (twilio_type_is_fact(slice_before(key, '/'))) {
        return;
    }
    if (walk->count == LENGTH(walk->keys) || walk->partition != partition) {
        compare_batch(walk);
    }
    walk->partition = partition;
    walk->keys[walk->count] = slice_copy(key);
    if (walk->keys[walk->count] == NULL) {
        walk->result = -ENOMEM;
        return;
    }
    walk->count++;
}

static void
ignore_finding(void *context, const struct queue_finding *finding)
{
    (void)context;
    (void)finding;
}

static int
look_at_all(struct walk *walk, const struct config *config, struct queue *queue)
{
    const struct queue_audit_options options = {
        .record = take_record,
        .finding = ignore_finding,
        .context = walk,
    };
    struct queue_audit audit;
    const int r = queue_audit(queue, &options, &audit);

    compare_batch(walk);
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
print_records(const struct walk *walk)
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
            char *kind = name_kind(change);

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
print_text(const struct walk *walk)
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
}

static int
print_result(const struct walk *walk, const struct arguments *arguments)
{
    int status = EX_OK;

    if (arguments->json) {
        status = cli_print_json(
            json_pack("{s:I, s:I, s:I, s:I, s:O, s:O}", "compared",
                (json_int_t)walk->compared, "different", (json_int_t)walk->different,
                "without_bytes", (json_int_t)walk->without_bytes, "older",
                (json_int_t)walk->older, "changes", walk->kinds, "records",
                walk->records),
            stdout);
    } else {
        print_text(walk);
    }
    return status != EX_OK ? status : walk->different > 0 ? EXIT_DIFFERENT : EX_OK;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int
read_since(const struct arguments *arguments, struct walk *walk)
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
run(struct walk *walk, const struct config *config, const struct arguments *arguments)
{
    AUTO(queue_close) struct queue *queue = NULL;
    int status = cli_queue_open(config, &queue);

    if (status == EX_OK) {
        status = cli_queue_open(config, &walk->queue);
    }
    walk->records = json_array();
    walk->kinds = json_object();
    if (status == EX_OK) {
        status = look_at_all(walk, config, queue);
    }
    if (status == EX_OK) {
        status = print_result(walk, arguments);
    }
    json_decref(walk->records);
    json_decref(walk->kinds);
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
    struct walk walk = {.old_rules = &old_config.rules, .new_rules = &new_config.rules};
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
