/*
 * test_queue_consumer.c - who is still a consumer.
 */
#include "tests/unit/queue_fixture.h"

static void
expect_forgotten(int64_t idle_ms, int64_t expected)
{
    int64_t count = -1;

    assert_int_equal(queue_forget_consumers(queue, idle_ms, &count), QUEUE_OK);
    assert_int_equal(count, expected);
}

static void
a_consumer_that_asked_of_late_is_not_forgotten(void **state)
{
    (void)state;
    assert_null(claim_one(queue));
    expect_forgotten(INT64_C(60) * 60 * 1000, 0);
}

static void
a_consumer_that_has_something_claimed_is_never_forgotten(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim(TASK);

    expect_forgotten(0, 0);
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    expect_forgotten(0, 1);
}

static void
a_consumer_that_was_forgotten_may_come_back(void **state)
{
    (void)state;
    assert_null(claim_one(queue));
    expect_forgotten(0, 1);
    assert_int_equal(
        settle_one(queue, put_and_claim(TASK), QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(balanced_stats(queue).delivered, 1);
}

static void
where_there_is_no_group_nobody_is_forgotten(void **state)
{
    (void)state;
    (void)empty_redis(NULL);
    expect_forgotten(0, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_consumer_that_asked_of_late_is_not_forgotten),
        TEST(a_consumer_that_has_something_claimed_is_never_forgotten),
        TEST(a_consumer_that_was_forgotten_may_come_back),
        TEST(where_there_is_no_group_nobody_is_forgotten),
    };

    return cmocka_run_group_tests_name("queue_consumer", tests, start_redis, stop_redis);
}
