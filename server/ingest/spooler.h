/*
 * spooler.h - the thread that keeps events in the local spool while Redis is away, and drains them.
 *
 * One for the process. It owns the process's spool file, those that others left behind, and for each
 * partition of the queue a Redis connection; loops hand it batches and hear back through an eventfd.
 * What is kept goes to Redis, each partition's oldest first, whenever Redis answers and is not nearly
 * full; a row is deleted only after Redis has said that it has it.
 */
#pragma once

#include <stdatomic.h>

#include "queue/queue.h"
#include "server/ingest/spool_inbox.h"

enum {
    SPOOLER_ERROR_SIZE = QUEUE_ERROR_SIZE,
};

enum spooler_status {
    SPOOLER_KEPT = 0,
    SPOOLER_PASSED, /* not kept: nothing of its partition waits, and Redis answers: put it there */
};

struct spooler;

struct spooler_options {
    const char *state_dir;            /* borrowed, and there */
    const char *redis_url;            /* borrowed */
    const atomic_bool *redis_is_full; /* borrowed; NULL: it never is */
    int64_t max_bytes;
};

/*
 * Opens the files and counts what waits in them. A file that cannot be opened is no failure: it is
 * said and tried again. 0, or -errno with *ret_error (SPOOLER_ERROR_SIZE) set.
 */
int spooler_open(const struct spooler_options *options, struct spooler **ret_spooler,
    char *ret_error) MUST_USE;
int spooler_start(struct spooler *spooler) MUST_USE; /* its thread. 0 or -errno */
/* Ends the thread; what waits stays in the file. Nobody may hand anything over any more. */
void spooler_close(struct spooler **spooler);

/* Where batches are handed over; what comes back has a spooler_status or -errno. */
struct spool_inbox *spooler_inbox(struct spooler *spooler);

/* Any thread. */
int64_t spooler_waiting(const struct spooler *spooler); /* events to be drained */
int64_t spooler_waiting_in(
    const struct spooler *spooler, unsigned partition); /* of this one */
bool spooler_ready(const struct spooler *spooler);      /* could it keep one more? */
/* Redis is nearly full: all that comes is kept, and nothing is drained. */
bool spooler_spares_redis(const struct spooler *spooler);
