/*
 * request_file.h - prepared requests, one behind the other, each behind its size.
 */
#pragma once

#include "mapping/base.h"

struct request_file {
    struct slice bytes; /* mapped for as long as the process lives */
    size_t at;
    bool repeats; /* from the start again after the last */
};

/* 0, or -errno; -ENODATA when it is empty. */
int request_file_open(
    const char *path, bool repeats, struct request_file *ret_file) MUST_USE;
bool request_file_has_next(const struct request_file *file);
/* False when the file ends within a request. */
bool request_file_next(struct request_file *file, struct slice *ret_request) MUST_USE;
