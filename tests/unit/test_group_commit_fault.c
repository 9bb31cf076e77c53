/*
 * test_group_commit_fault.c - a group commit when Redis is away, hangs, dies or refuses.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/commit_fixture.h"

/* ---- faults ------------------------------------------------------------------------------ */

static void
a_hung_redis_fails_the_units_in_time(void **state)
{
    (void)state;
    run_until_healthy(true);
    redis_fixture_signal(&redis, SIGSTOP);
    const int64_t start_us = redis_now_us();

    for (size_t i = 0; i < 600; i++) { /* a round, and more than a round */
        (void)add(i);
    }
    run_until_done();
    const int64_t took_us = redis_now_us() - start_us;

    redis_fixture_signal(&redis, SIGCONT);
    /* two waits, of the round and of the next greeting; not one for each of five rounds */
    assert_in_range(took_us, TIMEOUT_MS * 1000, 5 * TIMEOUT_MS * 1000 - 1);
    for (size_t i = 0; i < 600; i++) {
        assert_int_equal(units[i].status, -ETIMEDOUT);
    }
    assert_false(group_commit_healthy(commit));
    run_until_healthy(true);
    (void)add(700);
    run_until_done();
    assert_int_equal(units[700].status, 0);
}

static void
units_given_up_fail_in_order_and_the_late_answer_finds_nobody(void **state)
{
    (void)state;
    run_until_healthy(true);
    redis_fixture_signal(&redis, SIGSTOP);
    for (size_t i = 0; i < 200; i++) { /* a round, and some behind it */
        (void)add(i);
    }
    turn(0);
    group_commit_give_up(commit, -EAGAIN);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(units[i].status, -EAGAIN);
        assert_int_equal(units[i].order, i + 1);
    }
    assert_int_equal(group_commit_waiting(commit), 0);
    (void)add(200); /* waits for the answer to the round */
    redis_fixture_signal(&redis, SIGCONT);
    run_until_done();
    assert_int_equal(units[200].status, 0);
    assert_int_equal(stored(), GROUP_COMMIT_EVENTS_MAX + 1);
}

/* Whoever cares for its units now must not hear that Redis stores again. */
static void
a_round_that_was_given_up_counts_as_redis_answers_it(void **state)
{
    struct pollfd ready = {.events = POLLIN};

    (void)state;
    run_until_healthy(true);
    (void)REDIS_DO(&redis, "SET", "fb:{0}:r:task.completed/WT0", "in the way");
    (void)add(0);
    turn(0);
    group_commit_give_up(commit, -EAGAIN);
    ready.fd = group_commit_fd(commit);
    assert_int_equal(poll(&ready, 1, PATIENCE_US / 1000), 1);
    group_commit_run(commit, redis_now_us());
    assert_false(group_commit_healthy(commit));
    assert_non_null(strstr(group_commit_error(commit), "WRONGTYPE"));
    run_until_healthy(true);
}

static void
hold_when_done(struct commit_unit *unit, int status)
{
    on_done(unit, status);
    group_commit_hold(commit);
}

/* Somebody else shall take care of the unit when it fails, and of those behind it. */
static void
add_held(size_t index, int64_t deadline_us)
{
    struct test_unit *test = prepare(index);

    test->unit.done = hold_when_done;
    test->unit.deadline_us = deadline_us;
    group_commit_add(commit, &test->unit);
}

static void
expect_held_and_given_up(size_t failed, size_t behind)
{
    assert_int_not_equal(units[failed].status, NOT_DONE);
    assert_int_equal(units[behind].status, NOT_DONE);
    group_commit_give_up(commit, -EAGAIN);
    assert_int_equal(units[behind].status, -EAGAIN);
    (void)add(9); /* in a round of its own */
    run_until_done();
    assert_int_equal(units[9].status, 0);
}

static void
while_held_nothing_overtakes_what_redis_refused(void **state)
{
    (void)state;
    run_until_healthy(true);
    (void)REDIS_DO(&redis, "SET", "fb:{0}:r:task.completed/WT0", "in the way");
    add_held(0, redis_now_us() + PATIENCE_US);
    turn(0);
    add_held(1, redis_now_us() + PATIENCE_US);
    while (units[0].status == NOT_DONE) {
        turn(100);
    }
    expect_held_and_given_up(0, 1);
    assert_int_equal(stored(), 1);
}

static void
while_held_nothing_overtakes_what_is_out_of_time(void **state)
{
    struct pollfd ready = {.events = POLLIN};

    (void)state;
    run_until_healthy(true);
    (void)add(2);
    turn(0);
    add_held(0, redis_now_us());
    (void)add(1);
    ready.fd = group_commit_fd(commit);
    assert_int_equal(poll(&ready, 1, PATIENCE_US / 1000), 1);
    group_commit_run(commit, redis_now_us()); /* round and deadline in one turn */
    assert_int_equal(units[2].status, 0);
    expect_held_and_given_up(0, 1);
    assert_int_equal(stored(), 2);
}

static void
a_unit_that_comes_during_the_first_connect_may_wait(void **state)
{
    (void)state;
    redis_fixture_signal(&redis, SIGSTOP);
    (void)add(0);
    turn(0);
    assert_int_equal(units[0].status, NOT_DONE);
    redis_fixture_signal(&redis, SIGCONT);
    run_until_done();
    assert_int_equal(units[0].status, 0);
}

static void
units_fail_at_once_while_redis_is_known_to_be_away(void **state)
{
    (void)state;
    redis_fixture_signal(&redis, SIGSTOP);
    (void)add(0);
    run_until_done(); /* the greeting timed out */
    assert_int_equal(units[0].status, -ETIMEDOUT);
    for (size_t i = 1; i < 20; i++) {
        const int64_t start_us = redis_now_us();

        (void)add(i);
        assert_int_equal(group_commit_timeout_ms(commit, redis_now_us()), 0);
        group_commit_run(commit, redis_now_us());
        assert_int_equal(units[i].status, -ETIMEDOUT);
        assert_true(redis_now_us() - start_us < TIMEOUT_MS * 1000L);
    }
    redis_fixture_signal(&redis, SIGCONT);
    run_until_healthy(true);
}

static void
survives_kill_9_of_redis(void **state)
{
    struct redis_fixture durable;
    size_t acknowledged = 0;

    (void)state;
    redis_fixture_start(&durable, true);
    group_commit_close(&commit);
    commit = open_commit(durable.url, 1);
    (void)add(0);
    run_until_done();
    for (size_t i = 1; i < 500; i++) {
        (void)add(i);
        if (i % 50 == 0) {
            turn(10);
        }
    }
    redis_fixture_kill(&durable);
    run_until_done();
    assert_false(group_commit_healthy(commit));
    redis_fixture_restart(&durable, true);
    for (size_t i = 0; i < 500; i++) {
        char key[64];

        (void)snprintf(key, sizeof(key), "fb:{0}:r:%s", units[i].key);
        if (units[i].status == 0) {
            acknowledged++;
            assert_int_equal(REDIS_NUMBER(&durable, "EXISTS", key), 1);
        }
    }
    assert_in_range(acknowledged, 1, 499);
    run_until_healthy(true);
    (void)add(600);
    run_until_done();
    assert_int_equal(units[600].status, 0);
    group_commit_close(&commit);
    redis_fixture_stop(&durable);
}

static void
a_refusal_fails_the_round_and_readiness_comes_back_by_itself(void **state)
{
    (void)state;
    run_until_healthy(true);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    (void)add(0);
    run_until_done();
    assert_int_equal(units[0].status, QUEUE_E_REFUSED);
    assert_non_null(strstr(group_commit_error(commit), "OOM"));
    assert_false(group_commit_healthy(commit));
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    run_until_healthy(true);
    assert_int_equal(stored(), 0);
}

static void
notices_without_traffic_that_puts_would_be_refused(void **state)
{
    (void)state;
    run_until_healthy(true);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    run_until_healthy(false);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
}

static void
loads_forgotten_scripts_and_sends_again(void **state)
{
    (void)state;
    run_until_healthy(true);
    (void)REDIS_DO(&redis, "SCRIPT", "FLUSH");
    for (size_t i = 0; i < 200; i++) {
        (void)add(i);
    }
    run_until_done();
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(units[i].status, 0);
        assert_int_equal(units[i].put.result, QUEUE_PUT_NEW);
    }
    assert_int_equal(stored(), 200);
}

static void
sets_an_emptied_redis_up_again(void **state)
{
    (void)state;
    run_until_healthy(true);
    (void)REDIS_DO(&redis, "FLUSHALL");
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    while (REDIS_NUMBER(&redis, "HGET", "fb:meta", "partitions") != 1) {
        turn(100);
        assert_true(redis_now_us() < end_us);
    }
}

static void
another_partition_count_is_refused(void **state)
{
    (void)state;
    run_until_healthy(true);
    struct group_commit *first = commit;

    commit = open_commit(redis.url, 2);
    (void)add(0);
    run_until_done();
    assert_int_equal(units[0].status, QUEUE_E_PARTITIONS);
    assert_false(group_commit_healthy(commit));
    group_commit_close(&commit);
    commit = first;
}

/* The owner sees -1 after a loss, before a new descriptor that may have the same number. */
static void
a_lost_connection_shows_as_no_descriptor(void **state)
{
    (void)state;
    run_until_healthy(true);
    assert_true(group_commit_fd(commit) >= 0);
    (void)REDIS_DO(&redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    while (group_commit_fd(commit) >= 0) {
        turn(100);
        assert_true(redis_now_us() < end_us);
    }
    assert_int_equal(group_commit_timeout_ms(commit, redis_now_us()), 0);
    run_until_healthy(true);
    assert_true(group_commit_fd(commit) >= 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, commit_set_up, commit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_hung_redis_fails_the_units_in_time),
        TEST(units_given_up_fail_in_order_and_the_late_answer_finds_nobody),
        TEST(a_round_that_was_given_up_counts_as_redis_answers_it),
        TEST(while_held_nothing_overtakes_what_redis_refused),
        TEST(while_held_nothing_overtakes_what_is_out_of_time),
        TEST(a_unit_that_comes_during_the_first_connect_may_wait),
        TEST(units_fail_at_once_while_redis_is_known_to_be_away),
        TEST(survives_kill_9_of_redis),
        TEST(a_refusal_fails_the_round_and_readiness_comes_back_by_itself),
        TEST(notices_without_traffic_that_puts_would_be_refused),
        TEST(loads_forgotten_scripts_and_sends_again),
        TEST(sets_an_emptied_redis_up_again),
        TEST(another_partition_count_is_refused),
        TEST(a_lost_connection_shows_as_no_descriptor),
    };

    return cmocka_run_group_tests_name("group_commit", tests, start_redis, stop_redis);
}
