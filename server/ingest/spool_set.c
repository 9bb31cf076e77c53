/*
 * spool_set.c - all spools of this process: its own, and those it has taken over from others.
 */
#include "server/ingest/spool_set.h"

#include <errno.h>
#include <string.h>

#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"

static void
tell_failure(struct spool_set *set, const struct spool_file *file, int status)
{
    int64_t count = 0;

    counter_add(metrics_counter(METRIC_SPOOL_ERRORS, NULL, NULL), 1);
    if (gate_pass(&set->failures, clock_monotonic_us(), &count)) {
        log_error("spool_failed",
            "file=spool-%u.db error=\"%s: %s\" count=%lld do=\"%s\"", file->number,
            strerror(status < 0 ? -status : EIO),
            file->spool != NULL ? spool_error(file->spool) : "it cannot be opened",
            (long long)count,
            "see whether the disk of state_dir is full or failing, or raise "
            "queue.spool_max");
    }
}

enum {
    FILES = SPOOL_FILES_MAX + 1,
};

/* Those that were taken over, then our own; NULL: no such file, or it is not open. */
static struct spool_file *
file_at(struct spool_set *set, size_t i)
{
    struct spool_file *file = i < LENGTH(set->adopted) ? &set->adopted[i] : &set->own;

    return file->spool != NULL ? file : NULL;
}

static void
add_totals(struct spool_totals *totals, const struct spool_file *file)
{
    if (file->spool != NULL) {
        totals->waiting += spool_totals(file->spool).waiting;
        totals->aside += spool_totals(file->spool).aside;
    }
}

struct spool_totals
spool_set_totals(const struct spool_set *set)
{
    struct spool_totals totals = {0};

    for (size_t i = 0; i < LENGTH(set->adopted); i++) {
        add_totals(&totals, &set->adopted[i]);
    }
    add_totals(&totals, &set->own);
    return totals;
}

/* ---- writing and reading ------------------------------------------------------------------ */

static void
open_own(struct spool_set *set)
{
    const int r = spool_file_open(&set->own, set->max_bytes);

    set->writable = r == 0;
    if (r != 0) {
        tell_failure(set, &set->own, r);
    }
}

/* It has turned out to be damaged. */
static int
renew(struct spool_set *set, struct spool_file *file, bool certain)
{
    spool_drain_forget(set->drain, file);
    file->doubt = (struct spool_doubt){0};
    return spool_file_renew(file, set->max_bytes, certain);
}

static int
add(struct spool_set *set, struct queue_put *puts, size_t count)
{
    struct spool *spool = set->own.spool;

    return spool != NULL ? spool_add(spool, puts, count, clock_unix_ms()) : -EIO;
}

int
spool_set_add(struct spool_set *set, struct queue_put *puts, size_t count)
{
    int r = add(set, puts, count);

    for (int looks = 0; r == SPOOL_E_DAMAGED && looks < 2; looks++) {
        r = renew(set, &set->own, looks > 0);
        r = r == 0 ? add(set, puts, count) : r;
    }
    set->writable = r == 0;
    if (r != 0) {
        tell_failure(set, &set->own, r);
    }
    return r > 0 ? -EIO : r;
}

/* What came of feeding from a file. One that fails rests, and the others go on. */
static void
note_fed(struct spool_set *set, struct spool_file *file, int r)
{
    const bool certain = file->was_damaged;

    file->was_damaged = r == SPOOL_E_DAMAGED;
    file->rests = r != 0;
    if (r == SPOOL_E_DAMAGED) {
        r = renew(set, file, certain);
    }
    if (r != 0) {
        tell_failure(set, file, r);
    }
}

/* Each row that waits was tried, and none got in: that is Redis. */
static void
start_over(struct spool_set *set)
{
    int64_t count = 0;
    bool is_refused = false;

    for (size_t i = 0; i < FILES; i++) {
        struct spool_file *file = file_at(set, i);

        is_refused = is_refused || (file != NULL && file->doubt.passed_id > 0);
        if (file != NULL) {
            file->doubt.passed_id = 0;
        }
    }
    if (is_refused && gate_pass(&set->refusals, clock_monotonic_us(), &count)) {
        log_error("spool_refused", "error=\"%s\" count=%lld do=\"%s\"",
            spool_drain_error(set->drain), (long long)count,
            "mend what Redis says: it takes none of what waits in the spool");
    }
}

static void
feed_waiting(struct spool_set *set, int64_t now_us)
{
    for (size_t i = 0; i < FILES && spool_drain_is_free(set->drain); i++) {
        struct spool_file *file = file_at(set, i);

        if (file != NULL && !file->rests && spool_totals(file->spool).waiting > 0) {
            note_fed(set, file, spool_drain_feed(set->drain, file, now_us));
        }
    }
}

static void
feed_aside(struct spool_set *set, int64_t now_us)
{
    for (size_t i = 0; i < FILES && spool_drain_is_free(set->drain); i++) {
        struct spool_file *file = file_at(set, i);

        if (file != NULL && file->is_retrying) {
            note_fed(set, file, spool_drain_feed_aside(set->drain, file, now_us));
        }
    }
}

void
spool_set_feed(struct spool_set *set, int64_t now_us)
{
    feed_waiting(set, now_us);
    if (!spool_drain_is_free(set->drain)) {
        return;
    }
    start_over(set);
    if (spool_set_totals(set).waiting == 0) {
        feed_aside(set, now_us);
    }
}

/* ---- what others left behind -------------------------------------------------------------- */

static bool
adopt(struct spool_set *set, struct spool_file *file)
{
    const int r = spool_file_open(file, set->max_bytes);

    if (r != 0) {
        tell_failure(set, file, r);
        spool_file_close(file); /* tried again with the next look */
        return false;
    }
    log_info("spool_taken_over", "file=spool-%u.db events=%lld", file->number,
        (long long)spool_totals(file->spool).waiting);
    file->is_retrying = true;
    return true;
}

bool
spool_set_adopt(struct spool_set *set)
{
    for (unsigned number = 1; number <= SPOOL_FILES_MAX; number++) {
        struct spool_file *file = &set->adopted[number - 1];

        if (file->spool == NULL && spool_file_adopt(set->directory, number, file) &&
            adopt(set, file)) {
            return true;
        }
    }
    return false;
}

void
spool_set_remove_drained(struct spool_set *set)
{
    for (size_t i = 0; i < LENGTH(set->adopted); i++) {
        struct spool_file *file = &set->adopted[i];
        struct spool_totals totals = {0};

        add_totals(&totals, file);
        if (file->spool == NULL) { /* none, or it could not be renewed */
            spool_file_close(file);
        } else if (totals.waiting == 0 && totals.aside == 0 &&
                   !spool_drain_uses(set->drain, file)) {
            spool_drain_forget(set->drain, file);
            spool_file_remove(file);
        }
    }
}

/* ---- upkeep ------------------------------------------------------------------------------- */

void
spool_set_mend(struct spool_set *set)
{
    for (size_t i = 0; i < FILES; i++) {
        struct spool_file *file = file_at(set, i);

        if (file != NULL) {
            file->rests = false;
        }
    }
    if (set->own.spool == NULL) {
        open_own(set);
    } else if (!set->writable) {
        set->writable = spool_probe(set->own.spool) == 0;
    }
}

void
spool_set_retry_aside(struct spool_set *set)
{
    for (size_t i = 0; i < FILES; i++) {
        struct spool_file *file = file_at(set, i);

        if (file != NULL) {
            file->is_retrying = true;
            file->retried_id = 0;
        }
    }
}

bool
spool_set_tidy(struct spool_set *set)
{
    bool is_tidy = true;

    for (size_t i = 0; i < FILES; i++) {
        const struct spool_file *file = file_at(set, i);
        const int r = file != NULL ? spool_tidy(file->spool) : 0;

        if (r != 0) {
            tell_failure(set, file, r);
            is_tidy = false;
        }
    }
    return is_tidy;
}

/* ---- life --------------------------------------------------------------------------------- */

int
spool_set_open(struct spool_set *set)
{
    const int r = spool_file_take(set->directory, &set->own);

    if (r == 0) {
        open_own(set);
        while (spool_set_adopt(set)) {
        }
        spool_set_retry_aside(set);
    }
    return r;
}

void
spool_set_close(struct spool_set *set)
{
    for (size_t i = 0; i < LENGTH(set->adopted); i++) {
        spool_file_close(&set->adopted[i]);
    }
    spool_file_close(&set->own);
}
