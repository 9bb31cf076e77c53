/*
 * test_queue_reopen.c - what another route tells of a record that was ended, or is in hand.
 */
#include "tests/unit/queue_fixture.h"

static const struct queue_settlement for_want_of_identity = {
    .outcome = QUEUE_FILTERED, .reason = "no_identity", .reopens = true};

static const struct queue_settlement delivered_and_open = {
    .outcome = QUEUE_DELIVERED, .reopens = true};

static void
filtered_for_want_of_something_reopens_for_a_new_route_only(void **state)
{
    (void)state;
    assert_int_equal(
        settle_as(queue, put_and_claim(TASK), for_want_of_identity), QUEUE_SETTLED);
    struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.filtered, 1);
    assert_int_equal(label_value(&stats.filtered_by, "no_identity"), 1);
    assert_true(REDIS_NUMBER(&redis, "PTTL", TASK_RECORD) > 0);
    assert_int_equal(put_one(queue, TASK, "taskrouter", "signed"), QUEUE_PUT_DUPLICATE);
    assert_int_equal(put_one(queue, TASK, "plugin", "who"), QUEUE_PUT_NEW);
    stats = balanced_stats(queue);
    assert_int_equal(stats.accepted, 1);
    assert_int_equal(stats.filtered, 0);
    assert_int_equal(label_value(&stats.filtered_by, "no_identity"), -1);
    assert_int_equal(stats.pending, 1);
    assert_int_equal(REDIS_NUMBER(&redis, "PTTL", TASK_RECORD), -1);
}

static void
a_reopened_record_is_judged_by_what_every_route_told(void **state)
{
    (void)state;
    assert_int_equal(
        settle_as(queue, put_and_claim(TASK), for_want_of_identity), QUEUE_SETTLED);
    assert_int_equal(put_one(queue, TASK, "plugin", "who"), QUEUE_PUT_NEW);
    assert_int_equal(put_one(queue, TASK, "taskrouter", "again"), QUEUE_PUT_DUPLICATE);
    struct queue_record *record = claim_one(queue);

    assert_int_equal(record->attempts, 1);
    assert_int_equal(record->route_count, 2);
    assert_true(slice_is(route_bytes(record, "plugin"), "who"));
    assert_false(slice_is(route_bytes(record, "taskrouter"), "again"));
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(put_one(queue, TASK, "event_streams", "late"), QUEUE_PUT_DUPLICATE);
    assert_int_equal(balanced_stats(queue).delivered, 1);
}

static void
filtered_for_good_keeps_no_bytes_and_refuses_every_route(void **state)
{
    (void)state;
    assert_int_equal(
        settle_one(queue, put_and_claim(TASK), QUEUE_FILTERED, "switched_off"),
        QUEUE_SETTLED);
    assert_int_equal(REDIS_NUMBER(&redis, "HEXISTS", TASK_RECORD, "r:taskrouter"), 0);
    assert_int_equal(put_one(queue, TASK, "plugin", "who"), QUEUE_PUT_DUPLICATE);
    assert_int_equal(balanced_stats(queue).filtered, 1);
}

static void
delivered_by_the_word_of_one_it_is_heard_once_what_another_says(void **state)
{
    (void)state;
    assert_int_equal(
        settle_as(queue, put_and_claim(TASK), delivered_and_open), QUEUE_SETTLED);
    assert_int_equal(REDIS_NUMBER(&redis, "HEXISTS", TASK_RECORD, "r:taskrouter"), 0);
    assert_true(REDIS_NUMBER(&redis, "PTTL", TASK_RECORD) > 0);
    assert_int_equal(put_one(queue, TASK, "taskrouter", "again"), QUEUE_PUT_DUPLICATE);
    assert_int_equal(put_one(queue, TASK, "event_streams", "late"), QUEUE_PUT_NEW);
    struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.accepted, 1);
    assert_int_equal(stats.delivered, 0);
    assert_int_equal(stats.pending, 1);
    struct queue_record *record = claim_one(queue);

    assert_true(record->was_delivered);
    assert_int_equal(record->route_count, 1);
    assert_true(slice_is(route_bytes(record, "event_streams"), "late"));
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(put_one(queue, TASK, "conversations", "more"), QUEUE_PUT_DUPLICATE);
    stats = balanced_stats(queue);
    assert_int_equal(stats.delivered, 1);
    assert_int_equal(stats.pending, 0);
}

static void
what_another_says_during_the_claim_is_heard_after_the_delivery(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim(TASK);

    assert_false(record->was_delivered);
    assert_int_equal(put_one(queue, TASK, "event_streams", "late"), QUEUE_PUT_MERGED);
    assert_int_equal(settle_as(queue, record, delivered_and_open), QUEUE_SETTLED);
    record = claim_one(queue);
    assert_true(record->was_delivered);
    assert_true(slice_is(route_bytes(record, "event_streams"), "late"));
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(balanced_stats(queue).delivered, 1);
}

static void
a_route_during_the_claim_reopens_what_is_filtered_or_parked(void **state)
{
    static const enum queue_outcome outcomes[] = {QUEUE_FILTERED, QUEUE_PARKED};

    (void)state;
    for (size_t i = 0; i < LENGTH(outcomes); i++) {
        (void)empty_redis(NULL);
        struct queue_record *record = put_and_claim(TASK);

        assert_int_equal(put_one(queue, TASK, "plugin", "who"), QUEUE_PUT_MERGED);
        assert_int_equal(settle_one(queue, record, outcomes[i], "why"), QUEUE_REOPENED);
        record = claim_one(queue);
        assert_int_equal(record->route_count, 2);
        assert_int_equal(settle_one(queue, record, outcomes[i], "why"), QUEUE_SETTLED);
        assert_int_equal(balanced_stats(queue).pending, 0);
    }
}

static void
a_route_during_the_claim_does_not_undo_a_delivery(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim(TASK);

    assert_int_equal(put_one(queue, TASK, "plugin", "who"), QUEUE_PUT_MERGED);
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_true(slice_is(
        redis_reply_text(REDIS_DO(&redis, "HGET", TASK_RECORD, "s")), "delivered"));
    assert_null(claim_one(queue));
}

static void
parked_is_tried_again_with_a_new_route(void **state)
{
    (void)state;
    assert_int_equal(
        settle_one(queue, put_and_claim(TASK), QUEUE_PARKED, "brevo_400"), QUEUE_SETTLED);
    assert_int_equal(put_one(queue, TASK, "plugin", "who"), QUEUE_PUT_MERGED);
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.parked, 0);
    assert_int_equal(stats.pending, 1);
    assert_int_equal(label_value(&stats.parked_by, "brevo_400"), -1);
    struct queue_record *record = claim_one(queue);

    assert_int_equal(record->route_count, 2);
    queue_record_free(&record);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(filtered_for_want_of_something_reopens_for_a_new_route_only),
        TEST(a_reopened_record_is_judged_by_what_every_route_told),
        TEST(filtered_for_good_keeps_no_bytes_and_refuses_every_route),
        TEST(delivered_by_the_word_of_one_it_is_heard_once_what_another_says),
        TEST(what_another_says_during_the_claim_is_heard_after_the_delivery),
        TEST(a_route_during_the_claim_reopens_what_is_filtered_or_parked),
        TEST(a_route_during_the_claim_does_not_undo_a_delivery),
        TEST(parked_is_tried_again_with_a_new_route),
    };

    return cmocka_run_group_tests_name("queue_reopen", tests, start_redis, stop_redis);
}
