/*
 * spool_drain.h - takes events from a spool to Redis, a call at a time, and waits for nothing.
 *
 * In a cluster each partition has a drain of its own.
 *
 * A row that Redis refuses, alone and three times, while it takes other writes, would be refused
 * for ever: it is set aside, so that those behind it get through. See decision 0021.
 */
#pragma once

#include "queue/spool.h"

struct spool_drain;

/* As queue_open(); options->consumer is not used. */
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

/*
 * Sends the spool's oldest rows, unless some are under way already or Redis is away. A spool_result
 * or -errno: it cannot be read.
 */
int spool_drain_feed(
    struct spool_drain *drain, struct spool *spool, int64_t now_us) MUST_USE;
/* The spool is going: the answer to what is under way is nobody's. */
void spool_drain_forget(struct spool_drain *drain, const struct spool *spool);
/* Rows of this spool are under way. */
bool spool_drain_uses(const struct spool_drain *drain, const struct spool *spool);
int64_t spool_drain_take_count(
    struct spool_drain *drain); /* rows drained since last asked */
