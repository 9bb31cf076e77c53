/*
 * file.h - whole files: read into memory, replaced at once.
 */
#pragma once

#include "mapping/base.h"

/*
 * Reads at most `max` bytes into `buffer` (zeroed; buffer_done() it). 0, -EFBIG when there are
 * more, or -errno.
 */
int file_read(const char *path, size_t max, struct buffer *buffer) MUST_USE;
/* The same of all that a descriptor has left. */
int file_read_fd(int fd, size_t max, struct buffer *buffer) MUST_USE;

/*
 * Writes the file anew, durably, mode 0600, by way of `path` and ".new": whoever dies in the midst
 * leaves the old file or the new one, whole. One at a time: the caller holds a lock. 0 or -errno.
 */
int file_replace(const char *path, struct slice bytes) MUST_USE;
