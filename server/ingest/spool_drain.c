/*
 * spool_drain.c - takes events from a spool to Redis, a call at a time, and waits for nothing.
 */
#include "server/ingest/spool_drain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "mapping/source.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"

enum {
    REFUSALS_MAX = 3,
    PATIENCE_US = 60 * US_PER_S, /* the group commit gives up much sooner by itself */
};

struct spool_drain {
    struct group_commit *commit;
    unsigned partition; /* whose rows it takes */
    struct commit_unit unit;
    struct spool_rows rows; /* under way; a count of 0: none */
    struct spool *spool;    /* theirs; NULL: it is gone */
    size_t singly;          /* so many rows go one at a time: one of them was refused */
    int64_t refused_id;
    unsigned refusals; /* of that row, alone */
    int64_t drained;
};

/* ---- what Redis said ---------------------------------------------------------------------- */

/* The durable ones are counted where they entered the queue. */
static void
count_result(const struct queue_put *put)
{
    const enum metric metric = put->result == QUEUE_PUT_DUPLICATE
                                   ? METRIC_EVENTS_DUPLICATE
                                   : METRIC_EVENTS_ACCEPTED;

    for (enum source source = 0; source < SOURCE_COUNT; source++) {
        if (slice_is(put->route, source_route(source))) {
            counter_add(metrics_counter(metric, source_name(source), NULL), 1);
        }
    }
}

static void
count_failure(int result)
{
    counter_add(
        metrics_counter(METRIC_SPOOL_ERRORS, NULL, NULL), result != SPOOL_OK ? 1 : 0);
}

static void
set_aside(struct spool_drain *drain)
{
    const struct slice key = drain->rows.puts[0].key;

    drain->refusals = 0;
    log_error("spool_set_aside", "key=%.*s error=\"%s\" do=\"%s\"", (int)key.size,
        key.data, group_commit_error(drain->commit),
        "mend what Redis says; it is tried again every 10 minutes");
    count_failure(
        spool_set_aside(drain->spool, &drain->rows)); /* and refused once more */
}

static void
refused(struct spool_drain *drain)
{
    if (drain->rows.count > 1) {
        drain->singly = drain->rows.count;
        return;
    }
    if (drain->refused_id != drain->rows.first_id) {
        drain->refused_id = drain->rows.first_id;
        drain->refusals = 0;
    }
    if (++drain->refusals == REFUSALS_MAX) {
        set_aside(drain);
    }
}

/* A spool that cannot be written now is written later: by the next rows, or when it is tidied. */
static void
on_done(struct commit_unit *unit, int status)
{
    struct spool_drain *drain =
        (struct spool_drain *)((char *)unit - offsetof(struct spool_drain, unit));
    struct spool_rows *rows = &drain->rows;

    if (status == 0) {
        for (size_t i = 0; i < rows->count; i++) {
            count_result(&rows->puts[i]);
        }
        drain->drained += (int64_t)rows->count;
        drain->singly -= drain->singly < rows->count ? drain->singly : rows->count;
    }
    if (drain->spool != NULL && status == 0) {
        count_failure(spool_drained(drain->spool, rows));
    } else if (drain->spool != NULL && status == QUEUE_E_REFUSED) {
        refused(drain);
    }
    spool_rows_done(rows);
}

/* ---- sending ------------------------------------------------------------------------------ */

int
spool_drain_feed(struct spool_drain *drain, struct spool *spool, int64_t now_us)
{
    if (drain->rows.count > 0 || !spool_drain_healthy(drain)) {
        return SPOOL_OK;
    }
    const int r = spool_read_in(spool, drain->partition,
        drain->singly > 0 ? 1 : GROUP_COMMIT_EVENTS_MAX, &drain->rows);
    if (r != SPOOL_OK || drain->rows.count == 0) {
        return r;
    }
    drain->spool = spool;
    drain->unit = (struct commit_unit){.puts = drain->rows.puts,
        .put_count = drain->rows.count,
        .done = on_done,
        .deadline_us = now_us + PATIENCE_US};
    group_commit_add(drain->commit, &drain->unit);
    return SPOOL_OK;
}

void
spool_drain_forget(struct spool_drain *drain, const struct spool *spool)
{
    if (drain->spool == spool) {
        drain->spool = NULL;
    }
}

bool
spool_drain_uses(const struct spool_drain *drain, const struct spool *spool)
{
    return drain->rows.count > 0 && drain->spool == spool;
}

int64_t
spool_drain_take_count(struct spool_drain *drain)
{
    const int64_t drained = drain->drained;

    drain->drained = 0;
    return drained;
}

/* ---- the connection ----------------------------------------------------------------------- */

int
spool_drain_open(
    const struct queue_options *options, struct spool_drain **ret_drain, char *ret_error)
{
    AUTO(spool_drain_close) struct spool_drain *drain = calloc(1, sizeof(*drain));

    if (drain == NULL) {
        (void)snprintf(ret_error, QUEUE_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    drain->partition = options->partition;
    const int r = group_commit_open(options, &drain->commit, ret_error);

    if (r != QUEUE_OK) {
        return r;
    }
    *ret_drain = drain;
    drain = NULL;
    return QUEUE_OK;
}

void
spool_drain_close(struct spool_drain **drain)
{
    if (*drain != NULL) {
        group_commit_close(&(*drain)->commit);
        free(*drain);
    }
    *drain = NULL;
}

int
spool_drain_fd(const struct spool_drain *drain)
{
    return group_commit_fd(drain->commit);
}

bool
spool_drain_wants_write(const struct spool_drain *drain)
{
    return group_commit_wants_write(drain->commit);
}

int
spool_drain_timeout_ms(const struct spool_drain *drain, int64_t now_us)
{
    return group_commit_timeout_ms(drain->commit, now_us);
}

void
spool_drain_run(struct spool_drain *drain, int64_t now_us)
{
    group_commit_run(drain->commit, now_us);
}

bool
spool_drain_healthy(const struct spool_drain *drain)
{
    return group_commit_healthy(drain->commit);
}

const char *
spool_drain_error(const struct spool_drain *drain)
{
    return group_commit_error(drain->commit);
}
