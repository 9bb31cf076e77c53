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
#include <unistd.h>

#include "server/config/config.h"
#include "server/ingest/spool_set.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"

enum {
    REDIS_TIMEOUT_MS = 1500,
    TICK_US = US_PER_S,
    ADOPT_EVERY_US = 60 * US_PER_S,
    RETRY_ASIDE_EVERY_US = 600 * US_PER_S,
    QUIET_US =
        2 * US_PER_S, /* empty for so long: over. Loops come back within a second */
};

struct spooler {
    struct spool_set set; /* and the drains */
    int64_t tick_us;      /* the next one */
    int64_t adopt_us;
    int64_t retry_us;
    int64_t busy_us;  /* when something last waited */
    int64_t drained;  /* since it began */
    bool in_use;      /* since something waited, until it has been quiet */
    bool feed_failed; /* in this tick */
    _Atomic int64_t waiting;
    _Atomic int64_t waiting_in[QUEUE_PARTITIONS_MAX];
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
    const struct spool_totals totals = spool_set_totals(&spooler->set);

    atomic_store(&spooler->waiting, totals.waiting);
    for (unsigned i = 0; i < spooler->set.partitions; i++) {
        atomic_store(&spooler->waiting_in[i], spool_set_waiting_in(&spooler->set, i));
    }
    atomic_store(&spooler->writable, spooler->set.writable);
    counter_set(
        metrics_counter(METRIC_SPOOL_PENDING, NULL, NULL), totals.waiting + totals.aside);
    counter_set(metrics_counter(METRIC_SPOOL_ASIDE, NULL, NULL), totals.aside);
}

/* ---- keeping ------------------------------------------------------------------------------ */

static void
begin_use(struct spooler *spooler, const struct spool_batch *batch)
{
    if (!spooler->in_use) {
        spooler->in_use = true;
        log_warn("spool_in_use", "redis=\"%s\" do=\"%s\"", batch->why,
            "see why Redis is away; what comes is kept in state_dir until it is back");
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
 * work, Redis is asked out of order rather than nobody at all.
 */
static int
keep_or_pass(struct spooler *spooler, struct spool_batch *batch)
{
    const unsigned partition = batch->partition;
    const bool may_pass =
        !batch->must_keep && spool_drain_healthy(spooler->set.drains[partition]);

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
drain(struct spooler *spooler, int64_t now_us)
{
    for (unsigned i = 0; i < spooler->set.partitions; i++) {
        spool_drain_run(spooler->set.drains[i], now_us);
    }
    if (!spooler->feed_failed) {
        spooler->feed_failed = !spool_set_feed(&spooler->set, now_us);
    }
    for (unsigned i = 0; i < spooler->set.partitions; i++) {
        spooler->drained += spool_drain_take_count(spooler->set.drains[i]);
    }
    publish(spooler);
}

/* Loops whose Redis connection is not back yet may come once more: so not at once. */
static void
watch_use(struct spooler *spooler, int64_t now_us)
{
    if (atomic_load(&spooler->waiting) > 0) {
        spooler->in_use = true;
        spooler->busy_us = now_us;
    } else if (spooler->in_use && now_us - spooler->busy_us >= QUIET_US) {
        log_info("spool_drained", "events=%lld", (long long)spooler->drained);
        spooler->in_use = false;
        spooler->drained = 0;
        spool_set_tidy(&spooler->set);
    }
}

static void
tick(struct spooler *spooler, int64_t now_us)
{
    if (now_us < spooler->tick_us) {
        return;
    }
    spooler->tick_us = now_us + TICK_US;
    spooler->feed_failed = false;
    spool_set_mend(&spooler->set);
    spool_set_remove_drained(&spooler->set);
    if (now_us >= spooler->adopt_us) {
        spooler->adopt_us = now_us + ADOPT_EVERY_US;
        spool_set_adopt(&spooler->set);
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
    int64_t soonest_ms =
        spooler->tick_us > now_us ? (spooler->tick_us - now_us) / US_PER_MS + 1 : 0;

    for (unsigned i = 0; i < spooler->set.partitions; i++) {
        const int drain_ms = spool_drain_timeout_ms(spooler->set.drains[i], now_us);

        soonest_ms = drain_ms >= 0 && drain_ms < soonest_ms ? drain_ms : soonest_ms;
    }
    return (int)soonest_ms;
}

/* Returns how many descriptors there are: the inbox's first, then the drains'. */
static nfds_t
watch(const struct spooler *spooler, struct pollfd fds[1 + QUEUE_PARTITIONS_MAX])
{
    fds[0] = (struct pollfd){.fd = spooler->inbox.fd, .events = POLLIN};
    for (unsigned i = 0; i < spooler->set.partitions; i++) {
        const struct spool_drain *drain = spooler->set.drains[i];

        fds[1 + i] = (struct pollfd){.fd = spool_drain_fd(drain), .events = POLLIN};
        if (spool_drain_wants_write(drain)) {
            fds[1 + i].events |= POLLOUT;
        }
    }
    return 1 + spooler->set.partitions;
}

static void
take_turn(struct spooler *spooler)
{
    struct pollfd fds[1 + QUEUE_PARTITIONS_MAX];
    const nfds_t count = watch(spooler, fds);
    uint64_t wishes = 0;

    (void)poll(fds, count, timeout_ms(spooler));
    if (read(spooler->inbox.fd, &wishes, sizeof(wishes)) == (ssize_t)sizeof(wishes)) {
        settle_inbox(spooler);
    }
    drain(spooler, clock_monotonic_us());
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
open_drains(
    struct spooler *spooler, const struct spooler_options *options, char *ret_error)
{
    struct spool_set *set = &spooler->set;
    struct queue_options queue_options = {
        .url = options->redis_url,
        .partitions = queue_default_partitions(options->redis_url),
        .timeout_ms = REDIS_TIMEOUT_MS,
    };
    int r = 0;

    while (r == 0 && set->partitions < queue_options.partitions) {
        queue_options.partition = set->partitions;
        r = spool_drain_open(&queue_options, &set->drains[set->partitions], ret_error);
        set->partitions += r == 0 ? 1 : 0;
    }
    return r > 0 ? -EINVAL : r;
}

static int
open_parts(
    struct spooler *spooler, const struct spooler_options *options, char *ret_error)
{
    int r = open_drains(spooler, options, ret_error);

    if (r != 0) {
        return r;
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
        spooler->set = (struct spool_set){.directory = options->state_dir,
            .max_bytes = options->max_bytes,
            .own.lock_fd = -1};
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
    for (unsigned i = 0; i < closed->set.partitions; i++) {
        spool_drain_close(&closed->set.drains[i]);
    }
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
spooler_waiting(const struct spooler *spooler)
{
    return atomic_load(&spooler->waiting);
}

int64_t
spooler_waiting_in(const struct spooler *spooler, unsigned partition)
{
    return atomic_load(&spooler->waiting_in[partition]);
}

bool
spooler_ready(const struct spooler *spooler)
{
    return atomic_load(&spooler->writable);
}
