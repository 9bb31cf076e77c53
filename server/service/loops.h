/*
 * loops.h - the loops of the webhook server, handled as one, and what they share.
 */
#pragma once

#include "server/ingest/ingest_loop.h"

struct loops {
    struct ingest_loop *items[CONFIG_LOOPS_MAX];
    size_t count;            /* 0: not open */
    struct held *held;       /* NULL: nothing is held */
    struct spooler *spooler; /* NULL: there is no local spool */
    atomic_bool redis_is_full;
};

/*
 * Opens and starts as many as the configuration says, all on one address; of the options only
 * `config` and `redis_url` are read. `loops` stays where it is until it is closed. 0, or -errno with *ret_error (STATE_DIR_ERROR_SIZE) set and
 * whatever was opened left for loops_close().
 */
int loops_open(struct loops *loops, const struct ingest_loop_options *options,
    char *ret_error) MUST_USE;
/*
 * Whether Redis is nearly full: then it is spared, events go to the spool, and without one are
 * refused. Any time, before loops_open() too.
 */
void loops_spare_redis(struct loops *loops, bool is_full);
/* Every one of them can make events durable. */
/* Every one of them can make events durable, and there are some. */
bool loops_ready(const struct loops *loops);
/*
 * Gives each its own copy of the configuration's credentials, or none of them any.
 * 0, -EINVAL for no usable auth token, -ENOMEM.
 */
int loops_set_credentials(struct loops *loops, const struct config *config) MUST_USE;
/* As ingest_loop_stop() and ingest_loop_close(). */
void loops_stop(struct loops *loops, int64_t timeout_ms);
void loops_close(struct loops *loops);
