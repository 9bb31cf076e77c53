/*
 * test_durable_disk.c - a loop's units when the spool's disk hangs, fails, or holds what others left.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "server/ops/clock.h"
#include "server/ops/metrics.h"
#include "tests/unit/durable_fixture.h"

/* ---- both away ----------------------------------------------------------------------------- */

static sqlite3 *
lock_spool(void)
{
    sqlite3 *other = NULL;
    char path[SPOOL_PATH_SIZE];

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
    char path[SPOOL_PATH_SIZE];

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
    char from[SPOOL_PATH_SIZE];
    char to[SPOOL_PATH_SIZE];

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
    char from[SPOOL_PATH_SIZE];
    char to[SPOOL_PATH_SIZE];

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_unit_out_of_time_is_let_go_while_the_disk_is_slow),
        TEST(while_the_disk_hangs_a_redis_that_is_back_gets_it_all),
        TEST(rows_that_are_drained_and_cannot_be_removed_are_removed_later),
        TEST(when_the_spool_cannot_keep_it_either_a_unit_fails),
        TEST(what_a_full_redis_is_spared_and_the_spool_cannot_keep_fails),
        TEST(closing_fails_what_still_waits),
        TEST(what_another_server_left_is_drained_before_what_comes),
        TEST(a_file_that_cannot_be_read_does_not_hold_up_another),
    };

    return cmocka_run_group_tests_name("durable_disk", tests, stand_between, stop_redis);
}
