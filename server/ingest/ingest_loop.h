/*
 * ingest_loop.h - one share-nothing event loop of the webhook server.
 */
#pragma once

#include "server/config/config.h"

struct ingest_loop;

/*
 * Opens the listener (options from `config`, which must outlive the loop) and the loop's own
 * Redis connection to `redis_url`. Does not wait for Redis: until it answers, requests get 503.
 * 0, or -errno with *ret_error (200 bytes) set.
 */
int ingest_loop_open(const struct config *config, const char *redis_url,
    struct ingest_loop **ret_loop, char *ret_error) MUST_USE;
/* Starts the loop's thread. 0 or -errno. */
int ingest_loop_start(struct ingest_loop *loop) MUST_USE;
uint16_t ingest_loop_port(const struct ingest_loop *loop);
/* Any thread: can events be made durable now? */
bool ingest_loop_ready(const struct ingest_loop *loop);
/*
 * Asks the thread to end and does not wait for it: no new requests; what is under way is
 * answered, with 503 after `timeout_ms`. Any thread; the first call counts.
 */
void ingest_loop_stop(struct ingest_loop *loop, int64_t timeout_ms);
/* Waits for the thread, which it asks to end at once if nobody has asked before. */
void ingest_loop_close(struct ingest_loop **loop);
