/*
 * test_spool.c - the spool: what is in it stays, in order, once, until it is drained.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue/spool.h"
#include "server/ops/file.h"
#include "tests/unit/unit.h"

enum {
    PATH_SIZE = 64,
    BYTES_MAX = 64 * 1024 * 1024,
    BODY_SIZE = 1000,
    FILE_MAX = 4 * 1024 * 1024,
};

static char directory[] = "/tmp/flexbrevo-test-XXXXXX";
static char path[PATH_SIZE];
static struct spool *spool;
static const char *const files[] = {"spool.db", "spool.db-wal", "spool.db-shm"};

static const char *
in_directory(const char *name)
{
    static char file[PATH_SIZE];

    (void)snprintf(file, sizeof(file), "%s/%s", directory, name);
    return file;
}

static struct spool *
open_spool(int64_t max_bytes)
{
    struct spool *opened = NULL;

    assert_int_equal(spool_open(path, max_bytes, 1, &opened), SPOOL_OK);
    return opened;
}

static int
set_up(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/spool.db", directory);
    spool = open_spool(BYTES_MAX);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    spool_close(&spool);
    for (size_t i = 0; i < LENGTH(files); i++) {
        (void)unlink(in_directory(files[i]));
    }
    return rmdir(directory);
}

static void
reopen(void)
{
    spool_close(&spool);
    spool = open_spool(BYTES_MAX);
}

/* A put named and filled by a number; told from others by it. */
struct numbered {
    char key[32];
    char body[BODY_SIZE];
    struct queue_put put;
};

static struct queue_put *
number(struct numbered *numbered, unsigned n, const char *route)
{
    (void)snprintf(numbered->key, sizeof(numbered->key), "task.completed/WT%06u", n);
    memset(numbered->body, 'a' + (int)(n % 26), sizeof(numbered->body));
    numbered->put = (struct queue_put){.key = slice_of(numbered->key),
        .subject = slice_of(numbered->key + strlen("task.completed/")),
        .route = slice_of(route),
        .bytes = {numbered->body, sizeof(numbered->body)}};
    return &numbered->put;
}

static int
add(unsigned n, const char *route)
{
    struct numbered numbered;

    return spool_add(spool, number(&numbered, n, route), 1, 1000 + n);
}

static void
add_all(unsigned first, unsigned end)
{
    for (unsigned n = first; n < end; n++) {
        assert_int_equal(add(n, "taskrouter"), SPOOL_OK);
    }
}

/* Reads all that waits, in calls of `max`, and checks that it is first .. end - 1. */
static void
drain_all(unsigned first, unsigned end, size_t max)
{
    struct spool_rows rows;

    for (unsigned n = first; n < end;) {
        assert_int_equal(spool_read(spool, 0, max, &rows), SPOOL_OK);
        assert_int_not_equal(rows.count, 0);
        for (size_t i = 0; i < rows.count; i++, n++) {
            struct numbered numbered;
            const struct queue_put *put = number(&numbered, n, "taskrouter");

            assert_true(slice_equal(rows.puts[i].key, put->key));
            assert_true(slice_equal(rows.puts[i].subject, put->subject));
            assert_true(slice_equal(rows.puts[i].route, put->route));
            assert_true(slice_equal(rows.puts[i].bytes, put->bytes));
        }
        assert_int_equal(spool_drained(spool, &rows), SPOOL_OK);
        spool_rows_done(&rows);
    }
    assert_int_equal(spool_read(spool, 0, max, &rows), SPOOL_OK);
    assert_int_equal(rows.count, 0);
}

/* ---- what is promised -------------------------------------------------------------------- */

static void
what_was_added_is_drained_in_order_and_outlives_its_process(void **state)
{
    (void)state;
    add_all(0, 300);
    reopen();
    assert_int_equal(spool_totals(spool).waiting, 300);
    add_all(300, 400);
    drain_all(0, 400, 128);
    assert_int_equal(spool_totals(spool).waiting, 0);
    reopen();
    assert_int_equal(spool_totals(spool).waiting, 0);
}

static void
what_was_read_and_not_drained_is_read_again(void **state)
{
    struct spool_rows rows;

    (void)state;
    add_all(0, 10);
    assert_int_equal(spool_read(spool, 0, 4, &rows), SPOOL_OK);
    assert_int_equal(rows.count, 4);
    spool_rows_done(&rows);
    drain_all(0, 10, 4);
}

static void
of_one_record_and_route_the_first_is_kept(void **state)
{
    struct numbered numbered[4];
    struct queue_put puts[] = {*number(&numbered[0], 7, "plugin"),
        *number(&numbered[1], 7, "taskrouter"), *number(&numbered[2], 7, "plugin"),
        *number(&numbered[3], 8, "plugin")};

    (void)state;
    assert_int_equal(spool_add(spool, puts, LENGTH(puts), 1), SPOOL_OK);
    assert_int_equal(puts[0].result, QUEUE_PUT_SPOOLED);
    assert_int_equal(puts[1].result, QUEUE_PUT_SPOOLED);
    assert_int_equal(puts[2].result, QUEUE_PUT_DUPLICATE);
    assert_int_equal(puts[3].result, QUEUE_PUT_SPOOLED);
    assert_int_equal(spool_totals(spool).waiting, 3);
    reopen();
    assert_int_equal(spool_add(spool, puts, 1, 1), SPOOL_OK);
    assert_int_equal(puts[0].result, QUEUE_PUT_DUPLICATE);
}

static void
any_bytes_and_none_come_out_as_they_went_in(void **state)
{
    static const char bytes[] = "a\0b\xff'\"\n";
    struct queue_put puts[] = {
        {.key = slice_of("k/1"), .route = slice_of("plugin"), .bytes = {bytes, 7}},
        {.key = slice_of("k/2"), .route = slice_of("plugin")},
    };
    struct spool_rows rows;

    (void)state;
    assert_int_equal(spool_add(spool, puts, 2, 1), SPOOL_OK);
    assert_int_equal(puts[1].result, QUEUE_PUT_SPOOLED);
    assert_int_equal(spool_read(spool, 0, 2, &rows), SPOOL_OK);
    assert_int_equal(rows.count, 2);
    assert_true(slice_equal(rows.puts[0].bytes, puts[0].bytes));
    assert_int_equal(rows.puts[1].bytes.size, 0);
    spool_rows_done(&rows);
}

static void
a_read_is_bounded_and_takes_a_large_one_alone(void **state)
{
    char *large = calloc(1, GROUP_COMMIT_BYTES_MAX + 1);
    struct queue_put put = {.key = slice_of("k/large"),
        .route = slice_of("plugin"),
        .bytes = {large, GROUP_COMMIT_BYTES_MAX + 1}};
    struct spool_rows rows;

    (void)state;
    assert_non_null(large);
    assert_int_equal(spool_add(spool, &put, 1, 1), SPOOL_OK);
    add_all(0, 1);
    assert_int_equal(spool_read(spool, 0, SIZE_MAX, &rows), SPOOL_OK);
    assert_int_equal(rows.count, 1);
    spool_rows_done(&rows);
    free(large);
}

/* ---- set aside --------------------------------------------------------------------------- */

static void
what_is_set_aside_is_passed_over_and_read_by_itself(void **state)
{
    struct spool_rows rows;

    (void)state;
    add_all(0, 4);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(spool_read(spool, 0, 1, &rows), SPOOL_OK);
        assert_int_equal(spool_set_aside(spool, &rows), SPOOL_OK);
        spool_rows_done(&rows);
    }
    drain_all(2, 4, 128);
    reopen();
    assert_int_equal(spool_totals(spool).waiting, 0);
    assert_int_equal(spool_totals(spool).aside, 2);
    assert_int_equal(spool_read_one(spool, 0, SPOOL_ASIDE, 0, &rows), SPOOL_OK);
    const int64_t first_id = rows.first_id;

    spool_rows_done(&rows); /* refused again */
    assert_int_equal(spool_read_one(spool, 0, SPOOL_ASIDE, first_id, &rows), SPOOL_OK);
    assert_true(slice_is(rows.puts[0].key, "task.completed/WT000001"));
    assert_int_equal(spool_drained(spool, &rows), SPOOL_OK);
    spool_rows_done(&rows);
    assert_int_equal(spool_read_one(spool, 0, SPOOL_ASIDE, first_id, &rows), SPOOL_OK);
    assert_int_equal(rows.count, 0);
    reopen();
    assert_int_equal(spool_totals(spool).aside, 1);
}

static void
what_is_drained_out_of_turn_leaves_those_before_it(void **state)
{
    struct spool_rows rows;

    (void)state;
    add_all(0, 4);
    assert_int_equal(spool_read(spool, 0, 1, &rows), SPOOL_OK);
    const int64_t first_id = rows.first_id;

    spool_rows_done(&rows);
    assert_int_equal(spool_read_one(spool, 0, SPOOL_WAITING, first_id, &rows), SPOOL_OK);
    assert_true(slice_is(rows.puts[0].key, "task.completed/WT000001"));
    assert_int_equal(spool_drained(spool, &rows), SPOOL_OK);
    spool_rows_done(&rows);
    reopen();
    assert_int_equal(spool_totals(spool).waiting, 3);
    assert_int_equal(spool_read(spool, 0, 128, &rows), SPOOL_OK);
    assert_int_equal(rows.count, 3);
    assert_int_equal(rows.first_id, first_id);
    spool_rows_done(&rows);
}

/* ---- room -------------------------------------------------------------------------------- */

/* Adds until there is no room. How many went in. */
static unsigned
fill(unsigned n)
{
    int r;

    do {
        r = add(n, "taskrouter");
        n += r == SPOOL_OK ? 1 : 0;
    } while (r == SPOOL_OK && n < 100000);
    assert_true(r < 0);
    return n;
}

static void
a_full_spool_refuses_and_takes_again_when_drained(void **state)
{
    (void)state;
    spool_close(&spool);
    spool = open_spool(256 * 1024);
    const unsigned count = fill(0);

    assert_in_range(count, 100, 256);
    assert_int_equal(spool_probe(spool), -ENOSPC);
    assert_int_equal(spool_totals(spool).waiting, count);
    drain_all(0, count, 128);
    assert_int_equal(spool_probe(spool), SPOOL_OK);
    add_all(count, count + 50);
    drain_all(count, count + 50, 128);
}

static void
a_transaction_that_does_not_fit_leaves_nothing_behind(void **state)
{
    struct numbered numbered[200];
    struct queue_put puts[200];

    (void)state;
    spool_close(&spool);
    spool = open_spool(SPOOL_BYTES_MIN);
    for (unsigned n = 0; n < LENGTH(puts); n++) {
        puts[n] = *number(&numbered[n], n, "taskrouter");
    }
    assert_int_equal(spool_add(spool, puts, LENGTH(puts), 1), -ENOSPC);
    assert_int_equal(spool_totals(spool).waiting, 0);
    reopen();
    assert_int_equal(spool_totals(spool).waiting, 0);
    add_all(0, 5);
    drain_all(0, 5, 128);
}

/* What a disk without room looks like to us, for whoever may not mount one. */
static void
a_write_that_fails_loses_nothing_that_was_kept(void **state)
{
    const struct rlimit limit = {1024 * 1024, RLIM_INFINITY};
    struct rlimit before;
    unsigned count;

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    count = fill(0);
    assert_true(spool_probe(spool) < 0);
    assert_true(spool_error(spool)[0] != '\0');
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(count > 20);
    assert_int_equal(spool_probe(spool), SPOOL_OK);
    add_all(count, count + 10);
    reopen();
    drain_all(0, count + 10, 128);
}

/* It is in Redis: that it cannot be removed now must not bring it back. */
static void
what_is_drained_and_cannot_be_removed_is_not_read_again(void **state)
{
    const struct rlimit limit = {0, RLIM_INFINITY};
    struct rlimit before;
    struct spool_rows rows;

    (void)state;
    add_all(0, 10);
    assert_int_equal(spool_read(spool, 0, 4, &rows), SPOOL_OK);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_true(spool_drained(spool, &rows) < 0);
    spool_rows_done(&rows);
    assert_int_equal(spool_totals(spool).waiting, 6);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    drain_all(4, 10, 128);
    assert_int_equal(spool_tidy(spool), SPOOL_OK);
    reopen();
    assert_int_equal(spool_totals(spool).waiting, 0);
}

/* ---- files ------------------------------------------------------------------------------- */

static void
nobody_else_may_read_the_files(void **state)
{
    struct stat status;

    (void)state;
    add_all(0, 1);
    for (size_t i = 0; i < LENGTH(files); i++) {
        assert_int_equal(stat(in_directory(files[i]), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
}

static bool
holds(const char *file, const char *text)
{
    AUTO(buffer_done) struct buffer bytes = {0};

    assert_int_equal(file_read(in_directory(file), FILE_MAX, &bytes), 0);
    return bytes.size > 0 && memmem(bytes.data, bytes.size, text, strlen(text)) != NULL;
}

static void
what_is_drained_is_not_left_in_the_files(void **state)
{
    struct stat status;

    (void)state;
    add_all(0, 500);
    assert_true(holds("spool.db-wal", "task.completed/WT000007"));
    drain_all(0, 500, 128);
    assert_int_equal(spool_tidy(spool), SPOOL_OK);
    assert_false(holds("spool.db", "task.completed/WT"));
    assert_false(holds("spool.db", "hhhhhhhhhhhhhhhh"));
    assert_false(holds("spool.db-wal", "task.completed/WT"));
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size < 64 * 1024);
}

static void
it_can_be_looked_at_while_it_is_open_and_when_nobody_has_it(void **state)
{
    struct spool_totals totals;

    (void)state;
    add_all(5, 8);
    assert_int_equal(spool_look(path, &totals), SPOOL_OK);
    assert_int_equal(totals.waiting, 3);
    assert_int_equal(totals.aside, 0);
    assert_int_equal(totals.oldest_ms, 1005);
    spool_close(&spool);
    assert_int_equal(spool_look(path, &totals), SPOOL_OK);
    assert_int_equal(totals.waiting, 3);
    assert_true(spool_look(in_directory("none"), &totals) < 0);
    spool = open_spool(BYTES_MAX);
}

static void
overwrite(const char *file, off_t at, const char *bytes, size_t size)
{
    const int fd = open(in_directory(file), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, size, at), (ssize_t)size);
    assert_int_equal(close(fd), 0);
}

static void
a_damaged_file_is_called_so(void **state)
{
    static char rubbish[16 * 1024];
    static const off_t places[] = {0, 4096 + 200, 2 * 4096};

    (void)state;
    memset(rubbish, 'x', sizeof(rubbish));
    for (size_t i = 0; i < LENGTH(places); i++) {
        add_all(0, 200);
        spool_close(&spool);
        overwrite("spool.db", places[i], rubbish, sizeof(rubbish));
        assert_int_equal(spool_open(path, BYTES_MAX, 1, &spool), SPOOL_E_DAMAGED);
        assert_null(spool);
        assert_int_equal(unlink(path), 0);
        spool = open_spool(BYTES_MAX);
    }
}

static void
a_file_that_cannot_be_opened_is_an_error(void **state)
{
    struct spool *other = NULL;

    (void)state;
    assert_int_equal(
        spool_open(in_directory("no/spool.db"), BYTES_MAX, 1, &other), -ENOENT);
    assert_true(spool_open(directory, BYTES_MAX, 1, &other) < 0);
    assert_null(other);
}

/* ---- kill -9 ------------------------------------------------------------------------------ */

/* Adds one after the other and tells of each that is kept. */
static _Noreturn void
add_until_killed(int told)
{
    spool = open_spool(BYTES_MAX);
    for (unsigned n = 0;; n++) {
        if (add(n, "taskrouter") != SPOOL_OK ||
            write(told, &n, sizeof(n)) != (ssize_t)sizeof(n)) {
            _exit(1);
        }
    }
}

static void
kill_9_loses_nothing_that_was_kept(void **state)
{
    unsigned last = 0;
    int told[2];

    (void)state;
    spool_close(&spool);
    assert_int_equal(pipe(told), 0);
    const pid_t child = fork();

    if (child == 0) {
        add_until_killed(told[1]);
    }
    (void)close(told[1]);
    while (last < 100) {
        assert_int_equal(read(told[0], &last, sizeof(last)), sizeof(last));
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    while (read(told[0], &last, sizeof(last)) == (ssize_t)sizeof(last)) {
    }
    (void)close(told[0]);
    spool = open_spool(BYTES_MAX);
    const unsigned count = (unsigned)spool_totals(spool).waiting;

    assert_in_range(count, last + 1, last + 2);
    drain_all(0, count, 128);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_added_is_drained_in_order_and_outlives_its_process),
        TEST(what_was_read_and_not_drained_is_read_again),
        TEST(of_one_record_and_route_the_first_is_kept),
        TEST(any_bytes_and_none_come_out_as_they_went_in),
        TEST(a_read_is_bounded_and_takes_a_large_one_alone),
        TEST(what_is_set_aside_is_passed_over_and_read_by_itself),
        TEST(what_is_drained_out_of_turn_leaves_those_before_it),
        TEST(a_full_spool_refuses_and_takes_again_when_drained),
        TEST(a_transaction_that_does_not_fit_leaves_nothing_behind),
        TEST(a_write_that_fails_loses_nothing_that_was_kept),
        TEST(what_is_drained_and_cannot_be_removed_is_not_read_again),
        TEST(nobody_else_may_read_the_files),
        TEST(what_is_drained_is_not_left_in_the_files),
        TEST(it_can_be_looked_at_while_it_is_open_and_when_nobody_has_it),
        TEST(a_damaged_file_is_called_so),
        TEST(a_file_that_cannot_be_opened_is_an_error),
        TEST(kill_9_loses_nothing_that_was_kept),
    };

    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
