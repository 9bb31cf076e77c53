/*
 * test_derive.c - what a record tells beside its own event is a record before that one is settled.
 */
#include <string.h>

#include "server/deliver/derive.h"
#include "server/ops/clock.h"
#include "tests/unit/queue_fixture.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define WT "WT0123456789abcdef0123456789abcdef"
#define COMPLETED "task.completed/" WT
#define ENDED "conversation.ended/" WT
#define ENDED_KEY "fb:{0}:r:" ENDED
#define FORM                                                                         \
    "EventType=task.completed&TaskSid=" WT "&AccountSid=AC01&TaskChannelUniqueName=" \
    "voice&TimestampMs=1767225600123&TaskAttributes={\"email\":\"ana@example.com\"}"

static const struct config config = {
    .rules = {
        .event_names = {[EVENT_TASK_COMPLETED] = "B", [EVENT_CONVERSATION_ENDED] = "C"},
        .channels = {[CHANNEL_VOICE] = true},
        .sync_tasks = true,
        .sync_conversations = true,
        .ticket_voice_end_ms = 1,
    }};

/* A claimed record of this key, as far as it is read before anything is told. */
static void
read_record(struct job *job, struct queue_record *record)
{
    job_start(job, record, clock_monotonic_us());
    job_parse(job);
    job_map(job, &config, clock_monotonic_us());
}

static void
derive(struct job *job)
{
    assert_int_equal(job->stage, JOB_SPLITTING);
    assert_int_equal(derive_all(queue, job, &config.rules), QUEUE_OK);
    job_split(job, &config, clock_monotonic_us());
    assert_int_equal(job->stage, JOB_TELLING);
}

/* Both are there while the first is not settled, so neither is lost with the worker. */
static void
a_calls_end_is_a_record_before_its_tasks_end_is_settled(void **state)
{
    struct job job;

    (void)state;
    (void)put_one(queue, COMPLETED, "taskrouter", FORM);
    read_record(&job, claim_one(queue));
    derive(&job);
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.accepted, 2);
    assert_int_equal(stats.pending, 2);
    job_done(&job);
    read_record(&job, claim_one(queue));
    assert_string_equal(job.record->key, ENDED);
    assert_int_equal(job.stage, JOB_TELLING); /* of which nothing more is derived */
    assert_int_equal(job.reading.event.type, EVENT_CONVERSATION_ENDED);
    assert_string_equal(job.reading.event.effect_key, "ended/" WT);
    job_done(&job);
}

/* After a crash, or when the record waits, it is read and made again: settled or not, it is one. */
static void
made_again_it_is_the_same_record(void **state)
{
    struct job job;

    (void)state;
    (void)put_one(queue, COMPLETED, "taskrouter", FORM);
    read_record(&job, claim_one(queue));
    derive(&job);
    job.stage = JOB_SPLITTING;
    derive(&job);
    assert_int_equal(balanced_stats(queue).accepted, 2);
    (void)settle_one(queue, claim_one(queue), QUEUE_DELIVERED, NULL);
    job.stage = JOB_SPLITTING;
    derive(&job);
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.accepted, 2);
    assert_int_equal(stats.delivered, 1);
    assert_int_equal(stats.pending, 1);
    job_done(&job);
}

/* Of a record two routes tell of both bytes are passed on. */
static void
each_route_is_passed_on(void **state)
{
    struct job job;

    (void)state;
    (void)put_one(queue, COMPLETED, "taskrouter", FORM);
    (void)put_one(queue, COMPLETED, "flex_plugin", "{\"taskSid\":\"" WT "\"}");
    read_record(&job, claim_one(queue));
    derive(&job);
    assert_int_equal(REDIS_NUMBER(&redis, "HEXISTS", ENDED_KEY, "r:taskrouter"), 1);
    assert_int_equal(REDIS_NUMBER(&redis, "HEXISTS", ENDED_KEY, "r:flex_plugin"), 1);
    job_done(&job);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_calls_end_is_a_record_before_its_tasks_end_is_settled),
        TEST(made_again_it_is_the_same_record),
        TEST(each_route_is_passed_on),
    };

    return cmocka_run_group_tests_name("derive", tests, start_redis, stop_redis);
}
