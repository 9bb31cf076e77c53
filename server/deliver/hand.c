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
#include "server/deliver/outcome.h"
#include "server/deliver/reservation.h"
#include "server/deliver/sink_test.h"
#include "server/deliver/telling.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"

enum {
    REDIS_BACKOFF_MIN_MS = 100,
    REDIS_BACKOFF_MAX_MS = 1000,
    FULL_DELAY_MS = 10 * 1000,
    REFUSED_DELAY_MS = 1000,  /* for each attempt */
    NODE_DELAY_MS = 5 * 1000, /* those whose node is there shall have room in hand */
};

void
hand_init(struct hand *hand, struct queue *queue, const struct config *config)
{
    *hand = (struct hand){.queue = queue, .config = config};
    for (size_t i = 0; i < HAND_JOBS_MAX; i++) {
        hand->jobs[i] = &hand->pool[i];
    }
}

void
hand_done(struct hand *hand)
{
    for (size_t i = 0; i < hand->count; i++) {
        log_warn("unsettled", "key=%s", hand->jobs[i]->record->key);
        job_done(hand->jobs[i]);
    }
    hand->count = 0;
}

/* Notes how a call went; true when it worked. */
static bool
worked(struct hand *hand, int result)
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

static bool
reaches_redis(const struct hand *hand, int64_t now_us)
{
    return now_us >= hand->redis_us;
}

void
hand_look(struct hand *hand, struct pause *pause, int64_t now_us)
{
    if (reaches_redis(hand, now_us) && pause_wants_look(pause, now_us)) {
        (void)worked(hand, pause_look(pause, hand->queue, now_us));
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

    if (flow_must_ask(flow, endpoint, now_us) && reaches_redis(hand, now_us)) {
        (void)worked(hand, flow_ask(flow, hand->queue, endpoint, MAX(ready, 1), now_us));
    }
}

int64_t
hand_wait_us(const struct hand *hand, const struct flow *flow,
    enum brevo_endpoint endpoint, int64_t now_us)
{
    const int64_t redis_us = reaches_redis(hand, now_us) ? 0 : hand->redis_us - now_us;

    return MAX(redis_us, flow_wait_us(flow, endpoint, now_us));
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
    if (max == 0 || has_suspect(hand) || !reaches_redis(hand, now_us)) {
        return 0;
    }
    queue_set_unsettled(hand->queue, unsettled_partitions(hand));
    const bool has_claimed = worked(hand, queue_claim(hand->queue, max, records, &count));

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

/*
 * Redis answers, and refuses what this record needs: the others must not wait for it. Over
 * maxmemory it stores nothing, and yet settles: then the record is not to blame.
 */
static void
put_off(struct hand *hand, struct job *job)
{
    const char *error = queue_error(hand->queue);
    const int64_t attempts = job->record->attempts;

    (void)snprintf(job->detail, sizeof(job->detail), "error=\"%.180s\"", error);
    if (strstr(error, "OOM ") != NULL) {
        job_delay(job, "queue_refused", FULL_DELAY_MS);
    } else if (attempts >= BREVO_ATTEMPTS_MAX) {
        job_park(job, "queue_refused");
    } else {
        job_retry(job, "queue_refused", REFUSED_DELAY_MS * attempts);
    }
}

/* Whether Redis did as it was asked for a job. Refused, the job comes again; away, it stays. */
static bool
kept(struct hand *hand, struct job *job, int result)
{
    if (result == QUEUE_E_REFUSED) {
        put_off(hand, job);
        return !worked(hand, QUEUE_OK);
    }
    if (result == QUEUE_E_NODE) {
        job_delay(job, "node_away", NODE_DELAY_MS);
    }
    return worked(hand, result);
}

void
hand_claim_effect(struct hand *hand, struct job *job, int64_t now_us)
{
    enum queue_effect_result effect = QUEUE_EFFECT_BUSY;

    const struct event *event = &job->reading.event;
    char by_task[EVENT_EFFECT_SIZE];
    const char *earlier = event_effect_by_task(event, by_task) ? by_task : NULL;

    if (reaches_redis(hand, now_us) && kept(hand, job,
                                           queue_effect_claim(hand->queue, job->record,
                                               event->effect_key, earlier, &effect))) {
        CRASH_POINT("effect_claimed");
        job_effect(job, effect);
    }
}

static void
fold(struct hand *hand, struct job *job, int64_t now_us)
{
    if (!reaches_redis(hand, now_us)) {
        return;
    }
    const int r = sink_test_id(job) != NULL ? sink_test_keep(hand->queue, job)
                                            : reservation_fold(hand->queue, job, now_us);

    CRASH_POINT("folded");
    (void)kept(hand, job, r);
}

static void
tell(struct hand *hand, struct job *job, int64_t now_us)
{
    struct facts facts = {0};

    if (!reaches_redis(hand, now_us)) {
        return;
    }
    CRASH_POINT("telling_due");
    if (kept(hand, job, telling_hear(hand->queue, job, &hand->config->rules, &facts))) {
        CRASH_POINT("told");
        job_judge(job, &facts, hand->config, now_us);
        telling_done(&facts);
    }
}

void
hand_keep(struct hand *hand, struct job *job, int64_t now_us)
{
    if (job->stage == JOB_TELLING) {
        tell(hand, job, now_us);
    }
    if (job->stage == JOB_FOLDING) {
        fold(hand, job, now_us);
    }
}

bool
hand_note(struct hand *hand, const char *name, const char *text, int64_t time_ms)
{
    if (!reaches_redis(hand, clock_monotonic_us())) {
        return false;
    }
    const int r = queue_note_put(hand->queue, name, text, time_ms);

    return r == QUEUE_E_REFUSED || r == -EINVAL || worked(hand, r);
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

void
hand_settle(struct hand *hand, int64_t now_us)
{
    struct queue_settlement settlements[HAND_JOBS_MAX];
    struct job *finished[HAND_JOBS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < hand->count; i++) {
        if (hand->jobs[i]->stage == JOB_FINISHED) {
            finished[count] = hand->jobs[i];
            settlements[count++] = hand->jobs[i]->settlement;
        }
    }
    if (count == 0 || !reaches_redis(hand, now_us)) {
        return;
    }
    CRASH_POINT("settle_due");
    if (worked(hand, queue_settle(hand->queue, settlements, count))) {
        CRASH_POINT("settled");
    }
    for (size_t i = 0; i < count; i++) {
        if (settlements[i].result != QUEUE_UNSETTLED) {
            outcome_of_job(finished[i], settlements[i].result, hand->config, now_us);
            finished[i]->stage = JOB_SETTLED;
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
