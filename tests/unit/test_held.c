/*
 * test_held.c - the ring of held requests: what goes in comes out, and nothing else does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/ingest/held_read.h"
#include "server/ops/clock.h"
#include "server/ops/file.h"
#include "tests/unit/held_fixture.h"
#include "tests/unit/unit.h"

/* ---- what is kept ------------------------------------------------------------------------- */

static void
nothing_is_made_before_the_first_request(void **state)
{
    AUTO(held_close) struct held *held = NULL;

    assert_int_equal(held_open(*state, RING_MAX, &held), 0);
    for (size_t i = 0; i < HELD_FILES; i++) {
        assert_int_equal(size_of(state, held_files[i]), -1);
    }
    assert_int_equal(read_from(state, 0, NULL), 0);
}

static void
what_was_kept_is_read_in_order_after_a_restart_too(void **state)
{
    keep_many(state, RING_MAX, 1, 3);
    keep_many(state, RING_MAX, 4, 2);
    assert_int_equal(read_from(state, 1, NULL), 5);
    assert_int_equal(size_of(state, HELD_RING), 5 * ENTRY_SIZE);
}

static void
the_files_are_for_their_owner_and_say_nothing(void **state)
{
    keep_many(state, RING_MAX, 1, 2);
    for (size_t i = 0; i < HELD_FILES; i++) {
        AUTO(buffer_done) struct buffer bytes = {0};
        struct stat status;

        if (stat(held_in(state, held_files[i]), &status) < 0) {
            continue;
        }
        assert_int_equal(status.st_mode & 0777, 0600);
        assert_int_equal(file_read(held_in(state, held_files[i]), RING_MAX, &bytes), 0);
        assert_null(bytes.size > 0 ? memmem(bytes.data, bytes.size, "lena@", 5) : NULL);
        assert_null(bytes.size > 0 ? memmem(bytes.data, bytes.size, "/path", 5) : NULL);
    }
}

static void
bytes_of_every_kind_come_back(void **state)
{
    static const char all[] = "\0\xff" HELD_MAGIC "\n%00'\"";
    AUTO(held_close) struct held *held = NULL;
    AUTO(held_reader_close) struct held_reader *reader = NULL;
    const struct slice bytes = {.data = all, .size = sizeof(all)};
    const struct held_request sent = {
        .time_ms = -1, .target = bytes, .forwarded.line = bytes, .body = bytes};
    struct held_request found;

    assert_int_equal(held_open(*state, RING_MAX, &held), 0);
    assert_int_equal(held_keep(held, &sent), HELD_OK);
    assert_int_equal(held_reader_open(*state, &reader), 0);
    assert_int_equal(held_reader_next(reader, &found), HELD_READ);
    assert_int_equal(found.time_ms, -1);
    assert_true(slice_equal(found.target, bytes));
    assert_true(slice_equal(found.body, bytes));
    assert_true(slice_equal(found.forwarded.line, bytes));
    assert_int_equal(found.signature.size, 0);
    assert_int_equal(found.forwarded.host.size, 0);
}

/* ---- bounds ------------------------------------------------------------------------------- */

static void
the_ring_forgets_the_oldest_and_never_grows_past_its_maximum(void **state)
{
    enum {
        PER_HALF = RING_MAX / 2 / ENTRY_SIZE,
        TOTAL = 10 * PER_HALF + 1,
    };

    keep_many(state, RING_MAX, 1, TOTAL);
    assert_true(size_of(state, HELD_RING) + size_of(state, HELD_RING_OLD) <= RING_MAX);
    assert_int_equal(read_from(state, TOTAL - PER_HALF, NULL), PER_HALF + 1);
}

static void
what_is_larger_than_half_of_the_ring_is_refused(void **state)
{
    AUTO(held_close) struct held *held = NULL;

    assert_int_equal(held_open(*state, ENTRY_SIZE, &held), 0);
    assert_true(keep(held, 1) < 0);
    assert_int_equal(read_from(state, 0, NULL), 0);
}

static void
the_pace_is_bounded(void **state)
{
    AUTO(held_close) struct held *held = NULL;
    const size_t size = 3 * 1024 * 1024;
    char *body = calloc(1, size);
    const struct held_request request = {.body = {.data = body, .size = size}};

    int64_t passed_s = 0;
    int kept = 0;

    assert_non_null(body);
    assert_int_equal(held_open(*state, HELD_RING_MAX, &held), 0);
    const int64_t began_us = clock_monotonic_us();

    while (kept < 8 && held_keep(held, &request) == HELD_OK) {
        kept++;
    }
    passed_s =
        (clock_monotonic_us() - began_us) / US_PER_S + 1; /* and one that has begun */
    /* The burst is two seconds' worth. */
    assert_in_range(kept, 2, (2 + passed_s) * HELD_BYTES_PER_S / (int64_t)size);
    free(body);
}

static void
many_short_ones_are_bounded_as_well(void **state)
{
    AUTO(held_close) struct held *held = NULL;
    const struct held_request request = {.body = slice_of("x")};
    const int a_second = HELD_BYTES_PER_S / HELD_CHARGE_MIN;
    int64_t passed_s = 0; /* and one that has begun */
    int kept = 0;

    assert_int_equal(held_open(*state, HELD_RING_MAX, &held), 0);
    const int64_t began_us = clock_monotonic_us();

    while (kept < 3 * a_second && held_keep(held, &request) == HELD_OK) {
        kept++;
    }
    passed_s = (clock_monotonic_us() - began_us) / US_PER_S + 1;
    assert_in_range(kept, 2 * a_second, (2 + passed_s) * a_second);
}

static void
a_second_process_holds_nothing(void **state)
{
    AUTO(held_close) struct held *first = NULL;
    AUTO(held_close) struct held *second = NULL;

    assert_int_equal(held_open(*state, RING_MAX, &first), 0);
    assert_int_equal(held_open(*state, RING_MAX, &second), 0);
    assert_int_equal(keep(first, 1), HELD_OK);
    assert_int_equal(keep(second, 9), HELD_E_BUSY);
    held_close(&first);
    assert_int_equal(keep(second, 2), HELD_OK);
    assert_int_equal(read_from(state, 1, NULL), 2);
}

/* ---- damage ------------------------------------------------------------------------------- */

static void
a_torn_end_is_stepped_over_wherever_it_was_torn(void **state)
{
    for (off_t torn = 1; torn < ENTRY_SIZE;
         torn += torn < HELD_HEADER_SIZE + 2 ? 1 : 97) {
        size_t unreadable = 0;

        keep_many(state, RING_MAX, 1, 2);
        assert_int_equal(truncate(held_in(state, HELD_RING), ENTRY_SIZE + torn), 0);
        assert_int_equal(read_from(state, 1, &unreadable), 1);
        keep_many(state, RING_MAX, 2, 2);
        assert_int_equal(read_from(state, 1, &unreadable), 3);
        assert_int_equal(unreadable, torn < 4 ? 0 : 1);
        assert_int_equal(unlink(held_in(state, HELD_RING)), 0);
    }
}

static void
a_flipped_bit_costs_one_entry_only(void **state)
{
    for (off_t at = 0; at < ENTRY_SIZE; at += at < HELD_HEADER_SIZE + 2 ? 1 : 97) {
        if (at == HELD_MARK_AT || (at > HELD_MARK_AT && at < 12)) {
            continue; /* not sealed: the mark and its padding */
        }
        char byte = 0;

        keep_many(state, RING_MAX, 1, 1);
        const int fd = open(held_in(state, HELD_RING), O_RDWR);

        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        (void)close(fd);
        keep_many(state, RING_MAX, 2, 2);
        assert_int_equal(read_from(state, 2, NULL), 2);
        assert_int_equal(unlink(held_in(state, HELD_RING)), 0);
    }
}

static void
another_key_opens_nothing(void **state)
{
    size_t unreadable = 0;

    keep_many(state, RING_MAX, 1, 3);
    assert_int_equal(unlink(held_in(state, HELD_KEY)), 0);
    assert_int_equal(read_from(state, 1, &unreadable), 0);
    assert_int_equal(unreadable, 3);
    keep_many(state, RING_MAX, 7, 2); /* makes a new key */
    assert_int_equal(read_from(state, 7, &unreadable), 2);
    assert_int_equal(unreadable, 3);
}

static void
a_key_deleted_under_a_running_server_is_made_anew(void **state)
{
    AUTO(held_close) struct held *held = NULL;

    assert_int_equal(held_open(*state, RING_MAX, &held), 0);
    assert_int_equal(keep(held, 1), HELD_OK);
    assert_int_equal(unlink(held_in(state, HELD_KEY)), 0);
    assert_int_equal(unlink(held_in(state, HELD_RING)), 0);
    assert_int_equal(keep(held, 2), HELD_OK);
    assert_int_equal(read_from(state, 2, NULL), 1);
}

static void
a_damaged_key_is_refused_and_not_replaced(void **state)
{
    AUTO(held_reader_close) struct held_reader *reader = NULL;
    AUTO(held_close) struct held *held = NULL;

    keep_many(state, RING_MAX, 1, 1);
    assert_int_equal(truncate(held_in(state, HELD_KEY), SEAL_KEY_SIZE - 1), 0);
    assert_int_equal(held_open(*state, RING_MAX, &held), 0);
    assert_int_equal(keep(held, 2), -EINVAL);
    assert_int_equal(held_reader_open(*state, &reader), -EINVAL);
    assert_int_equal(size_of(state, HELD_KEY), SEAL_KEY_SIZE - 1);
}

/* RLIMIT_FSIZE stands in for a full disk: a write is cut short, or fails. */
static void
a_full_disk_leaves_what_was_there_whole(void **state)
{
    AUTO(held_close) struct held *held = NULL;
    const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    const struct rlimit full = {ENTRY_SIZE * 2 - 1, RLIM_INFINITY};

    assert_int_equal(held_open(*state, RING_MAX, &held), 0);
    assert_int_equal(keep(held, 1), HELD_OK);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    assert_true(keep(held, 9) < 0);
    assert_true(keep(held, 9) < 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    assert_int_equal(size_of(state, HELD_RING), ENTRY_SIZE);
    assert_int_equal(keep(held, 2), HELD_OK);
    assert_int_equal(read_from(state, 1, NULL), 2);
}

/* Killed at any moment of writing without end: what is left is whole and in order. */
static void
kill9_leaves_whole_entries_in_order(void **state)
{
    size_t before = 0;

    for (int round = 0; round < 20; round++) {
        int ready[2];
        char byte;
        const pid_t child = pipe(ready) == 0 ? fork() : -1;

        assert_true(child >= 0);
        if (child == 0) {
            struct held *held = NULL;
            int64_t number = (int64_t)before + 1;
            bool fine = held_open(*state, HELD_RING_MAX, &held) == 0;

            while (fine && keep(held, number++) == HELD_OK) {
                fine = write(ready[1], "", 1) == 1;
            }
            _exit(1);
        }
        (void)close(ready[1]);
        for (int i = 0; i <= round % 5; i++) {
            assert_int_equal(read(ready[0], &byte, 1), 1);
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        (void)close(ready[0]);

        const size_t after = read_from(state, 1, NULL);

        assert_true(after > before + (size_t)(round % 5));
        before = after;
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(nothing_is_made_before_the_first_request),
        IN_DIRECTORY(what_was_kept_is_read_in_order_after_a_restart_too),
        IN_DIRECTORY(the_files_are_for_their_owner_and_say_nothing),
        IN_DIRECTORY(bytes_of_every_kind_come_back),
        IN_DIRECTORY(the_ring_forgets_the_oldest_and_never_grows_past_its_maximum),
        IN_DIRECTORY(what_is_larger_than_half_of_the_ring_is_refused),
        IN_DIRECTORY(the_pace_is_bounded),
        IN_DIRECTORY(many_short_ones_are_bounded_as_well),
        IN_DIRECTORY(a_second_process_holds_nothing),
        IN_DIRECTORY(a_torn_end_is_stepped_over_wherever_it_was_torn),
        IN_DIRECTORY(a_flipped_bit_costs_one_entry_only),
        IN_DIRECTORY(another_key_opens_nothing),
        IN_DIRECTORY(a_key_deleted_under_a_running_server_is_made_anew),
        IN_DIRECTORY(a_damaged_key_is_refused_and_not_replaced),
        IN_DIRECTORY(a_full_disk_leaves_what_was_there_whole),
        IN_DIRECTORY(kill9_leaves_whole_entries_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
