/*
 * cmd_report.c - what was counted of queues and agents in some days, for a person or as JSON.
 *
 * Reads Redis, not a process. Names of queues and activities came from outside: what a terminal would
 * obey is escaped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "mapping/timestamp.h"
#include "server/cli/cli.h"
#include "server/cli/cli_queue.h"
#include "server/cli/cli_text.h"
#include "server/commands.h"
#include "server/config/config_value.h"
#include "server/deliver/counting.h"
#include "server/deliver/report.h"
#include "server/ops/clock.h"

enum {
    SHARE_DIGITS = 10000, /* 0.1234 */
    TENTHS = 10,
    ACTIVITY_WIDTH = 24,
};

static const char command[] = "report";
static const int64_t day_ms = INT64_C(24) * 60 * 60 * MS_PER_S;

struct arguments {
    const char *config;
    const char *since;
    bool json;
};

/* The days it is of, the last one included. */
struct span {
    int64_t first; /* days since 1970-01-01, in the time zone */
    int64_t last;
    char first_text[ANALYTICS_DAY_SIZE];
    char last_text[ANALYTICS_DAY_SIZE];
};

static bool
parse(int argc, char **argv, struct arguments *arguments, int *ret_exit)
{
    const struct cli_option options[] = {
        {"since", "DURATION", "the days since so long ago, today included (7d)",
            &arguments->since, NULL, NULL},
        {"config", "FILE", CLI_CONFIG_HELP, &arguments->config, NULL, NULL},
        {"json", NULL, "print the result as JSON", NULL, NULL, &arguments->json},
    };
    const struct cli cli = {
        .command = command,
        .synopsis = "[--since DURATION] [--config FILE] [--json]",
        .summary =
            "Shows how support went, by queue, channel and direction: how tasks ended, how\n"
            "long customers waited for an agent, how many gave up, how long agents took; and\n"
            "with sync.agent_activity how long each agent was in which activity; in which words\n"
            "tasks were lately canceled that were neither abandoned nor unserved. Days are\n"
            "those of `timezone`, kept for analytics.retention. Waits are counted by ranges:\n"
            "p50 and p90 are upper bounds.\n"
            "Exit status: 0 shown, 69 Redis does not answer.\n",
        .options = options,
        .option_count = LENGTH(options),
    };

    return cli_parse(&cli, argc, argv, ret_exit);
}

/* ---- as JSON --------------------------------------------------------------------------------- */

/* Negative: null. */
static json_t *
rounded(double value, double digits)
{
    return value < 0 ? json_null()
                     : json_real((double)(int64_t)(value * digits + 0.5) / digits);
}

static json_t *
bound(int64_t wait_s)
{
    return wait_s < 0 || wait_s == INT64_MAX ? json_null()
                                             : json_integer((json_int_t)wait_s);
}

static json_t *
describe_queue(const struct report_queue *queue)
{
    json_t *described = json_pack("{s:s, s:s, s:s}", "queue", queue->queue, "channel",
        queue->channel, "direction", queue->direction);
    const struct {
        const char *name;
        json_t *value;
    } more[] = {
        {"abandonment_share", rounded(report_abandonment_share(queue), SHARE_DIGITS)},
        {"waits", json_integer((json_int_t)report_waits(queue))},
        {"answered_within_20s_share",
            rounded(report_answered_share(queue), SHARE_DIGITS)},
        {"wait_avg_seconds", rounded(report_average_wait_s(queue), TENTHS)},
        {"wait_p50_at_most_seconds", bound(report_wait_at_most_s(queue, 50))},
        {"wait_p90_at_most_seconds", bound(report_wait_at_most_s(queue, 90))},
        {"handle_avg_seconds",
            rounded(report_average_s(queue, ANALYTICS_HANDLE), TENTHS)},
        {"wrapup_avg_seconds",
            rounded(report_average_s(queue, ANALYTICS_WRAPUP), TENTHS)},
        {"abandon_avg_seconds",
            rounded(report_average_s(queue, ANALYTICS_ABANDON), TENTHS)},
    };
    bool made = described != NULL;

    for (size_t i = 0; i < ANALYTICS_OUTCOMES; i++) {
        made = json_object_set_new(described, analytics_what_name((enum analytics_what)i),
                   json_integer((json_int_t)queue->counts[i])) == 0 &&
               made;
    }
    for (size_t i = 0; i < LENGTH(more); i++) {
        made = json_object_set_new(described, more[i].name, more[i].value) == 0 && made;
    }
    if (!made) {
        json_decref(described);
        return NULL;
    }
    return described;
}

static json_t *
describe_agent(const struct report_agent *agent)
{
    return json_pack("{s:s, s:s?, s:s, s:o}", "agent", agent->agent, "name", agent->name,
        "activity", agent->activity, "seconds",
        rounded((double)agent->time_ms / MS_PER_S, TENTHS));
}

static json_t *
describe_reason(const struct queue_note *reason)
{
    char last[TIMESTAMP_TEXT_SIZE];

    timestamp_format(reason->time_ms, last);
    return json_pack("{s:s, s:s}", "reason", reason->text, "last", last);
}

static int
print_json(const struct report *report, const struct queue_notes *canceled,
    const struct span *span, const struct config *config)
{
    json_t *queues = json_array();
    json_t *agents = json_array();
    json_t *reasons = json_array();
    bool made = true;

    for (size_t i = 0; i < report->queue_count; i++) {
        made = json_array_append_new(queues, describe_queue(&report->queues[i])) == 0 &&
               made;
    }
    for (size_t i = 0; i < report->agent_count; i++) {
        made = json_array_append_new(agents, describe_agent(&report->agents[i])) == 0 &&
               made;
    }
    for (size_t i = 0; i < canceled->count; i++) {
        made =
            json_array_append_new(reasons, describe_reason(&canceled->items[i])) == 0 &&
            made;
    }
    json_t *all = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I}", "from",
        span->first_text, "to", span->last_text, "timezone", config->timezone, "queues",
        queues, "agents", agents, "canceled_reasons", reasons, "left_out",
        (json_int_t)report->left_out);

    if (!made) {
        json_decref(all);
        return cli_out_of_memory();
    }
    return cli_print_json(all, stdout);
}

/* ---- as text --------------------------------------------------------------------------------- */

static void
print_share(const char *before, double share, const char *behind)
{
    if (share >= 0) {
        (void)printf("%s%.1f%%%s", before, 100 * share, behind);
    }
}

/* In minutes and seconds; negative: nothing. */
static void
print_time(const char *before, double time_s, const char *behind)
{
    const int64_t whole_s = (int64_t)(time_s + 0.5);

    if (time_s >= 0) {
        (void)printf(
            "%s%" PRId64 ":%02" PRId64 "%s", before, whole_s / 60, whole_s % 60, behind);
    }
}

static void
print_bound(const struct report_queue *queue, int64_t percent)
{
    const int64_t wait_s = report_wait_at_most_s(queue, percent);

    (void)printf(", p%" PRId64, percent);
    if (wait_s == INT64_MAX) {
        print_time(" over ", (double)analytics_waits_s[ANALYTICS_WAITS - 2], "");
    } else {
        print_time(" up to ", (double)wait_s, "");
    }
}

static void
print_waits(const struct report_queue *queue)
{
    if (report_waits(queue) == 0) {
        return;
    }
    print_time("  waited   ", report_average_wait_s(queue), " on average");
    print_bound(queue, 50);
    print_bound(queue, 90);
    print_share(", ", report_answered_share(queue), " within 20 s\n");
}

static void
print_queue(const struct report_queue *queue)
{
    (void)fputc('\n', stdout);
    cli_print_text(slice_of(queue->queue), 0);
    (void)printf(", %s, %s\n  tasks   ", queue->channel, queue->direction);
    for (size_t i = 0; i < ANALYTICS_OUTCOMES; i++) {
        (void)printf("%s %" PRId64 " %s", i > 0 ? "," : "", queue->counts[i],
            analytics_what_name((enum analytics_what)i));
    }
    (void)fputc('\n', stdout);
    print_waits(queue);
    print_time("  handled  ", report_average_s(queue, ANALYTICS_HANDLE), " on average");
    print_time(", wrap-up ", report_average_s(queue, ANALYTICS_WRAPUP), "");
    (void)fputs(queue->counts[ANALYTICS_HANDLE] > 0 ? "\n" : "", stdout);
    if (queue->counts[ANALYTICS_ABANDONED] > 0) {
        print_share("  gave up  ", report_abandonment_share(queue), "");
        print_time(", after ", report_average_s(queue, ANALYTICS_ABANDON), " on average");
        (void)fputc('\n', stdout);
    }
}

static void
print_agents(const struct report *report)
{
    (void)printf("\n%-34s %-*s %12s\n", "agent", ACTIVITY_WIDTH, "activity", "h:mm:ss");
    for (size_t i = 0; i < report->agent_count; i++) {
        const struct report_agent *agent = &report->agents[i];
        const int64_t time_s = agent->time_ms / MS_PER_S;

        (void)printf("%-34s ", agent->agent);
        cli_print_text(slice_of(agent->activity), ACTIVITY_WIDTH);
        (void)printf(" %6" PRId64 ":%02" PRId64 ":%02" PRId64 "%s", time_s / 3600,
            time_s / 60 % 60, time_s % 60, agent->name != NULL ? "  " : "");
        cli_print_text(slice_of(agent->name), 0);
        (void)fputc('\n', stdout);
    }
}

static void
print_reasons(const struct queue_notes *canceled)
{
    (void)fputs("\nlately canceled, neither abandoned nor unserved, because\n", stdout);
    for (size_t i = 0; i < canceled->count; i++) {
        char last[TIMESTAMP_TEXT_SIZE];

        timestamp_format(canceled->items[i].time_ms, last);
        (void)printf("  %s  ", last);
        cli_print_text(slice_of(canceled->items[i].text), 0);
        (void)fputc('\n', stdout);
    }
}

static void
print_text(const struct report *report, const struct queue_notes *canceled,
    const struct span *span, const struct config *config)
{
    (void)printf("%s to %s (%s)\n", span->first_text, span->last_text, config->timezone);
    for (size_t i = 0; i < report->queue_count; i++) {
        print_queue(&report->queues[i]);
    }
    if (report->agent_count > 0) {
        print_agents(report);
    }
    if (canceled->count > 0) {
        print_reasons(canceled);
    }
    if (report->queue_count + report->agent_count == 0) {
        (void)fputs("nothing was counted\n", stdout);
    }
    if (report->left_out > 0) {
        (void)printf("\n%" PRId64 " more found no room: too many queues or activities\n",
            report->left_out);
    }
}

/* ---- the command ----------------------------------------------------------------------------- */

static void
write_day(int64_t day, char text[ANALYTICS_DAY_SIZE])
{
    static const struct zone utc;

    analytics_day(day * day_ms, &utc, text);
}

/* In the zone's own days, whatever a change of its clocks makes of their length. */
static int64_t
day_of(int64_t unix_ms, const struct zone *zone)
{
    const int64_t offset_ms = (int64_t)zone_offset_s(zone, unix_ms / MS_PER_S) * MS_PER_S;

    return (unix_ms + offset_ms) / day_ms;
}

static int
read_span(
    const struct arguments *arguments, const struct config *config, struct span *span)
{
    const int64_t now_ms = clock_unix_ms();
    int64_t since_ms = 7 * day_ms;

    if (arguments->since != NULL &&
        (!config_duration_parse(arguments->since, &since_ms) || since_ms <= 0 ||
            since_ms > now_ms)) {
        return cli_usage_error(command, "not a duration: --since %s", arguments->since);
    }
    span->first = day_of(now_ms - since_ms, &config->rules.zone);
    span->last = day_of(now_ms, &config->rules.zone);
    write_day(span->first, span->first_text);
    write_day(span->last, span->last_text);
    return EX_OK;
}

static int
show(const struct config *config, const struct span *span, bool as_json)
{
    AUTO(report_done) struct report report = {0};
    AUTO(queue_close) struct queue *queue = NULL;
    struct queue_notes canceled = {0};
    int r = cli_queue_open(config, &queue);

    if (r != 0) {
        return r;
    }
    r = report_add_names(&report, queue);
    for (int64_t day = span->first; day <= span->last && r == QUEUE_OK; day++) {
        char text[ANALYTICS_DAY_SIZE];

        write_day(day, text);
        r = report_add(&report, queue, text);
    }
    r = r == QUEUE_OK ? queue_note_page(queue, COUNTING_REASONS, 0, &canceled) : r;
    if (r != QUEUE_OK) {
        return cli_queue_unavailable(config, queue, "what was counted cannot be read");
    }
    if (report_make(&report) != 0) {
        return cli_out_of_memory();
    }
    if (as_json) {
        return print_json(&report, &canceled, span, config);
    }
    print_text(&report, &canceled, span, config);
    return EX_OK;
}

int
command_report(int argc, char **argv)
{
    AUTO(config_done) struct config config = {0};
    struct arguments arguments = {0};
    struct span span = {0};
    int status;

    if (!parse(argc, argv, &arguments, &status)) {
        return status;
    }
    status = cli_load_config(arguments.config, CONFIG_FOR_TOOL, &config);
    if (status == EX_OK) {
        status = read_span(&arguments, &config, &span);
    }
    return status == EX_OK ? show(&config, &span, arguments.json) : status;
}
