/*
 * test_queue_pause.c - pauses are everybody's, one worker at a time probes, and what waits on a
 * shelf waits out of the way.
 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/queue_fixture.h"

enum {
    FIRST_MS = 60 * 1000,
    LONGEST_MS = 100 * 1000,
    TURN_MS = 45 * 1000,
    SHELF = 3,
    OTHER_SHELF = 4,
    LAST_SHELF = QUEUE_SHELVES - 1,
};

static const struct queue_pause refused = {
    .cause = "unauthorized",
    .where = "events",
    .remedy = "set a valid key",
    .probe_first_ms = FIRST_MS,
    .probe_longest_ms = LONGEST_MS,
};
static const struct queue_pause by_operator = {
    .cause = "operator", .where = "-", .remedy = "flexbrevo resume"};

static struct queue *other; /* another worker's */

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

static void
put_pause(struct queue *by, const struct queue_pause *pause)
{
    assert_int_equal(queue_pause_put(by, pause), QUEUE_OK);
}

static bool
gets_turn(struct queue *asking)
{
    struct queue_labels pauses = {0};
    bool may_probe = false;

    assert_int_equal(queue_pause_look(asking, TURN_MS, &pauses, &may_probe), QUEUE_OK);
    return may_probe;
}

static struct queue_labels
look(struct queue *asking)
{
    struct queue_labels pauses = {0};
    bool may_probe = true;

    assert_int_equal(queue_pause_look(asking, 0, &pauses, &may_probe), QUEUE_OK);
    assert_false(may_probe);
    return pauses;
}

/* "<due ms> <interval ms> <holder>", the interval in ms; 0: there is no schedule. */
static int64_t
interval_ms(void)
{
    const struct slice probe =
        redis_reply_text(REDIS_DO(&redis, "HGET", "fb:paused", ".probe"));
    const struct slice due = slice_before(probe, ' ');
    int64_t interval = 0;

    if (probe.size > 0) {
        assert_true(slice_to_int64(
            slice_before(slice_skip(probe, due.size + 1), ' '), &interval));
    }
    return interval;
}

/* As if the wait, or the turn, were over. */
static void
let_time_pass(void)
{
    char probe[64];

    (void)snprintf(probe, sizeof(probe), "1 %lld -", (long long)interval_ms());
    (void)REDIS_DO(&redis, "HSET", "fb:paused", ".probe", probe);
}

/* ---- pauses ------------------------------------------------------------------------------ */

static void
shows_pauses_with_their_beginning(void **state)
{
    (void)state;
    struct queue_pause again = refused;

    put_pause(queue, &refused);
    struct queue_stats stats = balanced_stats(queue);
    const int64_t since_ms = label_value(&stats.paused, "unauthorized");

    assert_true(since_ms > 1600000000000);
    assert_int_equal(stats.paused.count, 1);
    assert_string_equal(stats.paused.items[0].text, "set a valid key");
    assert_string_equal(stats.paused.items[0].where, "events");
    again.remedy = "still no valid key";
    put_pause(queue, &again);
    stats = balanced_stats(queue);
    assert_int_equal(label_value(&stats.paused, "unauthorized"), since_ms);
    assert_string_equal(stats.paused.items[0].text, "still no valid key");
    assert_int_equal(queue_pause_remove(queue, "unauthorized"), QUEUE_OK);
    assert_int_equal(balanced_stats(queue).paused.count, 0);
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", "fb:paused"), 0);
}

static void
every_worker_sees_every_pause(void **state)
{
    (void)state;
    put_pause(queue, &refused);
    put_pause(queue, &by_operator);
    const struct queue_labels pauses = look(other);

    assert_int_equal(pauses.count, 2);
    assert_true(label_value(&pauses, "unauthorized") > 0);
    assert_true(label_value(&pauses, "operator") > 0);
    assert_int_equal(queue_pause_remove(queue, "operator"), QUEUE_OK);
    assert_int_equal(look(other).count, 1);
}

static void
a_pause_is_told_when_redis_is_over_maxmemory(void **state)
{
    (void)state;
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    const int r = queue_pause_put(queue, &refused);

    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(r, QUEUE_OK);
    assert_int_equal(look(other).count, 1);
}

/* ---- probes ------------------------------------------------------------------------------ */

static void
one_worker_at_a_time_may_probe_when_it_is_due(void **state)
{
    (void)state;
    assert_false(gets_turn(queue)); /* nothing is paused */
    put_pause(queue, &refused);
    assert_false(gets_turn(queue));
    assert_false(gets_turn(other));
    let_time_pass();
    assert_true(gets_turn(queue));
    assert_false(gets_turn(other));
    let_time_pass(); /* it died over it */
    assert_true(gets_turn(other));
}

static void
a_worker_that_comes_back_goes_on_with_its_turn(void **state)
{
    struct queue *again;

    (void)state;
    put_pause(queue, &refused);
    let_time_pass();
    assert_true(gets_turn(queue));
    again = open_worker("worker-1"); /* it died over it, and was started again */
    assert_true(gets_turn(again));
    assert_false(gets_turn(other));
    queue_close(&again);
}

static void
each_probe_that_fails_makes_the_next_one_wait_longer(void **state)
{
    (void)state;
    put_pause(queue, &refused);
    assert_int_equal(interval_ms(), FIRST_MS);
    let_time_pass();
    assert_true(gets_turn(other));
    put_pause(other, &refused);
    assert_int_equal(interval_ms(), LONGEST_MS); /* twice, but not more than that */
    assert_false(gets_turn(queue));
    let_time_pass();
    assert_true(gets_turn(queue));
    assert_int_equal(queue_probe_postpone(queue, FIRST_MS, LONGEST_MS), QUEUE_OK);
    assert_false(gets_turn(queue));
    assert_int_equal(interval_ms(), LONGEST_MS);
}

static void
refusals_of_calls_sent_before_the_pause_are_no_news(void **state)
{
    (void)state;
    put_pause(queue, &refused);
    put_pause(other, &refused);
    put_pause(queue, &refused);
    assert_int_equal(interval_ms(), FIRST_MS);
    let_time_pass();
    assert_true(gets_turn(queue));
    put_pause(other, &refused); /* while the other one is probing */
    assert_false(gets_turn(other));
    assert_int_equal(interval_ms(), FIRST_MS);
    assert_int_equal(queue_probe_postpone(other, FIRST_MS, LONGEST_MS), QUEUE_OK);
    assert_int_equal(interval_ms(), FIRST_MS); /* it was not its turn */
}

static void
a_new_cause_is_probed_soon_again(void **state)
{
    (void)state;
    struct queue_pause another = refused;

    put_pause(queue, &refused);
    let_time_pass();
    assert_true(gets_turn(queue));
    put_pause(queue, &refused);
    another.cause = "ip_blocked";
    put_pause(queue, &another);
    assert_int_equal(interval_ms(), FIRST_MS);
}

static void
nobody_probes_a_pause_by_command(void **state)
{
    (void)state;
    put_pause(queue, &by_operator);
    assert_int_equal(interval_ms(), 0);
    assert_false(gets_turn(queue));
}

/* Versions that knew no turns left "<since ms> <remedy>", and no schedule. */
static void
a_pause_without_a_schedule_is_probed_by_one_at_once(void **state)
{
    (void)state;
    (void)REDIS_DO(
        &redis, "HSET", "fb:paused", "unauthorized", "1700000000000 Brevo refuses");
    assert_true(gets_turn(queue));
    assert_false(gets_turn(other));
    put_pause(queue, &refused);
    assert_in_range(interval_ms(), 1, LONGEST_MS);
    assert_int_equal(queue_pause_remove(queue, "unauthorized"), QUEUE_OK);
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", "fb:paused"), 0);
}

static void
the_schedule_goes_with_the_last_pause_that_is_probed(void **state)
{
    (void)state;
    put_pause(queue, &by_operator);
    put_pause(queue, &refused);
    let_time_pass();
    assert_true(gets_turn(queue));
    assert_int_equal(queue_pause_remove(queue, "unauthorized"), QUEUE_OK);
    assert_int_equal(interval_ms(), 0);
    assert_false(gets_turn(queue)); /* asked by who has not seen yet that it is over */
    assert_int_equal(interval_ms(), 0);
    assert_int_equal(look(other).count, 1);
}

static void
a_redis_whose_clock_went_back_keeps_nobody_from_probing(void **state)
{
    (void)state;
    put_pause(queue, &refused);
    (void)REDIS_DO(&redis, "HSET", "fb:paused", ".probe", "9999999999999 60000 -");
    assert_true(gets_turn(queue));
    assert_false(gets_turn(other));
}

/* ---- shelves ----------------------------------------------------------------------------- */

static void
shelve(const char *key, unsigned shelf)
{
    (void)put_one(queue, key, "taskrouter", "signed");
    struct queue_record *record = claim_one(queue);

    assert_non_null(record);
    assert_int_equal(settle_as(queue, record,
                         (struct queue_settlement){.outcome = QUEUE_DELAYED,
                             .reason = "paused",
                             .shelf = shelf,
                             .free_attempt = true}),
        QUEUE_SETTLED);
}

static void
expect_next(const char *key)
{
    struct queue_record *record = claim_one(queue);

    if (key == NULL) {
        assert_null(record);
        return;
    }
    assert_non_null(record);
    assert_string_equal(record->key, key);
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
}

static void
a_closed_shelf_keeps_its_records_and_others_pass(void **state)
{
    (void)state;
    queue_set_shelves(queue, 1U << SHELF | 1U << LAST_SHELF, 0);
    shelve("task.completed/WT1", SHELF);
    shelve("task.completed/WT2", LAST_SHELF);
    expect_next(NULL);
    shelve("task.completed/WT3", OTHER_SHELF);
    (void)put_one(queue, "task.completed/WT4", "taskrouter", "signed");
    expect_next("task.completed/WT4");
    expect_next("task.completed/WT3");
    expect_next(NULL);
    struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.delayed, 2);
    assert_int_equal(stats.pending, 2);
    queue_set_shelves(queue, 1U << SHELF, 0);
    expect_next("task.completed/WT2");
    queue_set_shelves(queue, 0, 0);
    expect_next("task.completed/WT1");
    assert_int_equal(balanced_stats(queue).pending, 0);
}

static void
an_open_shelf_gives_back_the_oldest_first(void **state)
{
    (void)state;
    char key[64];

    queue_set_shelves(queue, 1U << SHELF, 0);
    for (int i = 9; i > 0; i--) {
        (void)snprintf(key, sizeof(key), "task.completed/WT%d", i);
        shelve(key, SHELF);
        (void)snprintf(key, sizeof(key), "fb:{0}:r:task.completed/WT%d", i);
        assert_int_equal(REDIS_NUMBER(&redis, "HEXISTS", key, "t"), 1);
    }
    const char *const turn_round[] = {"eval",
        "for i = 1, 9 do local k = 'task.completed/WT' .. i "
        "redis.call('zadd', KEYS[1], string.format('%.0f', 3e14 + i), k) end",
        "1", "fb:{0}:delayed", NULL};

    (void)redis_fixture_do(&redis, turn_round);
    queue_set_shelves(queue, 0, 0);
    for (int i = 1; i <= 9; i++) {
        (void)snprintf(key, sizeof(key), "task.completed/WT%d", i);
        expect_next(key);
    }
}

static void
a_probe_takes_one_from_a_closed_shelf(void **state)
{
    (void)state;
    queue_set_shelves(queue, 1U << SHELF, 0);
    for (int i = 0; i < 3; i++) {
        char key[64];

        (void)snprintf(key, sizeof(key), "task.completed/WT%d", i);
        shelve(key, SHELF);
    }
    queue_set_shelves(queue, 1U << SHELF, 1U << SHELF);
    struct queue_record *record = claim_one(queue);

    assert_non_null(record);
    assert_int_equal(balanced_stats(queue).delayed, 2);
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
}

static void
a_shelved_record_takes_new_routes_and_keeps_its_attempts(void **state)
{
    (void)state;
    queue_set_shelves(queue, 1U << SHELF, 0);
    shelve(TASK, SHELF);
    assert_int_equal(put_one(queue, TASK, "plugin", "more"), QUEUE_PUT_MERGED);
    expect_next(NULL);
    queue_set_shelves(queue, 0, 0);
    struct queue_record *record = claim_one(queue);

    assert_int_equal(record->attempts, 1);
    assert_int_equal(record->route_count, 2);
    queue_record_free(&record);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_two, tear_down_two)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shows_pauses_with_their_beginning),
        TEST(every_worker_sees_every_pause),
        TEST(a_pause_is_told_when_redis_is_over_maxmemory),
        TEST(one_worker_at_a_time_may_probe_when_it_is_due),
        TEST(a_worker_that_comes_back_goes_on_with_its_turn),
        TEST(each_probe_that_fails_makes_the_next_one_wait_longer),
        TEST(refusals_of_calls_sent_before_the_pause_are_no_news),
        TEST(a_new_cause_is_probed_soon_again),
        TEST(nobody_probes_a_pause_by_command),
        TEST(a_pause_without_a_schedule_is_probed_by_one_at_once),
        TEST(the_schedule_goes_with_the_last_pause_that_is_probed),
        TEST(a_redis_whose_clock_went_back_keeps_nobody_from_probing),
        TEST(a_closed_shelf_keeps_its_records_and_others_pass),
        TEST(an_open_shelf_gives_back_the_oldest_first),
        TEST(a_probe_takes_one_from_a_closed_shelf),
        TEST(a_shelved_record_takes_new_routes_and_keeps_its_attempts),
    };

    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
