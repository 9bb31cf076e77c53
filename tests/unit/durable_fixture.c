/*
 * durable_fixture.c - a loop's units, a spool whose disk may hang or fail, and Redis, which may be away.
 */
#include "tests/unit/durable_fixture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/ops/clock.h"
#include "server/ops/log.h"

enum {
    TIMEOUT_MS = 300,
    NOT_DONE = 12345,
};

/* A request: its bytes are gone as soon as it is answered. */
struct test_unit {
    struct durable_unit unit;
    struct queue_put put;
    char *bytes;
    char key[64];
    size_t index;
};

char directory[] = "/tmp/flexbrevo-test-XXXXXX";
atomic_bool redis_is_full;
struct spooler *spooler;
struct durable *durable;
int statuses[UNITS_MAX];
enum queue_put_result results[UNITS_MAX];

static void
on_done(struct durable_unit *unit, int status)
{
    struct test_unit *test = (struct test_unit *)unit;

    assert_int_equal(statuses[test->index], NOT_DONE);
    statuses[test->index] = status;
    results[test->index] = test->put.result;
    free(test->bytes);
    free(test);
}

char *
filled(size_t size)
{
    char *text = malloc(size + 1);

    assert_non_null(text);
    memset(text, 'x', size);
    text[size] = '\0';
    return text;
}

void
add_bytes(size_t index, char *bytes, int64_t budget_us)
{
    struct test_unit *test = calloc(1, sizeof(*test));

    assert_non_null(test);
    test->index = index;
    test->bytes = bytes;
    (void)snprintf(test->key, sizeof(test->key), "task.completed/WT%04zu", index);
    test->put = (struct queue_put){.key = slice_of(test->key),
        .subject = slice_of(test->key + strlen("task.completed/")),
        .route = slice_of("taskrouter"),
        .bytes = slice_of(test->bytes)};
    test->unit = (struct durable_unit){.puts = &test->put,
        .put_count = 1,
        .done = on_done,
        .deadline_us = clock_monotonic_us() + budget_us};
    statuses[index] = NOT_DONE;
    durable_add(durable, &test->unit);
}

void
add_for(size_t index, int64_t budget_us)
{
    add_bytes(index, strdup("signed"), budget_us);
}

void
add(size_t index)
{
    add_for(index, BUDGET_US);
}

/* ---- a disk that hangs or fails ------------------------------------------------------------ */

atomic_bool disk_hangs;
_Atomic ino_t unreadable; /* 0: none */

static ssize_t
write_or_hang(int fd, const void *bytes, size_t size, off_t at)
{
    while (atomic_load(&disk_hangs)) {
        (void)poll(NULL, 0, 5);
    }
    return pwrite(fd, bytes, size, at);
}

static ssize_t
read_or_fail(int fd, void *bytes, size_t size, off_t at)
{
    struct stat status;

    if (atomic_load(&unreadable) != 0 && fstat(fd, &status) == 0 &&
        status.st_ino == atomic_load(&unreadable)) {
        errno = EIO;
        return -1;
    }
    return pread(fd, bytes, size, at);
}

/* Of each pair SQLite uses one. */
int
stand_between(void **state)
{
    static const struct {
        const char *name;
        sqlite3_syscall_ptr call;
    } calls[] = {
        {"pread", (sqlite3_syscall_ptr)read_or_fail},
        {"pread64", (sqlite3_syscall_ptr)read_or_fail},
        {"pwrite", (sqlite3_syscall_ptr)write_or_hang},
        {"pwrite64", (sqlite3_syscall_ptr)write_or_hang},
    };
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    for (size_t i = 0; i < LENGTH(calls); i++) {
        (void)vfs->xSetSystemCall(vfs, calls[i].name, calls[i].call);
    }
    return start_redis(state);
}

/* ---- around each test ---------------------------------------------------------------------- */

struct spooler *
open_spooler(void)
{
    const struct spooler_options options = {
        .state_dir = directory,
        .redis_url = redis.url,
        .redis_is_full = &redis_is_full,
        .max_bytes = 64 * 1024 * 1024,
    };
    char error[SPOOLER_ERROR_SIZE] = "";
    struct spooler *opened = NULL;

    if (spooler_open(&options, &opened, error) != 0) {
        fail_msg("%s", error);
    }
    assert_int_equal(spooler_start(opened), 0);
    return opened;
}

struct durable *
open_durable(struct spooler *with)
{
    struct queue_options options = default_options(NULL);
    char error[QUEUE_ERROR_SIZE] = "";
    struct durable *opened = NULL;

    options.timeout_ms = TIMEOUT_MS;
    if (durable_open(&options, with, &opened, error) != 0) {
        fail_msg("%s", error);
    }
    return opened;
}

void
reopen(void)
{
    durable_close(&durable);
    spooler_close(&spooler);
    spooler = open_spooler();
    durable = open_durable(spooler);
}

int
set_up(void **state)
{
    (void)empty_redis(state);
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    log_set_level(LOG_ERROR);
    atomic_store(&redis_is_full, false);
    spooler = open_spooler();
    durable = open_durable(spooler);
    return 0;
}

int
tear_down(void **state)
{
    static const char *const files[] = {"db", "db-wal", "db-shm", "lock"};
    char path[SPOOL_PATH_SIZE];

    (void)state;
    redis_fixture_signal(&redis, SIGCONT);
    atomic_store(&disk_hangs, false);
    atomic_store(&unreadable, 0);
    durable_close(&durable);
    spooler_close(&spooler);
    for (size_t i = 0; i < 2 * LENGTH(files); i++) {
        (void)snprintf(path, sizeof(path), "%s/spool-%zu.%s", directory,
            1 + i / LENGTH(files), files[i % LENGTH(files)]);
        (void)unlink(path);
    }
    return rmdir(directory);
}

/* One turn of an event loop. */
void
turn(void)
{
    struct pollfd fds[DURABLE_FDS];
    const int timeout_ms = durable_timeout_ms(durable, clock_monotonic_us());

    durable_watch(durable, fds);
    (void)poll(fds, DURABLE_FDS, timeout_ms < 0 || timeout_ms > 20 ? 20 : timeout_ms);
    durable_run(
        durable, fds[0].revents != 0 || fds[1].revents != 0, clock_monotonic_us());
}

void
run_until_done(void)
{
    const int64_t end_us = clock_monotonic_us() + PATIENCE_US;

    while (durable_waiting(durable) > 0) {
        turn();
        assert_true(clock_monotonic_us() < end_us);
    }
}

void
run_until_drained(void)
{
    const int64_t end_us = clock_monotonic_us() + PATIENCE_US;

    while (spooler_waiting(spooler) > 0) {
        turn();
        assert_true(clock_monotonic_us() < end_us);
    }
}

void
add_until_passed(size_t *next)
{
    do {
        assert_true(*next < UNITS_MAX);
        add(*next);
        run_until_done();
        assert_int_equal(statuses[*next], 0);
    } while (results[(*next)++] == QUEUE_PUT_SPOOLED);
}

/* The queue holds 0 .. count - 1, each once, in this order. */
void
assert_stored_in_order(size_t count)
{
    const struct redisReply *entries =
        REDIS_DO(&redis, "XRANGE", "fb:{0}:stream", "-", "+");

    assert_int_equal(redis_reply_count(entries), count);
    for (size_t i = 0; i < count; i++) {
        const struct redisReply *fields = redis_reply_at(redis_reply_at(entries, i), 1);
        char key[64];

        (void)snprintf(key, sizeof(key), "task.completed/WT%04zu", i);
        assert_true(slice_is(redis_reply_text(redis_reply_at(fields, 1)), key));
    }
}

void
away(void)
{
    redis_fixture_signal(&redis, SIGSTOP);
}

void
back(void)
{
    redis_fixture_signal(&redis, SIGCONT);
}
