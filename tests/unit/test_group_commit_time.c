/*
 * test_group_commit_time.c - deadlines of units, and how long a new one would wait.
 *
 * The clock is the test's: what is given to the group commit need not be the time.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/commit_fixture.h"

enum {
    MS = 1000, /* in microseconds */
};

static void
add_due(size_t index, int64_t deadline_us)
{
    prepare(index)->unit.deadline_us = deadline_us;
    group_commit_add(commit, &units[index].unit);
}

static void
send_to_silent_redis(int64_t now_us)
{
    redis_fixture_signal(&redis, SIGSTOP);
    (void)add(0);
    group_commit_run(commit, now_us);
}

/* What was sent is answered, and the clock then says `now_us`. */
static void
end_silence(int64_t now_us)
{
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    redis_fixture_signal(&redis, SIGCONT);
    while (done_count == 0) {
        group_commit_run(commit, now_us);
        assert_true(redis_now_us() < end_us);
    }
}

/* ---- deadlines --------------------------------------------------------------------------- */

static void
a_unit_under_way_is_done_at_its_deadline_and_may_be_stored(void **state)
{
    (void)state;
    run_until_healthy(true);
    const int64_t now_us = redis_now_us();

    redis_fixture_signal(&redis, SIGSTOP);
    add_due(0, now_us + 50 * MS);
    group_commit_run(commit, now_us);
    assert_int_equal(group_commit_timeout_ms(commit, now_us), 50);
    group_commit_run(commit, now_us + 49 * MS);
    assert_int_equal(units[0].status, NOT_DONE);
    group_commit_run(commit, now_us + 50 * MS);
    assert_int_equal(units[0].status, -ETIMEDOUT);
    assert_int_equal(group_commit_waiting(commit), 0);
    redis_fixture_signal(&redis, SIGCONT);
    (void)add(0);
    run_until_done();
    assert_int_equal(units[0].status, 0);
    assert_int_equal(units[0].put.result, QUEUE_PUT_DUPLICATE);
    assert_int_equal(stored(), 1);
}

static void
others_of_its_round_get_their_own_answers(void **state)
{
    (void)state;
    (void)add(1);
    run_until_done();
    const int64_t now_us = redis_now_us();

    redis_fixture_signal(&redis, SIGSTOP);
    for (size_t i = 0; i < 4; i++) {
        add_due(i, i % 2 == 0 ? now_us + 10 * MS : now_us + PATIENCE_US);
    }
    units[3].put.result = QUEUE_PUT_DUPLICATE;
    group_commit_run(commit, now_us);
    group_commit_run(commit, now_us + 10 * MS);
    redis_fixture_signal(&redis, SIGCONT);
    run_until_done();
    assert_int_equal(units[0].status, -ETIMEDOUT);
    assert_int_equal(units[1].status, 0);
    assert_int_equal(units[1].put.result, QUEUE_PUT_DUPLICATE);
    assert_int_equal(units[2].status, -ETIMEDOUT);
    assert_int_equal(units[3].status, 0);
    assert_int_equal(units[3].put.result, QUEUE_PUT_NEW);
    assert_int_equal(stored(), 4);
}

static void
the_one_that_is_due_first_fails_first_wherever_it_waits(void **state)
{
    (void)state;
    run_until_healthy(true);
    const int64_t now_us = redis_now_us();

    redis_fixture_signal(&redis, SIGSTOP);
    add_due(0, now_us + 200 * MS);
    group_commit_run(commit, now_us);
    add_due(1, now_us + 100 * MS);
    add_due(2, now_us + 20 * MS);
    add_due(3, now_us + 150 * MS);
    assert_int_equal(group_commit_timeout_ms(commit, now_us), 20);
    group_commit_run(commit, now_us + 20 * MS);
    assert_int_equal(done_count, 1);
    assert_int_equal(units[2].status, -ETIMEDOUT);
    assert_int_equal(group_commit_timeout_ms(commit, now_us + 20 * MS), 80);
    group_commit_run(commit, now_us + 150 * MS);
    assert_int_equal(units[0].status, NOT_DONE);
    assert_int_equal(done_count, 3);
    redis_fixture_signal(&redis, SIGCONT);
    run_until_done();
    assert_int_equal(units[0].status, 0);
    assert_int_equal(stored(), 1);
}

static void
what_is_due_before_it_is_sent_is_never_stored(void **state)
{
    (void)state;
    run_until_healthy(true);
    const int64_t now_us = redis_now_us();

    (void)add(0);
    add_due(1, now_us - 1);
    group_commit_run(commit, now_us);
    assert_int_equal(units[1].status, -ETIMEDOUT);
    run_until_done();
    assert_int_equal(units[0].status, 0);
    assert_int_equal(stored(), 1);
}

/* ---- large units ------------------------------------------------------------------------- */

enum {
    LARGE_COUNT = GROUP_COMMIT_EVENTS_MAX * 3,
};

static struct {
    char keys[LARGE_COUNT][16];
    struct queue_put puts[LARGE_COUNT];
    struct test_unit test;
} large;

static void
add_large(int64_t deadline_us)
{
    for (size_t i = 0; i < LARGE_COUNT; i++) {
        (void)snprintf(large.keys[i], sizeof(large.keys[i]), "k/%zu", i);
        large.puts[i] = (struct queue_put){.key = slice_of(large.keys[i]),
            .route = slice_of("taskrouter"),
            .bytes = slice_of("x")};
    }
    large.test = (struct test_unit){
        .unit = {.puts = large.puts,
            .put_count = LARGE_COUNT,
            .done = on_done,
            .deadline_us = deadline_us},
        .status = NOT_DONE,
    };
    group_commit_add(commit, &large.test.unit);
}

static void
a_large_unit_that_is_due_sends_no_further_calls(void **state)
{
    (void)state;
    run_until_healthy(true);
    const int64_t now_us = redis_now_us();

    redis_fixture_signal(&redis, SIGSTOP);
    add_large(now_us + 10 * MS);
    (void)add(0);
    group_commit_run(commit, now_us);
    group_commit_run(commit, now_us + 10 * MS);
    assert_int_equal(large.test.status, -ETIMEDOUT);
    redis_fixture_signal(&redis, SIGCONT);
    run_until_done();
    assert_int_equal(units[0].status, 0);
    assert_int_equal(stored(), GROUP_COMMIT_EVENTS_MAX + 1);
}

/* One event of its second call is refused: it may come again, what is stored is a duplicate. */
static void
a_large_unit_fails_as_a_whole_and_alone(void **state)
{
    char route[16];

    (void)state;
    for (int i = 0; i < QUEUE_ROUTES_MAX; i++) {
        prepare(0)->put.key = slice_of("k/200");
        (void)snprintf(route, sizeof(route), "route%d", i);
        units[0].put.route = slice_of(route);
        group_commit_add(commit, &units[0].unit);
        run_until_done();
        assert_int_equal(units[0].status, 0);
    }
    add_large(redis_now_us() + PATIENCE_US);
    (void)add(1);
    run_until_done();
    assert_int_equal(large.test.status, QUEUE_E_REFUSED);
    assert_int_equal(units[1].status, 0);
    assert_int_equal(stored(), 2 * GROUP_COMMIT_EVENTS_MAX + 1);
    (void)REDIS_DO(&redis, "HDEL", "fb:{0}:r:k/200", "r:route0");
    add_large(redis_now_us() + PATIENCE_US);
    run_until_done();
    assert_int_equal(large.test.status, 0);
    assert_int_equal(large.puts[0].result, QUEUE_PUT_DUPLICATE);
    assert_int_equal(large.puts[LARGE_COUNT - 1].result, QUEUE_PUT_NEW);
    assert_int_equal(stored(), LARGE_COUNT + 1);
}

/* ---- how long a new one would wait ------------------------------------------------------- */

static void
nothing_in_the_way_is_no_wait(void **state)
{
    (void)state;
    run_until_healthy(true);
    assert_int_equal(group_commit_wait_us(commit, redis_now_us()), 0);
    (void)add(0);
    assert_int_equal(group_commit_wait_us(commit, redis_now_us()), 0);
    run_until_done();
}

static void
the_wait_grows_while_redis_is_silent_and_ends_with_its_answer(void **state)
{
    (void)state;
    run_until_healthy(true);
    const int64_t now_us = redis_now_us();

    send_to_silent_redis(now_us);
    assert_int_equal(group_commit_wait_us(commit, now_us), 0);
    assert_int_equal(group_commit_wait_us(commit, now_us + 90 * MS), 90 * MS);
    assert_int_equal(group_commit_wait_us(commit, now_us + 200 * MS), 200 * MS);
    end_silence(now_us + 200 * MS);
    assert_int_equal(units[0].status, 0);
    assert_int_equal(group_commit_wait_us(commit, now_us + 200 * MS), 0);
}

static void
what_waits_is_counted_in_rounds_of_the_usual_length(void **state)
{
    (void)state;
    run_until_healthy(true);
    const int64_t now_us = redis_now_us();

    send_to_silent_redis(now_us);
    end_silence(now_us + 80 * MS);
    for (size_t i = 0; i < 3 * GROUP_COMMIT_EVENTS_MAX; i++) {
        (void)add(i);
    }
    redis_fixture_signal(&redis, SIGSTOP);
    /* one slow round among the last four: a round is expected to take a quarter of it */
    assert_int_equal(group_commit_wait_us(commit, now_us + 80 * MS), 3 * 20 * MS);
    group_commit_run(commit, now_us + 80 * MS);
    assert_int_equal(
        group_commit_wait_us(commit, now_us + 80 * MS), 20 * MS + 2 * 20 * MS);
    redis_fixture_signal(&redis, SIGCONT);
    run_until_done();
}

static void
is_full_at_a_number_of_events(void **state)
{
    enum {
        UNIT_COUNT = GROUP_COMMIT_WAITING_EVENTS_MAX / LARGE_COUNT,
    };
    static struct test_unit many[UNIT_COUNT];

    (void)state;
    add_large(redis_now_us() + PATIENCE_US);
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        assert_true(group_commit_wait_us(commit, redis_now_us()) < INT64_MAX);
        many[i] = large.test;
        group_commit_add(commit, &many[i].unit);
    }
    assert_true(group_commit_wait_us(commit, redis_now_us()) == INT64_MAX);
    run_until_done();
    assert_int_equal(group_commit_wait_us(commit, redis_now_us()), 0);
}

static void
is_full_at_a_number_of_bytes(void **state)
{
    static char bytes[4 * 1024 * 1024];
    const size_t count = GROUP_COMMIT_WAITING_BYTES_MAX / sizeof(bytes);

    (void)state;
    memset(bytes, 'x', sizeof(bytes));
    for (size_t i = 0; i < count; i++) {
        assert_true(group_commit_wait_us(commit, redis_now_us()) < INT64_MAX);
        prepare(i)->put.bytes = (struct slice){.data = bytes, .size = sizeof(bytes)};
        group_commit_add(commit, &units[i].unit);
    }
    assert_true(group_commit_wait_us(commit, redis_now_us()) == INT64_MAX);
    group_commit_close(&commit); /* what has failed does not wait */
    assert_int_equal(units[count - 1].status, -ECANCELED);
    commit = open_commit(redis.url, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, commit_set_up, commit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_unit_under_way_is_done_at_its_deadline_and_may_be_stored),
        TEST(others_of_its_round_get_their_own_answers),
        TEST(the_one_that_is_due_first_fails_first_wherever_it_waits),
        TEST(what_is_due_before_it_is_sent_is_never_stored),
        TEST(a_large_unit_that_is_due_sends_no_further_calls),
        TEST(a_large_unit_fails_as_a_whole_and_alone),
        TEST(nothing_in_the_way_is_no_wait),
        TEST(the_wait_grows_while_redis_is_silent_and_ends_with_its_answer),
        TEST(what_waits_is_counted_in_rounds_of_the_usual_length),
        TEST(is_full_at_a_number_of_events),
        TEST(is_full_at_a_number_of_bytes),
    };

    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
