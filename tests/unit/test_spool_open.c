/*
 * test_spool_open.c - opening a spool: a disk or a memory that fails for a moment is no damage.
 *
 * Each read, and each allocation, of an opening fails once, and then from there on.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/spool.h"
#include "server/ops/file.h"
#include "tests/unit/unit.h"

enum {
    PATH_SIZE = 64,
    BYTES_MAX = 64 * 1024 * 1024,
    FILE_MAX = 4 * 1024 * 1024,
    BODY_SIZE = 700,
    ROWS = 12,
};

static char directory[] = "/tmp/flexbrevo-test-XXXXXX";
static char path[PATH_SIZE];
static const char *const names[] = {
    "spool.db", "spool.db-wal", "spool.db-shm", "left.db", "left.db-wal", "left.db-shm"};

/* ---- calls that fail ---------------------------------------------------------------------- */

static struct fault {
    int64_t passes;
    int64_t first; /* 0: none fails */
    int64_t count;
} reads, allocations;

static bool
fails(struct fault *fault)
{
    fault->passes++;
    return fault->first > 0 && fault->passes >= fault->first &&
           fault->passes < fault->first + fault->count;
}

static ssize_t
read_or_fail(int fd, void *bytes, size_t size, off_t at)
{
    if (fails(&reads)) {
        errno = EIO;
        return -1;
    }
    return pread(fd, bytes, size, at);
}

static sqlite3_mem_methods memory;

static void *
allocate_or_fail(int size)
{
    return fails(&allocations) ? NULL : memory.xMalloc(size);
}

static int
stand_between(void **state)
{
    static const char *const calls[] = {"pread", "pread64"};
    sqlite3_mem_methods ours;

    (void)state;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory), SQLITE_OK);
    ours = memory;
    ours.xMalloc = allocate_or_fail;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours), SQLITE_OK);
    assert_int_equal(sqlite3_initialize(), SQLITE_OK);
    for (size_t i = 0; i < LENGTH(calls); i++) {
        sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

        (void)vfs->xSetSystemCall(
            vfs, calls[i], (sqlite3_syscall_ptr)read_or_fail); /* one is used */
    }
    return 0;
}

/* ---- files -------------------------------------------------------------------------------- */

static const char *
in_directory(const char *name)
{
    static char file[PATH_SIZE];

    (void)snprintf(file, sizeof(file), "%s/%s", directory, name);
    return file;
}

static int
set_up(void **state)
{
    (void)state;
    reads = (struct fault){0};
    allocations = (struct fault){0};
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/spool.db", directory);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(names); i++) {
        (void)unlink(in_directory(names[i]));
    }
    return rmdir(directory);
}

static void
add(struct spool *spool, unsigned n)
{
    static char body[BODY_SIZE];
    char key[32];

    (void)snprintf(key, sizeof(key), "task.completed/WT%06u", n);
    struct queue_put put = {.key = slice_of(key),
        .subject = slice_of(key),
        .route = slice_of("taskrouter"),
        .bytes = {body, sizeof(body)}};

    assert_int_equal(spool_add(spool, &put, 1, 1), SPOOL_OK);
}

/* Rows, and pages that are free again. */
static struct spool *
open_filled(void)
{
    struct spool *spool = NULL;
    struct spool_rows rows;

    assert_int_equal(spool_open(path, BYTES_MAX, 1, &spool), SPOOL_OK);
    for (unsigned n = 0; n < 2 * ROWS; n++) {
        add(spool, n);
    }
    assert_int_equal(spool_read(spool, 0, ROWS, &rows), SPOOL_OK);
    assert_int_equal(spool_drained(spool, &rows), SPOOL_OK);
    spool_rows_done(&rows);
    return spool;
}

static void
copy(const char *from, const char *to)
{
    AUTO(buffer_done) struct buffer bytes = {0};

    assert_int_equal(file_read(in_directory(from), FILE_MAX, &bytes), 0);
    FILE *file = fopen(in_directory(to), "we");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    assert_int_equal(fclose(file), 0);
}

/* ---- what is promised --------------------------------------------------------------------- */

/* Opens a copy of the spool, with its log if there is one. False: no call has failed. */
static bool
open_with(struct fault *fault, int64_t first, int64_t count)
{
    struct spool *spool = NULL;

    copy("spool.db", "left.db");
    (void)unlink(in_directory("left.db-wal"));
    (void)unlink(in_directory("left.db-shm"));
    if (access(in_directory("spool.db-wal"), F_OK) == 0) {
        copy("spool.db-wal", "left.db-wal");
    }
    *fault = (struct fault){.first = first, .count = count};
    const int r = spool_open(in_directory("left.db"), BYTES_MAX, 1, &spool);
    const bool has_failed = fault->passes >= first;

    *fault = (struct fault){0};
    if (r != SPOOL_OK && (r > 0 || !has_failed)) {
        fail_msg("call %lld of %lld: %d", (long long)first, (long long)count, r);
    }
    if (r == SPOOL_OK) {
        assert_int_equal(spool_totals(spool).waiting, ROWS);
    }
    spool_close(&spool);
    return has_failed;
}

/* Once the n-th call fails, and once all from there on, for each n. */
static void
open_with_each_failing(struct fault *fault)
{
    for (int64_t first = 1; open_with(fault, first, 1); first++) {
        (void)open_with(fault, first, INT64_MAX - first);
    }
}

static void
a_read_that_fails_is_no_damage(void **state)
{
    struct spool *spool = open_filled();

    (void)state;
    spool_close(&spool);
    open_with_each_failing(&reads);
}

/* Most of the spool is in its log still, as a process that was killed leaves it. */
static void
a_read_of_the_log_that_fails_is_no_damage(void **state)
{
    struct spool *spool = open_filled();

    (void)state;
    open_with_each_failing(&reads);
    spool_close(&spool);
}

static void
trying_to_open_it_again_and_again_writes_nothing(void **state)
{
    struct spool *spool = open_filled();
    struct stat status = {0};

    (void)state;
    spool_close(&spool);
    for (int i = 0; i < 5; i++) {
        reads = (struct fault){.first = 5, .count = INT64_MAX - 5};
        assert_int_equal(spool_open(path, BYTES_MAX, 1, &spool), -EIO);
    }
    (void)stat(in_directory("spool.db-wal"), &status); /* not there, at best */
    assert_int_equal(status.st_size, 0);
}

static void
memory_that_is_short_is_no_damage(void **state)
{
    struct spool *spool = open_filled();

    (void)state;
    spool_close(&spool);
    open_with_each_failing(&allocations);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_read_that_fails_is_no_damage),
        TEST(a_read_of_the_log_that_fails_is_no_damage),
        TEST(trying_to_open_it_again_and_again_writes_nothing),
        TEST(memory_that_is_short_is_no_damage),
    };

    return cmocka_run_group_tests_name("spool_open", tests, stand_between, NULL);
}
