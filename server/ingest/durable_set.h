/*
 * durable_set.h - what makes a loop's requests durable: one durable, or in a cluster one for each
 * partition of the queue, so that a node that is away holds up its own events only.
 *
 * A request whose events are of several partitions is shared out, and durable when all of it is.
 * One thread, as a durable.
 */
#pragma once

#include "server/ingest/durable.h"

enum {
    DURABLE_SET_FDS = QUEUE_PARTITIONS_MAX * DURABLE_FDS,
};

struct durable_set;

/* options->partitions: as many as the Redis of the URL has. As durable_open(). */
int durable_set_open(const struct queue_options *options, struct spooler *spooler,
    struct durable_set **ret_set, char *ret_error) MUST_USE;
void durable_set_close(struct durable_set **set);

/*
 * As durable_add(). A unit of a partition that has no room, or must wait too long, is done with
 * -EAGAIN, in the next durable_set_run().
 */
void durable_set_add(struct durable_set *set, struct durable_unit *unit);

/* Returns how many descriptors there are. */
size_t durable_set_watch(
    const struct durable_set *set, struct pollfd fds[DURABLE_SET_FDS]);
int durable_set_timeout_ms(const struct durable_set *set, int64_t now_us);
/* `fds` as they were watched and polled; NULL: none is ready. */
void durable_set_run(struct durable_set *set, const struct pollfd *fds, int64_t now_us);

/* An event that came now could be made durable, if it is of the right partition. */
bool durable_set_ready(const struct durable_set *set);
/* In the partition where it is the shortest. */
int64_t durable_set_wait_us(const struct durable_set *set, int64_t now_us);
size_t durable_set_waiting(const struct durable_set *set);
const char *durable_set_error(const struct durable_set *set);
