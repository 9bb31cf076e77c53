/*
 * spooler.c - the thread that keeps events in the local spool while Redis is away, and drains them.
 *
 * In each turn the batches that were handed over are kept, or passed back, and given back; then the
 * drain goes on. Once a second it looks after the rest.
 */
#include "server/ingest/spooler.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

#include "server/ingest/spool_set.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"

enum {
    TICK_US = US_PER_S,
    ADOPT_EVERY_US = 60 * US_PER_S,
    RETRY_ASIDE_EVERY_US = 600 * US_PER_S,
    QUIET_US =
        2 * US_PER_S, /* empty for so long: over. Loops come back within a second */
};

struct spooler {
    const atomic_bool *redis_is_full; /* NULL: never */
    struct spool_drains drains;
    struct spool_set set;
    int64_t tick_us; /* the next one */
    int64_t adopt_us;
    int64_t retry_us;
    int64_t busy_us; /* when something last waited */
    int64_t drained; /* since it began */
    bool in_use;     /* since something waited, until it is quiet and tidy */
    _Atomic int64_t waiting[QUEUE_PARTITIONS_MAX];
    atomic_bool writable;
    atomic_bool stop;
    struct spool_inbox inbox;
    pthread_t thread;
    bool started;
};

/* Counts anew, for the loops and for whoever watches. */
static void
publish(struct spooler *spooler)
{
    int64_t aside = 0;

    for (unsigned i = 0; i < spooler->drains.count; i++) {
        const struct spool_totals totals = spool_set_totals(&spooler->set, i);

        atomic_store(&spooler->waiting[i], totals.waiting);
        aside += totals.aside;
    }
    atomic_store(&spooler->writable, spooler->set.writable);
    counter_set(metrics_counter(METRIC_SPOOL_PENDING, NULL, NULL),
        spooler_waiting(spooler) + aside);
    counter_set(metrics_counter(METRIC_SPOOL_ASIDE, NULL, NULL), aside);
}

/* ---- keeping ------------------------------------------------------------------------------ */

static void
begin_use(struct spooler *spooler, const struct spool_batch *batch)
{
    if (!spooler->in_use) {
        spooler->in_use = true;
        log_warn("spool_in_use", "redis=\"%s\" do=\"%s\"", batch->why,
            "see why Redis is away, or full; what comes is kept in state_dir until then");
    }
    spooler->busy_us = clock_monotonic_us();
}

static int
keep(struct spooler *spooler, struct spool_batch *batch)
{
    const int r = spool_set_add(&spooler->set, batch->puts, batch->put_count);

    if (r != 0) {
        return r;
    }
    counter_add(metrics_counter(METRIC_SPOOLED, NULL, NULL), (int64_t)batch->put_count);
    begin_use(spooler, batch);
    return SPOOLER_KEPT;
}

/*
 * With Redis there again and nothing in front, the spool is not needed any more. When it does not
 * work, Redis is asked out of order rather than nobody at all; unless it is full.
 */
static int
keep_or_pass(struct spooler *spooler, struct spool_batch *batch)
{
    const unsigned partition = batch->partition;
    const bool may_pass = !batch->must_keep && !spooler_spares_redis(spooler) &&
                          spool_drain_healthy(spooler->drains.items[partition]);

    if (may_pass &&
        (spooler_waiting_in(spooler, partition) == 0 || !spooler->set.writable)) {
        return SPOOLER_PASSED;
    }
    const int r = keep(spooler, batch);

    return r < 0 && may_pass ? SPOOLER_PASSED : r;
}

static void
settle_inbox(struct spooler *spooler)
{
    struct spool_batch *batch = spool_inbox_take(&spooler->inbox);

    while (batch != NULL) {
        struct spool_batch *next = batch->next;
        const int status = keep_or_pass(spooler, batch);

        publish(spooler); /* before anybody is told */
        spool_inbox_return(&spooler->inbox, batch, status);
        batch = next;
    }
}

/* ---- draining, and once a second the rest ------------------------------------------------- */

static void
drain_all(struct spooler *spooler, int64_t now_us)
{
    for (unsigned i = 0; i < spooler->drains.count; i++) {
        struct spool_drain *drain = spooler->drains.items[i];

        spool_drain_run(drain, now_us);
        if (!spooler_spares_redis(spooler)) {
            spool_set_feed(&spooler->set, i, now_us);
        }
        const int64_t drained = spool_drain_take_count(drain);

        spooler->drained += drained;
        spooler->in_use = spooler->in_use || drained > 0;
    }
    publish(spooler);
}

/* Loops whose Redis connection is not back yet may come once more: so not at once. */
static void
watch_use(struct spooler *spooler, int64_t now_us)
{
    if (spooler_waiting(spooler) > 0) {
        spooler->in_use = true;
        spooler->busy_us = now_us;
    } else if (spooler->in_use && now_us - spooler->busy_us >= QUIET_US &&
               spool_set_tidy(&spooler->set)) {
        log_info("spool_drained", "events=%lld", (long long)spooler->drained);
        spooler->in_use = false;
        spooler->drained = 0;
    }
}

/* Reading a large file through takes seconds: only while nobody needs us. */
static bool
is_idle(const struct spooler *spooler)
{
    return spooler_waiting(spooler) == 0 && spool_drains_healthy(&spooler->drains);
}

static void
tick(struct spooler *spooler, int64_t now_us)
{
    if (now_us < spooler->tick_us) {
        return;
    }
    spooler->tick_us = now_us + TICK_US;
    spool_set_mend(&spooler->set);
    spool_set_remove_drained(&spooler->set);
    if (now_us >= spooler->adopt_us && is_idle(spooler)) {
        spooler->adopt_us =
            spool_set_adopt(&spooler->set) ? now_us : now_us + ADOPT_EVERY_US;
    }
    if (now_us >= spooler->retry_us) {
        spooler->retry_us = now_us + RETRY_ASIDE_EVERY_US;
        spool_set_retry_aside(&spooler->set);
    }
    publish(spooler);
    watch_use(spooler, now_us);
}

/* ---- the thread --------------------------------------------------------------------------- */

static int
timeout_ms(const struct spooler *spooler)
{
    const int64_t now_us = clock_monotonic_us();
    const int drain_ms = spool_drains_timeout_ms(&spooler->drains, now_us);
    const int64_t tick_ms =
        spooler->tick_us > now_us ? (spooler->tick_us - now_us) / US_PER_MS + 1 : 0;

    return drain_ms >= 0 && drain_ms < tick_ms ? drain_ms : (int)tick_ms;
}

static void
take_turn(struct spooler *spooler)
{
    struct pollfd fds[1 + QUEUE_PARTITIONS_MAX];
    uint64_t wishes = 0;

    fds[0] = (struct pollfd){.fd = spooler->inbox.fd, .events = POLLIN};
    const size_t count = 1 + spool_drains_watch(&spooler->drains, &fds[1]);

    (void)poll(fds, count, timeout_ms(spooler));
    if (read(spooler->inbox.fd, &wishes, sizeof(wishes)) == (ssize_t)sizeof(wishes)) {
        settle_inbox(spooler);
    }
    drain_all(spooler, clock_monotonic_us());
    tick(spooler, clock_monotonic_us());
}

static void *
run(void *context)
{
    struct spooler *spooler = context;

    while (!atomic_load(&spooler->stop)) {
        take_turn(spooler);
    }
    settle_inbox(spooler);
    return NULL;
}

/* ---- life --------------------------------------------------------------------------------- */

static int
open_parts(
    struct spooler *spooler, const struct spooler_options *options, char *ret_error)
{
    int r = spool_drains_open(&spooler->drains, options->redis_url, ret_error);

    if (r != 0) {
        return r > 0 ? -EINVAL : r;
    }
    r = spool_inbox_open(&spooler->inbox);
    r = r == 0 ? spool_set_open(&spooler->set) : r;
    if (r < 0) {
        (void)snprintf(ret_error, SPOOLER_ERROR_SIZE,
            "cannot take a spool in state_dir: %s (at most %d servers share a state_dir; "
            "with queue.spool_max: 0 there is none)",
            strerror(-r), SPOOL_FILES_MAX);
    }
    return r;
}

static struct spooler *
make(const struct spooler_options *options)
{
    struct spooler *spooler = calloc(1, sizeof(*spooler));

    if (spooler != NULL) {
        spooler->redis_is_full = options->redis_is_full;
        spooler->set = (struct spool_set){.directory = options->state_dir,
            .max_bytes = options->max_bytes,
            .drains = &spooler->drains};
        spooler->inbox.fd = -1;
    }
    return spooler;
}

int
spooler_open(
    const struct spooler_options *options, struct spooler **ret_spooler, char *ret_error)
{
    struct spooler *spooler = make(options);

    if (spooler == NULL) {
        (void)snprintf(ret_error, SPOOLER_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    const int r = open_parts(spooler, options, ret_error);

    if (r < 0) {
        spooler_close(&spooler);
        return r;
    }
    spooler->adopt_us = clock_monotonic_us() + ADOPT_EVERY_US;
    spooler->retry_us = clock_monotonic_us() + RETRY_ASIDE_EVERY_US;
    publish(spooler);
    if (spooler_waiting(spooler) > 0) {
        log_info("spool_found", "events=%lld", (long long)spooler_waiting(spooler));
    }
    *ret_spooler = spooler;
    return 0;
}

int
spooler_start(struct spooler *spooler)
{
    const int r = pthread_create(&spooler->thread, NULL, run, spooler);

    spooler->started = r == 0;
    return -r;
}

void
spooler_close(struct spooler **spooler)
{
    struct spooler *closed = *spooler;

    if (closed == NULL) {
        return;
    }
    if (closed->started) {
        atomic_store(&closed->stop, true);
        spool_inbox_wake(&closed->inbox);
        (void)pthread_join(closed->thread, NULL);
    }
    spool_drains_close(&closed->drains);
    spool_set_close(&closed->set);
    spool_inbox_close(&closed->inbox);
    free(closed);
    *spooler = NULL;
}

struct spool_inbox *
spooler_inbox(struct spooler *spooler)
{
    return &spooler->inbox;
}

int64_t
spooler_waiting_in(const struct spooler *spooler, unsigned partition)
{
    return atomic_load(&spooler->waiting[partition]);
}

int64_t
spooler_waiting(const struct spooler *spooler)
{
    int64_t waiting = 0;

    for (unsigned i = 0; i < spooler->drains.count; i++) {
        waiting += spooler_waiting_in(spooler, i);
    }
    return waiting;
}

bool
spooler_spares_redis(const struct spooler *spooler)
{
    return spooler->redis_is_full != NULL && atomic_load(spooler->redis_is_full);
}

bool
spooler_ready(const struct spooler *spooler)
{
    return atomic_load(&spooler->writable);
}
