/*
 * hand_fixture.c - what a worker has in hand, up to where Brevo would be asked.
 */
#include "tests/unit/hand_fixture.h"

#include "server/deliver/sink_test.h"
#include "server/ops/clock.h"

struct config config;
struct hand hand;

int
set_up_hand(void **state)
{
    config = (struct config){.plugin_wait_ms = 60 * 1000};
    (void)set_up(state);
    hand_init(&hand, queue, &config);
    return 0;
}

int
tear_down_hand(void **state)
{
    hand_done(&hand);
    return tear_down(state);
}

void
step(void)
{
    const int64_t now_us = clock_monotonic_us();

    (void)hand_claim(&hand, HAND_JOBS_MAX - hand.count, now_us);
    for (size_t i = 0; i < hand.count; i++) {
        struct job *job = hand.jobs[i];

        if (job->stage == JOB_CLAIMED && hand_may_read(&hand, i)) {
            job_parse(job);
        }
        if (job->stage == JOB_PARSED) {
            job_map(job, &config, now_us);
        }
        hand_keep(&hand, job, now_us);
    }
    hand_settle(&hand, now_us);
}

void
expect_last_test(const char *id)
{
    struct queue_note note;

    assert_int_equal(sink_test_last(queue, &note), QUEUE_OK);
    assert_string_equal(note.text, id);
}
