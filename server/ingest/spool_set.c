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
add_totals(struct spool_totals *totals, const struct spool_file *file, unsigned partition)
{
    if (file->spool != NULL) {
        totals->waiting += spool_totals_in(file->spool, partition).waiting;
        totals->aside += spool_totals_in(file->spool, partition).aside;
    }
}

struct spool_totals
spool_set_totals(const struct spool_set *set, unsigned partition)
{
    struct spool_totals totals = {0};

    for (size_t i = 0; i < LENGTH(set->adopted); i++) {
        add_totals(&totals, &set->adopted[i], partition);
    }
    add_totals(&totals, &set->own, partition);
    return totals;
}

/* ---- writing and reading ------------------------------------------------------------------ */

static void
open_own(struct spool_set *set)
{
    const int r = spool_file_open(&set->own, set->max_bytes, set->drains->count);

    set->writable = r == 0;
    if (r != 0) {
        tell_failure(set, &set->own, r);
    }
}

/* It has turned out to be damaged. */
static int
renew(struct spool_set *set, struct spool_file *file, bool certain)
{
    spool_drains_forget(set->drains, file);
    for (unsigned i = 0; i < set->drains->count; i++) {
        const struct spool_doubt *doubt = &file->doubts[i];

        file->doubts[i] = (struct spool_doubt){.retried_id = doubt->retried_id,
            .is_retrying = doubt->is_retrying,
            .was_damaged = doubt->was_damaged};
    }
    return spool_file_renew(file, set->max_bytes, set->drains->count, certain);
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

/* What came of feeding a partition from a file. One that fails rests, and the others go on. */
static void
note_fed(struct spool_set *set, unsigned partition, struct spool_file *file, int r)
{
    struct spool_doubt *doubt = &file->doubts[partition];
    const bool certain = doubt->was_damaged;

    doubt->was_damaged = r == SPOOL_E_DAMAGED;
    file->rests = file->rests || r != 0;
    if (r == SPOOL_E_DAMAGED) {
        r = renew(set, file, certain);
    }
    if (r != 0) {
        tell_failure(set, file, r);
    }
}

/* Each row that waits was tried, and none got in: that is Redis. */
static void
start_over(struct spool_set *set, unsigned partition)
{
    int64_t count = 0;
    bool is_refused = false;

    for (size_t i = 0; i < FILES; i++) {
        struct spool_file *file = file_at(set, i);

        if (file != NULL) {
            is_refused = is_refused || file->doubts[partition].passed_id > 0;
            file->doubts[partition].passed_id = 0;
        }
    }
    if (is_refused && gate_pass(&set->refusals, clock_monotonic_us(), &count)) {
        log_error("spool_refused", "error=\"%s\" count=%lld do=\"%s\"",
            spool_drain_error(set->drains->items[partition]), (long long)count,
            "mend what Redis says: it takes none of what waits in the spool");
    }
}

/* From the files in turn, until there is something of this state. */
static void
feed_from_files(
    struct spool_set *set, unsigned partition, enum spool_state state, int64_t now_us)
{
    struct spool_drain *drain = set->drains->items[partition];

    for (size_t i = 0; i < FILES && spool_drain_is_free(drain); i++) {
        struct spool_file *file = file_at(set, i);

        if (file != NULL && !(state == SPOOL_WAITING && file->rests)) {
            note_fed(set, partition, file, spool_drain_feed(drain, file, state, now_us));
        }
    }
}

void
spool_set_feed(struct spool_set *set, unsigned partition, int64_t now_us)
{
    feed_from_files(set, partition, SPOOL_WAITING, now_us);
    if (!spool_drain_is_free(set->drains->items[partition])) {
        return;
    }
    start_over(set, partition);
    if (spool_set_totals(set, partition).waiting == 0) {
        feed_from_files(set, partition, SPOOL_ASIDE, now_us);
    }
}

/* ---- what others left behind -------------------------------------------------------------- */

static void
retry_aside(struct spool_file *file)
{
    for (size_t i = 0; i < LENGTH(file->doubts); i++) {
        file->doubts[i].is_retrying = true;
        file->doubts[i].retried_id = 0;
    }
}

static bool
adopt(struct spool_set *set, struct spool_file *file)
{
    const int r = spool_file_open(file, set->max_bytes, set->drains->count);

    if (r != 0) {
        tell_failure(set, file, r);
        spool_file_close(file); /* tried again with the next look */
        return false;
    }
    log_info("spool_taken_over", "file=spool-%u.db events=%lld", file->number,
        (long long)spool_totals(file->spool).waiting);
    retry_aside(file);
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
        const struct spool_totals totals =
            file->spool != NULL ? spool_totals(file->spool) : (struct spool_totals){0};

        if (file->spool == NULL) { /* none, or it could not be renewed */
            spool_file_close(file);
        } else if (totals.waiting == 0 && totals.aside == 0 &&
                   !spool_drains_use(set->drains, file)) {
            spool_drains_forget(set->drains, file);
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
            retry_aside(file);
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
