/*
 * metrics.h - the process's counters, in Prometheus text.
 *
 * One table declares each metric with its help text. A counter is asked for by metric and label
 * values and lives for ever; the set is bounded (METRICS_SERIES_MAX; what comes
 * after is folded into one `other` series per metric). Thread-safe; adding is one atomic operation.
 */
#pragma once

#include "mapping/base.h"

enum metric {
    METRIC_EVENTS_ACCEPTED,     /* {source} */
    METRIC_EVENTS_DUPLICATE,    /* {source} */
    METRIC_EVENTS_IGNORED,      /* {source} */
    METRIC_REQUESTS_REJECTED,   /* {source,reason} */
    METRIC_REQUESTS_VERIFIED,   /* {token} */
    METRIC_SIGNATURES_FAILING,  /* gauge, 0 or 1 */
    METRIC_EVENTS_DELIVERED,    /* {event} */
    METRIC_EVENTS_FILTERED,     /* {reason} */
    METRIC_EVENTS_PARKED,       /* {reason} */
    METRIC_BREVO_REQUESTS,      /* {endpoint,status} */
    METRIC_BREVO_PAUSED,        /* {cause}: gauge, 0 or 1 */
    METRIC_BREVO_DROPPED,       /* {identifier} */
    METRIC_BREVO_LOOKUPS,       /* {result}: of events */
    METRIC_LOOKUPS_FORBIDDEN,   /* gauge, 0 or 1 */
    METRIC_BREVO_ATTRIBUTES,    /* {attribute,problem}: gauge, 0 or 1 */
    METRIC_BREVO_TOKEN_MISSING, /* {problem}: gauge, 0 or 1 */
    METRIC_LAST_EVENT,          /* {source}: gauge, Unix seconds */
    METRIC_CONFIG_RELOADS,      /* {result} */
    METRIC_REQUESTS_HELD,       /* {result} */
    METRIC_CONNECTIONS,         /* gauge: open ones of the webhook server */
    METRIC_CONNECTIONS_EVICTED, /* ended to let others in */
    METRIC_REDIS_DEGRADED,      /* {cause}: gauge, 0 or 1 */
    METRIC_REDIS_FSYNC,         /* {mode}: gauge, 0 or 1 */
    METRIC_REDIS_WENT_BACK,
    METRIC_REDIS_MISSING,
    METRIC_SPOOLED,       /* events kept in the local spool */
    METRIC_SPOOL_PENDING, /* gauge: events in it now */
    METRIC_SPOOL_ASIDE,   /* gauge: of these, refused by Redis for good */
    METRIC_SPOOL_ERRORS,
    METRIC_COUNT
};

enum metric_histogram {
    HISTOGRAM_INGEST,   /* request complete to answered */
    HISTOGRAM_DELIVERY, /* received to delivered */
    HISTOGRAM_COUNT
};

enum {
    METRICS_SERIES_MAX = 512,
};

struct counter;

/* Label values in the order of the table; NULL for a label the metric does not have. Never NULL. */
struct counter *metrics_counter(
    enum metric metric, const char *first, const char *second);
void counter_add(struct counter *counter, int64_t value);
void counter_set(struct counter *counter, int64_t value);
int64_t counter_get(const struct counter *counter);
void metrics_observe(enum metric_histogram histogram, int64_t us);

/* Appends the text of all series, with HELP and TYPE. */
void metrics_write(struct buffer *text);
/* Parts of what is not kept here: HELP and TYPE of a metric; one label, escaped. */
void metrics_write_header(
    struct buffer *text, const char *name, const char *type, const char *help);
void metrics_write_label(struct buffer *text, const char *name, const char *value);
/* Appends one gauge that is not kept here: "flexbrevo_queue_pending", ... */
void metrics_write_gauge(
    struct buffer *text, const char *name, const char *help, int64_t value);
