/*
 * spool_drains.h - the drains of a spool: one for each partition of the queue.
 */
#pragma once

#include <poll.h>

#include "server/ingest/spool_drain.h"

struct spool_drains {
    struct spool_drain *items[QUEUE_PARTITIONS_MAX]; /* by partition */
    unsigned count;
};

/*
 * As spool_drain_open(), for each partition that the Redis of this URL has. What was opened is left
 * for spool_drains_close().
 */
int spool_drains_open(
    struct spool_drains *drains, const char *redis_url, char *ret_error) MUST_USE;
void spool_drains_close(struct spool_drains *drains);

/* All to be watched; one descriptor for each, returned is how many. */
size_t spool_drains_watch(
    const struct spool_drains *drains, struct pollfd fds[QUEUE_PARTITIONS_MAX]);
int spool_drains_timeout_ms(const struct spool_drains *drains, int64_t now_us);

bool spool_drains_healthy(const struct spool_drains *drains); /* every one of them */
/* As spool_drain_forget() and spool_drain_uses(). */
void spool_drains_forget(
    const struct spool_drains *drains, const struct spool_file *file);
bool spool_drains_use(const struct spool_drains *drains, const struct spool_file *file);
