/*
 * held_read.h - the held requests that were not released yet, in the order they came.
 *
 * Reads what is there when it is opened, while a server may go on appending. When the server turns
 * the ring over meanwhile, the older half is read to its end all the same, and marking in it does
 * no harm: the file is only no longer named.
 */
#pragma once

#include "server/ingest/held.h"

struct held_reader;

enum held_read_result {
    HELD_READ = 0,
    HELD_READ_END,
};

/* No ring is an empty one. 0, -EINVAL when held.key is damaged, or -errno. */
int held_reader_open(const char *directory, struct held_reader **ret_reader) MUST_USE;
void held_reader_close(struct held_reader **reader);

/* A held_read_result, or -ENOMEM. The slices live until the next call. */
int held_reader_next(
    struct held_reader *reader, struct held_request *ret_request) MUST_USE;
/* Marks what was read last as released. 0 or -errno. */
int held_reader_mark(struct held_reader *reader) MUST_USE;
/* Entries met so far that cannot be opened: torn, or sealed with a key that is gone. */
size_t held_reader_unreadable(const struct held_reader *reader);
