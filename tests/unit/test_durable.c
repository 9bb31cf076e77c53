/*
 * test_durable.c - a loop's units: in Redis, in the spool when Redis is away, and back.
 */
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ingest/durable.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"
#include "tests/unit/queue_helpers.h"

enum {
    UNITS_MAX = 400,
    TIMEOUT_MS = 300,
    BUDGET_US = 2 * 1000 * 1000,
    PATIENCE_US = 10 * 1000 * 1000,
    NOT_DONE = 12345,
    PATH_SIZE = 64,
};

/* A request: its bytes are gone as soon as it is answered. */
struct test_unit {
    struct durable_unit unit;
    struct queue_put put;
    char *bytes;
    char key[64];
    size_t index;
};

static char directory[] = "/tmp/flexbrevo-test-XXXXXX";
static atomic_bool redis_is_full;
static struct spooler *spooler;
static struct durable *durable;
static int statuses[UNITS_MAX];
static enum queue_put_result results[UNITS_MAX];

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

static char *
filled(size_t size)
{
    char *text = malloc(size + 1);

    assert_non_null(text);
    memset(text, 'x', size);
    text[size] = '\0';
    return text;
}

static void
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

static void
add_for(size_t index, int64_t budget_us)
{
    add_bytes(index, strdup("signed"), budget_us);
}

static void
add(size_t index)
{
    add_for(index, BUDGET_US);
}

/* ---- a disk that hangs or fails ------------------------------------------------------------ */

static atomic_bool disk_hangs;
static _Atomic ino_t unreadable; /* 0: none */

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
static int
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

static struct spooler *
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

static struct durable *
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

static void
reopen(void)
{
    durable_close(&durable);
    spooler_close(&spooler);
    spooler = open_spooler();
    durable = open_durable(spooler);
}

static int
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

static int
tear_down(void **state)
{
    static const char *const files[] = {"db", "db-wal", "db-shm", "lock"};
    char path[PATH_SIZE];

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
static void
turn(void)
{
    struct pollfd fds[DURABLE_FDS];
    const int timeout_ms = durable_timeout_ms(durable, clock_monotonic_us());

    durable_watch(durable, fds);
    (void)poll(fds, DURABLE_FDS, timeout_ms < 0 || timeout_ms > 20 ? 20 : timeout_ms);
    durable_run(
        durable, fds[0].revents != 0 || fds[1].revents != 0, clock_monotonic_us());
}

static void
run_until_done(void)
{
    const int64_t end_us = clock_monotonic_us() + PATIENCE_US;

    while (durable_waiting(durable) > 0) {
        turn();
        assert_true(clock_monotonic_us() < end_us);
    }
}

static void
run_until_drained(void)
{
    const int64_t end_us = clock_monotonic_us() + PATIENCE_US;

    while (spooler_waiting(spooler) > 0) {
        turn();
        assert_true(clock_monotonic_us() < end_us);
    }
}

static void
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
static void
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

static void
away(void)
{
    redis_fixture_signal(&redis, SIGSTOP);
}

static void
back(void)
{
    redis_fixture_signal(&redis, SIGCONT);
}

/* ---- with Redis ---------------------------------------------------------------------------- */

static void
with_redis_there_the_spool_is_not_used(void **state)
{
    (void)state;
    for (size_t i = 0; i < 300; i++) {
        add(i);
    }
    run_until_done();
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(statuses[i], 0);
        assert_int_equal(results[i], QUEUE_PUT_NEW);
    }
    assert_stored_in_order(300);
    assert_true(durable_ready(durable));
}

/* ---- away and back ------------------------------------------------------------------------- */

static void
what_a_hanging_redis_does_not_answer_is_spooled_in_time_and_in_order(void **state)
{
    size_t next = 300;

    (void)state;
    add(0);
    run_until_done();
    away();
    const int64_t start_us = clock_monotonic_us();

    for (size_t i = 1; i < 200; i++) { /* more than one call takes */
        add(i);
    }
    run_until_done();
    assert_true(clock_monotonic_us() - start_us < BUDGET_US);
    for (size_t i = 200; i < 300; i++) {
        add(i);
        turn();
    }
    run_until_done();
    for (size_t i = 1; i < 300; i++) {
        assert_int_equal(statuses[i], 0);
        assert_int_equal(results[i], QUEUE_PUT_SPOOLED);
    }
    assert_int_equal(spooler_waiting(spooler), 299);
    assert_true(durable_ready(durable));
    back();
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_stored_in_order(next);
}

static void
units_added_while_it_drains_do_not_overtake(void **state)
{
    size_t next = 200;

    (void)state;
    add(0);
    run_until_done();
    away();
    for (size_t i = 1; i < 200; i++) {
        add(i);
    }
    run_until_done();
    back();
    while (spooler_waiting(spooler) > 0 && next < UNITS_MAX - 50) {
        add(next++);
        turn();
    }
    run_until_done();
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_stored_in_order(next);
}

static void
a_refusal_is_spooled_and_the_same_event_again_is_a_duplicate(void **state)
{
    size_t next = 2;

    (void)state;
    add(0);
    run_until_done();
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    add(1);
    run_until_done();
    add(1);
    run_until_done();
    assert_int_equal(statuses[1], 0);
    assert_int_equal(results[1], QUEUE_PUT_DUPLICATE);
    assert_int_equal(spooler_waiting(spooler), 1);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_stored_in_order(next);
}

/* It answers, and is left alone all the same: what is left of it is for the workers. */
static void
a_redis_that_is_nearly_full_is_spared_until_it_has_room(void **state)
{
    size_t next = 0;

    (void)state;
    add_until_passed(&next);
    run_until_drained();
    const size_t first = next;

    atomic_store(&redis_is_full, true);
    for (; next < first + 20; next++) {
        add_for(next, PATIENCE_US);
        run_until_done();
        assert_int_equal(statuses[next], 0);
        assert_int_equal(results[next], QUEUE_PUT_SPOOLED);
    }
    const int64_t end_us = clock_monotonic_us() + 200 * 1000;

    while (clock_monotonic_us() < end_us) { /* nor is anything drained into it */
        turn();
    }
    assert_int_equal(spooler_waiting(spooler), 20);
    assert_stored_in_order(first);
    assert_true(durable_ready(durable));
    atomic_store(&redis_is_full, false);
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_stored_in_order(next);
}

static void
what_waits_behind_a_refusal_does_not_overtake_it(void **state)
{
    (void)state;
    add(0);
    run_until_done();
    (void)REDIS_DO(&redis, "SET", "fb:{0}:r:task.completed/WT0001", "in the way");
    add(1);
    turn();
    add(2); /* while the first is on its way */
    run_until_done();
    (void)REDIS_DO(&redis, "DEL", "fb:{0}:r:task.completed/WT0001");
    run_until_drained();
    assert_stored_in_order(3);
}

/* Its key was overwritten by somebody: Redis refuses it, and whatever is in the same call. */
static void
what_redis_refuses_for_good_does_not_hold_up_the_rest(void **state)
{
    size_t next = 10;

    (void)state;
    add(0);
    run_until_done();
    (void)REDIS_DO(&redis, "SET", "fb:{0}:r:task.completed/WT0005", "in the way");
    for (size_t i = 1; i < 10; i++) {
        add(i);
    }
    run_until_done();
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_int_equal(REDIS_NUMBER(&redis, "XLEN", "fb:{0}:stream"), next - 1);
    (void)REDIS_DO(&redis, "DEL", "fb:{0}:r:task.completed/WT0005");
    reopen();
    const int64_t end_us = clock_monotonic_us() + PATIENCE_US;

    while (REDIS_NUMBER(&redis, "XLEN", "fb:{0}:stream") < (int64_t)next) {
        assert_int_equal(spooler_waiting(spooler), 0); /* it is in nobody's way */
        turn();
        assert_true(clock_monotonic_us() < end_us);
    }
}

/* What is refused is not the event: nothing is set aside, and the order is kept. */
static void
a_redis_that_refuses_every_event_sets_none_aside(void **state)
{
    const struct counter *aside = metrics_counter(METRIC_SPOOL_ASIDE, NULL, NULL);
    const int64_t errors = counter_get(metrics_counter(METRIC_SPOOL_ERRORS, NULL, NULL));
    size_t next = 4;

    (void)state;
    add(0);
    run_until_done();
    (void)REDIS_DO(&redis, "RENAME", "fb:{0}:stream", "kept");
    (void)REDIS_DO(&redis, "SET", "fb:{0}:stream", "in the way");
    for (size_t i = 1; i < next; i++) {
        add(i);
    }
    run_until_done();
    const int64_t end_us = clock_monotonic_us() + 6 * 1000 * 1000;

    while (clock_monotonic_us() <
           end_us) { /* the first is passed over, and all the others */
        turn();
    }
    assert_int_equal(spooler_waiting(spooler), next - 1);
    assert_int_equal(counter_get(aside), 0);
    (void)REDIS_DO(&redis, "DEL", "fb:{0}:stream");
    (void)REDIS_DO(&redis, "RENAME", "kept", "fb:{0}:stream");
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_int_equal(REDIS_NUMBER(&redis, "XLEN", "fb:{0}:stream"), next);
    assert_int_equal(counter_get(aside), 0);
    assert_int_equal(
        counter_get(metrics_counter(METRIC_SPOOL_ERRORS, NULL, NULL)), errors);
}

/* Redis closes the connection on a put that is too large for it. */
static void
what_breaks_the_connection_each_time_does_not_hold_up_the_rest(void **state)
{
    size_t next = 4;

    (void)state;
    add(0);
    run_until_done();
    (void)REDIS_DO(&redis, "CONFIG", "SET", "proto-max-bulk-len", "1mb");
    add(1);
    add_bytes(2, filled(2 * 1024 * 1024), BUDGET_US);
    add(3);
    run_until_done();
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_int_equal(REDIS_NUMBER(&redis, "XLEN", "fb:{0}:stream"), next - 1);
    assert_int_equal(counter_get(metrics_counter(METRIC_SPOOL_ASIDE, NULL, NULL)), 1);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "proto-max-bulk-len", "512mb");
}

/* ---- both away ----------------------------------------------------------------------------- */

static sqlite3 *
lock_spool(void)
{
    sqlite3 *other = NULL;
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%s/spool-1.db", directory);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return other;
}

static void
a_unit_out_of_time_is_let_go_while_the_disk_is_slow(void **state)
{
    sqlite3 *other;

    (void)state;
    add(0);
    run_until_done();
    away();
    other = lock_spool(); /* half a second for each attempt */
    for (size_t i = 1; i < 20; i++) {
        add_for(i, 200 * 1000 + (int64_t)i);
    }
    run_until_done(); /* the spool has copies of what is freed now */
    for (size_t i = 1; i < 20; i++) {
        assert_int_equal(statuses[i], -ETIMEDOUT);
    }
    assert_int_equal(sqlite3_close(other), SQLITE_OK); /* unlocked */
    for (size_t i = 20; i < 25; i++) {
        add(i);
        run_until_done();
        assert_int_equal(statuses[i], 0);
    }
}

/* The spool's copies come later, as duplicates. */
static void
while_the_disk_hangs_a_redis_that_is_back_gets_it_all(void **state)
{
    size_t next = 4;

    (void)state;
    add(0);
    run_until_done();
    away();
    atomic_store(&disk_hangs, true);
    add_for(1, PATIENCE_US / 2);
    while (durable_wait_us(durable, clock_monotonic_us() + 1) == 0) {
        turn(); /* until it is at the spool */
    }
    add_for(2, PATIENCE_US / 2); /* behind it */
    back();
    run_until_done();
    add(3);
    run_until_done();
    for (size_t i = 1; i < next; i++) {
        assert_int_equal(statuses[i], 0);
        assert_int_not_equal(results[i], QUEUE_PUT_SPOOLED);
    }
    assert_stored_in_order(next);
    atomic_store(&disk_hangs, false);
    add_until_passed(&next);
    run_until_drained();
    assert_stored_in_order(next);
}

static int64_t
rows_in_file(void)
{
    sqlite3 *file = NULL;
    sqlite3_stmt *statement = NULL;
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%s/spool-1.db", directory);
    assert_int_equal(sqlite3_open(path, &file), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(file, "SELECT count(*) FROM events", -1, &statement, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const int64_t count = sqlite3_column_int64(statement, 0);

    (void)sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(file), SQLITE_OK);
    return count;
}

/* Or they would be told again, at the next start, after Redis has forgotten them. */
static void
rows_that_are_drained_and_cannot_be_removed_are_removed_later(void **state)
{
    const struct counter *errors = metrics_counter(METRIC_SPOOL_ERRORS, NULL, NULL);
    const int64_t end_us = clock_monotonic_us() + PATIENCE_US;
    const int64_t before = counter_get(errors);
    sqlite3 *other;

    (void)state;
    away();
    add(0);
    run_until_done();
    assert_int_equal(rows_in_file(), 1);
    other = lock_spool();
    back();
    while (counter_get(errors) < before + 2) { /* at once, and when it is tidied */
        turn();
        assert_true(clock_monotonic_us() < end_us);
    }
    assert_int_equal(spooler_waiting(spooler), 0);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    while (rows_in_file() > 0) {
        turn();
        assert_true(clock_monotonic_us() < end_us);
    }
}

static void
when_the_spool_cannot_keep_it_either_a_unit_fails(void **state)
{
    sqlite3 *other;

    (void)state;
    add(0);
    run_until_done();
    away();
    other = lock_spool();
    add_for(1, 4 * BUDGET_US);
    run_until_done();
    assert_int_equal(statuses[1], -EBUSY);
    assert_false(durable_ready(durable));
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    const int64_t end_us = clock_monotonic_us() + PATIENCE_US;

    while (!durable_ready(durable)) { /* it looks by itself */
        turn();
        assert_true(clock_monotonic_us() < end_us);
    }
}

/* Then the caller is asked to come again: a broken spool is no reason to fill Redis. */
static void
what_a_full_redis_is_spared_and_the_spool_cannot_keep_fails(void **state)
{
    sqlite3 *other;

    (void)state;
    atomic_store(&redis_is_full, true);
    other = lock_spool();
    add_for(0, 4 * BUDGET_US);
    run_until_done();
    assert_int_equal(statuses[0], -EBUSY);
    assert_stored_in_order(0);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

static void
closing_fails_what_still_waits(void **state)
{
    sqlite3 *other;

    (void)state;
    add(0);
    run_until_done();
    away();
    other = lock_spool();
    add_for(1, 300 * 1000);
    while (durable_wait_us(durable, clock_monotonic_us() + 1) == 0) {
        turn(); /* until it is at the spool */
    }
    add(2); /* behind it */
    durable_close(&durable);
    assert_int_equal(statuses[1], -ECANCELED);
    assert_int_equal(statuses[2], -ECANCELED);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

/* ---- files --------------------------------------------------------------------------------- */

static void
what_another_server_left_is_drained_before_what_comes(void **state)
{
    size_t next = 5;

    (void)state;
    away();
    for (size_t i = 0; i < 3; i++) {
        add(i);
        run_until_done();
    }
    durable_close(&durable);
    spooler_close(&spooler);
    char from[PATH_SIZE];
    char to[PATH_SIZE];

    (void)snprintf(from, sizeof(from), "%s/spool-1.db", directory);
    (void)snprintf(to, sizeof(to), "%s/spool-2.db", directory);
    assert_int_equal(rename(from, to), 0);
    spooler = open_spooler();
    durable = open_durable(spooler);
    assert_int_equal(spooler_waiting(spooler), 3);
    add(3);
    add(4);
    run_until_done();
    back();
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_stored_in_order(next);
    const int64_t end_us = clock_monotonic_us() + PATIENCE_US;

    while (access(to, F_OK) == 0) {
        turn();
        assert_true(clock_monotonic_us() < end_us);
    }
}

/* A file that was taken over is drained first; but not when the disk does not read it. */
static void
a_file_that_cannot_be_read_does_not_hold_up_another(void **state)
{
    const int64_t end_us = clock_monotonic_us() + PATIENCE_US;
    struct stat status;
    char from[PATH_SIZE];
    char to[PATH_SIZE];

    (void)state;
    away();
    for (size_t i = 0; i < 8; i++) { /* more than SQLite remembers */
        add_bytes(i, filled(1024 * 1024), BUDGET_US);
        run_until_done();
        assert_int_equal(results[i], QUEUE_PUT_SPOOLED);
    }
    assert_int_equal(spooler_waiting(spooler), 8);
    durable_close(&durable);
    spooler_close(&spooler);
    (void)snprintf(from, sizeof(from), "%s/spool-1.db", directory);
    (void)snprintf(to, sizeof(to), "%s/spool-2.db", directory);
    assert_int_equal(rename(from, to), 0);
    spooler = open_spooler();
    durable = open_durable(spooler);
    assert_int_equal(stat(to, &status), 0);
    atomic_store(&unreadable, status.st_ino);
    add(8);
    run_until_done();
    assert_int_equal(spooler_waiting(spooler), 9);
    back();
    while (REDIS_NUMBER(&redis, "EXISTS", "fb:{0}:r:task.completed/WT0008") == 0) {
        turn();
        assert_true(clock_monotonic_us() < end_us);
    }
    atomic_store(&unreadable, 0);
    reopen();
    run_until_drained();
    assert_int_equal(REDIS_NUMBER(&redis, "XLEN", "fb:{0}:stream"), 9);
}

static void
without_a_spool_a_failure_is_told(void **state)
{
    (void)state;
    durable_close(&durable);
    durable = open_durable(NULL);
    add(0);
    run_until_done();
    assert_int_equal(statuses[0], 0);
    away();
    add(1);
    run_until_done();
    assert_int_equal(statuses[1], -ETIMEDOUT);
    assert_false(durable_ready(durable));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(with_redis_there_the_spool_is_not_used),
        TEST(what_a_hanging_redis_does_not_answer_is_spooled_in_time_and_in_order),
        TEST(units_added_while_it_drains_do_not_overtake),
        TEST(a_refusal_is_spooled_and_the_same_event_again_is_a_duplicate),
        TEST(a_redis_that_is_nearly_full_is_spared_until_it_has_room),
        TEST(what_waits_behind_a_refusal_does_not_overtake_it),
        TEST(what_redis_refuses_for_good_does_not_hold_up_the_rest),
        TEST(a_redis_that_refuses_every_event_sets_none_aside),
        TEST(what_breaks_the_connection_each_time_does_not_hold_up_the_rest),
        TEST(a_unit_out_of_time_is_let_go_while_the_disk_is_slow),
        TEST(while_the_disk_hangs_a_redis_that_is_back_gets_it_all),
        TEST(rows_that_are_drained_and_cannot_be_removed_are_removed_later),
        TEST(when_the_spool_cannot_keep_it_either_a_unit_fails),
        TEST(what_a_full_redis_is_spared_and_the_spool_cannot_keep_fails),
        TEST(closing_fails_what_still_waits),
        TEST(what_another_server_left_is_drained_before_what_comes),
        TEST(a_file_that_cannot_be_read_does_not_hold_up_another),
        TEST(without_a_spool_a_failure_is_told),
    };

    return cmocka_run_group_tests_name("durable", tests, stand_between, stop_redis);
}
