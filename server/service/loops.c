/*
 * loops.c - the loops of the webhook server, handled as one, and what they share.
 */
#include "server/service/loops.h"

#include <stdio.h>
#include <string.h>

#include "server/service/state_dir.h"

static int
open_held(struct loops *loops, const struct config *config, char *ret_error)
{
    if (!config->hold_unverified) {
        return 0;
    }
    const int r = state_dir_prepare(config->state_dir, ret_error);

    return r == 0 ? held_open(config->state_dir, HELD_RING_MAX, &loops->held) : r;
}

static int
open_spooler(
    struct loops *loops, const struct ingest_loop_options *options, char *ret_error)
{
    const struct spooler_options spooler = {
        .state_dir = options->config->state_dir,
        .redis_url = options->redis_url,
        .redis_is_full = &loops->redis_is_full,
        .max_bytes = options->config->spool_max,
    };

    if (spooler.max_bytes == 0) {
        return 0;
    }
    int r = state_dir_prepare(spooler.state_dir, ret_error);

    r = r == 0 ? spooler_open(&spooler, &loops->spooler, ret_error) : r;
    return r == 0 ? spooler_start(loops->spooler) : r;
}

int
loops_open(
    struct loops *loops, const struct ingest_loop_options *options, char *ret_error)
{
    struct ingest_loop_options one = *options;
    int r = open_held(loops, options->config, ret_error);

    r = r == 0 ? open_spooler(loops, options, ret_error) : r;
    one.held = loops->held;
    one.spooler = loops->spooler;
    one.redis_is_full = &loops->redis_is_full;
    for (int64_t i = 0; r == 0 && i < options->config->loops; i++) {
        one.beside = i > 0 ? loops->items[0] : NULL;
        r = ingest_loop_open(&one, &loops->items[i], ret_error);
        loops->count += r == 0 ? 1 : 0;
    }
    for (size_t i = 0; r == 0 && i < loops->count; i++) {
        r = ingest_loop_start(loops->items[i]);
        if (r < 0) {
            (void)snprintf(ret_error, INGEST_LOOP_ERROR_SIZE,
                "cannot start a thread: %s (raise the limits)", strerror(-r));
        }
    }
    return r;
}

void
loops_spare_redis(struct loops *loops, bool is_full)
{
    atomic_store(&loops->redis_is_full, is_full);
}

/* Loops look when something comes: what they know of a Redis that is full may be old. */
bool
loops_ready(const struct loops *loops)
{
    const bool has_room = !atomic_load(&loops->redis_is_full) ||
                          (loops->spooler != NULL && spooler_ready(loops->spooler));
    bool ready = loops->count > 0;

    for (size_t i = 0; i < loops->count; i++) {
        ready = has_room && ingest_loop_ready(loops->items[i]) && ready;
    }
    return ready;
}

int
loops_set_credentials(struct loops *loops, const struct config *config)
{
    struct credentials *copies[CONFIG_LOOPS_MAX] = {NULL};
    int r = 0;

    for (size_t i = 0; r == 0 && i < loops->count; i++) {
        r = credentials_open(config, &copies[i]);
    }
    for (size_t i = 0; i < loops->count; i++) {
        if (r == 0) {
            ingest_loop_set_credentials(loops->items[i], copies[i]);
        } else {
            credentials_close(&copies[i]);
        }
    }
    return r;
}

void
loops_stop(struct loops *loops, int64_t timeout_ms)
{
    for (size_t i = 0; i < loops->count; i++) {
        ingest_loop_stop(loops->items[i], timeout_ms);
    }
}

void
loops_close(struct loops *loops)
{
    loops_stop(loops, 0); /* all at once, those not asked before */
    for (size_t i = 0; i < loops->count; i++) {
        ingest_loop_close(&loops->items[i]);
    }
    loops->count = 0;
    spooler_close(&loops->spooler);
    held_close(&loops->held);
}
