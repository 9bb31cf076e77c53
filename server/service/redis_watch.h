/*
 * redis_watch.h - looks after the Redis in use, every few seconds.
 *
 * Whether it can keep what is put into it (queue/health.h), and whether it still has what it had
 * (witness.h). What changes is logged once and shown by metrics and /readyz?verbose. Belongs to the
 * main thread, with a connection of its own and a short deadline: a Redis that hangs delays nobody
 * but this thread.
 */
#pragma once

#include "queue/health.h"

struct redis_watch;

enum {
    REDIS_WATCH_ERROR_SIZE = 256,
};

struct redis_watch_options {
    const char *redis_url;
    const char *require; /* redis.require */
    const char *state_dir;
    unsigned partitions;
};

/* Does not connect; keeps the texts. 0, or -errno with *ret_error. Ownership: redis_watch_close(). */
int redis_watch_open(const struct redis_watch_options *options,
    struct redis_watch **ret_watch, char ret_error[REDIS_WATCH_ERROR_SIZE]) MUST_USE;
void redis_watch_close(struct redis_watch **watch); /* NULL is fine */

/* Looks now. False: the start is to be refused, and *ret_error says why. */
bool redis_watch_start(
    struct redis_watch *watch, char ret_error[REDIS_WATCH_ERROR_SIZE]) MUST_USE;
/* Looks when it is time to. */
void redis_watch_run(struct redis_watch *watch);
/*
 * As last seen: so little memory is left that new events must go elsewhere. False when it was not
 * seen for half a minute: a put finds out by itself. `now_us`: CLOCK_MONOTONIC.
 */
bool redis_watch_is_full(const struct redis_watch *watch, int64_t now_us);
/* Lines for a person: the mode in force, and what is lacking. */
void redis_watch_describe(const struct redis_watch *watch, struct buffer *text);
