/*
 * test_hand_partitions.c - jobs of a cluster one of whose nodes is away: they hold up no others.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "queue/handle.h"
#include "server/deliver/hand.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "tests/unit/cluster_fixture.h"

enum {
    KEYS = 2,
};

static struct config config;
static struct queue *queue;
static struct hand hand;
static char keys[KEYS][32];  /* records of one partition, at the first node */
static char effect_away[32]; /* of one at the second */

static bool
is_at(const char *key, unsigned partition)
{
    return queue_partition(slice_of(strchr(key, '/') + 1), QUEUE_PARTITIONS_CLUSTER) ==
           partition;
}

/* The first one of the partition from `number` on. Returns the number behind it. */
static int
name(char key[32], const char *type, int number, unsigned partition)
{
    do {
        (void)snprintf(key, 32, "%s/%d", type, number++);
    } while (!is_at(key, partition));
    return number;
}

static int
set_up(void **state)
{
    (void)spread_set_up(state);
    struct queue_options options = spread_options("worker-1");

    options.timeout_ms = 1000;
    log_set_level(LOG_ERROR);
    (void)name(keys[1], "task.completed", name(keys[0], "task.completed", 0, 4), 4);
    (void)name(effect_away, "conversation.ended", 0, 5);
    queue = open_queue(&options);
    assert_int_equal(queue_prepare(queue), QUEUE_OK);
    hand_init(&hand, queue, &config);
    return 0;
}

static int
tear_down(void **state)
{
    redis_fixture_signal(&second, SIGCONT);
    hand_done(&hand);
    queue_close(&queue);
    return spread_tear_down(state);
}

/* Its effect is to be claimed at the second node. */
static struct job *
claim_job(void)
{
    (void)put_one(queue, keys[0], "taskrouter", "EventType=x");
    assert_int_equal(hand_claim(&hand, 1, clock_monotonic_us()), 1);
    struct job *job = hand.jobs[0];

    job->stage = JOB_MAPPED;
    (void)snprintf(job->reading.event.effect_key, sizeof(job->reading.event.effect_key),
        "%s", effect_away);
    return job;
}

static void
a_job_whose_effect_is_at_a_node_that_is_away_makes_room(void **state)
{
    struct job *job = claim_job();

    (void)state;
    redis_fixture_signal(&second, SIGSTOP);
    hand_claim_effect(&hand, job, clock_monotonic_us());
    assert_int_equal(job->stage, JOB_FINISHED);
    hand_settle(&hand, clock_monotonic_us());
    assert_int_equal(hand.count, 0);
    redis_fixture_signal(&second, SIGCONT);
    for (unsigned i = 0; i < QUEUE_PARTITIONS_CLUSTER; i++) {
        handle_session(queue, i)->rest_until_us = 0;
    }
    assert_int_equal(balanced_stats(queue).delayed, 1);
}

static void
a_job_that_cannot_be_settled_does_not_hold_up_its_partition(void **state)
{
    struct job *job = claim_job();

    (void)state;
    hand_claim_effect(&hand, job, clock_monotonic_us());
    assert_int_equal(job->stage, JOB_READY);
    job_deliver(job);
    redis_fixture_signal(&second, SIGSTOP);
    hand_settle(&hand, clock_monotonic_us());
    assert_int_equal(hand.count, 1); /* its effect may not be left claimed */
    (void)put_one(queue, keys[1], "taskrouter", "EventType=x");
    assert_int_equal(hand_claim(&hand, 1, clock_monotonic_us()), 1);
    assert_string_equal(hand.jobs[1]->record->key, keys[1]);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_job_whose_effect_is_at_a_node_that_is_away_makes_room),
        TEST(a_job_that_cannot_be_settled_does_not_hold_up_its_partition),
    };

    return cmocka_run_group_tests_name(
        "hand_partitions", tests, cluster_start, cluster_stop);
}
