/*
 * test_hand_refused.c - what Redis refuses, or does not answer, holds up nothing else.
 */
#include <stdio.h>
#include <string.h>

#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "tests/unit/hand_fixture.h"

/* ---- what Redis refuses --------------------------------------------------------------------- */

/* Claimed and read; the effect has its key. */
static struct job *
have_mapped(const char *key)
{
    (void)put_one(queue, key, "taskrouter", "EventType=x");
    assert_int_equal(hand_claim(&hand, 1, clock_monotonic_us()), 1);
    struct job *job = hand.jobs[hand.count - 1];

    (void)snprintf(
        job->reading.event.effect_key, sizeof(job->reading.event.effect_key), "%s", key);
    job->stage = JOB_MAPPED;
    return job;
}

static void
an_effect_that_redis_refuses_holds_up_its_own_record_alone(void **state)
{
    const int64_t now_us = clock_monotonic_us();

    (void)state;
    (void)REDIS_DO(&redis, "LPUSH", "fb:{0}:e:" TASK, "theirs");
    struct job *refused = have_mapped(TASK);
    struct job *other = have_mapped("task.completed/WT2");

    hand_claim_effect(&hand, refused, now_us);
    hand_claim_effect(&hand, other, now_us);
    assert_int_equal(other->stage, JOB_READY);
    hand_settle(&hand, now_us);
    assert_int_equal(hand.count, 1);
    assert_int_equal(balanced_stats(queue).delayed, 1);
    assert_non_null(strstr(
        redis_reply_text(REDIS_DO(&redis, "HGET", TASK_RECORD, "w")).data, "WRONGTYPE"));
}

/* Each time is an attempt. */
static void
what_redis_refuses_every_time_is_parked_in_the_end(void **state)
{
    (void)state;
    (void)put_one(queue, SINK_TEST, "event_streams", SINK_EVENT);
    (void)REDIS_DO(&redis, "SET", "fb:note:sink_test", "theirs");
    step();
    assert_int_equal(balanced_stats(queue).delayed, 1);
    assert_int_equal(REDIS_NUMBER(&redis, "HGET", "fb:{0}:r:" SINK_TEST, "a"), 1);
    (void)REDIS_DO(&redis, "HSET", "fb:{0}:r:" SINK_TEST, "a", "299");
    (void)REDIS_DO(&redis, "ZADD", "fb:{0}:delayed", "1", SINK_TEST);
    step();
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(label_value(&stats.parked_by, "queue_refused"), 1);
}

/* It settles all the same, and that everybody waits is not this record's fault. */
static void
over_maxmemory_waiting_costs_no_attempt(void **state)
{
    (void)state;
    (void)put_one(queue, SINK_TEST, "event_streams", SINK_EVENT);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    step();
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(balanced_stats(queue).delayed, 1);
    assert_int_equal(REDIS_NUMBER(&redis, "HGET", "fb:{0}:r:" SINK_TEST, "a"), 0);
}

/* ---- Redis is away -------------------------------------------------------------------------- */

static void
nobody_says_that_redis_is_back_before_it_was_asked(void **state)
{
    struct pause pause;
    int64_t now_us = clock_monotonic_us();

    (void)state;
    pause_init(&pause, 1000);
    redis_fixture_kill(&redis);
    hand_look(&hand, &pause, now_us);
    const int64_t backoff_ms = hand.redis_backoff_ms;

    assert_int_not_equal(backoff_ms, 0);
    hand.redis_us = now_us; /* it may be asked again, but no look is due */
    hand_look(&hand, &pause, now_us);
    assert_int_equal(hand.redis_backoff_ms, backoff_ms);
    now_us += (int64_t)PAUSE_LOOK_MS * US_PER_MS;
    hand_look(&hand, &pause, now_us);
    assert_true(hand.redis_backoff_ms > backoff_ms);
    redis_fixture_restart(&redis, false);
    hand.redis_us = now_us;
    hand_look(&hand, &pause, now_us + (int64_t)PAUSE_LOOK_MS * US_PER_MS);
    assert_int_equal(hand.redis_backoff_ms, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_effect_that_redis_refuses_holds_up_its_own_record_alone),
        TEST(what_redis_refuses_every_time_is_parked_in_the_end),
        TEST(over_maxmemory_waiting_costs_no_attempt),
        TEST(nobody_says_that_redis_is_back_before_it_was_asked),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("hand_refused", tests, start_redis, stop_redis);
}
