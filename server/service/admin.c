/*
 * admin.c - the operator's listener: /livez, /readyz, /metrics.
 */
#include "server/service/admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/deliver/conflict.h"
#include "server/deliver/cost.h"
#include "server/deliver/sink_test.h"
#include "server/ingest/sink_seen.h"
#include "server/net/http.h"
#include "server/ops/clock.h"
#include "server/ops/metrics.h"
#include "server/service/report_metrics.h"

enum {
    BODY_MAX = 1024,
    READY_TEXT_MAX = 8 * 1024,
    CONNECTIONS_SHARE = 64, /* operators and their monitoring: few of all */
    METRICS_TEXT_MAX = 2 * 1024 * 1024,
    REDIS_TIMEOUT_MS = 500,
    REDIS_REST_MS = 1000, /* after a failure */
};

struct admin {
    struct admin_options options;
    struct http_server *server;
    struct queue *queue;
    int64_t ask_us; /* Redis is not asked before */
};

/*
 * Many may ask us about a Redis that hangs, and this thread has signals to hear: let one of them
 * wait, and tell the others.
 */
static bool
may_ask(const struct admin *admin)
{
    return clock_monotonic_us() >= admin->ask_us;
}

static bool
worked(struct admin *admin, int result)
{
    if (result != QUEUE_OK) {
        admin->ask_us = clock_monotonic_us() + (int64_t)REDIS_REST_MS * US_PER_MS;
    }
    return result == QUEUE_OK;
}

static void
answer(struct http_request *request, unsigned status, const char *type, struct slice body)
{
    const struct http_header headers[] = {
        {"Content-Type", type},
        {"Cache-Control", "no-store"},
    };

    http_reply(request, status, headers, LENGTH(headers), body);
}

static void
answer_livez(struct admin *admin, struct http_request *request)
{
    (void)admin;
    answer(request, 200, "text/plain; charset=utf-8", slice_of("ok\n"));
}

static bool
asked_verbose(const struct http_request *request)
{
    const struct slice target = http_target(request);
    const struct slice path = http_path(request);

    return slice_starts(slice_skip(target, path.size), "?verbose");
}

/* For whoever sets a sink up. Not to be had, it is left out: readiness is another question. */
static void
add_sink_test(struct admin *admin, struct buffer *text)
{
    struct queue_note test;
    char line[SINK_TEST_TEXT_SIZE];

    if (sink_test_last(admin->queue, &test) == QUEUE_OK && test.text[0] != '\0') {
        sink_test_write(&test, line);
        buffer_addf(text, "event streams test: %s\n", line);
    }
}

static void
add_spool(const struct admin *admin, struct buffer *text)
{
    const struct spooler *spooler = admin->options.spooler;

    if (spooler != NULL) {
        buffer_addf(text, "spool: %s, %lld waiting\n",
            spooler_ready(spooler) ? "ok" : "cannot be written",
            (long long)spooler_waiting(spooler));
    }
}

/* Ready means: a webhook arriving now could be made durable, by Redis or by the spool. */
static void
answer_readyz(struct admin *admin, struct http_request *request)
{
    AUTO(buffer_done) struct buffer text = {.max = READY_TEXT_MAX};
    const bool redis = may_ask(admin) && worked(admin, queue_ping(admin->queue));
    const bool ingest =
        admin->options.ready == NULL || admin->options.ready(admin->options.context);
    const bool ready = ingest && (redis || admin->options.spooler != NULL);

    if (asked_verbose(request)) {
        buffer_addf(&text, "redis: %s\n", redis ? "ok" : queue_error(admin->queue));
        buffer_addf(&text, "ingest: %s\n", ingest ? "ok" : "cannot make events durable");
        redis_watch_describe(admin->options.watch, &text);
        add_spool(admin, &text);
        if (redis) {
            add_sink_test(admin, &text);
        }
    }
    buffer_addf(&text, "%s\n", ready ? "ready" : "not ready");
    answer(request, ready ? 200 : 503, "text/plain; charset=utf-8", buffer_slice(&text));
}

/* Once a worker has settled something: the same in every process, too. */
static void
write_cost(struct admin *admin, struct buffer *text, int64_t pending)
{
    struct queue_note note;
    struct cost_said said;

    if (may_ask(admin) &&
        worked(admin, queue_note_last(admin->queue, COST_NOTE, &note)) &&
        cost_read(&note, &said)) {
        cost_write(&said, text);
        metrics_write_gauge(text, "flexbrevo_backlog_eta_seconds",
            "Until what is pending is delivered, once nothing is paused.",
            cost_backlog_s(pending, &said, NULL));
    }
}

static void
write_conflicts(struct admin *admin, struct buffer *text)
{
    int64_t count;

    if (may_ask(admin) &&
        worked(admin, queue_note_count(admin->queue, CONFLICT_NOTES, &count))) {
        metrics_write_gauge(text, "flexbrevo_contact_conflicts",
            "Pairs of contacts that are one customer.", count);
    }
}

/* The gauges of contract and dashboards: one snapshot, the same in every process. */
static void
write_queue(struct admin *admin, struct buffer *text)
{
    struct queue_stats stats = {0};

    if (!may_ask(admin) || !worked(admin, queue_stats(admin->queue, &stats))) {
        return; /* an absent gauge is honest, a stale one is not */
    }
    const struct {
        const char *name;
        const char *help;
        int64_t value;
    } gauges[] = {
        {"flexbrevo_queue_accepted", "Records ever made durable.", stats.accepted},
        {"flexbrevo_queue_delivered", "Records delivered to Brevo.", stats.delivered},
        {"flexbrevo_queue_filtered", "Records settled without a delivery.",
            stats.filtered},
        {"flexbrevo_queue_parked", "Records waiting for a person.", stats.parked},
        {"flexbrevo_queue_dropped", "Records dropped by a person.", stats.dropped},
        {"flexbrevo_queue_pending", "Records waiting, claimed or delayed.",
            stats.pending},
        {"flexbrevo_queue_oldest_seconds", "Age of the oldest unsettled record.",
            stats.oldest_ms / MS_PER_S},
        {"flexbrevo_unaccounted_events", "Accepted less all of the above; must be 0.",
            stats.unaccounted},
        {"flexbrevo_group_recreated",
            "Times the consumer group was missing and made again.",
            stats.group_recreated},
    };

    for (size_t i = 0; i < LENGTH(gauges); i++) {
        metrics_write_gauge(text, gauges[i].name, gauges[i].help, gauges[i].value);
    }
    write_cost(admin, text, stats.pending);
    write_conflicts(admin, text);
}

static void
answer_metrics(struct admin *admin, struct http_request *request)
{
    AUTO(buffer_done) struct buffer text = {.max = METRICS_TEXT_MAX};

    metrics_write(&text);
    write_queue(admin, &text);
    if (may_ask(admin)) {
        (void)worked(admin, report_metrics_write(admin->queue, &text));
    }
    if (text.failed) {
        answer(request, 500, "text/plain; charset=utf-8", slice_of("out of memory\n"));
        return;
    }
    answer(request, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_slice(&text));
}

static const struct {
    const char *path;
    void (*answer)(struct admin *admin, struct http_request *request);
} pages[] = {
    {"/livez", answer_livez},
    {"/readyz", answer_readyz},
    {"/metrics", answer_metrics},
};

static void
handle(void *context, struct http_request *request)
{
    const struct http_header allow = {"Allow", "GET, HEAD"};
    const struct slice method = http_method(request);

    for (size_t i = 0; i < LENGTH(pages); i++) {
        if (!slice_is(http_path(request), pages[i].path)) {
            continue;
        }
        if (!slice_is(method, "GET") && !slice_is(method, "HEAD")) {
            http_reply(request, 405, &allow, 1, slice_of(""));
            return;
        }
        pages[i].answer(context, request);
        return;
    }
    answer(request, 404, "text/plain; charset=utf-8",
        slice_of("not found; there are /livez, /readyz and /metrics\n"));
}

int
admin_open(const struct admin_options *options, struct admin **ret_admin,
    char ret_error[ADMIN_ERROR_SIZE])
{
    struct admin *admin = calloc(1, sizeof(*admin));

    if (admin == NULL) {
        (void)snprintf(ret_error, ADMIN_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    admin->options = *options;
    const struct queue_options queue_options = {
        .url = options->redis_url,
        .partitions = queue_default_partitions(options->redis_url),
        .timeout_ms = REDIS_TIMEOUT_MS,
    };
    const struct http_server_options server_options = {
        .listen = options->listen,
        .share = CONNECTIONS_SHARE,
        .body_max = BODY_MAX,
        .handler = handle,
        .context = admin,
    };
    int r = queue_open(&queue_options, &admin->queue, ret_error);

    r = r > 0 ? -EINVAL : r;
    if (r == 0) {
        r = http_server_open(&server_options, &admin->server, ret_error);
    }
    if (r < 0) {
        admin_close(&admin);
        return r;
    }
    *ret_admin = admin;
    return 0;
}

int
admin_fd(const struct admin *admin)
{
    return http_server_fd(admin->server);
}

int
admin_timeout_ms(const struct admin *admin)
{
    return http_server_timeout_ms(admin->server);
}

/* Redis may be asked again later, and the worker knows of it too. */
static void
note_sink_test(struct admin *admin)
{
    struct sink_seen seen;

    if (may_ask(admin) && sink_seen_take(&seen) &&
        !worked(admin, sink_test_note(admin->queue, seen.id, seen.time_ms))) {
        sink_seen_return(&seen);
    }
}

void
admin_run(struct admin *admin)
{
    http_server_run(admin->server);
    note_sink_test(admin);
}

uint16_t
admin_port(const struct admin *admin)
{
    return http_server_port(admin->server);
}

void
admin_close(struct admin **admin)
{
    if (*admin == NULL) {
        return;
    }
    if ((*admin)->server != NULL) {
        http_server_close(&(*admin)->server);
    }
    queue_close(&(*admin)->queue);
    free(*admin);
    *admin = NULL;
}
