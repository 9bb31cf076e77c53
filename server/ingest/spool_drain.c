/*
 * spool_drain.c - takes events from a spool to Redis, a call at a time, and waits for nothing.
 */
#include "server/ingest/spool_drain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/param.h>

#include "mapping/source.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"

enum {
    FAILURES_MAX = 3,            /* Redis may go away with any row in its hand */
    PATIENCE_US = 60 * US_PER_S, /* the group commit gives up much sooner by itself */
};

struct spool_drain {
    struct group_commit *commit;
    unsigned partition; /* whose rows it takes */
    struct commit_unit unit;
    struct spool_rows rows;  /* under way; a count of 0: none */
    struct spool_file *file; /* theirs; NULL: it is gone */
    int64_t stored;          /* rows that were new to Redis, ever */
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

static struct spool_doubt *
doubt_of(const struct spool_drain *drain, struct spool_file *file)
{
    return &file->doubts[drain->partition];
}

static void
set_aside(struct spool_drain *drain)
{
    const struct slice key = drain->rows.puts[0].key;

    log_error("spool_set_aside", "key=%.*s error=\"%s\" do=\"%s\"", (int)key.size,
        key.data, group_commit_error(drain->commit),
        "mend what Redis says; it is tried again every 10 minutes");
    count_failure(
        spool_set_aside(drain->file->spool, &drain->rows)); /* and fails once more */
}

static void
pass_over(struct spool_drain *drain)
{
    struct spool_doubt *doubt = doubt_of(drain, drain->file);

    if (doubt->passed_id == 0) {
        doubt->stored = drain->stored;
    }
    doubt->passed_id = drain->rows.first_id;
}

/* A lost connection says little of a row, a refusal much when it is not the first. */
static void
failed(struct spool_drain *drain, int status)
{
    struct spool_doubt *doubt = doubt_of(drain, drain->file);
    const int64_t id = drain->rows.first_id;
    const bool is_suspect = id <= doubt->suspect_id;
    const bool is_clear =
        status == QUEUE_E_REFUSED && (is_suspect || doubt->passed_id > 0);

    if (drain->rows.count > 1) {
        doubt->singly = drain->rows.count;
        return;
    }
    if (doubt->failed_id != id) {
        doubt->failed_id = id;
        doubt->failures = 0;
    }
    if (++doubt->failures < FAILURES_MAX && !is_clear) {
        return;
    }
    doubt->failures = 0;
    if (is_suspect) {
        set_aside(drain);
    } else {
        pass_over(drain);
    }
}

static void
stored(struct spool_drain *drain)
{
    const struct spool_rows *rows = &drain->rows;

    for (size_t i = 0; i < rows->count; i++) {
        count_result(&rows->puts[i]);
        drain->stored += rows->puts[i].result == QUEUE_PUT_NEW ? 1 : 0;
    }
    drain->drained += (int64_t)rows->count;
    if (drain->file == NULL) {
        return;
    }
    /* What cannot be removed now is removed later: with the next rows, when it is tidied; or it is
       read once more, and that not at once. */
    const int r = spool_drained(drain->file->spool, rows);
    struct spool_doubt *doubt = doubt_of(drain, drain->file);

    count_failure(r);
    drain->file->rests = drain->file->rests || (r != SPOOL_OK && rows->out_of_turn);
    doubt->singly -= MIN(doubt->singly, rows->count);
    if (rows->state == SPOOL_WAITING && rows->last_id >= doubt->suspect_id) {
        doubt->suspect_id = 0;
    }
}

static void
on_done(struct commit_unit *unit, int status)
{
    struct spool_drain *drain =
        (struct spool_drain *)((char *)unit - offsetof(struct spool_drain, unit));
    struct spool_rows *rows = &drain->rows;

    if (status == 0) {
        stored(drain);
    } else if (status != -ECANCELED && drain->file != NULL &&
               rows->state == SPOOL_WAITING) {
        failed(drain, status);
    }
    spool_rows_done(rows);
}

/* ---- sending ------------------------------------------------------------------------------ */

bool
spool_drain_is_free(const struct spool_drain *drain)
{
    return drain->rows.count == 0 && group_commit_healthy(drain->commit);
}

static void
send_rows(struct spool_drain *drain, struct spool_file *file, int64_t now_us)
{
    if (drain->rows.count == 0) {
        return;
    }
    drain->file = file;
    drain->unit = (struct commit_unit){.puts = drain->rows.puts,
        .put_count = drain->rows.count,
        .done = on_done,
        .deadline_us = now_us + PATIENCE_US};
    group_commit_add(drain->commit, &drain->unit);
}

static int
read_waiting(struct spool_drain *drain, struct spool_file *file)
{
    struct spool_doubt *doubt = doubt_of(drain, file);

    if (spool_totals_in(file->spool, drain->partition).waiting == 0) {
        return SPOOL_OK;
    }
    if (doubt->passed_id > 0 && drain->stored > doubt->stored) {
        doubt->suspect_id = doubt->passed_id; /* Redis takes others: back to these */
        doubt->passed_id = 0;
    }
    if (doubt->passed_id > 0) {
        return spool_read_one(
            file->spool, drain->partition, SPOOL_WAITING, doubt->passed_id, &drain->rows);
    }
    const bool alone = doubt->singly > 0 || doubt->suspect_id > 0;

    return spool_read(
        file->spool, drain->partition, alone ? 1 : GROUP_COMMIT_EVENTS_MAX, &drain->rows);
}

static int
read_aside(struct spool_drain *drain, struct spool_file *file)
{
    struct spool_doubt *doubt = doubt_of(drain, file);
    int r = SPOOL_OK;

    if (spool_totals_in(file->spool, drain->partition).aside > 0) {
        r = spool_read_one(
            file->spool, drain->partition, SPOOL_ASIDE, doubt->retried_id, &drain->rows);
    }
    doubt->is_retrying = drain->rows.count > 0;
    doubt->retried_id = drain->rows.first_id;
    return r;
}

int
spool_drain_feed(struct spool_drain *drain, struct spool_file *file,
    enum spool_state state, int64_t now_us)
{
    int r = SPOOL_OK;

    if (state == SPOOL_WAITING) {
        r = read_waiting(drain, file);
    } else if (doubt_of(drain, file)->is_retrying) {
        r = read_aside(drain, file);
    }
    send_rows(drain, file, now_us);
    return r;
}

void
spool_drain_forget(struct spool_drain *drain, const struct spool_file *file)
{
    if (drain->file == file) {
        drain->file = NULL;
    }
}

bool
spool_drain_uses(const struct spool_drain *drain, const struct spool_file *file)
{
    return drain->rows.count > 0 && drain->file == file;
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
