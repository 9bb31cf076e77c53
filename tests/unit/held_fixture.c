/*
 * held_fixture.c - a directory with a ring of held requests, and requests told by their number.
 */
#include "tests/unit/held_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ingest/held_read.h"
#include "tests/unit/unit.h"

const char *const held_files[HELD_FILES] = {
    HELD_KEY, HELD_KEY ".new", HELD_LOCK, HELD_RING, HELD_RING_OLD};

int
make_directory(void **state)
{
    char *path = strdup("/tmp/flexbrevo-test-XXXXXX");

    *state = path;
    return path != NULL && mkdtemp(path) != NULL ? 0 : -1;
}

const char *
held_in(void **state, const char *name)
{
    static char path[HELD_PATH_SIZE];

    assert_int_equal(held_path(*state, name, path), 0);
    return path;
}

int
remove_directory(void **state)
{
    for (size_t i = 0; i < HELD_FILES; i++) {
        (void)unlink(held_in(state, held_files[i]));
    }
    const int r = rmdir(*state);

    free(*state);
    return r;
}

/* A request that is told from others by its number. */
struct held_request
request_of(int64_t number, char body[BODY_SIZE])
{
    memset(body, 'x', BODY_SIZE);
    (void)snprintf(body, BODY_SIZE, "secret of lena@example.com %lld", (long long)number);
    return (struct held_request){
        .time_ms = number,
        .target = slice_of("/path"),
        .signature = slice_of("sig"),
        .content_type = slice_of("form"),
        .body = {.data = body, .size = BODY_SIZE},
    };
}

int
keep(struct held *held, int64_t number)
{
    char body[BODY_SIZE];
    const struct held_request request = request_of(number, body);

    return held_keep(held, &request);
}

void
keep_many(void **state, size_t max, int64_t first, int64_t count)
{
    AUTO(held_close) struct held *held = NULL;

    assert_int_equal(held_open(*state, max, &held), 0);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(keep(held, first + i), HELD_OK);
    }
}

/* How many there are, all whole, the first being `first` and each one after its forerunner. */
size_t
read_from(void **state, int64_t first, size_t *ret_unreadable)
{
    AUTO(held_reader_close) struct held_reader *reader = NULL;
    struct held_request request;
    size_t count = 0;

    assert_int_equal(held_reader_open(*state, &reader), 0);
    while (held_reader_next(reader, &request) == HELD_READ) {
        char body[BODY_SIZE];
        const struct held_request expected = request_of(first + (int64_t)count, body);

        assert_int_equal(request.time_ms, expected.time_ms);
        assert_true(slice_equal(request.target, expected.target));
        assert_true(slice_equal(request.signature, expected.signature));
        assert_true(slice_equal(request.content_type, expected.content_type));
        assert_true(slice_equal(request.body, expected.body));
        count++;
    }
    if (ret_unreadable != NULL) {
        *ret_unreadable = held_reader_unreadable(reader);
    }
    return count;
}

off_t
size_of(void **state, const char *name)
{
    struct stat status = {0};

    return stat(held_in(state, name), &status) == 0 ? status.st_size : -1;
}
