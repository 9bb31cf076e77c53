/*
 * report_metrics.c - what was counted of queues and agents, as Prometheus has it.
 *
 * Counters that fall are a restart to Prometheus: these are read from what never expires.
 */
#include "server/service/report_metrics.h"

#include <inttypes.h>
#include <stdio.h>

#include "queue/tally.h"
#include "server/deliver/report.h"
#include "server/ops/metrics.h"

enum {
    QUEUES_MAX = 100, /* shown; a page has its limits, and so has who reads it */
    ACTIVITIES_MAX = 500,
    BOUND_SIZE = 24,
};

/* "name{queue="…",channel="…",direction="…"", open for one label more. */
static void
begin_series(struct buffer *text, const char *name, const struct report_queue *queue)
{
    buffer_addf(text, "%s{", name);
    metrics_write_label(text, "queue", queue->queue);
    buffer_add_text(text, ",");
    metrics_write_label(text, "channel", queue->channel);
    buffer_add_text(text, ",");
    metrics_write_label(text, "direction", queue->direction);
}

static void
end_series(struct buffer *text, int64_t value)
{
    buffer_addf(text, "} %" PRId64 "\n", value);
}

static void
end_series_s(struct buffer *text, int64_t value_ms)
{
    buffer_addf(
        text, "} %" PRId64 ".%03" PRId64 "\n", value_ms / MS_PER_S, value_ms % MS_PER_S);
}

static void
write_tasks(struct buffer *text, const struct report_queue *queue)
{
    for (size_t i = 0; i < ANALYTICS_OUTCOMES; i++) {
        begin_series(text, "flexbrevo_queue_tasks_total", queue);
        buffer_add_text(text, ",");
        metrics_write_label(text, "outcome", analytics_what_name((enum analytics_what)i));
        end_series(text, queue->counts[i]);
    }
}

static void
write_sum_and_count(struct buffer *text, const char *name,
    const struct report_queue *queue, int64_t sum_ms, int64_t count)
{
    char full[64];

    (void)snprintf(full, sizeof(full), "%s_sum", name);
    begin_series(text, full, queue);
    end_series_s(text, sum_ms);
    (void)snprintf(full, sizeof(full), "%s_count", name);
    begin_series(text, full, queue);
    end_series(text, count);
}

static void
write_waits(struct buffer *text, const struct report_queue *queue)
{
    int64_t count = 0;

    if (report_waits(queue) == 0) {
        return;
    }
    for (size_t i = 0; i < ANALYTICS_WAITS; i++) {
        char bound[BOUND_SIZE] = "+Inf";

        if (i < LENGTH(analytics_waits_s)) {
            (void)snprintf(bound, sizeof(bound), "%" PRId64, analytics_waits_s[i]);
        }
        count += queue->counts[ANALYTICS_WAIT + i];
        begin_series(text, "flexbrevo_queue_wait_seconds_bucket", queue);
        buffer_add_text(text, ",");
        metrics_write_label(text, "le", bound);
        end_series(text, count);
    }
    write_sum_and_count(text, "flexbrevo_queue_wait_seconds", queue,
        queue->counts[ANALYTICS_WAIT_MS], count);
}

static void
write_span(struct buffer *text, const char *name, const struct report_queue *queue,
    enum analytics_what what)
{
    if (queue->counts[what] > 0) {
        write_sum_and_count(
            text, name, queue, queue->counts[what + 1], queue->counts[what]);
    }
}

static void
write_handle(struct buffer *text, const struct report_queue *queue)
{
    write_span(text, "flexbrevo_queue_handle_seconds", queue, ANALYTICS_HANDLE);
}

static void
write_wrapup(struct buffer *text, const struct report_queue *queue)
{
    write_span(text, "flexbrevo_queue_wrapup_seconds", queue, ANALYTICS_WRAPUP);
}

static void
write_abandon(struct buffer *text, const struct report_queue *queue)
{
    write_span(text, "flexbrevo_queue_abandon_seconds", queue, ANALYTICS_ABANDON);
}

static const struct {
    const char *name;
    const char *type;
    const char *help;
    void (*write)(struct buffer *text, const struct report_queue *queue);
} families[] = {
    {"flexbrevo_queue_tasks_total", "counter", "Tasks of a queue that ended.",
        write_tasks},
    {"flexbrevo_queue_wait_seconds", "histogram",
        "From a task's first queue to the agent who took it.", write_waits},
    {"flexbrevo_queue_handle_seconds", "summary",
        "From there to the agent's wrap-up, or the task's end.", write_handle},
    {"flexbrevo_queue_wrapup_seconds", "summary", "From there to the task's end.",
        write_wrapup},
    {"flexbrevo_queue_abandon_seconds", "summary",
        "How long who gave up had waited for an agent.", write_abandon},
};

static void
write_agents(struct buffer *text, const struct report *report, size_t count)
{
    static const char name[] = "flexbrevo_agent_activity_seconds_total";

    metrics_write_header(text, name, "counter",
        "How long agents were in an activity, until they left it.");
    for (size_t i = 0; i < count; i++) {
        buffer_addf(text, "%s{", name);
        metrics_write_label(text, "agent", report->agents[i].agent);
        buffer_add_text(text, ",");
        metrics_write_label(text, "activity", report->agents[i].activity);
        end_series_s(text, report->agents[i].time_ms);
    }
}

static void
write_report(struct buffer *text, const struct report *report)
{
    const size_t queues =
        report->queue_count < QUEUES_MAX ? report->queue_count : QUEUES_MAX;
    const size_t agents =
        report->agent_count < ACTIVITIES_MAX ? report->agent_count : ACTIVITIES_MAX;

    for (size_t i = 0; i < LENGTH(families); i++) {
        metrics_write_header(text, families[i].name, families[i].type, families[i].help);
        for (size_t j = 0; j < queues; j++) {
            families[i].write(text, &report->queues[j]);
        }
    }
    write_agents(text, report, agents);
    metrics_write_gauge(text, "flexbrevo_analytics_hidden",
        "Queues by channel and direction, and activities of agents, not shown here.",
        (int64_t)(report->queue_count - queues + report->agent_count - agents));
    metrics_write_header(text, "flexbrevo_analytics_left_out_total", "counter",
        "Records whose queue, or agent's activity, found no room to be counted.");
    buffer_addf(
        text, "flexbrevo_analytics_left_out_total %" PRId64 "\n", report->left_out);
}

int
report_metrics_write(struct queue *queue, struct buffer *text)
{
    AUTO(report_done) struct report report = {0};
    const int r = report_add(&report, queue, QUEUE_TALLY_ALL);

    if (r != QUEUE_OK) {
        return r;
    }
    if (report_make(&report) != 0) {
        text->failed = true;
        return QUEUE_OK;
    }
    if (report.queue_count + report.agent_count > 0 || report.left_out > 0) {
        write_report(text, &report);
    }
    return QUEUE_OK;
}
