/*
 * test_counting.c - each end of a task is counted once: when it is judged, whatever becomes of it.
 */
#include <stdio.h>
#include <string.h>

#include "server/deliver/hand.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "tests/unit/queue_fixture.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_hand, tear_down_hand)

#define HEX "0123456789abcdef0123456789abcdef"
#define COMPLETED "task.completed/WT" HEX
#define CANCELED "task.canceled/WT" HEX
#define ACTIVITY "worker.activity.update/EV" HEX
#define COUNTERS "fb:{0}:n:all"
#define ENDED(type, attributes)                                                        \
    "EventType=" type "&TaskSid=WT" HEX                                                \
    "&AccountSid=AC01&TimestampMs=1767225600000&TaskAge=60&TaskQueueName=Support%20ES" \
    "&TaskChannelUniqueName=sms&TaskAttributes=" attributes
#define ANA "{\"email\":\"ana@example.com\"}"
#define HANDLED "handled sms unknown Support ES"
#define CANCELED_COUNT "canceled sms unknown Support ES"

static char always[] = "always";
static struct config config;
static struct hand hand;

static int
set_up_hand(void **state)
{
    config = (struct config){.analytics_retention_ms = 1000 * 1000,
        .contacts_create = always,
        .rules = {.event_names = {[EVENT_TASK_COMPLETED] = "SUPPORT_RESOLVED"},
            .account_sid = "AC01",
            .sync_tasks = true,
            .channels = {[CHANNEL_SMS] = true}}};
    (void)set_up(state);
    hand_init(&hand, queue, &config);
    return 0;
}

static int
tear_down_hand(void **state)
{
    hand_done(&hand);
    return tear_down(state);
}

/* One round of the worker's, up to where Brevo would be asked. */
static void
step(void)
{
    const int64_t now_us = clock_monotonic_us();

    (void)hand_claim(&hand, HAND_JOBS_MAX - hand.count, now_us);
    for (size_t i = 0; i < hand.count; i++) {
        struct job *job = hand.jobs[i];

        if (job->stage == JOB_CLAIMED) {
            job_parse(job);
        }
        if (job->stage == JOB_PARSED) {
            job_map(job, &config, now_us);
        }
        hand_keep(&hand, job, now_us);
    }
    hand_settle(&hand, now_us);
}

static long long
counted(const char *name)
{
    return REDIS_NUMBER(&redis, "HGET", COUNTERS, name);
}

static void
what_waits_for_brevo_is_counted(void **state)
{
    (void)state;
    (void)put_one(queue, COMPLETED, "taskrouter", ENDED("task.completed", ANA));
    step();
    assert_int_equal(hand.count, 1);
    assert_int_equal(hand.jobs[0]->stage, JOB_MAPPED);
    assert_int_equal(counted(HANDLED), 1);
}

static void
what_is_nobodys_is_counted(void **state)
{
    (void)state;
    (void)put_one(queue, COMPLETED, "taskrouter", ENDED("task.completed", "{}"));
    step();
    assert_int_equal(balanced_stats(queue).filtered, 1);
    assert_int_equal(counted(HANDLED), 1);
}

static void
what_configuration_leaves_out_is_counted(void **state)
{
    (void)state;
    config.rules.sync_tasks = false;
    (void)put_one(queue, COMPLETED, "taskrouter", ENDED("task.completed", ANA));
    (void)put_one(queue, CANCELED, "taskrouter", ENDED("task.canceled", ANA));
    step();
    assert_int_equal(balanced_stats(queue).filtered, 2);
    assert_int_equal(counted(HANDLED), 1);
    assert_int_equal(counted(CANCELED_COUNT), 1);
}

/* Others may tell when it was taken, meanwhile. */
static void
what_waits_for_others_is_counted_when_it_is_judged(void **state)
{
    (void)state;
    config.rules.ticket_settle_ms = 60 * 1000;
    (void)put_one(queue, COMPLETED, "taskrouter", ENDED("task.completed", ANA));
    step();
    assert_int_equal(balanced_stats(queue).delayed, 1);
    assert_int_equal(counted(HANDLED), 0);
    config.rules.ticket_settle_ms = 0;
    (void)REDIS_DO(&redis, "ZADD", "fb:{0}:delayed", "1", COMPLETED);
    step();
    assert_int_equal(counted(HANDLED), 1);
}

/* As a kill between the two does. */
static void
a_worker_that_dies_behind_the_count_has_counted(void **state)
{
    (void)state;
    (void)put_one(queue, COMPLETED, "taskrouter", ENDED("task.completed", ANA));
    step();
    assert_int_equal(counted(HANDLED), 1);
    hand_done(&hand); /* never settled */
    struct queue *heir = open_worker("worker-1");

    hand_init(&hand, heir, &config);
    step();
    assert_int_equal(hand.count, 1);
    assert_true(hand.jobs[0]->is_counted);
    assert_int_equal(counted(HANDLED), 1);
    hand_done(&hand);
    queue_close(&heir);
}

static void
what_is_tried_again_is_counted_once(void **state)
{
    (void)state;
    (void)put_one(queue, COMPLETED, "taskrouter", ENDED("task.completed", ANA));
    for (int i = 0; i < 3; i++) {
        step();
        job_retry(hand.jobs[0], "5xx", 1);
        hand_settle(&hand, clock_monotonic_us());
        (void)REDIS_DO(&redis, "ZADD", "fb:{0}:delayed", "1", COMPLETED);
    }
    assert_int_equal(counted(HANDLED), 1);
}

/* A record that was delivered comes again, for what else Twilio tells of it. */
static void
what_a_browser_told_and_twilio_later_is_counted_once(void **state)
{
    (void)state;
    (void)put_one(queue, COMPLETED, "plugin",
        "{\"TaskSid\":\"WT" HEX "\",\"TaskAttributes\":" ANA "}");
    step();
    assert_int_equal(counted("handled unknown unknown unknown"), 1);
    job_deliver(hand.jobs[0]);
    hand_settle(&hand, clock_monotonic_us());
    assert_int_equal(
        put_one(queue, COMPLETED, "taskrouter", ENDED("task.completed", ANA)),
        QUEUE_PUT_NEW);
    step();
    assert_int_equal(balanced_stats(queue).delivered, 1);
    assert_int_equal(counted(HANDLED), 0);
    assert_int_equal(counted("handled unknown unknown unknown"), 1);
}

static void
without_retention_nothing_is_counted(void **state)
{
    (void)state;
    config.analytics_retention_ms = 0;
    (void)put_one(queue, COMPLETED, "taskrouter", ENDED("task.completed", ANA));
    step();
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", COUNTERS), 0);
}

/* ---- Redis --------------------------------------------------------------------------------- */

static void
while_redis_is_away_nothing_is_settled_uncounted(void **state)
{
    (void)state;
    (void)put_one(queue, COMPLETED, "taskrouter", ENDED("task.completed", "{}"));
    assert_int_equal(hand_claim(&hand, 1, clock_monotonic_us()), 1);
    struct job *job = hand.jobs[0];

    job_parse(job);
    job_map(job, &config, clock_monotonic_us());
    job_filter(job, "no_identity");
    job->analytics.count = 1; /* that no call has brought there yet */
    hand_settle(&hand, clock_monotonic_us());
    assert_int_equal(hand.count, 1);
    assert_int_equal(balanced_stats(queue).filtered, 0);
    redis_fixture_kill(&redis);
    hand_keep(&hand, job, clock_monotonic_us());
    assert_int_equal(job->analytics.count, 1);
    redis_fixture_restart(&redis, false);
}

static void
what_cannot_be_counted_is_settled_all_the_same(void **state)
{
    (void)state;
    (void)REDIS_DO(&redis, "SET", COUNTERS, "somebody else's");
    (void)put_one(queue, COMPLETED, "taskrouter", ENDED("task.completed", "{}"));
    step();
    assert_int_equal(hand.count, 0);
    assert_int_equal(balanced_stats(queue).filtered, 1);
}

/* ---- agents -------------------------------------------------------------------------------- */

#define CHANGED                                                               \
    "EventType=worker.activity.update&AccountSid=AC01&WorkerSid=WK" HEX       \
    "&TimestampMs=1767225600000&WorkerPreviousActivityName=Available&"        \
    "WorkerActivityName=Break&WorkerTimeInPreviousActivity=1312&WorkerTimeIn" \
    "PreviousActivityMs=1312449&WorkerName=mary&Sid=EV" HEX

static void
agents_are_counted_only_when_that_is_asked_for(void **state)
{
    (void)state;
    (void)put_one(queue, ACTIVITY, "taskrouter", CHANGED);
    step();
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", COUNTERS), 0);
    config.sync_agent_activity = true;
    (void)put_one(queue, ACTIVITY "0", "taskrouter", CHANGED);
    step();
    assert_int_equal(counted("activity_ms WK" HEX " Available"), 1312449);
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(label_value(&stats.filtered_by, "facts"), 2);
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", "fb:{0}:n:called"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_waits_for_brevo_is_counted),
        TEST(what_is_nobodys_is_counted),
        TEST(what_configuration_leaves_out_is_counted),
        TEST(what_waits_for_others_is_counted_when_it_is_judged),
        TEST(a_worker_that_dies_behind_the_count_has_counted),
        TEST(what_is_tried_again_is_counted_once),
        TEST(what_a_browser_told_and_twilio_later_is_counted_once),
        TEST(without_retention_nothing_is_counted),
        TEST(while_redis_is_away_nothing_is_settled_uncounted),
        TEST(what_cannot_be_counted_is_settled_all_the_same),
        TEST(agents_are_counted_only_when_that_is_asked_for),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("counting", tests, start_redis, stop_redis);
}
