/*
 * group_commit.c - puts for an event loop: many requests, one script call, one fsync.
 *
 *   DOWN ──► GREETING ──► READY ◄──► STORING   a round: what gathered, at most one under way
 *     ▲          │          ◄──────► PROBING   nothing to do for a while: is Redis still there?
 *     └──────────┴── any failure, or it became a replica: the connection is never used again
 */
#include "queue/group_commit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/param.h>

#include "queue/commit_list.h"
#include "queue/crash_point.h"
#include "queue/jitter.h"
#include "queue/session.h"

enum {
    BACKOFF_FIRST_US = 50 * 1000, /* the first attempt follows at once */
    BACKOFF_MAX_US = 1000 * 1000,
    PROBE_EVERY_US = 1000 * 1000, /* without traffic */
    ROUNDS_REMEMBERED = 4,        /* how many an average round is made of, about */
};

enum state {
    DOWN,     /* until next_us */
    GREETING, /* connecting included, and finding the master */
    READY,    /* a probe is due at next_us */
    STORING,
    PROBING,
};

struct group_commit {
    struct session session;
    struct redis_exchange exchange;
    struct commit_list units; /* and the round under way */
    enum state state;
    int64_t next_us;
    int64_t deadline_us; /* of what is under way */
    int64_t backoff_us;
    int64_t round_us; /* how long a round takes, of late */
    int down_status;  /* why the last attempt to connect failed; 0: it did not */
    bool stored;      /* the last call was */
    bool is_held;     /* nothing more is sent */
    bool resent;      /* the round under way went out twice: see session_begin_again() */
};

/* ---- connection -------------------------------------------------------------------------- */

static void
set_under_way(struct group_commit *commit, enum state state, int64_t now_us)
{
    commit->state = state;
    commit->deadline_us = now_us + commit->session.timeout_us;
}

/* Since what is under way began. */
static int64_t
age_us(const struct group_commit *commit, int64_t now_us)
{
    return now_us - (commit->deadline_us - commit->session.timeout_us);
}

static void
be_ready(struct group_commit *commit, int64_t now_us)
{
    commit->state = READY;
    commit->next_us = now_us + PROBE_EVERY_US;
}

/* The connection is closed. The first attempt at a new one is made at once, others later. */
static void
go_down(struct group_commit *commit, int status, int64_t now_us)
{
    const bool was_greeting = commit->state == GREETING;

    commit->state = DOWN;
    commit->stored = false;
    commit->next_us = now_us + jitter_of(commit->backoff_us);
    commit->backoff_us =
        backoff_after(commit->backoff_us, BACKOFF_FIRST_US, BACKOFF_MAX_US);
    if (was_greeting) {
        commit->down_status = status;
        commit_list_fail_all(&commit->units, status);
    } else {
        commit_list_end_round(&commit->units, status);
    }
}

static void
begin_connection(struct group_commit *commit, int64_t now_us)
{
    const int r = session_begin(&commit->session, now_us);

    set_under_way(commit, GREETING, now_us);
    if (r != 0) {
        go_down(commit, r, now_us);
    }
}

/* ---- rounds ------------------------------------------------------------------------------ */

static void
begin_round(struct group_commit *commit, int64_t now_us)
{
    put_batch_write(&commit->units.round, &commit->exchange);
    session_add_wait(&commit->session, &commit->exchange);
    if (commit->exchange.bytes.failed) {
        commit->stored = false;
        redis_set_error(&commit->session.redis, slice_of("out of memory"));
        commit_list_end_round(&commit->units, -ENOMEM);
        return;
    }
    commit->resent = false;
    CRASH_POINT("put_written");
    redis_begin(&commit->session.redis, &commit->exchange);
    set_under_way(commit, STORING, now_us);
}

static void
begin_probe(struct group_commit *commit, int64_t now_us)
{
    redis_exchange_clear(&commit->exchange);
    session_probe(&commit->session, &commit->exchange);
    session_add_wait(&commit->session, &commit->exchange);
    redis_begin(&commit->session.redis, &commit->exchange);
    set_under_way(commit, PROBING, now_us);
}

/* ---- what was under way is answered ------------------------------------------------------ */

static void
greeting_done(struct group_commit *commit, int64_t now_us)
{
    commit->down_status = 0;
    commit->stored = commit->session.writable;
    if (commit->units.round.count > 0) { /* it is sent again */
        redis_begin(&commit->session.redis, &commit->exchange);
        set_under_way(commit, STORING, now_us);
        return;
    }
    be_ready(commit, now_us);
}

static void
round_done(struct group_commit *commit, int64_t now_us)
{
    struct slice error = {0};

    commit->round_us += (age_us(commit, now_us) - commit->round_us) / ROUNDS_REMEMBERED;
    commit->stored =
        put_batch_read(&commit->units.round, &commit->exchange, &error) == QUEUE_OK;
    if (!commit->stored) {
        redis_set_error(&commit->session.redis, error);
    }
    commit->backoff_us = 0;
    be_ready(commit, now_us);
    commit_list_end_round(&commit->units, 0);
}

static void
probe_done(struct group_commit *commit, int64_t now_us)
{
    commit->stored =
        session_check_replies(&commit->session, &commit->exchange) == QUEUE_OK;
    commit->backoff_us = 0;
    be_ready(commit, now_us);
}

static void
answered(struct group_commit *commit, int64_t now_us)
{
    switch (commit->state) {
    case GREETING:
        greeting_done(commit, now_us);
        break;
    case STORING: /* a round that was given up is empty: it is like a probe now */
        (commit->units.round.count > 0 ? round_done : probe_done)(commit, now_us);
        break;
    case PROBING:
        probe_done(commit, now_us);
        break;
    case READY: /* nothing was asked: Redis is still there */
    case DOWN:
        break;
    }
}

/* False: nothing is to be done now. */
static bool
begin_next(struct group_commit *commit, int64_t now_us)
{
    if (session_leave_replaced(&commit->session, now_us)) {
        go_down(commit, QUEUE_E_REFUSED, now_us);
        return false;
    }
    commit_list_fail_due(&commit->units, now_us);
    if (commit->is_held) {
        return false;
    }
    commit_list_gather(&commit->units, commit->session.partitions);
    if (commit->units.round.count > 0) {
        begin_round(commit, now_us);
        return true;
    }
    if (now_us >= commit->next_us) {
        begin_probe(commit, now_us);
        return true;
    }
    return false;
}

/* 0, -EAGAIN, or why the connection is closed. */
static int
advance_session(struct group_commit *commit, int64_t now_us)
{
    struct session *session = &commit->session;

    if (commit->state == GREETING) {
        return session_advance(session, now_us);
    }
    int r = redis_advance(&session->redis);

    if (r == 0 && commit->state == STORING && !commit->resent) {
        r = session_begin_again(session, &commit->exchange, now_us);
        if (r == -EAGAIN) {
            commit->resent = true;
            set_under_way(commit, GREETING, now_us);
        }
    }
    if (r == 0 && commit->state != READY &&
        session_leave_demoted(session, &commit->exchange)) {
        return QUEUE_E_REFUSED;
    }
    return r;
}

/* True: something has changed, there may be more to do. */
static bool
advance(struct group_commit *commit, int64_t now_us)
{
    const int r = advance_session(commit, now_us);

    if (r == -EAGAIN) {
        if (now_us >= commit->deadline_us) {
            go_down(commit, session_expire(&commit->session), now_us);
        }
        return false;
    }
    if (r != 0) {
        go_down(commit, r, now_us);
        return false;
    }
    answered(commit, now_us);
    return commit->state != READY || begin_next(commit, now_us);
}

void
group_commit_run(struct group_commit *commit, int64_t now_us)
{
    if (commit->state == DOWN && now_us >= commit->next_us) {
        begin_connection(commit, now_us);
    }
    while (commit->state != DOWN && advance(commit, now_us)) {
    }
    if (commit->down_status != 0) {
        commit_list_fail_all(&commit->units, commit->down_status);
    }
    commit_list_fail_due(&commit->units, now_us);
}

/* ---- what the owner asks ----------------------------------------------------------------- */

int
group_commit_open(const struct queue_options *options, struct group_commit **ret_commit,
    char *ret_error)
{
    AUTO(group_commit_close) struct group_commit *commit = calloc(1, sizeof(*commit));

    if (commit == NULL) {
        (void)snprintf(ret_error, QUEUE_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    commit_list_init(&commit->units);
    redis_exchange_init(&commit->exchange);
    const int r = session_init(&commit->session, options, options->partition, ret_error);

    if (r != QUEUE_OK) {
        return r;
    }
    *ret_commit = commit;
    commit = NULL;
    return QUEUE_OK;
}

void
group_commit_close(struct group_commit **commit)
{
    if (*commit != NULL) {
        session_done(&(*commit)->session);
        commit_list_fail_all(&(*commit)->units, -ECANCELED);
        redis_exchange_done(&(*commit)->exchange);
        free(*commit);
    }
    *commit = NULL;
}

void
group_commit_add(struct group_commit *commit, struct commit_unit *unit)
{
    commit_list_add(&commit->units, unit);
}

void
group_commit_hold(struct group_commit *commit)
{
    commit->is_held = true;
}

void
group_commit_give_up(struct group_commit *commit, int status)
{
    commit_list_fail_all(&commit->units, status);
    commit->is_held = false; /* each of them may have asked for it */
}

int
group_commit_fd(const struct group_commit *commit)
{
    return redis_fd(&commit->session.redis);
}

bool
group_commit_wants_write(const struct group_commit *commit)
{
    return redis_wants_write(&commit->session.redis);
}

int
group_commit_timeout_ms(const struct group_commit *commit, int64_t now_us)
{
    const struct commit_unit *unit = commit_list_next(&commit->units);
    const bool is_under_way = commit->state != DOWN && commit->state != READY;
    int64_t wake_us = is_under_way ? commit->deadline_us : commit->next_us;

    if (commit->state == GREETING) {
        wake_us = MIN(wake_us, session_wake_us(&commit->session));
    }
    if (commit->units.count > 0) {
        wake_us = MIN(wake_us, commit->units.due_us);
    }
    if (unit != NULL && (commit->state == READY || commit->down_status != 0)) {
        return 0;
    }
    const int64_t wait_ms = (wake_us - now_us + US_PER_MS - 1) / US_PER_MS;

    return (int)MIN(MAX(wait_ms, 0), INT_MAX);
}

bool
group_commit_healthy(const struct group_commit *commit)
{
    return commit->stored && (commit->state == READY || commit->state == STORING ||
                                 commit->state == PROBING);
}

int64_t
group_commit_wait_us(const struct group_commit *commit, int64_t now_us)
{
    const struct commit_list *units = &commit->units;
    const bool is_under_way = commit->state != DOWN && commit->state != READY;
    int64_t wait_us = 0;

    if (commit_list_is_full(units)) {
        return INT64_MAX;
    }
    if (units->count == 0) {
        return 0; /* whatever was: the next one finds out */
    }
    if (is_under_way) { /* late already: as long again */
        wait_us = MAX(age_us(commit, now_us), commit->round_us - age_us(commit, now_us));
    }
    return wait_us + commit->round_us * commit_list_rounds(units);
}

size_t
group_commit_waiting(const struct group_commit *commit)
{
    return commit->units.count;
}

const char *
group_commit_error(const struct group_commit *commit)
{
    return commit->session.redis.error;
}
