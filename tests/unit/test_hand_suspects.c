/*
 * test_hand_suspects.c - a record that workers die over takes no others with it.
 */
#include <poll.h>
#include <stdio.h>

#include "queue/handle.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "tests/unit/hand_fixture.h"

/* A worker claims all there is, and dies. */
static void
die_holding_all(void)
{
    struct queue *mortal = open_worker("worker-1");
    struct queue_record *records[HAND_JOBS_MAX] = {0};
    size_t count = 0;

    assert_int_equal(queue_claim(mortal, HAND_JOBS_MAX, records, &count), QUEUE_OK);
    for (size_t i = 0; i < count; i++) {
        queue_record_free(&records[i]);
    }
    queue_close(&mortal);
}

/* The next life of the worker. */
static struct queue *
be_born_again(void)
{
    struct queue *heir = open_worker("worker-1");

    hand_init(&hand, heir, &config);
    return heir;
}

static void
a_record_that_five_workers_died_over_is_parked_unread(void **state)
{
    (void)state;
    (void)put_one(queue, SINK_TEST, "event_streams", SINK_EVENT);
    for (int i = 0; i < JOB_LOST_POISON; i++) {
        die_holding_all();
    }
    struct queue *heir = be_born_again();

    step();
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.parked, 1);
    assert_int_equal(label_value(&stats.parked_by, "poison"), 1);
    expect_last_test("");
    queue_close(&heir);
}

static void
after_four_deaths_a_record_is_still_read(void **state)
{
    (void)state;
    (void)put_one(queue, SINK_TEST, "event_streams", SINK_EVENT);
    for (int i = 0; i < JOB_LOST_POISON - 1; i++) {
        die_holding_all();
    }
    struct queue *heir = be_born_again();

    step();
    assert_int_equal(balanced_stats(queue).filtered, 1);
    queue_close(&heir);
}

/* Whoever killed the worker twice, kills it again: nobody else may be in hand then. */
static void
suspects_are_read_alone_so_that_the_innocent_are_not_parked_with_the_guilty(void **state)
{
    (void)state;
    char key[KEY_SIZE_MAX];

    for (int i = 0; i < HAND_JOBS_MAX; i++) {
        (void)snprintf(key, sizeof(key), "reservation.accepted/WR%d", i);
        (void)put_one(queue, key, "taskrouter", "ReservationSid=WR1");
    }
    for (int i = 0; i < JOB_LOST_SUSPECT; i++) {
        die_holding_all();
    }
    struct queue *heir = be_born_again();

    (void)hand_claim(&hand, HAND_JOBS_MAX, clock_monotonic_us());
    assert_int_equal(hand.count, HAND_JOBS_MAX);
    for (size_t i = 0; i < hand.count; i++) {
        assert_false(hand_may_read(&hand, i));
    }
    hand_settle(&hand, clock_monotonic_us());
    assert_int_equal(hand.count, 1);
    assert_true(hand_may_read(&hand, 0));
    assert_int_equal(balanced_stats(queue).pending, HAND_JOBS_MAX);
    while (balanced_stats(queue).pending > 0) {
        step();
    }
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(label_value(&stats.parked_by, "poison"), -1);
    queue_close(&heir);
}

/* The events of a task keep their order; the second must not wait for one that waits for it. */
static void
what_follows_a_suspect_goes_back_so_that_they_do_not_wait_for_each_other(void **state)
{
    (void)state;
    (void)put_one(queue, "task.created/WT" HEX, "taskrouter", "EventType=task.created");
    for (int i = 0; i < JOB_LOST_SUSPECT; i++) {
        die_holding_all();
    }
    (void)put_one(
        queue, "task.completed/WT" HEX, "taskrouter", "EventType=task.completed");
    struct queue *heir = be_born_again();

    (void)hand_claim(&hand, HAND_JOBS_MAX, clock_monotonic_us());
    assert_int_equal(hand.count, 2);
    assert_false(hand_may_read(&hand, 0));
    hand_settle(&hand, clock_monotonic_us());
    assert_int_equal(hand.count, 1);
    assert_true(hand_may_read(&hand, 0));
    assert_int_equal(balanced_stats(queue).pending, 2);
    hand_done(&hand);
    queue_close(&heir);
}

/* After a long absence of Redis its claim may be taken over, by its own worker as well. */
static void
what_is_finished_is_settled_before_it_could_be_claimed_again(void **state)
{
    struct queue_options options = default_options("worker-2");

    (void)state;
    options.claim_deadline_ms = 1;
    struct queue *quick = open_queue(&options);

    hand_init(&hand, quick, &config);
    (void)put_one(quick, "task.completed/WT" HEX, "taskrouter", "EventType=x");
    (void)hand_claim(&hand, 1, clock_monotonic_us());
    job_deliver(hand.jobs[0]);
    (void)put_one(quick, "task.completed/WT2", "taskrouter", "EventType=x");
    (void)poll(NULL, 0, 5); /* the deadline is over */
    quick->scans[0].next_takeover_us = 0;
    assert_int_equal(hand_claim(&hand, 2, clock_monotonic_us()), 1);
    assert_string_equal(hand.jobs[1]->record->key, "task.completed/WT2");
    hand_settle(&hand, clock_monotonic_us());
    assert_int_equal(hand.count, 1);
    assert_int_equal(balanced_stats(quick).delivered, 1);
    hand_done(&hand);
    queue_close(&quick);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_that_five_workers_died_over_is_parked_unread),
        TEST(after_four_deaths_a_record_is_still_read),
        TEST(suspects_are_read_alone_so_that_the_innocent_are_not_parked_with_the_guilty),
        TEST(what_follows_a_suspect_goes_back_so_that_they_do_not_wait_for_each_other),
        TEST(what_is_finished_is_settled_before_it_could_be_claimed_again),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("hand_suspects", tests, start_redis, stop_redis);
}
