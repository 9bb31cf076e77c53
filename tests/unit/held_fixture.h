/*
 * held_fixture.h - a directory with a ring of held requests, and requests told by their number.
 */
#pragma once

#include <sys/types.h>

#include "server/ingest/held_file.h"

enum {
    RING_MAX = 16 * 1024,
    BODY_SIZE = 1000,
    ENTRY_SIZE = HELD_HEADER_SIZE + 8 + 8 * 4 + 5 + 3 + 4 + BODY_SIZE, /* of keep() */
    HELD_FILES = 5,
};

extern const char *const held_files[HELD_FILES]; /* all there may be in the directory */

/* Around each test: `*state` is the directory. */
int make_directory(void **state);
int remove_directory(void **state);
#define IN_DIRECTORY(test) \
    cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

/* The path of a file in it; the next call writes over it. */
const char *held_in(void **state, const char *name);
/* -1: there is no such file. */
off_t size_of(void **state, const char *name);

struct held_request request_of(int64_t number, char body[BODY_SIZE]);
int keep(struct held *held, int64_t number);
void keep_many(void **state, size_t max, int64_t first, int64_t count);
/* How many there are, all whole, the first being `first` and each one after its forerunner. */
size_t read_from(void **state, int64_t first, size_t *ret_unreadable);
