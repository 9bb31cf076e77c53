/*
 * cmd_status.c - shows the queue: what waits, what is parked, what is paused.
 *
 * Reads Redis, not a process: the answer is the same whether `run` is up, several workers are,
 * or none.
 */
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#include "mapping/timestamp.h"
#include "server/cli/cli.h"
#include "server/cli/cli_queue.h"
#include "server/cli/status_redis.h"
#include "server/commands.h"
#include "server/deliver/attribute_watch.h"
#include "server/deliver/brevo_auth.h"
#include "server/deliver/cost.h"
#include "server/deliver/sink_test.h"
#include "server/ingest/spool_file.h"
#include "server/ops/clock.h"
#include "server/service/witness.h"

enum {
    REASON_WIDTH = QUEUE_TEXT_MAX,
};

struct arguments {
    const char *config;
    bool json;
};

struct snapshot {
    struct queue_stats stats;
    struct queue_note sink_test;
    struct queue_note attributes;
    struct queue_note token;
    struct queue_note cost;
    struct queue_health health;
    struct queue_note went_back;
    struct spool_totals spool;
};

static bool
parse(int argc, char **argv, struct arguments *arguments, int *ret_exit)
{
    const struct cli_option options[] = {
        {"config", "FILE", CLI_CONFIG_HELP, &arguments->config, NULL, NULL},
        {"json", NULL, "print the result as JSON", NULL, NULL, &arguments->json},
    };
    const struct cli cli = {
        .command = "status",
        .synopsis = "[--config FILE] [--json]",
        .summary =
            "Shows the queue in redis.url, or in the Redis that `flexbrevo run` keeps under\n"
            "state_dir: counts by state, the age of the oldest waiting event, about how long\n"
            "the backlog takes, what is paused and why, what was filtered and parked by\n"
            "reason, contact attributes that Brevo lacks, the latest test event of an Event\n"
            "Streams sink, what Redis itself keeps and lacks, and what waits in the local\n"
            "spools of state_dir. When Redis does not answer, the spools alone.\n"
            "Exit status: 0 shown, 69 Redis does not answer.\n",
        .options = options,
        .option_count = LENGTH(options),
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

static int64_t
backlog_s(const struct snapshot *snapshot, const struct config *config)
{
    struct cost_said said;
    const bool is_said = cost_read(&snapshot->cost, &said);

    return cost_backlog_s(snapshot->stats.pending, is_said ? &said : NULL, config);
}

/* ---- as JSON ---------------------------------------------------------------------------------- */

static json_t *
count_labels(const struct queue_labels *labels)
{
    json_t *object = json_object();

    for (size_t i = 0; i < labels->count; i++) {
        if (json_object_set_new(object, labels->items[i].name,
                json_integer((json_int_t)labels->items[i].value)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *
list_pauses(const struct queue_labels *pauses)
{
    json_t *list = json_array();

    for (size_t i = 0; i < pauses->count; i++) {
        const struct queue_label *pause = &pauses->items[i];
        char since[TIMESTAMP_TEXT_SIZE];

        timestamp_format(pause->value, since);
        if (json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "cause", pause->name,
                                            "since", since, "remedy", pause->text)) !=
            0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* null: there was none. */
static json_t *
tell_sink_test(const struct queue_note *test)
{
    char received[TIMESTAMP_TEXT_SIZE];

    if (test->text[0] == '\0') {
        return json_null();
    }
    timestamp_format(test->time_ms, received);
    return json_pack("{s:s, s:s}", "test_id", test->text, "received", received);
}

/* null: Brevo was not asked yet. */
static json_t *
tell_found(const struct queue_note *note)
{
    char checked[TIMESTAMP_TEXT_SIZE];

    if (note->text[0] == '\0') {
        return json_null();
    }
    timestamp_format(note->time_ms, checked);
    return json_pack("{s:s, s:s}", "checked", checked, "found", note->text);
}

/* Named as the gauges of the admin listener. */
static int
print_json(const struct snapshot *snapshot, const struct config *config)
{
    const struct queue_stats *stats = &snapshot->stats;
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"queue_accepted", stats->accepted},
        {"queue_delivered", stats->delivered},
        {"queue_filtered", stats->filtered},
        {"queue_parked", stats->parked},
        {"queue_dropped", stats->dropped},
        {"queue_pending", stats->pending},
        {"queue_claimed", stats->claimed},
        {"queue_delayed", stats->delayed},
        {"queue_oldest_seconds", stats->oldest_ms / MS_PER_S},
        {"backlog_eta_seconds", backlog_s(snapshot, config)},
        {"unaccounted_events", stats->unaccounted},
        {"group_recreated", stats->group_recreated},
        {"spool_pending", snapshot->spool.waiting + snapshot->spool.aside},
        {"spool_aside", snapshot->spool.aside},
    };
    json_t *status = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "brevo_paused",
        list_pauses(&stats->paused), "filtered_by", count_labels(&stats->filtered_by),
        "parked_by", count_labels(&stats->parked_by), "event_streams_test",
        tell_sink_test(&snapshot->sink_test), "brevo_attributes",
        tell_found(&snapshot->attributes), "brevo_token", tell_found(&snapshot->token),
        "redis", status_redis_json(&snapshot->health, &snapshot->went_back));

    for (size_t i = 0; i < LENGTH(numbers); i++) {
        if (json_object_set_new(status, numbers[i].name,
                json_integer((json_int_t)numbers[i].value)) != 0) {
            json_decref(status);
            return cli_out_of_memory();
        }
    }
    return cli_print_json(status, stdout);
}

/* ---- as text ---------------------------------------------------------------------------------- */

static void
print_duration(const char *name, int64_t seconds)
{
    (void)printf("%-12s %" PRId64 "h %02" PRId64 "m %02" PRId64 "s\n", name,
        seconds / 3600, seconds / 60 % 60, seconds % 60);
}

static void
print_pauses(const struct queue_labels *pauses)
{
    for (size_t i = 0; i < pauses->count; i++) {
        char since[TIMESTAMP_TEXT_SIZE];

        timestamp_format(pauses->items[i].value, since);
        (void)printf("\npaused       %s since %s\n             %s\n",
            pauses->items[i].name, since, pauses->items[i].text);
    }
}

static void
print_labels(const char *title, const struct queue_labels *labels)
{
    if (labels->count > 0) {
        (void)printf("\n%s\n", title);
    }
    for (size_t i = 0; i < labels->count; i++) {
        (void)printf("  %-*s %10" PRId64 "\n", REASON_WIDTH, labels->items[i].name,
            labels->items[i].value);
    }
}

static void
print_sink_test(const struct queue_note *test)
{
    char text[SINK_TEST_TEXT_SIZE];

    if (test->text[0] != '\0') {
        sink_test_write(test, text);
        (void)printf("\nevent streams test  %s\n", text);
    }
}

/* What is fine is no news. */
static void
print_attributes(const struct queue_note *attributes)
{
    char checked[TIMESTAMP_TEXT_SIZE];

    if (attributes->text[0] != '\0' &&
        strcmp(attributes->text, ATTRIBUTE_WATCH_FINE) != 0) {
        timestamp_format(attributes->time_ms, checked);
        (void)printf("\nattributes   %s\n             Brevo drops their values; asked %s "
                     "(flexbrevo check)\n",
            attributes->text, checked);
    }
}

static void
print_token(const struct queue_note *token)
{
    char since[TIMESTAMP_TEXT_SIZE];

    if (token->text[0] != '\0' && strcmp(token->text, BREVO_AUTH_FINE) != 0) {
        timestamp_format(token->time_ms, since);
        (void)printf("\ntoken        %s since %s\n             Brevo gives no new one "
                     "(flexbrevo check)\n",
            token->text, since);
    }
}

/* A spool is only used while Redis is away: mostly there is nothing to say. */
static void
print_spool(const struct spool_totals *spool)
{
    if (spool->waiting + spool->aside > 0) {
        (void)printf("%-12s %10" PRId64 "  not in Redis yet\n", "spool",
            spool->waiting + spool->aside);
        print_duration("  oldest", (clock_unix_ms() - spool->oldest_ms) / MS_PER_S);
    }
    if (spool->aside > 0) {
        (void)printf("%-12s %10" PRId64 "  Redis refuses them: see the log\n", "  aside",
            spool->aside);
    }
}

static void
print_text(const struct snapshot *snapshot, const struct config *config)
{
    const struct queue_stats *stats = &snapshot->stats;
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        {"accepted", stats->accepted},
        {"delivered", stats->delivered},
        {"filtered", stats->filtered},
        {"parked", stats->parked},
        {"dropped", stats->dropped},
        {"pending", stats->pending},
        {"  claimed", stats->claimed},
        {"  delayed", stats->delayed},
    };

    for (size_t i = 0; i < LENGTH(rows); i++) {
        (void)printf("%-12s %10" PRId64 "\n", rows[i].name, rows[i].value);
    }
    if (stats->pending > 0) {
        print_duration("oldest", stats->oldest_ms / MS_PER_S);
        print_duration("backlog", backlog_s(snapshot, config));
    }
    print_spool(&snapshot->spool);
    if (stats->unaccounted != 0) {
        (void)printf("unaccounted  %10" PRId64 "  accepted, and in no other count\n",
            stats->unaccounted);
    }
    print_pauses(&stats->paused);
    print_labels("filtered by reason", &stats->filtered_by);
    print_labels("parked by reason", &stats->parked_by);
    print_attributes(&snapshot->attributes);
    print_token(&snapshot->token);
    print_sink_test(&snapshot->sink_test);
    status_redis_print(&snapshot->health, &snapshot->went_back);
}

/* ---- reading ---------------------------------------------------------------------------------- */

static void
look_at_spool(const struct config *config, struct spool_totals *ret_spool)
{
    const int r = spool_files_look(config->state_dir, ret_spool);

    if (r < 0) {
        cli_error("a spool cannot be read: %s: %s (run as the server's user)",
            config->state_dir, strerror(-r));
    }
}

/* Redis is away, and this is what is kept for it. */
static int
show_spool_alone(const struct spool_totals *spool, bool as_json)
{
    const json_int_t waiting = spool->waiting;
    const json_int_t aside = spool->aside;

    if (!as_json) {
        print_spool(spool);
        return EX_OK;
    }
    return cli_print_json(
        json_pack("{s:I, s:I}", "spool_pending", waiting + aside, "spool_aside", aside),
        stdout);
}

static int
show(const struct config *config, bool as_json)
{
    AUTO(queue_close) struct queue *queue = NULL;
    struct snapshot snapshot;
    const int status = cli_queue_open(config, &queue);

    if (status != 0) {
        return status;
    }
    look_at_spool(config, &snapshot.spool);
    int r = queue_stats(queue, &snapshot.stats);

    if (r == 0) {
        r = sink_test_last(queue, &snapshot.sink_test);
    }
    if (r == 0) {
        r = queue_note_last(queue, ATTRIBUTE_WATCH_NOTE, &snapshot.attributes);
    }
    if (r == 0) {
        r = queue_note_last(queue, BREVO_AUTH_NOTE, &snapshot.token);
    }
    if (r == 0) {
        r = queue_note_last(queue, COST_NOTE, &snapshot.cost);
    }
    if (r == 0) {
        r = queue_health(queue, &snapshot.health);
    }
    if (r == 0) {
        r = queue_note_last(queue, WITNESS_NOTE, &snapshot.went_back);
    }
    if (r != 0) {
        (void)cli_queue_unavailable(config, queue, "the queue cannot be read");
        r = show_spool_alone(&snapshot.spool, as_json);
        return r != EX_OK ? r : EX_UNAVAILABLE;
    }
    if (as_json) {
        return print_json(&snapshot, config);
    }
    print_text(&snapshot, config);
    return EX_OK;
}

int
command_status(int argc, char **argv)
{
    AUTO(config_done) struct config config = {0};
    struct arguments arguments = {0};
    int status;

    if (!parse(argc, argv, &arguments, &status)) {
        return status;
    }
    status = cli_load_config(arguments.config, CONFIG_FOR_TOOL, &config);
    return status != 0 ? status : show(&config, arguments.json);
}
