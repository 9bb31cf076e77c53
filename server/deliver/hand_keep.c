/*
 * hand_keep.c - what a job in hand tells the others, and hears from them, before it may go on.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "queue/crash_point.h"
#include "server/deliver/answers.h"
#include "server/deliver/counting.h"
#include "server/deliver/derive.h"
#include "server/deliver/hand.h"
#include "server/deliver/job_contact.h"
#include "server/deliver/meeting.h"
#include "server/deliver/reservation.h"
#include "server/deliver/sink_test.h"
#include "server/deliver/telling.h"
#include "server/ops/clock.h"

enum {
    FULL_DELAY_MS = 10 * 1000,
    REFUSED_DELAY_MS = 1000,  /* for each attempt */
    NODE_DELAY_MS = 5 * 1000, /* those whose node is there shall have room in hand */
};

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
        return !hand_worked(hand, QUEUE_OK);
    }
    if (result == QUEUE_E_NODE) {
        job_delay(job, "node_away", NODE_DELAY_MS);
    }
    return hand_worked(hand, result);
}

/*
 * By the other names of its ticket, and by that of its task, as earlier versions had it. What is only
 * written down has effects of its own.
 */
static void
name_earlier(const struct job *job, const struct rules *rules,
    char keys[QUEUE_EARLIER_MAX][EVENT_EFFECT_SIZE], struct queue_effect *effect)
{
    const struct event *event = &job->reading.event;
    const size_t called = job->is_shadow ? 0 : job->called_count;

    static_assert(TICKET_CALLED_MAX + 1 <= QUEUE_EARLIER_MAX, "all have room");
    for (size_t i = 0; i < called; i++) {
        char *key = keys[effect->earlier_count];

        if (event_effect_as(event, rules, job->called[i], key)) {
            effect->earlier_keys[effect->earlier_count++] = key;
        }
    }
    if (event_effect_by_task(event, keys[effect->earlier_count])) {
        effect->earlier_keys[effect->earlier_count] = keys[effect->earlier_count];
        effect->earlier_count++;
    }
}

void
hand_claim_effect(struct hand *hand, struct job *job, int64_t now_us)
{
    const struct event *event = &job->reading.event;
    char earlier[QUEUE_EARLIER_MAX][EVENT_EFFECT_SIZE];
    struct queue_effect effect = {
        .key = event->effect_key,
        .subject = job->ticket[0] != '\0' ? job->ticket : NULL,
        .fact_name = ticket_link_name,
        .fact_text = job->ticket_link,
        .word = event->source_event_id,
    };

    name_earlier(job, &hand->config->rules, earlier, &effect);
    if (hand_reaches_redis(hand, now_us) &&
        kept(hand, job, queue_effect_claim(hand->queue, job->record, &effect))) {
        CRASH_POINT("effect_claimed");
        job_effect(job, &effect, now_us);
        job_recall(job, &hand->contacts, now_us);
        hand_keep(hand, job, now_us);
    }
}

static void
fold(struct hand *hand, struct job *job, int64_t now_us)
{
    if (!hand_reaches_redis(hand, now_us)) {
        return;
    }
    const int r = sink_test_id(job) != NULL ? sink_test_keep(hand->queue, job)
                                            : reservation_fold(hand->queue, job, now_us);

    CRASH_POINT("folded");
    (void)kept(hand, job, r);
}

static void
split(struct hand *hand, struct job *job, int64_t now_us)
{
    if (!hand_reaches_redis(hand, now_us)) {
        return;
    }
    CRASH_POINT("split_due");
    int r = answers_put(hand->queue, job, &hand->config->rules);

    if (r == QUEUE_OK) {
        r = derive_all(hand->queue, job, &hand->config->rules);
    }
    if (kept(hand, job, r)) {
        CRASH_POINT("split");
        job_split(job, hand->config, now_us);
    }
}

static void
tell(struct hand *hand, struct job *job, int64_t now_us)
{
    struct facts facts = {0};

    if (!hand_reaches_redis(hand, now_us)) {
        return;
    }
    CRASH_POINT("telling_due");
    if (kept(hand, job, telling_hear(hand->queue, job, &hand->config->rules, &facts))) {
        CRASH_POINT("told");
        if (job->stage == JOB_LISTENING) {
            job_listen(job, &facts, hand->config, now_us);
        } else {
            job_judge(job, &facts, hand->config, now_us);
        }
        telling_done(&facts);
    }
}

static void
meet(struct hand *hand, struct job *job, int64_t now_us)
{
    if (!hand_reaches_redis(hand, now_us)) {
        return;
    }
    CRASH_POINT("meeting_due");
    if (kept(hand, job,
            meeting_hold(hand->queue, job, hand->config, job_now_ms(job, now_us)))) {
        CRASH_POINT("met");
    }
}

/* What is told from here on may fail, or take long: whoever took it over would send the event again. */
static void
turn(struct hand *hand, struct job *job, int64_t now_us)
{
    if (!hand_reaches_redis(hand, now_us)) {
        return;
    }
    CRASH_POINT("turn_due");
    const int r = job->is_sent ? queue_effect_complete(hand->queue, job->record,
                                     job->reading.event.effect_key)
                               : QUEUE_OK;

    if (kept(hand, job, r)) {
        CRASH_POINT("turned");
        job_remember(job, &hand->contacts, &hand->config->rules);
        job_turn(job);
    }
}

static void
count(struct hand *hand, struct job *job, int64_t now_us)
{
    if (!hand_reaches_redis(hand, now_us)) {
        return;
    }
    if (hand_worked(hand, counting_add(hand->queue, job, hand->config))) {
        CRASH_POINT("counted");
    }
}

void
hand_keep(struct hand *hand, struct job *job, int64_t now_us)
{
    if (job->stage == JOB_LISTENING) {
        tell(hand, job, now_us);
    }
    if (job->stage == JOB_SPLITTING) {
        split(hand, job, now_us);
    }
    if (job->stage == JOB_TELLING) {
        tell(hand, job, now_us);
    }
    if (job->stage == JOB_FOLDING) {
        fold(hand, job, now_us);
    }
    if (job->stage == JOB_MEETING) {
        meet(hand, job, now_us);
    }
    if (job->stage == JOB_TURNING) {
        turn(hand, job, now_us);
    }
    if (job->analytics.count > 0) {
        count(hand, job, now_us);
    }
}

bool
hand_note(struct hand *hand, const char *name, const char *text, int64_t time_ms)
{
    if (!hand_reaches_redis(hand, clock_monotonic_us())) {
        return false;
    }
    const int r = queue_note_put(hand->queue, name, text, time_ms);

    return r == QUEUE_E_REFUSED || r == -EINVAL || hand_worked(hand, r);
}
