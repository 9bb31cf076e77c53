/*
 * durable.h - makes a loop's requests durable: in Redis, or in the local spool while Redis is away.
 *
 * A unit goes to Redis, by the loop's group commit, unless Redis is nearly full or events wait in
 * the spool: then it goes there, behind them, so that the order in which events came is kept. What
 * Redis refuses, or has not answered after half of the time there is, goes to the spool together
 * with all that waits behind it. There is one way back: the spool says that it is empty, and Redis
 * answers and has room.
 *
 * One thread. The owner watches the descriptors and calls durable_run() in each turn.
 */
#pragma once

#include <poll.h>

#include "queue/group_commit.h"
#include "server/ingest/spooler.h"

struct durable;

/*
 * One request with its events. The caller owns it and keeps it, and all that its puts point to,
 * until `done` was called, exactly once; `done` may free it.
 * `status`: 0 all durable (results filled in), else as commit_unit's: none may be acknowledged.
 */
struct durable_unit {
    struct queue_put *puts;
    size_t put_count;
    void (*done)(struct durable_unit *unit, int status);
    int64_t deadline_us;       /* CLOCK_MONOTONIC */
    struct commit_unit commit; /* ours */
    struct durable *durable;   /* ours */
    struct durable_unit *next; /* ours */
    bool must_keep;            /* ours: Redis has failed it */
};

/*
 * Opens the loop's connection to Redis, as group_commit_open(). `spooler` is borrowed, and NULL when
 * there is no spool.
 */
int durable_open(const struct queue_options *options, struct spooler *spooler,
    struct durable **ret_durable, char *ret_error) MUST_USE;
/* Fails what is still waiting with -ECANCELED. */
void durable_close(struct durable **durable);

void durable_add(struct durable *durable, struct durable_unit *unit);

enum {
    DURABLE_FDS = 2,
};

/* The descriptors to poll(): Redis, and the spool's answers. */
void durable_watch(const struct durable *durable, struct pollfd fds[DURABLE_FDS]);
int durable_timeout_ms(const struct durable *durable, int64_t now_us); /* -1: none */
/* `is_ready`: one of the descriptors is. */
void durable_run(struct durable *durable, bool is_ready, int64_t now_us);

/* An event that came now could be made durable. */
bool durable_ready(const struct durable *durable);
/* How long a unit added now would wait, at a guess; INT64_MAX: there is no room. */
int64_t durable_wait_us(const struct durable *durable, int64_t now_us);
size_t durable_waiting(const struct durable *durable); /* units not done yet */
/* What Redis said when it last failed. */
const char *durable_error(const struct durable *durable);
