/*
 * test_queue_damage.c - what is left when Redis has lost something.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "queue/handle.h"
#include "tests/unit/queue_fixture.h"

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
    struct queue_record *lost = put_and_claim(TASK);

    (void)REDIS_DO(&redis, "FLUSHALL");
    assert_null(claim_one(queue));
    assert_int_equal(settle_one(queue, lost, QUEUE_DELIVERED, NULL), QUEUE_STALE);
    assert_int_equal(balanced_stats(queue).group_recreated, 1);
    assert_int_equal(
        settle_one(queue, put_and_claim(TASK), QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
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
        settle_one(queue, put_and_claim(TASK), QUEUE_DELAYED, "why"), QUEUE_SETTLED);
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
    struct queue_record *record = put_and_claim(TASK);

    (void)REDIS_DO(&redis, "XADD", "fb:{0}:stream", "*", "k", TASK);
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_null(claim_one(queue));
    assert_int_equal(balanced_stats(queue).pending, 0);
}

/* ---- keys that somebody overwrote ----------------------------------------------------------- */

#define OTHER "task.completed/WT2"

static void
overwrite(const char *key)
{
    (void)REDIS_DO(&redis, "DEL", key);
    (void)REDIS_DO(&redis, "LPUSH", key, "theirs");
}

static void
claim_two(struct queue_record *records[2])
{
    size_t count = 0;

    (void)put_one(queue, TASK, "taskrouter", "signed");
    (void)put_one(queue, OTHER, "taskrouter", "signed");
    assert_int_equal(queue_claim(queue, 2, records, &count), QUEUE_OK);
    assert_int_equal(count, 2);
}

/* Both, in one call, as delivered. */
static void
deliver_two(struct queue_record *records[2], const char *effect_key,
    enum queue_settle_result first_result)
{
    struct queue_settlement settlements[] = {
        {.record = records[0], .outcome = QUEUE_DELIVERED, .effect_key = effect_key},
        {.record = records[1], .outcome = QUEUE_DELIVERED},
    };

    if (queue_settle(queue, settlements, 2) != QUEUE_OK) {
        fail_msg("queue_settle: %s", queue_error(queue));
    }
    assert_int_equal(settlements[0].result, first_result);
    assert_int_equal(settlements[1].result, QUEUE_SETTLED);
    queue_record_free(&records[0]);
    queue_record_free(&records[1]);
}

static void
a_record_that_was_overwritten_is_unaccounted_and_holds_nobody_up(void **state)
{
    struct queue_stats stats = {0};

    (void)state;
    (void)put_one(queue, TASK, "taskrouter", "signed");
    overwrite(TASK_RECORD);
    (void)put_one(queue, OTHER, "taskrouter", "signed");
    assert_int_equal(queue_stats(queue, &stats), QUEUE_OK);
    struct queue_record *record = claim_later(queue);

    assert_string_equal(record->key, OTHER);
    const struct queue_alarms alarms = queue_take_alarms(queue);

    assert_int_equal(alarms.records_missing, 1);
    assert_string_equal(alarms.missing_key, TASK);
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(queue_stats(queue, &stats), QUEUE_OK);
    assert_int_equal(stats.unaccounted, 1);
    assert_int_equal(stats.pending, 0);
}

static void
a_delayed_record_that_was_overwritten_is_unaccounted_and_holds_nobody_up(void **state)
{
    (void)state;
    assert_int_equal(
        settle_one(queue, put_and_claim(TASK), QUEUE_DELAYED, "why"), QUEUE_SETTLED);
    overwrite(TASK_RECORD);
    (void)put_one(queue, OTHER, "taskrouter", "signed");
    struct queue_record *record = claim_later(queue);

    assert_string_equal(record->key, OTHER);
    assert_string_equal(queue_take_alarms(queue).missing_key, TASK);
    queue_record_free(&record);
}

/* Of this worker before it restarted, with more in hand than the next claim has room for. */
static void
a_claimed_record_that_was_overwritten_holds_nobody_up(void **state)
{
    struct queue_record *records[2];

    (void)state;
    claim_two(records);
    overwrite("fb:{0}:r:" OTHER);
    handle_recover(queue);
    queue->scans[0].claim_lost = true;
    queue->scans[0].claim_number--;
    struct queue_record *record = claim_one(queue);

    assert_non_null(record);
    assert_string_equal(record->key, TASK);
    for (size_t i = 0; i < 2; i++) {
        queue_record_free(&records[i]);
    }
    queue_record_free(&record);
}

static void
a_record_that_was_overwritten_does_not_hold_up_what_is_settled_with_it(void **state)
{
    struct queue_record *records[2];

    (void)state;
    claim_two(records);
    overwrite(TASK_RECORD);
    deliver_two(records, NULL, QUEUE_STALE);
}

static void
an_effect_that_was_overwritten_does_not_hold_up_what_is_settled_with_it(void **state)
{
    struct queue_record *records[2];
    struct queue_effect effect = {.key = TASK};

    (void)state;
    claim_two(records);
    assert_int_equal(queue_effect_claim(queue, records[0], &effect), QUEUE_OK);
    overwrite("fb:{0}:e:" TASK);
    deliver_two(records, TASK, QUEUE_SETTLED);
    assert_true(slice_is(
        redis_reply_text(REDIS_DO(&redis, "GET", "fb:{0}:e:" TASK)), "done " TASK));
}

/* What it says about the outside world is gone: nobody may act on it. */
static void
an_effect_that_was_overwritten_is_not_claimed(void **state)
{
    struct queue_record *record = put_and_claim(TASK);
    struct queue_effect effect = {.key = TASK};

    (void)state;
    overwrite("fb:{0}:e:" TASK);
    assert_int_equal(queue_effect_claim(queue, record, &effect), QUEUE_E_REFUSED);
    assert_non_null(strstr(queue_error(queue), "WRONGTYPE"));
    queue_record_free(&record);
}

static void
a_copy_that_was_overwritten_does_not_hold_up_what_is_settled_with_it(void **state)
{
    struct queue_record *records[2];

    (void)state;
    queue->keep_bodies_ms = 60000;
    claim_two(records);
    overwrite(TASK_COPY);
    deliver_two(records, NULL, QUEUE_SETTLED);
    assert_true(slice_is(
        redis_reply_text(REDIS_DO(&redis, "HGET", TASK_COPY, "r:taskrouter")), "signed"));
}

/* Redis runs no script back: one that fails in its middle would leave the record nowhere. */
static void
a_set_that_was_overwritten_refuses_a_settlement_whole(void **state)
{
    static const char *const sets[] = {"fb:{0}:delayed", "fb:{0}:parked", "fb:{0}:stats"};
    struct queue_record *record = put_and_claim(TASK);
    struct queue_settlement settlement = {
        .record = record, .outcome = QUEUE_PARKED, .reason = "why"};

    (void)state;
    for (size_t i = 0; i < LENGTH(sets); i++) {
        (void)REDIS_DO(&redis, "COPY", sets[i], "before");
        overwrite(sets[i]);
        assert_int_equal(queue_settle(queue, &settlement, 1), QUEUE_E_REFUSED);
        (void)REDIS_DO(&redis, "DEL", sets[i]);
        (void)REDIS_DO(&redis, "COPY", "before", sets[i]);
        assert_int_equal(balanced_stats(queue).claimed, 1);
    }
    assert_int_equal(settle_as(queue, record, settlement), QUEUE_SETTLED);
    assert_int_equal(balanced_stats(queue).parked, 1);
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
        TEST(a_record_that_was_overwritten_is_unaccounted_and_holds_nobody_up),
        TEST(a_delayed_record_that_was_overwritten_is_unaccounted_and_holds_nobody_up),
        TEST(a_claimed_record_that_was_overwritten_holds_nobody_up),
        TEST(a_record_that_was_overwritten_does_not_hold_up_what_is_settled_with_it),
        TEST(an_effect_that_was_overwritten_does_not_hold_up_what_is_settled_with_it),
        TEST(an_effect_that_was_overwritten_is_not_claimed),
        TEST(a_set_that_was_overwritten_refuses_a_settlement_whole),
        TEST(a_copy_that_was_overwritten_does_not_hold_up_what_is_settled_with_it),
    };

    return cmocka_run_group_tests_name("queue_damage", tests, start_redis, stop_redis);
}
