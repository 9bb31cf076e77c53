/*
 * state_dir.h - the directory that survives restarts: locks and names.
 */
#pragma once

#include "mapping/base.h"

enum {
    STATE_DIR_ERROR_SIZE = 256,
    STATE_DIR_CONSUMER_SIZE = 40,
    STATE_DIR_WORKERS_MAX = 64,
};

/*
 * Makes `path` (and its parents), mode 0700, if it is missing, and checks that it can be written.
 * 0, or -errno with *ret_error: what, where, what to do.
 */
int state_dir_prepare(const char *path, char ret_error[STATE_DIR_ERROR_SIZE]) MUST_USE;

/*
 * Takes the lock file `name` in `path`, waiting up to `wait_ms` for its holder to end.
 * The caller owns *ret_fd (close-on-exec); the lock lasts until every copy of it is closed, in
 * this process and in children that inherited it.
 * 0, -EWOULDBLOCK when it stayed taken, or -errno.
 */
int state_dir_lock(
    const char *path, const char *name, int64_t wait_ms, int *ret_fd) MUST_USE;

/*
 * A consumer name for this process's worker: the directory's own random id, made at first use,
 * and the lowest worker number no other process on this directory holds. The same after a
 * restart, so that what was claimed before is taken up at once; never shared by two live
 * processes. *ret_fd keeps the number taken, as state_dir_lock().
 * 0 or -errno.
 */
int state_dir_consumer(
    const char *path, char ret_name[STATE_DIR_CONSUMER_SIZE], int *ret_fd) MUST_USE;
