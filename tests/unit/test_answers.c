/*
 * test_answers.c - an answer that a task carries is durable before the task's event goes on, once.
 */
#include <string.h>

#include "server/deliver/answers.h"
#include "server/deliver/hand.h"
#include "server/ops/clock.h"
#include "tests/unit/queue_fixture.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define WT "WT00000000000000000000000000000001" /* the subject of TASK */
#define FORM                                                            \
    "EventType=task.completed&TaskSid=" WT "&TimestampMs=1767225600000" \
    "&TaskAttributes=%7B%22rating%22%3A4%7D"
#define ANSWER "survey.completed/" WT "/default/task.completed"
#define PLUGIN "{\"TaskSid\":\"" WT "\",\"TaskAttributes\":{\"rating\":5}}"

static const struct config config = {
    .rules = {.extractors = {{.in = RULES_IN_SUPPORT_TASK, .score = "rating"}},
        .extractor_count = 1},
};

static void
read_job(struct job *job)
{
    job_start(job, claim_one(queue), clock_monotonic_us());
    job_parse(job);
    job_map(job, &config, clock_monotonic_us());
}

static void
an_answer_is_put_with_the_bytes_that_told_it_and_only_once(void **state)
{
    struct job job;

    (void)state;
    (void)put_one(queue, TASK, "taskrouter", FORM);
    read_job(&job);
    assert_int_equal(job.stage, JOB_SPLITTING);
    for (int crashes = 0; crashes < 3; crashes++) {
        assert_int_equal(answers_put(queue, &job, &config.rules), QUEUE_OK);
    }
    job_split(&job, &config, clock_monotonic_us());
    assert_true(job.stage == JOB_FINISHED || job.stage == JOB_TELLING);
    job_done(&job);
    assert_int_equal(balanced_stats(queue).accepted, 2);

    struct queue_record *answer = claim_one(queue);

    assert_non_null(answer);
    assert_string_equal(answer->key, ANSWER);
    assert_int_equal(answer->route_count, 1);
    assert_true(slice_is(route_bytes(answer, "taskrouter"), FORM));
    assert_int_equal(settle_one(queue, answer, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
}

/* Delivered meanwhile: looking at the task again asks nobody again. */
static void
an_answer_that_was_settled_is_not_put_again(void **state)
{
    struct job job;

    (void)state;
    (void)put_one(queue, TASK, "taskrouter", FORM);
    read_job(&job);
    assert_int_equal(answers_put(queue, &job, &config.rules), QUEUE_OK);
    assert_int_equal(
        settle_one(queue, claim_one(queue), QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(answers_put(queue, &job, &config.rules), QUEUE_OK);
    assert_null(claim_one(queue));
    assert_int_equal(balanced_stats(queue).accepted, 2);
    job_done(&job);
}

static void
a_browser_says_nothing_of_how_satisfied_the_customer_was(void **state)
{
    struct job job;

    (void)state;
    (void)put_one(queue, TASK, "plugin", PLUGIN);
    (void)put_one(queue, TASK, "taskrouter", FORM);
    read_job(&job);
    assert_int_equal(job.stage, JOB_SPLITTING);
    assert_int_equal(answers_put(queue, &job, &config.rules), QUEUE_OK);
    job_done(&job);

    struct queue_record *answer = claim_one(queue);

    assert_non_null(answer);
    assert_int_equal(answer->route_count, 1);
    assert_true(slice_is(route_bytes(answer, "taskrouter"), FORM));
    queue_record_free(&answer);

    assert_int_equal(empty_redis(NULL), 0);
    assert_int_equal(queue_prepare(queue), QUEUE_OK);
    (void)put_one(queue, TASK, "plugin", PLUGIN);
    read_job(&job);
    assert_int_equal(answers_put(queue, &job, &config.rules), QUEUE_OK);
    assert_int_equal(balanced_stats(queue).accepted, 1);
    job_done(&job);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_put_with_the_bytes_that_told_it_and_only_once),
        TEST(an_answer_that_was_settled_is_not_put_again),
        TEST(a_browser_says_nothing_of_how_satisfied_the_customer_was),
    };

    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
