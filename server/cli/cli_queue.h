/*
 * cli_queue.h - the queue of the configuration, for commands that look into it.
 */
#pragma once

#include "queue/queue.h"
#include "server/config/config.h"

/*
 * Opens the queue in redis.url, else in the Redis that `run` keeps under state_dir; connects with
 * the first call only. Ownership: queue_close(). 0, or a sysexits code with the error printed.
 */
int cli_queue_open(const struct config *config, struct queue **ret_queue) MUST_USE;

/* Says that `what` failed: Redis did not answer. Returns EX_UNAVAILABLE. */
int cli_queue_unavailable(
    const struct config *config, const struct queue *queue, const char *what);
