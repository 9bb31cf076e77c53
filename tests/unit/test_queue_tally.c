/*
 * test_queue_tally.c - what a record tells is counted once, whatever becomes of the record.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/parked.h"
#include "queue/tally.h"
#include "tests/unit/queue_fixture.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define DAY "2026-11-29"
#define DAY_KEY "fb:{0}:n:" DAY
#define ALL_KEY "fb:{0}:n:all"

enum {
    LIFE_MS = 1000 * 1000,
    SLACK_MS = 100 * 1000,
};

static const struct queue_amount amounts[] = {
    {{"handled voice inbound Support ES", 32}, 1},
    {{"wait_ms voice inbound Support ES", 32}, 4200},
};

static enum queue_tally_result
tally(struct queue *of, const struct queue_record *record)
{
    const struct queue_tally tally = {.record = record,
        .day = DAY,
        .life_ms = LIFE_MS,
        .amounts = amounts,
        .count = LENGTH(amounts)};
    enum queue_tally_result result = QUEUE_TALLY_STALE;

    if (queue_tally(of, &tally, &result) != QUEUE_OK) {
        fail_msg("queue_tally: %s", queue_error(of));
    }
    return result;
}

static struct queue_record *
claim_new(const char *key)
{
    (void)put_one(queue, key, "taskrouter", "signed bytes");
    return claim_one(queue);
}

static long long
number(const char *key, const char *field)
{
    return REDIS_NUMBER(&redis, "HGET", key, field);
}

static void
expect_counted(long long times)
{
    assert_int_equal(number(DAY_KEY, "handled voice inbound Support ES"), times);
    assert_int_equal(number(DAY_KEY, "wait_ms voice inbound Support ES"), 4200 * times);
    assert_int_equal(number(ALL_KEY, "wait_ms voice inbound Support ES"), 4200 * times);
}

/* ---- once ---------------------------------------------------------------------------------- */

static void
counts_by_day_and_for_ever(void **state)
{
    (void)state;
    struct queue_record *record = claim_new(TASK);

    assert_int_equal(tally(queue, record), QUEUE_TALLIED);
    expect_counted(1);
    assert_in_range(REDIS_NUMBER(&redis, "PTTL", DAY_KEY), LIFE_MS - SLACK_MS, LIFE_MS);
    assert_int_equal(REDIS_NUMBER(&redis, "PTTL", ALL_KEY), -1);
    queue_record_free(&record);
}

static void
an_answer_that_was_lost_counts_nothing_twice(void **state)
{
    (void)state;
    struct queue_record *record = claim_new(TASK);

    assert_int_equal(tally(queue, record), QUEUE_TALLIED);
    assert_int_equal(tally(queue, record), QUEUE_TALLIED_BEFORE);
    expect_counted(1);
    queue_record_free(&record);
}

static void
whoever_has_lost_the_record_counts_nothing(void **state)
{
    (void)state;
    struct queue_record *record = claim_new(TASK);
    struct queue *heir = open_worker("worker-1"); /* its own records come back first */
    struct queue_record *taken = claim_one(heir);

    assert_non_null(taken);
    assert_int_equal(tally(queue, record), QUEUE_TALLY_STALE);
    expect_counted(0);
    assert_int_equal(tally(heir, taken), QUEUE_TALLIED);
    expect_counted(1);
    queue_record_free(&record);
    queue_record_free(&taken);
    queue_close(&heir);
}

static void
whoever_takes_over_what_was_counted_counts_nothing(void **state)
{
    (void)state;
    struct queue_record *record = claim_new(TASK);

    assert_int_equal(tally(queue, record), QUEUE_TALLIED);
    struct queue *heir = open_worker("worker-1");
    struct queue_record *taken = claim_one(heir);

    assert_non_null(taken);
    assert_int_equal(tally(heir, taken), QUEUE_TALLIED_BEFORE);
    expect_counted(1);
    queue_record_free(&record);
    queue_record_free(&taken);
    queue_close(&heir);
}

static void
what_was_settled_is_counted_no_more(void **state)
{
    static const enum queue_outcome outcomes[] = {QUEUE_DELIVERED, QUEUE_FILTERED};

    (void)state;
    for (size_t i = 0; i < LENGTH(outcomes); i++) {
        struct queue_record *record = claim_new(i == 0 ? TASK : TASK "0");
        struct queue_settlement settlement = {
            .record = record, .outcome = outcomes[i], .reason = "facts"};

        assert_int_equal(queue_settle(queue, &settlement, 1), QUEUE_OK);
        assert_int_equal(tally(queue, record), QUEUE_TALLY_STALE);
        queue_record_free(&record);
    }
    expect_counted(0);
}

/* Ways for a record that was counted to be judged again. */
static void
wait_a_moment(struct queue_record *record)
{
    (void)settle_as(queue, record,
        (struct queue_settlement){
            .outcome = QUEUE_DELAYED, .reason = "ticket_settle", .delay_ms = 1});
}

static void
give_back(struct queue_record *record)
{
    (void)settle_one(queue, record, QUEUE_RELEASED, NULL);
}

static void
filter_and_tell_more(struct queue_record *record)
{
    (void)settle_as(queue, record,
        (struct queue_settlement){
            .outcome = QUEUE_FILTERED, .reason = "no_identity", .reopens = true});
    assert_int_equal(put_one(queue, TASK, "flex_plugin", "who it is"), QUEUE_PUT_NEW);
}

static void
park_and_replay(struct queue_record *record)
{
    const struct queue_parked parked = {.key = slice_of(TASK)};
    bool done = false;

    (void)settle_one(queue, record, QUEUE_PARKED, "rejected");
    assert_int_equal(queue_unpark(queue, QUEUE_REPLAY, &parked, 1, &done), QUEUE_OK);
    assert_true(done);
}

static void
park_and_tell_more(struct queue_record *record)
{
    (void)settle_one(queue, record, QUEUE_PARKED, "rejected");
    (void)put_one(queue, TASK, "flex_plugin", "who it is");
}

static void
tell_more_meanwhile(struct queue_record *record)
{
    (void)put_one(queue, TASK, "flex_plugin", "who it is");
    assert_int_equal(
        settle_one(queue, record, QUEUE_FILTERED, "no_identity"), QUEUE_REOPENED);
}

static void
what_is_judged_again_was_counted_before(void **state)
{
    static void (*const ways[])(struct queue_record * record) = {wait_a_moment, give_back,
        filter_and_tell_more, park_and_replay, park_and_tell_more, tell_more_meanwhile};

    (void)state;
    for (size_t i = 0; i < LENGTH(ways); i++) {
        (void)REDIS_DO(&redis, "FLUSHALL");
        assert_int_equal(queue_prepare(queue), QUEUE_OK);
        struct queue_record *record = claim_new(TASK);

        assert_int_equal(tally(queue, record), QUEUE_TALLIED);
        ways[i](record);
        record = claim_later(queue);
        assert_int_equal(tally(queue, record), QUEUE_TALLIED_BEFORE);
        expect_counted(1);
        queue_record_free(&record);
    }
}

/* ---- bounded ------------------------------------------------------------------------------- */

static void
fill(const char *key, long long fields)
{
    char script[160];

    (void)snprintf(script, sizeof(script),
        "for i = 1, %lld do redis.call('HSET', '%s', 'made up ' .. i, 1) end", fields,
        key);
    (void)REDIS_DO(&redis, "EVAL", script, "0");
}

static void
what_has_no_room_is_counted_as_left_out_and_never_in_parts(void **state)
{
    (void)state;
    fill(DAY_KEY, QUEUE_TALLY_FIELDS - 1);
    struct queue_record *record = claim_new(TASK);

    assert_int_equal(tally(queue, record), QUEUE_TALLIED);
    assert_int_equal(number(DAY_KEY, QUEUE_TALLY_LEFT_OUT), 1);
    assert_int_equal(number(DAY_KEY, "handled voice inbound Support ES"), 0);
    assert_int_equal(number(ALL_KEY, "handled voice inbound Support ES"), 1);
    queue_record_free(&record);
}

static void
in_a_full_day_what_is_known_goes_on(void **state)
{
    (void)state;
    struct queue_record *record = claim_new(TASK);

    assert_int_equal(tally(queue, record), QUEUE_TALLIED);
    queue_record_free(&record);
    fill(DAY_KEY, QUEUE_TALLY_FIELDS);
    record = claim_new(TASK "0");
    assert_int_equal(tally(queue, record), QUEUE_TALLIED);
    expect_counted(2);
    queue_record_free(&record);
}

static void
over_maxmemory_it_counts_on(void **state)
{
    (void)state;
    struct queue_record *record = claim_new(TASK);

    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    assert_int_equal(tally(queue, record), QUEUE_TALLIED);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    expect_counted(1);
    queue_record_free(&record);
}

static void
what_somebody_overwrote_is_said_and_nothing_is_changed(void **state)
{
    (void)state;
    struct queue_record *record = claim_new(TASK);

    (void)REDIS_DO(&redis, "SET", ALL_KEY, "somebody else's");
    assert_int_equal(tally(queue, record), QUEUE_TALLY_BROKEN);
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", DAY_KEY), 0);
    (void)REDIS_DO(&redis, "DEL", ALL_KEY);
    assert_int_equal(tally(queue, record), QUEUE_TALLIED);
    queue_record_free(&record);
}

static void
a_counter_that_is_no_number_leaves_the_others(void **state)
{
    (void)state;
    struct queue_record *record = claim_new(TASK);

    (void)REDIS_DO(&redis, "HSET", DAY_KEY, "handled voice inbound Support ES", "many");
    assert_int_equal(tally(queue, record), QUEUE_TALLIED);
    assert_int_equal(number(DAY_KEY, "wait_ms voice inbound Support ES"), 4200);
    assert_int_equal(number(ALL_KEY, "handled voice inbound Support ES"), 1);
    queue_record_free(&record);
}

/* ---- read ---------------------------------------------------------------------------------- */

struct heard {
    int64_t count;
    int64_t sum;
    bool has_name;
};

static void
hear(void *context, struct slice name, struct slice value)
{
    struct heard *heard = context;
    int64_t number = 0;

    heard->count++;
    heard->has_name |= slice_is(name, "WK1") && slice_is(value, "Mary Smith");
    heard->sum += slice_to_int64(value, &number) ? number : 0;
}

static void
a_day_is_read_and_what_subjects_are_called(void **state)
{
    struct heard day = {0};
    struct heard names = {0};
    enum queue_tally_result result;

    (void)state;
    struct queue_record *record = claim_new(TASK);
    const struct queue_tally tally = {.record = record,
        .day = DAY,
        .life_ms = LIFE_MS,
        .amounts = amounts,
        .count = LENGTH(amounts),
        .subject = slice_of("WK1"),
        .called = slice_of("Mary Smith")};

    assert_int_equal(queue_tally(queue, &tally, &result), QUEUE_OK);
    assert_int_equal(queue_tally_read(queue, DAY, hear, &day), QUEUE_OK);
    assert_int_equal(day.count, 2);
    assert_int_equal(day.sum, 4201);
    assert_int_equal(queue_tally_read(queue, QUEUE_TALLY_NAMES, hear, &names), QUEUE_OK);
    assert_true(names.has_name);
    assert_in_range(
        REDIS_NUMBER(&redis, "PTTL", "fb:{0}:n:called"), LIFE_MS - SLACK_MS, LIFE_MS);
    queue_record_free(&record);
}

static void
partitions_are_read_as_one(void **state)
{
    struct queue_options options = default_options("worker-2");
    struct heard day = {0};

    (void)state;
    (void)REDIS_DO(&redis, "FLUSHALL");
    options.partitions = 4;
    struct queue *spread = open_queue(&options);
    uint64_t met = 0;

    assert_int_equal(queue_prepare(spread), QUEUE_OK);
    for (int i = 0; i < 8; i++) {
        char key[64];

        (void)snprintf(key, sizeof(key), "task.completed/WT%d", i);
        (void)put_one(spread, key, "taskrouter", "signed bytes");
        struct queue_record *record = claim_later(spread);

        met |= UINT64_C(1) << record->partition;
        assert_int_equal(tally(spread, record), QUEUE_TALLIED);
        queue_record_free(&record);
    }
    assert_true((met & (met - 1)) != 0); /* in more than one */
    assert_int_equal(queue_tally_read(spread, DAY, hear, &day), QUEUE_OK);
    assert_int_equal(day.sum, 8 * 4201);
    queue_close(&spread);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counts_by_day_and_for_ever),
        TEST(an_answer_that_was_lost_counts_nothing_twice),
        TEST(whoever_has_lost_the_record_counts_nothing),
        TEST(whoever_takes_over_what_was_counted_counts_nothing),
        TEST(what_was_settled_is_counted_no_more),
        TEST(what_is_judged_again_was_counted_before),
        TEST(what_has_no_room_is_counted_as_left_out_and_never_in_parts),
        TEST(in_a_full_day_what_is_known_goes_on),
        TEST(over_maxmemory_it_counts_on),
        TEST(what_somebody_overwrote_is_said_and_nothing_is_changed),
        TEST(a_counter_that_is_no_number_leaves_the_others),
        TEST(a_day_is_read_and_what_subjects_are_called),
        TEST(partitions_are_read_as_one),
    };

    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
