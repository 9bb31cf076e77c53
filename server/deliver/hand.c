/*
 * hand.c - the worker's dealings with the queue.
 */
#include "server/deliver/hand.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "queue/crash_point.h"
#include "server/deliver/alarms.h"
#include "server/deliver/doubt.h"
#include "server/deliver/job_contact.h"
#include "server/deliver/outcome.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"

_Static_assert((int)DOUBT_LOOKS_AT_ONCE >= (int)HAND_JOBS_MAX,
    "a worker that dies leaves no doubt that is not looked into");

enum {
    REDIS_BACKOFF_MIN_MS = 100,
    REDIS_BACKOFF_MAX_MS = 1000,
};

void
hand_init(struct hand *hand, struct queue *queue, const struct config *config)
{
    *hand = (struct hand){.queue = queue, .config = config};
    for (size_t i = 0; i < HAND_JOBS_MAX; i++) {
        hand->jobs[i] = &hand->pool[i];
    }
    (void)!contact_cache_init(&hand->contacts, config->brevo_remember_ms); /* a hint */
}

void
hand_done(struct hand *hand)
{
    for (size_t i = 0; i < hand->count; i++) {
        log_warn("unsettled", "key=%s", hand->jobs[i]->record->key);
        job_done(hand->jobs[i]);
    }
    hand->count = 0;
    contact_cache_done(&hand->contacts);
}

bool
hand_worked(struct hand *hand, int result)
{
    if (result == QUEUE_OK) {
        if (hand->redis_backoff_ms != 0) {
            log_info("redis_back", "in_hand=%zu", hand->count);
        }
        hand->redis_backoff_ms = 0;
        return true;
    }
    if (result ==
        QUEUE_E_NODE) { /* other nodes may answer; the queue lets this one rest */
        return false;
    }
    if (hand->redis_backoff_ms == 0) {
        log_error("redis_away", "error=\"%s\"", queue_error(hand->queue));
    }
    hand->redis_backoff_ms =
        backoff_after(hand->redis_backoff_ms, REDIS_BACKOFF_MIN_MS, REDIS_BACKOFF_MAX_MS);
    hand->redis_us = clock_monotonic_us() + hand->redis_backoff_ms * US_PER_MS;
    return false;
}

bool
hand_reaches_redis(const struct hand *hand, int64_t now_us)
{
    return now_us >= hand->redis_us;
}

void
hand_look(struct hand *hand, struct pause *pause, int64_t now_us)
{
    if (hand_reaches_redis(hand, now_us) && pause_wants_look(pause, now_us)) {
        (void)hand_worked(hand, pause_look(pause, hand->queue, now_us));
    }
}

/* No more are asked for than are used at once: there is no giving back. */
static size_t
count_ready(const struct hand *hand, enum brevo_class class)
{
    size_t count = 0;

    for (size_t i = 0; i < hand->count; i++) {
        const struct job *job = hand->jobs[i];

        count += job->stage == JOB_READY && brevo_endpoint_class(job->next) == class;
    }
    return count;
}

void
hand_ask(
    struct hand *hand, struct flow *flow, enum brevo_endpoint endpoint, int64_t now_us)
{
    const size_t ready = count_ready(hand, brevo_endpoint_class(endpoint));

    if (flow_must_ask(flow, endpoint, now_us) && hand_reaches_redis(hand, now_us)) {
        const int r = flow_ask(flow, hand->queue, endpoint, MAX(ready, 1), now_us);

        (void)(r == QUEUE_E_REFUSED || hand_worked(hand, r));
    }
}

int64_t
hand_wait_us(const struct hand *hand, const struct flow *flow,
    enum brevo_endpoint endpoint, int64_t now_us)
{
    const int64_t redis_us =
        hand_reaches_redis(hand, now_us) ? 0 : hand->redis_us - now_us;

    return MAX(redis_us, flow_wait_us(flow, endpoint, now_us));
}

int64_t
hand_ready_us(const struct hand *hand, const struct flow *flow, int64_t now_us)
{
    int64_t wait_us = INT64_MAX;

    for (size_t i = 0; i < hand->count; i++) {
        const struct job *job = hand->jobs[i];

        if (job->stage == JOB_READY) {
            wait_us = MIN(wait_us, hand_wait_us(hand, flow, job->next, now_us));
        }
    }
    return wait_us;
}

/* One that is finished has been read. */
static bool
has_suspect(const struct hand *hand)
{
    for (size_t i = 0; i < hand->count; i++) {
        if (job_is_suspect(hand->jobs[i]) && hand->jobs[i]->stage < JOB_FINISHED) {
            return true;
        }
    }
    return false;
}

/* What is finished and still here could not be settled: a claim must not take it over first. */
static uint64_t
unsettled_partitions(const struct hand *hand)
{
    uint64_t partitions = 0;

    for (size_t i = 0; i < hand->count; i++) {
        if (hand->jobs[i]->stage == JOB_FINISHED) {
            partitions |= UINT64_C(1) << hand->jobs[i]->record->partition;
        }
    }
    return partitions;
}

size_t
hand_claim(struct hand *hand, size_t max, int64_t now_us)
{
    struct queue_record *records[HAND_JOBS_MAX] = {0};
    size_t count = 0;

    queue_set_patience(hand->queue, hand->count == 0); /* else settling would wait */
    if (max == 0 || has_suspect(hand) || !hand_reaches_redis(hand, now_us)) {
        return 0;
    }
    queue_set_unsettled(hand->queue, unsettled_partitions(hand));
    const bool has_claimed =
        hand_worked(hand, queue_claim(hand->queue, max, records, &count));

    alarms_tell(hand);
    if (!has_claimed) {
        return 0;
    }
    if (count > 0) {
        CRASH_POINT("claimed");
    }
    for (size_t i = 0; i < count; i++) {
        job_start(hand->jobs[hand->count++], records[i], now_us);
    }
    return count;
}

/* What may not overtake a suspect goes back: it would wait for the suspect, and that for it. */
static void
release_followers(struct hand *hand, size_t index)
{
    for (size_t i = index + 1; i < hand->count; i++) {
        if (hand->jobs[i]->stage < JOB_READY &&
            job_is_related(hand->jobs[i], hand->jobs[index])) {
            job_release(hand->jobs[i]);
        }
    }
}

bool
hand_may_read(struct hand *hand, size_t index)
{
    struct job *job = hand->jobs[index];

    if (!job_is_suspect(job)) {
        return true;
    }
    for (size_t i = 0; i < index; i++) {
        if (job_is_suspect(hand->jobs[i])) {
            job_release(job);
            return false;
        }
    }
    release_followers(hand, index);
    return hand->count == 1;
}

/* Takes the finished jobs out of hand; the others keep their order. */
static void
let_go(struct hand *hand)
{
    struct job *finished[HAND_JOBS_MAX];
    size_t finished_count = 0;
    size_t kept_count = 0;

    for (size_t i = 0; i < hand->count; i++) {
        struct job *job = hand->jobs[i];

        if (job->stage == JOB_SETTLED) {
            job_done(job);
            finished[finished_count++] = job;
        } else {
            hand->jobs[kept_count++] = job;
        }
    }
    for (size_t i = 0; i < finished_count; i++) {
        hand->jobs[kept_count + i] = finished[i];
    }
    hand->count = kept_count;
}

void
hand_release_unsent(struct hand *hand)
{
    for (size_t i = 0; i < hand->count; i++) {
        if (hand->jobs[i]->stage < JOB_CALLING) {
            job_release(hand->jobs[i]);
        }
    }
}

/* What comes again is counted then. */
static bool
waits_to_count(const struct job *job)
{
    return job->analytics.count > 0 && job->settlement.outcome != QUEUE_DELAYED &&
           job->settlement.outcome != QUEUE_RELEASED;
}

void
hand_settle(struct hand *hand, int64_t now_us)
{
    struct queue_settlement settlements[HAND_JOBS_MAX];
    struct job *finished[HAND_JOBS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < hand->count; i++) {
        if (hand->jobs[i]->stage == JOB_FINISHED && !waits_to_count(hand->jobs[i])) {
            job_remember(hand->jobs[i], &hand->contacts, &hand->config->rules);
            finished[count] = hand->jobs[i];
            settlements[count++] = hand->jobs[i]->settlement;
        }
    }
    if (count == 0 || !hand_reaches_redis(hand, now_us)) {
        return;
    }
    CRASH_POINT("settle_due");
    if (hand_worked(hand, queue_settle(hand->queue, settlements, count))) {
        CRASH_POINT("settled");
    }
    for (size_t i = 0; i < count; i++) {
        if (settlements[i].result != QUEUE_UNSETTLED) {
            outcome_of_job(finished[i], settlements[i].result, hand->config, now_us);
            finished[i]->stage = JOB_SETTLED;
            hand->settled += settlements[i].outcome != QUEUE_DELAYED &&
                             settlements[i].outcome != QUEUE_RELEASED;
        }
    }
    let_go(hand);
}

bool
hand_has_probe(const struct hand *hand)
{
    for (size_t i = 0; i < hand->count; i++) {
        if (hand->jobs[i]->is_probe) {
            return true;
        }
    }
    return false;
}

bool
hand_follows(const struct hand *hand, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (job_is_related(hand->jobs[index], hand->jobs[i])) {
            return true;
        }
    }
    return false;
}
