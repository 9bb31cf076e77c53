/*
 * test_queue_damage.c - what is left when Redis has lost something.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "queue/handle.h"
#include "tests/unit/queue_fixture.h"

static struct queue_record *
put_and_claim(void)
{
    (void)put_one(queue, TASK, "taskrouter", "signed");
    struct queue_record *record = claim_one(queue);

    assert_non_null(record);
    return record;
}

static void
a_missing_group_is_made_again_from_the_beginning(void **state)
{
    (void)state;
    (void)put_one(queue, TASK, "taskrouter", "signed");
    (void)REDIS_DO(&redis, "XGROUP", "DESTROY", "fb:{0}:stream", "workers");
    struct queue_record *record = claim_one(queue);

    assert_string_equal(record->key, TASK);
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(balanced_stats(queue).group_recreated, 1);
}

static void
an_emptied_redis_is_set_up_again(void **state)
{
    (void)state;
    struct queue_record *lost = put_and_claim();

    (void)REDIS_DO(&redis, "FLUSHALL");
    assert_null(claim_one(queue));
    assert_int_equal(settle_one(queue, lost, QUEUE_DELIVERED, NULL), QUEUE_STALE);
    assert_int_equal(balanced_stats(queue).group_recreated, 1);
    assert_int_equal(
        settle_one(queue, put_and_claim(), QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(REDIS_NUMBER(&redis, "HGET", "fb:meta", "partitions"), 1);
}

static void
an_entry_without_its_record_is_unaccounted(void **state)
{
    struct queue_stats stats = {0};

    (void)state;
    (void)put_one(queue, TASK, "taskrouter", "signed");
    (void)REDIS_DO(&redis, "DEL", TASK_RECORD);
    assert_null(claim_one(queue));
    assert_int_equal(queue_stats(queue, &stats), QUEUE_OK);
    assert_int_equal(stats.unaccounted, 1);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(REDIS_NUMBER(&redis, "ZCARD", "fb:{0}:lost"), 1);
}

static void
a_delayed_key_without_its_record_is_unaccounted(void **state)
{
    struct queue_stats stats = {0};

    (void)state;
    assert_int_equal(
        settle_one(queue, put_and_claim(), QUEUE_DELAYED, "why"), QUEUE_SETTLED);
    (void)REDIS_DO(&redis, "DEL", TASK_RECORD);
    assert_null(claim_one(queue));
    assert_int_equal(queue_stats(queue, &stats), QUEUE_OK);
    assert_int_equal(stats.unaccounted, 1);
    assert_int_equal(stats.delayed, 0);
}

static void
a_foreign_entry_is_set_aside(void **state)
{
    struct queue_stats stats = {0};

    (void)state;
    (void)REDIS_DO(&redis, "XADD", "fb:{0}:stream", "*", "junk", "1");
    (void)REDIS_DO(&redis, "XADD", "fb:{0}:stream", "*", "k", "no/such");
    (void)put_one(queue, TASK, "taskrouter", "signed");
    struct queue_record *record = claim_later(queue);

    assert_string_equal(record->key, TASK);
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(queue_stats(queue, &stats), QUEUE_OK);
    assert_int_equal(stats.unaccounted, 2);
    assert_int_equal(stats.delivered, 1);
}

static void
a_record_whose_entry_was_deleted_is_unaccounted(void **state)
{
    struct queue_stats stats = {0};

    (void)state;
    (void)put_one(queue, TASK, "taskrouter", "signed");
    (void)REDIS_DO(&redis, "XTRIM", "fb:{0}:stream", "MAXLEN", "0");
    assert_int_equal(queue_stats(queue, &stats), QUEUE_OK);
    assert_int_equal(stats.unaccounted, 1);
}

static void
a_second_entry_of_a_settled_record_goes_away(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim();

    (void)REDIS_DO(&redis, "XADD", "fb:{0}:stream", "*", "k", TASK);
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_null(claim_one(queue));
    assert_int_equal(balanced_stats(queue).pending, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_missing_group_is_made_again_from_the_beginning),
        TEST(an_emptied_redis_is_set_up_again),
        TEST(an_entry_without_its_record_is_unaccounted),
        TEST(a_delayed_key_without_its_record_is_unaccounted),
        TEST(a_foreign_entry_is_set_aside),
        TEST(a_record_whose_entry_was_deleted_is_unaccounted),
        TEST(a_second_entry_of_a_settled_record_goes_away),
    };

    return cmocka_run_group_tests_name("queue_damage", tests, start_redis, stop_redis);
}
