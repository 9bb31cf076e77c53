/*
 * test_queue.c - the states of a record.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/queue_fixture.h"

static void
assert_state(const char *expected)
{
    const struct slice state =
        redis_reply_text(REDIS_DO(&redis, "HGET", TASK_RECORD, "s"));

    if (!slice_is(state, expected)) {
        fail_msg("state is %.*s, not %s", (int)state.size, state.data, expected);
    }
}

/* ---- claim and settle -------------------------------------------------------------------- */

static void
tells_all_about_a_claimed_record(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim(TASK);

    assert_string_equal(record->key, TASK);
    assert_int_equal(strncmp(record->token, "worker-1/", strlen("worker-1/")), 0);
    assert_int_equal(record->schema, QUEUE_SCHEMA);
    assert_int_equal(record->attempts, 1);
    assert_in_range(record->now_ms - record->received_ms, 0, 60000);
    assert_true(record->received_ms > 1600000000000);
    assert_int_equal(balanced_stats(queue).claimed, 1);
    assert_null(claim_one(queue));
    queue_record_free(&record);
}

static void
delivered_leaves_a_tombstone_that_refuses_all(void **state)
{
    (void)state;
    assert_int_equal(
        settle_one(queue, put_and_claim(TASK), QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_state("delivered");
    assert_int_equal(REDIS_NUMBER(&redis, "HLEN", TASK_RECORD), 1);
    assert_in_range(REDIS_NUMBER(&redis, "PTTL", TASK_RECORD), 86000000, 86400000);
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", TASK_COPY), 0);
    assert_int_equal(put_one(queue, TASK, "taskrouter", "signed"), QUEUE_PUT_DUPLICATE);
    assert_int_equal(put_one(queue, TASK, "plugin", "new"), QUEUE_PUT_DUPLICATE);
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.delivered, 1);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.claimed, 0);
}

static void
nothing_unsettled_ever_expires(void **state)
{
    static const enum queue_outcome outcomes[] = {
        QUEUE_DELAYED, QUEUE_PARKED, QUEUE_RELEASED};

    (void)state;
    for (size_t i = 0; i < LENGTH(outcomes); i++) {
        (void)empty_redis(NULL);
        struct queue_record *record = put_and_claim(TASK);

        assert_int_equal(REDIS_NUMBER(&redis, "PTTL", TASK_RECORD), -1);
        assert_int_equal(settle_one(queue, record, outcomes[i], "why"), QUEUE_SETTLED);
        assert_int_equal(REDIS_NUMBER(&redis, "PTTL", TASK_RECORD), -1);
    }
}

static void
parked_keeps_its_bytes_and_reason(void **state)
{
    (void)state;
    assert_int_equal(
        settle_one(queue, put_and_claim(TASK), QUEUE_PARKED, "brevo_400"), QUEUE_SETTLED);
    assert_state("parked");
    assert_null(claim_one(queue));
    assert_true(slice_is(
        redis_reply_text(REDIS_DO(&redis, "HGET", TASK_RECORD, "e")), "brevo_400"));
    assert_true(
        slice_is(redis_reply_text(REDIS_DO(&redis, "HGET", TASK_RECORD, "r:taskrouter")),
            "signed"));
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.parked, 1);
    assert_int_equal(label_value(&stats.parked_by, "brevo_400"), 1);
    assert_int_equal(put_one(queue, TASK, "taskrouter", "signed"), QUEUE_PUT_DUPLICATE);
    assert_int_equal(balanced_stats(queue).parked, 1);
}

static void
delayed_waits_and_becomes_due(void **state)
{
    struct queue_settlement settlement = {
        .outcome = QUEUE_DELAYED, .reason = "brevo_500", .delay_ms = 3600000};

    (void)state;
    struct queue_record *record = put_and_claim(TASK);

    settlement.record = record;
    assert_int_equal(queue_settle(queue, &settlement, 1), QUEUE_OK);
    queue_record_free(&record);
    assert_null(claim_one(queue));
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.delayed, 1);
    assert_int_equal(stats.pending, 1);
    assert_int_equal(stats.claimed, 0);
    (void)REDIS_DO(&redis, "ZADD", "fb:{0}:delayed", "1", TASK); /* an hour later */
    record = claim_one(queue);
    assert_non_null(record);
    assert_int_equal(record->attempts, 2);
    assert_int_equal(balanced_stats(queue).delayed, 0);
    queue_record_free(&record);
}

static void
a_short_delay_ends_by_itself(void **state)
{
    struct queue_settlement settlement = {.outcome = QUEUE_DELAYED, .delay_ms = 30};

    (void)state;
    struct queue_record *record = put_and_claim(TASK);
    const int64_t before_us = redis_now_us();

    settlement.record = record;
    assert_int_equal(queue_settle(queue, &settlement, 1), QUEUE_OK);
    queue_record_free(&record);
    record = claim_later(queue);
    assert_true(redis_now_us() - before_us >= 29000);
    queue_record_free(&record);
}

static void
only_free_attempts_are_given_back(void **state)
{
    static const struct {
        enum queue_outcome outcome;
        bool free_attempt;
        int64_t attempts;
    } cases[] = {
        {QUEUE_RELEASED, false, 1},
        {QUEUE_DELAYED, true, 1},
        {QUEUE_DELAYED, false, 2},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        (void)empty_redis(NULL);
        struct queue_record *record = put_and_claim(TASK);
        struct queue_settlement settlement = {.record = record,
            .outcome = cases[i].outcome,
            .free_attempt = cases[i].free_attempt};

        assert_int_equal(queue_settle(queue, &settlement, 1), QUEUE_OK);
        queue_record_free(&record);
        record = claim_later(queue);
        assert_int_equal(record->attempts, cases[i].attempts);
        queue_record_free(&record);
    }
}

static void
keeps_copies_of_settled_bytes_when_asked(void **state)
{
    struct queue_options options = default_options("worker-2");
    const struct queue_settlement reopened_by_others = {
        .outcome = QUEUE_FILTERED, .reason = "no_identity", .reopens = true};

    (void)state;
    options.keep_bodies_ms = 5000;
    struct queue *keeper = open_queue(&options);

    (void)put_one(queue, TASK, "taskrouter", "signed");
    assert_int_equal(
        settle_as(keeper, claim_one(keeper), reopened_by_others), QUEUE_SETTLED);
    (void)put_one(queue, TASK, "plugin", "who");
    assert_int_equal(
        settle_one(keeper, claim_one(keeper), QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(REDIS_NUMBER(&redis, "HLEN", TASK_COPY), 3); /* and when it came */
    assert_true(REDIS_NUMBER(&redis, "HEXISTS", TASK_COPY, "t") == 1);
    assert_true(slice_is(
        redis_reply_text(REDIS_DO(&redis, "HGET", TASK_COPY, "r:taskrouter")), "signed"));
    assert_in_range(REDIS_NUMBER(&redis, "PTTL", TASK_COPY), 1, 5000);
    queue_close(&keeper);
}

static void
settles_each_record_of_one_call_once(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim(TASK);
    struct queue_settlement settlements[] = {
        {.record = record, .outcome = QUEUE_DELIVERED},
        {.record = record, .outcome = QUEUE_PARKED, .reason = "twice"},
    };

    assert_int_equal(queue_settle(queue, settlements, 2), QUEUE_OK);
    assert_int_equal(settlements[0].result, QUEUE_SETTLED);
    assert_int_equal(settlements[1].result, QUEUE_STALE);
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_STALE);
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.delivered, 1);
    assert_int_equal(stats.parked, 0);
}

/* ---- the rest ---------------------------------------------------------------------------- */

static void
hands_out_records_of_an_unknown_schema(void **state)
{
    (void)state;
    (void)put_one(queue, TASK, "taskrouter", "signed");
    (void)REDIS_DO(&redis, "HSET", TASK_RECORD, "v", "7", "s", "of the future");
    struct queue_record *record = claim_one(queue);

    assert_int_equal(record->schema, 7);
    assert_int_equal(settle_one(queue, record, QUEUE_PARKED, "schema"), QUEUE_SETTLED);
    assert_int_equal(balanced_stats(queue).parked, 1);
}

static void
remembers_links(void **state)
{
    char to[64] = "x";

    (void)state;
    assert_int_equal(queue_link_get(queue, "WR1", to, sizeof(to)), QUEUE_OK);
    assert_string_equal(to, "");
    assert_int_equal(queue_link_put(queue, "WR1", "WT1"), QUEUE_OK);
    assert_int_equal(queue_link_get(queue, "WR1", to, sizeof(to)), QUEUE_OK);
    assert_string_equal(to, "WT1");
    assert_int_equal(queue_link_get(queue, "WR1", to, 3), -ENOSPC);
    assert_true(REDIS_NUMBER(&redis, "PTTL", "fb:{0}:l:WR1") > 604000000); /* a week */
}

/* Claimed, let wait and claimed again: its age counts from the day it came. */
static void
remembers_when_a_record_came(void **state)
{
    const int64_t came_ms = 1600000000000;
    struct queue_settlement settlement = {.outcome = QUEUE_DELAYED};

    (void)state;
    (void)REDIS_DO(
        &redis, "HSET", TASK_RECORD, "s", "pending", "v", "1", "r:plugin", "bytes");
    (void)REDIS_DO(&redis, "XADD", "fb:{0}:stream", "1600000000000-7", "k", TASK);
    (void)REDIS_DO(&redis, "HSET", "fb:{0}:stats", "accepted", "1");
    assert_true(balanced_stats(queue).oldest_ms > came_ms / 100);
    struct queue_record *record = claim_one(queue);

    assert_int_equal(record->received_ms, came_ms);
    settlement.record = record;
    assert_int_equal(queue_settle(queue, &settlement, 1), QUEUE_OK);
    queue_record_free(&record);
    assert_true(balanced_stats(queue).oldest_ms > came_ms / 100);
    record = claim_later(queue);
    assert_int_equal(record->received_ms, came_ms);
    queue_record_free(&record);
}

/* Whatever delays it else, and how often; what is put back by another route begins anew. */
static void
remembers_since_when_a_record_waits(void **state)
{
    static const struct {
        bool is_wait;
        bool is_remembered;
    } delays[] = {{false, false}, {true, true}, {false, true}, {true, true}};
    int64_t since_ms = 0;

    (void)state;
    struct queue_record *record = put_and_claim(TASK);

    for (size_t i = 0; i < LENGTH(delays); i++) {
        struct queue_settlement settlement = {
            .record = record, .outcome = QUEUE_DELAYED, .is_wait = delays[i].is_wait};
        const int64_t before_ms = record->now_ms;

        assert_int_equal(record->waits_since_ms, since_ms);
        assert_int_equal(queue_settle(queue, &settlement, 1), QUEUE_OK);
        queue_record_free(&record);
        record = claim_later(queue);
        if (delays[i].is_remembered && since_ms == 0) {
            assert_in_range(record->waits_since_ms, before_ms, record->now_ms);
            since_ms = record->waits_since_ms;
        }
    }
    assert_int_equal(record->waits_since_ms, since_ms);
    struct queue_settlement filtered = {
        .record = record, .outcome = QUEUE_FILTERED, .reason = "x", .reopens = true};

    assert_int_equal(queue_settle(queue, &filtered, 1), QUEUE_OK);
    queue_record_free(&record);
    assert_int_equal(put_one(queue, TASK, "plugin", "more"), QUEUE_PUT_NEW);
    record = claim_one(queue);
    assert_int_equal(record->waits_since_ms, 0);
    queue_record_free(&record);
}

/* Redis's clock went back: it waits from now on, and not from then. */
static void
nothing_waits_since_the_future(void **state)
{
    struct queue_settlement wait = {.outcome = QUEUE_DELAYED, .is_wait = true};

    (void)state;
    (void)put_one(queue, TASK, "taskrouter", "signed");
    (void)REDIS_DO(&redis, "HSET", TASK_RECORD, "b", "9999999999999");
    struct queue_record *record = claim_one(queue);

    assert_int_equal(record->waits_since_ms, record->now_ms);
    wait.record = record;
    assert_int_equal(queue_settle(queue, &wait, 1), QUEUE_OK);
    assert_in_range(REDIS_NUMBER(&redis, "HGET", TASK_RECORD, "b"), record->now_ms,
        record->now_ms + 60000);
    queue_record_free(&record);
}

/* Else it would wait for its twin until Redis's clock is there again. */
static void
a_record_is_never_of_the_future(void **state)
{
    (void)state;
    (void)put_one(queue, TASK, "taskrouter", "signed");
    (void)REDIS_DO(&redis, "HSET", TASK_RECORD, "t", "9999999999999");
    struct queue_record *record = claim_one(queue);

    assert_int_equal(record->received_ms, record->now_ms);
    assert_int_equal(REDIS_NUMBER(&redis, "HGET", TASK_RECORD, "t"), record->now_ms);
    queue_record_free(&record);
}

static void
tells_the_age_of_the_oldest_unsettled(void **state)
{
    (void)state;
    assert_int_equal(balanced_stats(queue).oldest_ms, 0);
    struct queue_record *record = put_and_claim(TASK);

    (void)REDIS_DO(&redis, "HSET", TASK_RECORD, "t", "1600000000000");
    assert_true(balanced_stats(queue).oldest_ms > 1000000);
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(balanced_stats(queue).oldest_ms, 0);
}

static void
cuts_a_long_reason_to_what_a_label_shows(void **state)
{
    (void)state;
    assert_int_equal(settle_one(queue, put_and_claim(TASK), QUEUE_PARKED,
                         "a reason that is longer than any label that is shown"),
        QUEUE_SETTLED);
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(
        label_value(&stats.parked_by, "a reason that is longer than any label "), 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(tells_all_about_a_claimed_record),
        TEST(delivered_leaves_a_tombstone_that_refuses_all),
        TEST(nothing_unsettled_ever_expires),
        TEST(parked_keeps_its_bytes_and_reason),
        TEST(delayed_waits_and_becomes_due),
        TEST(a_short_delay_ends_by_itself),
        TEST(only_free_attempts_are_given_back),
        TEST(keeps_copies_of_settled_bytes_when_asked),
        TEST(settles_each_record_of_one_call_once),
        TEST(hands_out_records_of_an_unknown_schema),
        TEST(remembers_links),
        TEST(remembers_when_a_record_came),
        TEST(remembers_since_when_a_record_waits),
        TEST(nothing_waits_since_the_future),
        TEST(a_record_is_never_of_the_future),
        TEST(tells_the_age_of_the_oldest_unsettled),
        TEST(cuts_a_long_reason_to_what_a_label_shows),
    };

    return cmocka_run_group_tests_name("queue", tests, start_redis, stop_redis);
}
