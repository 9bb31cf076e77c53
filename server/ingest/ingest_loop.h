/*
 * ingest_loop.h - one share-nothing event loop of the webhook server.
 */
#pragma once

#include "server/config/config.h"
#include "server/ingest/held.h"
#include "server/ingest/spooler.h"
#include "server/proof/credentials.h"

enum {
    INGEST_LOOP_ERROR_SIZE = 200,
};

struct ingest_loop;

/* All of these are borrowed and outlive the loop. */
struct ingest_loop_options {
    const struct config *config;
    const char *redis_url;
    struct spooler *spooler;          /* NULL: there is no local spool */
    struct held *held;                /* NULL: nothing is held */
    const atomic_bool *redis_is_full; /* asked by the spool, or without one by the loop */
    const struct ingest_loop *beside; /* another of these loops; NULL for the first */
};

/*
 * Opens the listener, of its own or beside another loop's, and the loop's own Redis connection.
 * Does not wait for Redis: until it answers, requests go to the spool, or get 503 without one.
 * 0, or -errno with *ret_error (INGEST_LOOP_ERROR_SIZE) set.
 */
int ingest_loop_open(const struct ingest_loop_options *options,
    struct ingest_loop **ret_loop, char *ret_error) MUST_USE;
/* Starts the loop's thread. 0 or -errno. */
int ingest_loop_start(struct ingest_loop *loop) MUST_USE;
uint16_t ingest_loop_port(const struct ingest_loop *loop);
/* Any thread: can events be made durable now? */
bool ingest_loop_ready(const struct ingest_loop *loop);
/*
 * Takes the credentials and hands them to the thread, which uses them from its next turn on. Of
 * several handed over before that the last counts. Any thread, until the loop is closed.
 */
void ingest_loop_set_credentials(
    struct ingest_loop *loop, struct credentials *credentials);
/*
 * Asks the thread to end and does not wait for it: no new requests; what is under way is
 * answered, with 503 after `timeout_ms`. Any thread; the first call counts.
 */
void ingest_loop_stop(struct ingest_loop *loop, int64_t timeout_ms);
/* Waits for the thread, which it asks to end at once if nobody has asked before. */
void ingest_loop_close(struct ingest_loop **loop);
