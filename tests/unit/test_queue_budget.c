/*
 * test_queue_budget.c - what two workers are granted together.
 */
#include <unistd.h>

#include "queue/budget.h"
#include "tests/unit/queue_fixture.h"

enum {
    RATE = 200, /* tokens a second */
    HOLDS = 10,
    US_OF_A_TOKEN = 1000 * 1000 / RATE,
};

static struct queue *other;

static int
set_up_two(void **state)
{
    (void)set_up(state);
    other = open_worker("worker-2");
    return 0;
}

static int
tear_down_two(void **state)
{
    queue_close(&other);
    return tear_down(state);
}

static struct queue_budget
take(struct queue *by, int64_t wanted, int64_t block_ms)
{
    struct queue_budget budget = {
        .rate = RATE, .holds = HOLDS, .wanted = wanted, .block_ms = block_ms};

    assert_int_equal(queue_budget_take(by, "events", &budget), QUEUE_OK);
    return budget;
}

/* Redis's clock runs while we ask, so a token or two may be there by then. */
static void
the_first_one_is_there_at_once(void **state)
{
    (void)state;
    assert_int_equal(take(queue, 1, 0).granted, 1);
}

static void
an_empty_one_says_when_to_ask_again(void **state)
{
    (void)state;
    struct queue_budget budget = {.rate = 0.01, .holds = 1, .wanted = 1};

    assert_int_equal(queue_budget_take(queue, "events", &budget), QUEUE_OK);
    assert_int_equal(budget.granted, 1);
    assert_int_equal(queue_budget_take(other, "events", &budget), QUEUE_OK);
    assert_int_equal(budget.granted, 0);
    assert_in_range(budget.wait_ms, 1, 100 * 1000);
}

/* However they ask, together they get what flowed in, and what it held. */
static void
two_workers_share_one_rate(void **state)
{
    const int64_t began_us = redis_now_us();
    int64_t granted = 0;
    int64_t passed_us = 0;

    (void)state;
    while (passed_us < 300 * 1000) {
        granted += take(queue, 3, 0).granted + take(other, 50, 0).granted;
        passed_us = redis_now_us() - began_us;
    }
    assert_true(granted <= passed_us / US_OF_A_TOKEN + HOLDS + 1);
    assert_true(granted > 0);
}

static void
it_holds_no_more_than_it_was_said_to(void **state)
{
    (void)state;
    (void)take(queue, 1, 0);
    usleep(2 * HOLDS * US_OF_A_TOKEN);
    assert_int_equal(take(queue, 1000, 0).granted, HOLDS);
}

/* Asked once in a long while, a slow one has not lost meanwhile what it held. */
static void
one_that_nobody_asked_for_is_full_and_lives_until_it_is(void **state)
{
    struct queue_budget budget = {.rate = 30.0 / 3600, .holds = 30, .wanted = 20};

    (void)state;
    assert_int_equal(queue_budget_take(queue, "lookups", &budget), QUEUE_OK);
    assert_int_equal(budget.granted, 20);
    assert_int_equal(queue_budget_take(other, "lookups", &budget), QUEUE_OK);
    assert_int_equal(budget.granted, 10);
    assert_in_range(
        REDIS_NUMBER(&redis, "PTTL", "fb:budget:lookups"), 3590 * 1000, 3601 * 1000);
}

static void
a_block_is_everybodys_and_is_not_shortened(void **state)
{
    (void)state;
    (void)take(queue, 0, 60 * 1000);
    (void)take(queue, 0, 100);
    const struct queue_budget budget = take(other, 1, 0);

    assert_int_equal(budget.granted, 0);
    assert_in_range(budget.wait_ms, 59 * 1000, 60 * 1000 + 2 * 1000 / RATE);
}

static void
after_a_block_one_asks_whether_it_is_over(void **state)
{
    struct queue_budget budget = {
        .rate = 30.0 / 3600, .holds = 30, .wanted = 5, .block_ms = 50};

    (void)state;
    assert_int_equal(queue_budget_take(queue, "lookups", &budget), QUEUE_OK);
    assert_int_equal(budget.granted, 0);
    budget.block_ms = 0;
    usleep(100 * 1000);
    assert_int_equal(queue_budget_take(other, "lookups", &budget), QUEUE_OK);
    assert_int_equal(budget.granted, 1);
    assert_int_equal(queue_budget_take(queue, "lookups", &budget), QUEUE_OK);
    assert_int_equal(budget.granted, 0);
}

static void
each_name_has_its_own(void **state)
{
    struct queue_budget budget = {.rate = RATE, .holds = HOLDS, .wanted = 1};

    (void)state;
    (void)take(queue, 0, 60 * 1000);
    assert_int_equal(queue_budget_take(queue, "contacts", &budget), QUEUE_OK);
    assert_int_equal(budget.granted, 1);
}

/* Its clock went back by an hour: what it wrote is of the future. */
static void
times_of_the_future_hold_nobody_up(void **state)
{
    (void)state;
    (void)REDIS_DO(&redis, "HSET", "fb:budget:events", "n", "0", "at", "99999999999999",
        "until", "99999999999999");
    (void)take(queue, 1, 0);
    usleep(2 * US_OF_A_TOKEN);
    assert_true(take(queue, 1, 0).granted == 1);
}

/* Anybody may write a text under any key; what was granted is not known then. */
static void
one_that_was_overwritten_begins_anew(void **state)
{
    (void)state;
    (void)take(queue, 0, 60 * 1000);
    (void)REDIS_DO(&redis, "SET", "fb:budget:events", "something else");
    assert_int_equal(take(queue, 1, 0).granted, 1);
    assert_int_equal(take(queue, HOLDS, 60 * 1000).granted, 0);
}

static void
it_works_over_maxmemory(void **state)
{
    (void)state;
    (void)take(queue, 1, 0);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    usleep(2 * US_OF_A_TOKEN);
    const int64_t granted = take(queue, 1, 0).granted;

    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(granted, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_two, tear_down_two)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_one_is_there_at_once),
        TEST(an_empty_one_says_when_to_ask_again),
        TEST(two_workers_share_one_rate),
        TEST(it_holds_no_more_than_it_was_said_to),
        TEST(one_that_nobody_asked_for_is_full_and_lives_until_it_is),
        TEST(a_block_is_everybodys_and_is_not_shortened),
        TEST(after_a_block_one_asks_whether_it_is_over),
        TEST(each_name_has_its_own),
        TEST(times_of_the_future_hold_nobody_up),
        TEST(one_that_was_overwritten_begins_anew),
        TEST(it_works_over_maxmemory),
    };

    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
