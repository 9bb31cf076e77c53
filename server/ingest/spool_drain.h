/*
 * spool_drain.h - takes events from a spool to Redis, a call at a time, and waits for nothing.
 *
 * Each partition of the queue has a drain of its own, which knows of no other.
 *
 * A row that does not get in, refused or because the connection breaks, goes alone. When it fails
 * three times it is passed over, and those behind it after one refusal each, until an event is
 * stored: then it is the row and not Redis, and if it fails again it is set aside. If none is
 * stored it is Redis, and the oldest row's turn again. See decision 0021.
 */
#pragma once

#include "server/ingest/spool_file.h"

struct spool_drain;

/* As queue_open(); options->consumer is not used, options->partition is whose rows it takes. */
int spool_drain_open(const struct queue_options *options, struct spool_drain **ret_drain,
    char *ret_error) MUST_USE;
void spool_drain_close(struct spool_drain **drain);

/* To be watched as a group commit's, and run whenever it is ready or its time is up. */
int spool_drain_fd(const struct spool_drain *drain);
bool spool_drain_wants_write(const struct spool_drain *drain);
int spool_drain_timeout_ms(const struct spool_drain *drain, int64_t now_us);
void spool_drain_run(struct spool_drain *drain, int64_t now_us);

bool spool_drain_healthy(const struct spool_drain *drain); /* Redis takes writes */
const char *spool_drain_error(const struct spool_drain *drain);

/* None are under way, and Redis takes writes: it may be fed. */
bool spool_drain_is_free(const struct spool_drain *drain);
/*
 * Sends the file's oldest rows that wait, but those passed over; or, if it is retrying, one that was
 * set aside. Does nothing if there are none. A spool_result or -errno: it cannot be read.
 */
int spool_drain_feed(struct spool_drain *drain, struct spool_file *file,
    enum spool_state state, int64_t now_us) MUST_USE;
/* The file is going: the answer to what is under way is nobody's. */
void spool_drain_forget(struct spool_drain *drain, const struct spool_file *file);
/* Rows of this file are under way. */
bool spool_drain_uses(const struct spool_drain *drain, const struct spool_file *file);
int64_t spool_drain_take_count(
    struct spool_drain *drain); /* rows drained since last asked */
