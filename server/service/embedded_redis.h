/*
 * embedded_redis.h - a redis-server child of our own, for `run` without redis.url.
 *
 * Private unix socket, append-only, every write fsynced, data under the state directory. The
 * child has its own process group (Redis exits on any SIGINT, a terminal's Ctrl-C included),
 * dies with us whatever happens (parent-death signal), and holds the state lock, so that the
 * next `run` waits until it is really gone: two servers on one directory would both stay up.
 *
 * One thread, and it must be the one that lives longest: the parent-death signal is tied to it.
 */
#pragma once

#include "server/service/state_dir.h"

struct embedded_redis;

enum {
    EMBEDDED_REDIS_URL_SIZE = 160,
    EMBEDDED_REDIS_LOCK_WAIT_MS = 20 * 1000,
};

/*
 * "unix://<state_dir>/redis.sock". 0, or -ENAMETOOLONG when the socket's path is longer than
 * what a unix socket address holds (107 bytes).
 */
int embedded_redis_url(const char *state_dir, char *ret_url, size_t capacity) MUST_USE;

/*
 * Takes the state lock (waiting up to EMBEDDED_REDIS_LOCK_WAIT_MS) and starts the server; does
 * not wait until it answers. Ownership: embedded_redis_close().
 * 0, or -errno with *ret_error: what, where, what to do.
 */
int embedded_redis_open(const char *state_dir, struct embedded_redis **ret_redis,
    char ret_error[STATE_DIR_ERROR_SIZE]) MUST_USE;

/*
 * To be called on SIGCHLD and at least once a second: starts the server again when it has died,
 * after 0.1 s the first time, then not more often than the back-off allows. Logs both.
 */
void embedded_redis_supervise(struct embedded_redis *redis, int64_t now_ms);

/* Stops the server, in order first, by force after 1 s; then gives the lock back. */
void embedded_redis_close(struct embedded_redis **redis);
