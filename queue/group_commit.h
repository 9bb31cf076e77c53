/*
 * group_commit.h - puts for an event loop: many requests, one script call, one fsync.
 *
 * While a call is under way, new items gather; when it is answered, everything that gathered
 * goes out in the next. So the batch grows with the load, an idle server answers after one round
 * trip, and a failure has one shape: the call fails, every item in it fails.
 *
 * Never blocks. One thread. The owner watches group_commit_fd() for reading (and for writing
 * when group_commit_wants_write()) and calls group_commit_run() whenever it is ready or
 * group_commit_timeout_ms() has passed.
 */
#pragma once

#include "queue/queue.h"

enum {
    GROUP_COMMIT_EVENTS_MAX = 128,        /* items of one call */
    GROUP_COMMIT_BYTES_MAX = 1024 * 1024, /* bytes of one call, but at least one item */
    GROUP_COMMIT_WAITING_EVENTS_MAX = 16 * 1024, /* beyond these it is full: */
    GROUP_COMMIT_WAITING_BYTES_MAX = 32 * 1024 * 1024,
};

struct group_commit;

/*
 * One unit to be made durable as a whole: a request with its events. The caller owns it and keeps
 * it, and all that its puts point to, until `done` was called, exactly once, from
 * group_commit_run() or group_commit_close(); `done` may free it.
 * `status`: 0 all durable (results filled in), else negative errno or QUEUE_E_*: none may be
 * acknowledged. -ETIMEDOUT at its deadline, wherever it is: some or all may be stored, or still
 * be; coming again they are duplicates.
 */
struct commit_unit {
    struct queue_put *puts;
    size_t put_count;
    void (*done)(struct commit_unit *unit, int status);
    int64_t deadline_us;      /* CLOCK_MONOTONIC */
    struct commit_unit *next; /* ours while waiting */
    size_t puts_sent;         /* ours: a large unit may take several calls */
    size_t puts_stored;       /* ours */
};

/* options->consumer is not used. As queue_open(). */
int group_commit_open(const struct queue_options *options,
    struct group_commit **ret_commit, char *ret_error) MUST_USE;
/* Fails what is still waiting with -ECANCELED. */
void group_commit_close(struct group_commit **commit);

/* Takes the unit on; it goes out with the next group_commit_run(). */
void group_commit_add(struct group_commit *commit, struct commit_unit *unit);
/*
 * Sends nothing more until group_commit_give_up(): for the `done` of a unit that failed, so that
 * those behind it do not overtake it.
 */
void group_commit_hold(struct group_commit *commit);
/*
 * Fails all units, in the order added, with `status`: somebody else takes care of them. What is on
 * its way may still be stored. Not from a `done`.
 */
void group_commit_give_up(struct group_commit *commit, int status);

/*
 * -1: not connected. When a connection is lost it is -1 after that group_commit_run(), and a new
 * one is opened by a later call: so the owner can tell a new descriptor of the same number. With
 * sentinel:// and cluster:// it changes once more while connecting: it is asked for before each
 * wait.
 */
int group_commit_fd(const struct group_commit *commit);
bool group_commit_wants_write(const struct group_commit *commit);
int group_commit_timeout_ms(
    const struct group_commit *commit, int64_t now_us); /* -1: none */
/*
 * `now_us`: CLOCK_MONOTONIC. A unit is done when its call is answered or has timed out, at its
 * deadline at the latest; at once while the last attempt to connect has failed.
 */
void group_commit_run(struct group_commit *commit, int64_t now_us);

/* Connected, and the last call was stored. Looks by itself, every second, without traffic. */
bool group_commit_healthy(const struct group_commit *commit);
/*
 * How long a unit added now would wait, at a guess, before it is sent: 0 when nothing is in its
 * way, INT64_MAX when what waits is full. Guessed from the last rounds and the age of what is
 * under way, so that it rises while Redis says nothing and is 0 again with the last answer.
 */
int64_t group_commit_wait_us(const struct group_commit *commit, int64_t now_us);
size_t group_commit_waiting(const struct group_commit *commit); /* units not done yet */
const char *group_commit_error(const struct group_commit *commit);
