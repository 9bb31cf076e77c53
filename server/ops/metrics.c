/*
 * metrics.c - counters in a bounded table, printed as Prometheus text.
 *
 * Each metric has a list of its series. Series are only ever appended, under a lock; readers
 * follow the links without one, so that asking for a known series and adding to it cost no lock.
 * When the table is full, new label values count on the metric's own series {other,other}.
 */
#include "server/ops/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum {
    LABELS_MAX = 2,
    LABEL_SIZE = 256, /* a Brevo event name is the longest: 255 characters */
    BUCKETS_MAX = 16,
};

struct counter {
    _Atomic int64_t value;
    _Atomic(struct counter *) next;
    char labels[LABELS_MAX][LABEL_SIZE];
};

struct metric_kind {
    const char *name;
    const char *type;
    const char *labels[LABELS_MAX];
    const char *help;
};

#define COUNTER_OF(metric_name, first, second, text)         \
    {                                                        \
        .name = "flexbrevo_" metric_name, .type = "counter", \
        .labels = {(first), (second)}, .help = (text)        \
    }
#define GAUGE_OF(metric_name, first, text) GAUGE_OF_2(metric_name, first, NULL, text)
#define GAUGE_OF_2(metric_name, first, second, text)       \
    {                                                      \
        .name = "flexbrevo_" metric_name, .type = "gauge", \
        .labels = {(first), (second)}, .help = (text)      \
    }

static const struct metric_kind metrics[METRIC_COUNT] = {
    [METRIC_EVENTS_ACCEPTED] = COUNTER_OF(
        "events_accepted_total", "source", NULL, "Events made durable and acknowledged."),
    [METRIC_EVENTS_DUPLICATE] = COUNTER_OF("events_duplicate_total", "source", NULL,
        "Events acknowledged that were durable already."),
    [METRIC_EVENTS_IGNORED] = COUNTER_OF("events_ignored_total", "source", NULL,
        "Events of a type outside the vocabulary, acknowledged and not stored."),
    [METRIC_REQUESTS_REJECTED] = COUNTER_OF("requests_rejected_total", "source", "reason",
        "Requests answered with an error."),
    [METRIC_REQUESTS_VERIFIED] = COUNTER_OF("requests_verified_total", "token", NULL,
        "Requests whose signature this auth token of the configuration made."),
    [METRIC_SIGNATURES_FAILING] = GAUGE_OF("signatures_failing", NULL,
        "1 while signatures mismatch and none has verified lately."),
    [METRIC_EVENTS_DELIVERED] =
        COUNTER_OF("events_delivered_total", "event", NULL, "Events Brevo has accepted."),
    [METRIC_EVENTS_FILTERED] = COUNTER_OF(
        "events_filtered_total", "reason", NULL, "Events settled without telling Brevo."),
    [METRIC_EVENTS_PARKED] = COUNTER_OF("events_parked_total", "reason", NULL,
        "Events set aside for a person to act on."),
    [METRIC_BREVO_REQUESTS] = COUNTER_OF(
        "brevo_requests_total", "endpoint", "status", "Requests sent to Brevo."),
    [METRIC_BREVO_PAUSED] = GAUGE_OF(
        "brevo_paused", "cause", "1 while deliveries wait for this cause to be removed."),
    [METRIC_BREVO_DROPPED] = COUNTER_OF("brevo_identifiers_dropped_total", "identifier",
        NULL, "Contacts written without an identifier that Brevo refused."),
    [METRIC_BREVO_LOOKUPS] = COUNTER_OF("brevo_lookups_total", "result", NULL,
        "Events that may have come through, looked for in Brevo before they are sent again."),
    [METRIC_LOOKUPS_FORBIDDEN] = GAUGE_OF("brevo_lookups_forbidden", NULL,
        "1 while Brevo refuses this key to show events."),
    [METRIC_BREVO_ATTRIBUTES] = GAUGE_OF_2("brevo_attribute_wrong", "attribute",
        "problem", "1 while Brevo drops the values of this contact attribute."),
    [METRIC_BREVO_TOKEN_MISSING] = GAUGE_OF("brevo_token_missing", "problem",
        "1 while no new token is to be had from Brevo, for this reason."),
    [METRIC_LAST_EVENT] = GAUGE_OF("last_event_timestamp_seconds", "source",
        "When the last event arrived, in Unix seconds."),
    [METRIC_CONFIG_RELOADS] = COUNTER_OF("config_reloads_total", "result", NULL,
        "Configurations loaded anew on SIGHUP: ok or failed."),
    [METRIC_REQUESTS_HELD] = COUNTER_OF("requests_held_total", "result", NULL,
        "Requests with an unknown signature: kept, skipped for want of room, or failed."),
    [METRIC_CONNECTIONS] =
        GAUGE_OF("connections", NULL, "Open connections of the webhook server."),
    [METRIC_CONNECTIONS_EVICTED] = COUNTER_OF("connections_evicted_total", NULL, NULL,
        "Connections ended, the longest idle first, to let others or their bodies in."),
    [METRIC_REDIS_DEGRADED] =
        GAUGE_OF("redis_degraded", "cause", "1 while the Redis in use lacks this."),
    [METRIC_REDIS_WENT_BACK] = COUNTER_OF("redis_went_back_total", NULL, NULL,
        "Times Redis came back empty, older or as another one."),
    [METRIC_REDIS_MISSING] = COUNTER_OF("redis_events_missing_total", NULL, NULL,
        "Accepted events that were gone then, at least."),
    [METRIC_REDIS_FSYNC] = GAUGE_OF("redis_fsync", "mode",
        "1 for when a write is on disk: always, everysec, no, off, unknown."),
    [METRIC_SPOOLED] = COUNTER_OF(
        "spooled_total", NULL, NULL, "Events kept in the local spool, Redis being away."),
    [METRIC_SPOOL_PENDING] =
        GAUGE_OF("spool_pending", NULL, "Events in the local spool, not in Redis yet."),
    [METRIC_SPOOL_ASIDE] =
        GAUGE_OF("spool_aside", NULL, "Events of these that Redis refuses for good."),
    [METRIC_SPOOL_ERRORS] = COUNTER_OF(
        "spool_errors_total", NULL, NULL, "Failures to read or write the local spool."),
};

struct bucket {
    int64_t max_us;
    const char *max_s; /* the same, as printed */
};

struct histogram_kind {
    const char *name;
    const char *help;
    struct bucket buckets[BUCKETS_MAX]; /* ascending; an empty one ends the list */
};

static const struct histogram_kind histograms[HISTOGRAM_COUNT] = {
    [HISTOGRAM_INGEST] =
        {
            .name = "flexbrevo_ingest_seconds",
            .help = "From a complete request to its answer.",
            .buckets =
                {
                    {500, "0.0005"},
                    {1000, "0.001"},
                    {2500, "0.0025"},
                    {5000, "0.005"},
                    {10000, "0.01"},
                    {25000, "0.025"},
                    {50000, "0.05"},
                    {100000, "0.1"},
                    {250000, "0.25"},
                    {500000, "0.5"},
                    {1000000, "1"},
                    {2000000, "2"},
                    {3000000, "3"},
                    {5000000, "5"},
                },
        },
    [HISTOGRAM_DELIVERY] =
        {
            .name = "flexbrevo_delivery_seconds",
            .help = "From the receipt of an event to its acceptance by Brevo.",
            .buckets =
                {
                    {100000, "0.1"},
                    {250000, "0.25"},
                    {500000, "0.5"},
                    {1000000, "1"},
                    {2500000, "2.5"},
                    {5000000, "5"},
                    {10000000, "10"},
                    {30000000, "30"},
                    {60000000, "60"},
                    {300000000, "300"},
                    {900000000, "900"},
                    {3600000000, "3600"},
                    {21600000000, "21600"},
                    {86400000000, "86400"},
                },
        },
};

static struct counter pool[METRICS_SERIES_MAX];
static size_t pool_used; /* under `growing` */
static pthread_mutex_t growing = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(struct counter *) heads[METRIC_COUNT];
static struct counter others[METRIC_COUNT];

/* Observations per bucket, not cumulative; the last is for what no bucket holds. */
static _Atomic int64_t observed[HISTOGRAM_COUNT][BUCKETS_MAX + 1];
static _Atomic int64_t observed_us[HISTOGRAM_COUNT];

static bool
label_equal(const char *label, const char *value)
{
    return strncmp(label, value, LABEL_SIZE - 1) == 0;
}

static void
label_set(char label[LABEL_SIZE], const char *value)
{
    const size_t size = strnlen(value, LABEL_SIZE - 1);

    memcpy(label, value, size);
    label[size] = '\0';
}

/* The series, else NULL and where the link to a new one belongs. */
static struct counter *
find(enum metric metric, const char *const values[LABELS_MAX],
    _Atomic(struct counter *) **ret_end)
{
    _Atomic(struct counter *) *link = &heads[metric];
    struct counter *counter;

    while ((counter = atomic_load_explicit(link, memory_order_acquire)) != NULL) {
        if (label_equal(counter->labels[0], values[0]) &&
            label_equal(counter->labels[1], values[1])) {
            return counter;
        }
        link = &counter->next;
    }
    *ret_end = link;
    return NULL;
}

static struct counter *
append(enum metric metric, const char *const values[LABELS_MAX])
{
    _Atomic(struct counter *) *end;
    struct counter *counter;

    (void)pthread_mutex_lock(&growing);
    counter = find(metric, values, &end);
    if (counter == NULL && pool_used == LENGTH(pool)) {
        counter = &others[metric];
    }
    if (counter == NULL) {
        counter = &pool[pool_used++];
        label_set(counter->labels[0], values[0]);
        label_set(counter->labels[1], values[1]);
        atomic_store_explicit(end, counter, memory_order_release);
    }
    (void)pthread_mutex_unlock(&growing);
    return counter;
}

struct counter *
metrics_counter(enum metric metric, const char *first, const char *second)
{
    const char *const values[LABELS_MAX] = {
        first != NULL ? first : "",
        second != NULL ? second : "",
    };
    _Atomic(struct counter *) *end;
    struct counter *counter = find(metric, values, &end);

    return counter != NULL ? counter : append(metric, values);
}

void
counter_add(struct counter *counter, int64_t value)
{
    atomic_fetch_add_explicit(&counter->value, value, memory_order_relaxed);
}

void
counter_set(struct counter *counter, int64_t value)
{
    atomic_store_explicit(&counter->value, value, memory_order_relaxed);
}

int64_t
counter_get(const struct counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

static size_t
bucket_count(const struct histogram_kind *kind)
{
    size_t count = 0;

    while (count < BUCKETS_MAX && kind->buckets[count].max_s != NULL) {
        count++;
    }
    return count;
}

void
metrics_observe(enum metric_histogram histogram, int64_t us)
{
    const struct histogram_kind *kind = &histograms[histogram];
    const size_t count = bucket_count(kind);
    size_t i = 0;

    us = us > 0 ? us : 0; /* a clock that was set back */
    while (i < count && us > kind->buckets[i].max_us) {
        i++;
    }
    atomic_fetch_add_explicit(&observed[histogram][i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&observed_us[histogram], us, memory_order_relaxed);
}

void
metrics_write_header(
    struct buffer *text, const char *name, const char *type, const char *help)
{
    buffer_addf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void
metrics_write_label(struct buffer *text, const char *name, const char *value)
{
    buffer_addf(text, "%s=\"", name);
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            buffer_add(text, "\\n", 2);
            continue;
        }
        if (*value == '"' || *value == '\\') {
            buffer_add(text, "\\", 1);
        }
        buffer_add(text, value, 1);
    }
    buffer_add(text, "\"", 1);
}

static void
write_series(struct buffer *text, const struct metric_kind *kind,
    const struct counter *counter, const char *const values[LABELS_MAX])
{
    buffer_add_text(text, kind->name);
    for (size_t i = 0; i < LABELS_MAX && kind->labels[i] != NULL; i++) {
        buffer_add_text(text, i == 0 ? "{" : ",");
        metrics_write_label(text, kind->labels[i], values[i]);
    }
    buffer_addf(text, "%s %lld\n", kind->labels[0] != NULL ? "}" : "",
        (long long)counter_get(counter));
}

static void
write_metric(struct buffer *text, enum metric metric)
{
    const struct metric_kind *kind = &metrics[metric];
    const struct counter *counter;

    metrics_write_header(text, kind->name, kind->type, kind->help);
    counter = atomic_load_explicit(&heads[metric], memory_order_acquire);
    while (counter != NULL) {
        write_series(text, kind, counter,
            (const char *const[]){counter->labels[0], counter->labels[1]});
        counter = atomic_load_explicit(&counter->next, memory_order_acquire);
    }
    if (counter_get(&others[metric]) != 0) {
        write_series(
            text, kind, &others[metric], (const char *const[]){"other", "other"});
    }
}

/* The count is the sum of the buckets read here, so that the two always agree. */
static void
write_histogram(struct buffer *text, enum metric_histogram histogram)
{
    const struct histogram_kind *kind = &histograms[histogram];
    const size_t count = bucket_count(kind);
    const int64_t sum_us =
        atomic_load_explicit(&observed_us[histogram], memory_order_relaxed);
    int64_t total = 0;

    metrics_write_header(text, kind->name, "histogram", kind->help);
    for (size_t i = 0; i <= count; i++) {
        total += atomic_load_explicit(&observed[histogram][i], memory_order_relaxed);
        buffer_addf(text, "%s_bucket{le=\"%s\"} %lld\n", kind->name,
            i < count ? kind->buckets[i].max_s : "+Inf", (long long)total);
    }
    buffer_addf(text, "%s_sum %lld.%06lld\n%s_count %lld\n", kind->name,
        (long long)(sum_us / US_PER_S), (long long)(sum_us % US_PER_S), kind->name,
        (long long)total);
}

void
metrics_write(struct buffer *text)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        write_metric(text, (enum metric)i);
    }
    for (size_t i = 0; i < HISTOGRAM_COUNT; i++) {
        write_histogram(text, (enum metric_histogram)i);
    }
}

void
metrics_write_gauge(
    struct buffer *text, const char *name, const char *help, int64_t value)
{
    metrics_write_header(text, name, "gauge", help);
    buffer_addf(text, "%s %lld\n", name, (long long)value);
}
