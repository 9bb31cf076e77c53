/*
 * durable.c - makes a loop's requests durable: in Redis, or in the local spool while Redis is away.
 *
 * At most one batch is at the spool; what comes meanwhile gathers behind it, so that nothing
 * overtakes. When it comes back, what gathered goes where the next unit would go.
 */
#include "server/ingest/durable.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/param.h>
#include <unistd.h>

#include "server/ingest/unit_list.h"
#include "server/ops/clock.h"

enum {
    DISK_PATIENCE_US =
        1000 * 1000, /* then Redis is asked, if it answers, before callers leave */
};

struct durable {
    struct group_commit *commit;
    struct spooler *spooler;   /* NULL: there is none */
    unsigned partition;        /* all events are of this one */
    int fd;                    /* -1 without a spooler */
    struct spool_batch *batch; /* at the spool; NULL: none */
    int64_t sent_us;           /* when it went there */
    int64_t batch_due_us;      /* no deadline in it comes before */
    struct unit_list gathered; /* behind it */
    bool is_failing;           /* Redis has failed a unit in this turn */
    char error[QUEUE_ERROR_SIZE];
};

/* ---- Redis -------------------------------------------------------------------------------- */

static void
on_committed(struct commit_unit *commit, int status)
{
    struct durable_unit *unit =
        (struct durable_unit *)((char *)commit - offsetof(struct durable_unit, commit));
    struct durable *durable = unit->durable;

    if (status != 0 && !durable->is_failing) {
        (void)snprintf(durable->error, sizeof(durable->error), "%s",
            status == -ETIMEDOUT ? "Redis has not answered in time"
            : status == -EAGAIN  ? "Redis is too slow, too much waits for it"
                                 : group_commit_error(durable->commit));
    }
    if (status == 0 || durable->spooler == NULL) {
        unit->done(unit, status);
        return;
    }
    durable->is_failing = true;
    group_commit_hold(durable->commit); /* until run_commit() gives the rest up */
    unit->must_keep = true;
    unit_list_add(&durable->gathered, unit);
}

/* With a spool behind it, Redis has half of the time that is left. */
static void
send_to_redis(struct durable *durable, struct durable_unit *unit)
{
    const int64_t now_us = clock_monotonic_us();
    const int64_t left_us = MAX(unit->deadline_us - now_us, 0);

    unit->commit = (struct commit_unit){
        .puts = unit->puts,
        .put_count = unit->put_count,
        .done = on_committed,
        .deadline_us =
            durable->spooler != NULL ? now_us + left_us / 2 : unit->deadline_us,
    };
    group_commit_add(durable->commit, &unit->commit);
}

/* ---- the spool ---------------------------------------------------------------------------- */

static bool
spool_is_in_use(const struct durable *durable)
{
    return durable->batch != NULL || durable->gathered.first != NULL ||
           spooler_waiting_in(durable->spooler, durable->partition) > 0 ||
           spooler_spares_redis(durable->spooler);
}

/* False: Redis has failed one of them, or is nearly full, or events wait in the spool. */
static bool
may_go_to_redis(const struct durable *durable)
{
    for (const struct durable_unit *unit = durable->gathered.first; unit != NULL;
         unit = unit->next) {
        if (unit->must_keep) {
            return false;
        }
    }
    return spooler_waiting_in(durable->spooler, durable->partition) == 0 &&
           !spooler_spares_redis(durable->spooler);
}

static void
send_to_spool(struct durable *durable)
{
    struct spool_batch *batch = spool_batch_make(durable->gathered.first);

    if (batch == NULL) {
        struct durable_unit *unit = unit_list_take(&durable->gathered);

        unit->done(unit, -ENOMEM);
        return;
    }
    (void)snprintf(batch->why, sizeof(batch->why), "%s",
        spooler_spares_redis(durable->spooler) ? "nearly full, see redis_degraded"
                                               : durable->error);
    batch->wake_fd = durable->fd;
    batch->partition = durable->partition;
    durable->batch_due_us = INT64_MAX;
    for (size_t i = 0; i < batch->share_count; i++) {
        const struct durable_unit *unit = unit_list_take(&durable->gathered);

        durable->batch_due_us = MIN(durable->batch_due_us, unit->deadline_us);
    }
    durable->batch = batch;
    durable->sent_us = clock_monotonic_us();
    spool_inbox_add(spooler_inbox(durable->spooler), batch);
}

/* The disk hangs, and Redis does not, and has room. */
static bool
is_stuck(const struct durable *durable, int64_t now_us)
{
    return durable->batch != NULL && now_us - durable->sent_us >= DISK_PATIENCE_US &&
           !spooler_spares_redis(durable->spooler) &&
           group_commit_healthy(durable->commit);
}

/* Once the disk has it, too, it is drained as duplicates. */
static void
send_batch_to_redis(struct durable *durable)
{
    struct spool_batch *batch = durable->batch;

    for (size_t i = 0; i < batch->share_count; i++) {
        if (batch->shares[i].unit != NULL) {
            send_to_redis(durable, batch->shares[i].unit);
        }
    }
    batch->share_count = 0; /* nobody waits for it any more */
}

/* What gathered goes on, unless it has to wait for the batch. */
static void
send_gathered(struct durable *durable, int64_t now_us)
{
    const bool stuck = is_stuck(durable, now_us);

    if (stuck) {
        send_batch_to_redis(durable);
    }
    if (stuck || (durable->batch == NULL && may_go_to_redis(durable))) {
        while (durable->gathered.first != NULL) {
            send_to_redis(durable, unit_list_take(&durable->gathered));
        }
    }
    while (durable->batch == NULL && durable->gathered.first != NULL) {
        send_to_spool(durable);
    }
}

/* ---- the batch comes back ----------------------------------------------------------------- */

static void
settle_unit(struct durable *durable, struct durable_unit *unit,
    const struct queue_put *puts, int status)
{
    if (status == SPOOLER_PASSED) {
        send_to_redis(durable, unit);
        return;
    }
    for (size_t i = 0; status == SPOOLER_KEPT && i < unit->put_count; i++) {
        unit->puts[i].result = puts[i].result;
    }
    unit->done(unit, status);
}

static void
take_back(struct durable *durable)
{
    struct spool_batch *batch = durable->batch;
    const struct queue_put *puts = batch->puts;

    durable->batch = NULL;
    for (size_t i = 0; i < batch->share_count; i++) {
        const struct spool_share *share = &batch->shares[i];

        if (share->unit != NULL) {
            settle_unit(durable, share->unit, puts, batch->status);
        }
        puts += share->put_count;
    }
    spool_batch_free(&batch);
}

/* Those due by then are let go: the batch has copies of what they point to. */
static void
fail_due_in_batch(struct durable *durable, int64_t now_us, int status)
{
    if (durable->batch == NULL || now_us < durable->batch_due_us) {
        return;
    }
    durable->batch_due_us = INT64_MAX;
    for (size_t i = 0; i < durable->batch->share_count; i++) {
        struct durable_unit *unit = durable->batch->shares[i].unit;

        if (unit != NULL && unit->deadline_us <= now_us) {
            durable->batch->shares[i].unit = NULL;
            unit->done(unit, status);
        } else if (unit != NULL) {
            durable->batch_due_us = MIN(durable->batch_due_us, unit->deadline_us);
        }
    }
}

/* ---- what the owner asks ------------------------------------------------------------------ */

int
durable_open(const struct queue_options *options, struct spooler *spooler,
    struct durable **ret_durable, char *ret_error)
{
    struct durable *durable = calloc(1, sizeof(*durable));

    if (durable == NULL) {
        (void)snprintf(ret_error, QUEUE_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    durable->spooler = spooler;
    durable->partition = options->partition;
    unit_list_init(&durable->gathered);
    durable->fd = -1;
    int r = group_commit_open(options, &durable->commit, ret_error);

    if (r == QUEUE_OK && spooler != NULL) {
        durable->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = durable->fd < 0 ? -errno : 0;
    }
    if (r != QUEUE_OK) {
        durable_close(&durable);
        return r;
    }
    *ret_durable = durable;
    return QUEUE_OK;
}

void
durable_close(struct durable **durable)
{
    struct durable *closed = *durable;

    if (closed == NULL) {
        return;
    }
    group_commit_close(
        &closed->commit); /* with a spool, what waited there gathers here */
    if (closed->batch != NULL) {
        fail_due_in_batch(closed, INT64_MAX, -ECANCELED);
        spool_inbox_abandon(spooler_inbox(closed->spooler), &closed->batch);
    }
    while (closed->gathered.first != NULL) {
        struct durable_unit *unit = unit_list_take(&closed->gathered);

        unit->done(unit, -ECANCELED);
    }
    if (closed->fd >= 0) {
        (void)close(closed->fd);
    }
    free(closed);
    *durable = NULL;
}

void
durable_add(struct durable *durable, struct durable_unit *unit)
{
    unit->durable = durable;
    unit->must_keep = false;
    if (durable->spooler != NULL && spool_is_in_use(durable)) {
        unit_list_add(&durable->gathered, unit);
    } else {
        send_to_redis(durable, unit);
    }
}

/* When Redis has failed one, those that wait there would wait in vain, or overtake it. */
static void
run_commit(struct durable *durable, int64_t now_us)
{
    durable->is_failing = false;
    group_commit_run(durable->commit, now_us);
    if (durable->spooler != NULL &&
        (durable->is_failing ||
            group_commit_wait_us(durable->commit, now_us) == INT64_MAX)) {
        group_commit_give_up(durable->commit, -EAGAIN);
    }
}

static bool
batch_is_back(struct durable *durable)
{
    uint64_t wishes = 0;

    return durable->batch != NULL &&
           read(durable->fd, &wishes, sizeof(wishes)) == (ssize_t)sizeof(wishes) &&
           spool_inbox_has_returned(spooler_inbox(durable->spooler), durable->batch);
}

void
durable_run(struct durable *durable, bool is_ready, int64_t now_us)
{
    if (is_ready || group_commit_timeout_ms(durable->commit, now_us) == 0) {
        run_commit(durable, now_us);
    }
    if (durable->spooler == NULL) {
        return;
    }
    if (batch_is_back(durable)) {
        take_back(durable);
    }
    fail_due_in_batch(durable, now_us, -ETIMEDOUT);
    unit_list_fail_due(&durable->gathered, now_us);
    send_gathered(durable, now_us);
}

void
durable_watch(const struct durable *durable, struct pollfd fds[DURABLE_FDS])
{
    fds[0] = (struct pollfd){.fd = group_commit_fd(durable->commit), .events = POLLIN};
    fds[1] = (struct pollfd){.fd = durable->fd, .events = POLLIN};
    if (group_commit_wants_write(durable->commit)) {
        fds[0].events |= POLLOUT;
    }
}

int
durable_timeout_ms(const struct durable *durable, int64_t now_us)
{
    const int commit_ms = group_commit_timeout_ms(durable->commit, now_us);

    if (durable->batch == NULL) {
        return commit_ms; /* nothing has gathered behind it, either */
    }
    const int64_t stuck_us = durable->sent_us + DISK_PATIENCE_US;
    int64_t due_us = MIN(durable->batch_due_us, durable->gathered.due_us);

    due_us = now_us < stuck_us ? MIN(due_us, stuck_us) : due_us;
    const int64_t due_ms = MIN(MAX((due_us - now_us) / US_PER_MS + 1, 0), INT_MAX);

    return commit_ms >= 0 && commit_ms < due_ms ? commit_ms : (int)due_ms;
}

bool
durable_ready(const struct durable *durable)
{
    return group_commit_healthy(durable->commit) ||
           (durable->spooler != NULL && spooler_ready(durable->spooler));
}

/* A spool takes what Redis is too slow for; only a disk that says nothing keeps it waiting. */
int64_t
durable_wait_us(const struct durable *durable, int64_t now_us)
{
    if (durable->spooler == NULL) {
        return group_commit_wait_us(durable->commit, now_us);
    }
    if (durable->gathered.puts >= GROUP_COMMIT_WAITING_EVENTS_MAX ||
        durable->gathered.bytes >= GROUP_COMMIT_WAITING_BYTES_MAX) {
        return INT64_MAX;
    }
    if (is_stuck(durable, now_us)) {
        return group_commit_wait_us(durable->commit, now_us);
    }
    return durable->batch != NULL ? now_us - durable->sent_us : 0;
}

size_t
durable_waiting(const struct durable *durable)
{
    return group_commit_waiting(durable->commit) + durable->gathered.count +
           (durable->batch != NULL ? durable->batch->share_count : 0);
}

const char *
durable_error(const struct durable *durable)
{
    return durable->error;
}
