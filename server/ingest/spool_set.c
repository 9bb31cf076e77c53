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

static struct spool_totals
totals_of(const struct spool_file *file)
{
    return file->spool != NULL ? spool_totals(file->spool) : (struct spool_totals){0};
}

struct spool_totals
spool_set_totals(const struct spool_set *set)
{
    struct spool_totals totals = totals_of(&set->own);

    for (size_t i = 0; i < set->adopted_count; i++) {
        const struct spool_totals more = totals_of(&set->adopted[i]);

        totals.waiting += more.waiting;
        totals.aside += more.aside;
    }
    return totals;
}

/* ---- writing and reading ------------------------------------------------------------------ */

/* `r` of an opening. */
static int
divided(const struct spool_set *set, const struct spool_file *file, int r)
{
    return r == 0 && set->partitions > 1 ? spool_divide(file->spool, set->partitions) : r;
}

static void
open_own(struct spool_set *set)
{
    const int r = divided(set, &set->own, spool_file_open(&set->own, set->max_bytes));

    set->writable = r == 0;
    if (r != 0) {
        tell_failure(set, &set->own, r);
    }
}

static void
forget(const struct spool_set *set, const struct spool_file *file)
{
    for (unsigned i = 0; i < set->partitions; i++) {
        spool_drain_forget(set->drains[i], file->spool);
    }
}

static bool
is_drained_now(const struct spool_set *set, const struct spool_file *file)
{
    for (unsigned i = 0; i < set->partitions; i++) {
        if (spool_drain_uses(set->drains[i], file->spool)) {
            return true;
        }
    }
    return false;
}

/* It has turned out to be damaged. */
static int
renew(struct spool_set *set, struct spool_file *file)
{
    forget(set, file);
    return divided(set, file, spool_file_renew(file, set->max_bytes));
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

    if (r == SPOOL_E_DAMAGED) {
        r = renew(set, &set->own);
        r = r == 0 ? add(set, puts, count) : r;
    }
    set->writable = r == 0;
    if (r != 0) {
        tell_failure(set, &set->own, r);
    }
    return r > 0 ? -EIO : r;
}

static int64_t
waiting_in(const struct spool_file *file, unsigned partition)
{
    return file->spool != NULL ? spool_waiting_in(file->spool, partition) : 0;
}

int64_t
spool_set_waiting_in(const struct spool_set *set, unsigned partition)
{
    int64_t waiting = waiting_in(&set->own, partition);

    for (size_t i = 0; i < set->adopted_count; i++) {
        waiting += waiting_in(&set->adopted[i], partition);
    }
    return waiting;
}

static struct spool_file *
oldest_waiting(struct spool_set *set, unsigned partition)
{
    for (size_t i = 0; i < set->adopted_count; i++) {
        if (waiting_in(&set->adopted[i], partition) > 0) {
            return &set->adopted[i];
        }
    }
    return waiting_in(&set->own, partition) > 0 ? &set->own : NULL;
}

static bool
feed(struct spool_set *set, unsigned partition, int64_t now_us)
{
    struct spool_file *file = oldest_waiting(set, partition);
    int r =
        file != NULL ? spool_drain_feed(set->drains[partition], file->spool, now_us) : 0;

    if (r == SPOOL_E_DAMAGED) {
        r = renew(set, file);
    }
    if (r != 0) {
        tell_failure(set, file, r);
    }
    return r == 0;
}

bool
spool_set_feed(struct spool_set *set, int64_t now_us)
{
    bool fed = true;

    for (unsigned i = 0; fed && i < set->partitions; i++) {
        fed = feed(set, i, now_us);
    }
    return fed;
}

/* ---- what others left behind -------------------------------------------------------------- */

static void
adopt(struct spool_set *set, struct spool_file *file)
{
    const int r = divided(set, file, spool_file_open(file, set->max_bytes));

    if (r != 0) {
        tell_failure(set, file, r);
        spool_file_close(file); /* tried again with the next look */
        return;
    }
    log_info("spool_taken_over", "file=spool-%u.db events=%lld", file->number,
        (long long)totals_of(file).waiting);
    set->adopted[set->adopted_count++] = *file;
}

void
spool_set_adopt(struct spool_set *set)
{
    for (unsigned number = 1; number <= SPOOL_FILES_MAX; number++) {
        struct spool_file file;

        if (set->adopted_count < LENGTH(set->adopted) &&
            spool_file_adopt(set->directory, number, &file)) {
            adopt(set, &file);
        }
    }
}

void
spool_set_remove_drained(struct spool_set *set)
{
    size_t kept = 0;

    for (size_t i = 0; i < set->adopted_count; i++) {
        struct spool_file *file = &set->adopted[i];
        const struct spool_totals totals = totals_of(file);

        if (file->spool == NULL) { /* it could not be renewed */
            spool_file_close(file);
        } else if (totals.waiting > 0 || totals.aside > 0 || is_drained_now(set, file)) {
            set->adopted[kept++] = *file;
        } else {
            forget(set, file);
            spool_file_remove(file);
        }
    }
    set->adopted_count = kept;
}

/* ---- upkeep ------------------------------------------------------------------------------- */

void
spool_set_mend(struct spool_set *set)
{
    if (set->own.spool == NULL) {
        open_own(set);
    } else if (!set->writable) {
        set->writable = spool_probe(set->own.spool) == 0;
    }
}

static void
retry_aside(struct spool_set *set, const struct spool_file *file)
{
    if (totals_of(file).aside == 0 || is_drained_now(set, file)) {
        return;
    }
    const int r = spool_retry_aside(file->spool);

    if (r != 0) {
        tell_failure(set, file, r);
    }
}

void
spool_set_retry_aside(struct spool_set *set)
{
    for (size_t i = 0; i < set->adopted_count; i++) {
        retry_aside(set, &set->adopted[i]);
    }
    retry_aside(set, &set->own);
}

void
spool_set_tidy(struct spool_set *set)
{
    const int r = set->own.spool != NULL ? spool_tidy(set->own.spool) : 0;

    if (r != 0) {
        tell_failure(set, &set->own, r);
    }
}

/* ---- life --------------------------------------------------------------------------------- */

int
spool_set_open(struct spool_set *set)
{
    const int r = spool_file_take(set->directory, &set->own);

    if (r == 0) {
        open_own(set);
        spool_set_adopt(set);
        spool_set_retry_aside(set);
    }
    return r;
}

void
spool_set_close(struct spool_set *set)
{
    for (size_t i = 0; i < set->adopted_count; i++) {
        spool_file_close(&set->adopted[i]);
    }
    spool_file_close(&set->own);
}
