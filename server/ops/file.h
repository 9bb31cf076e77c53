/*
 * file.h - a whole file, or all a descriptor has left, in memory.
 */
#pragma once

#include "mapping/base.h"

/*
 * Reads at most `max` bytes into `buffer` (zeroed; buffer_done() it). 0, -EFBIG when there are
 * more, or -errno.
 */
int file_read(const char *path, size_t max, struct buffer *buffer) MUST_USE;
int file_read_fd(int fd, size_t max, struct buffer *buffer) MUST_USE;
