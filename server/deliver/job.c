/*
 * job.c - how a job starts and ends, and what can be asked about it.
 *
 * What happens between is in job_read.c (its bytes) and job_call.c (its calls).
 */
#include "server/deliver/job.h"

#include <stdlib.h>
#include <string.h>

#include "server/deliver/doubt.h"

enum {
    EFFECT_DELAY_MS = 2000,
    MEMORY_DELAY_MS = 1000,
};

void
job_start(struct job *job, struct queue_record *record, int64_t claimed_us)
{
    *job = (struct job){
        .stage = JOB_CLAIMED,
        .record = record,
        .claimed_us = claimed_us,
        .settlement.record = record,
    };
    buffer_init(&job->url, BREVO_URL_SIZE_MAX);
}

void
job_done(struct job *job)
{
    http_exchange_done(&job->exchange);
    buffer_done(&job->url);
    free(job->body);
    json_decref(job->event);
    json_decref(job->contact);
    json_decref(job->existing);
    payload_release(&job->payload);
    queue_record_free(&job->record);
    *job = (struct job){0};
}

/* ---- the ends ----------------------------------------------------------------------------- */

/*
 * What only a browser told, Twilio may tell, too: it may know more, or an answer. What is kept
 * elsewhere is told there.
 */
static bool
may_be_told_more(const struct job *job)
{
    const enum queue_outcome outcome = job->settlement.outcome;
    const bool is_over = outcome == QUEUE_DELIVERED || outcome == QUEUE_FILTERED;

    return is_over && job->stage != JOB_FOLDING && job_is_unsigned(job);
}

/* Of what Brevo has the event of, the rest may fail: the contact's next event says it. */
static void
finish(struct job *job, enum queue_outcome outcome, const char *reason)
{
    const bool is_told = job->is_sent || job->heir_id < 0;

    if (is_told) {
        outcome = job->is_sent ? QUEUE_DELIVERED : QUEUE_FILTERED;
        reason = job->is_sent ? NULL : job->mute;
    }
    job->settlement.outcome = outcome;
    job->settlement.reason = reason;
    job->settlement.detail = job->detail;
    job->settlement.reopens = may_be_told_more(job);
    job->settlement.effect_key = job->has_effect ? job->reading.event.effect_key : NULL;
    job->stage = JOB_FINISHED;
}

void
job_deliver(struct job *job)
{
    finish(job, QUEUE_DELIVERED, NULL);
}

void
job_filter(struct job *job, const char *reason)
{
    finish(job, QUEUE_FILTERED, reason);
}

void
job_park(struct job *job, const char *reason)
{
    finish(job, QUEUE_PARKED, reason);
}

void
job_retry(struct job *job, const char *reason, int64_t delay_ms)
{
    job->settlement.delay_ms = delay_ms;
    finish(job, QUEUE_DELAYED, reason);
}

void
job_delay(struct job *job, const char *reason, int64_t delay_ms)
{
    job->settlement.free_attempt = true;
    job_retry(job, reason, delay_ms);
}

void
job_wait(struct job *job, const char *reason, int64_t delay_ms)
{
    job->settlement.is_wait = true;
    job_delay(job, reason, delay_ms);
}

void
job_shelve(struct job *job, const char *reason, unsigned shelf)
{
    job->settlement.shelf = shelf;
    job_delay(job, reason, 0);
}

void
job_lack_memory(struct job *job)
{
    job_delay(job, "no_memory", MEMORY_DELAY_MS);
}

void
job_release(struct job *job)
{
    finish(job, QUEUE_RELEASED, NULL);
}

/* ---- what it says ------------------------------------------------------------------------- */

json_t *
job_compose_contact(const struct job *job, const struct rules *rules)
{
    json_t *contact = request_contact(&job->reading.event, rules);

    if (job->mute != NULL) {
        (void)!request_contact_drop(contact, REQUEST_LIST); /* may have none */
    }
    return contact;
}

/* ---- mapped → ready ----------------------------------------------------------------------- */

void
job_effect(struct job *job, const struct queue_effect *effect, int64_t now_us)
{
    switch (effect->result) {
    case QUEUE_EFFECT_CLAIMED:
        job->has_effect = true;
        job->stage = JOB_READY;
        doubt_take(job, effect, now_us);
        return;
    case QUEUE_EFFECT_BUSY: /* by another name, maybe: then the claim is given back */
        job->has_effect = true;
        job_delay(job, "effect_busy", EFFECT_DELAY_MS);
        return;
    case QUEUE_EFFECT_DONE: /* as above */
        job->has_effect = true;
        job_filter(job, "already_delivered");
        return;
    case QUEUE_EFFECT_OURS: /* done, and not settled */
        if (job->is_shadow) {
            job_filter(job, JOB_REASON_SHADOW);
        } else {
            /* Found by another name, maybe: done by this one, too. */
            job->has_effect = true;
            job_deliver(job);
        }
        return;
    }
}

/* ---- asked about a job -------------------------------------------------------------------- */

bool
job_is_unsigned(const struct job *job)
{
    const struct queue_record *record = job->record;

    return record->route_count == 1 &&
           slice_is(record->routes[0].name, source_route(SOURCE_FLEX_PLUGIN));
}

int64_t
job_now_ms(const struct job *job, int64_t now_us)
{
    return job->record->now_ms + (now_us - job->claimed_us) / US_PER_MS;
}

int64_t
job_read_ms(const struct job *job, int64_t now_us)
{
    const int64_t since_ms = job->record->waits_since_ms;

    return since_ms > 0 ? since_ms : job_now_ms(job, now_us);
}

struct slice
job_subject(const struct job *job)
{
    const struct slice key = slice_of(job->record->key);
    const size_t type_size = slice_before(key, '/').size;

    return type_size < key.size ? slice_before(slice_skip(key, type_size + 1), '/') : key;
}

bool
job_needs_events(const struct job *job)
{
    return job->mute == NULL;
}

bool
job_is_poison(const struct job *job)
{
    return job->record->lost_claims >= JOB_LOST_POISON;
}

bool
job_is_suspect(const struct job *job)
{
    return job->record->lost_claims >= JOB_LOST_SUSPECT;
}

const char *
job_event_name(const struct job *job, const struct config *config)
{
    if (job->event == NULL) {
        return "";
    }
    const char *name = config->rules.event_names[job->reading.event.type];

    return name != NULL ? name : "";
}

/* By any name: whoever is met by phone may be the one met by e-mail. */
static bool
is_same_customer(const struct customer *one, const struct customer *other)
{
    const struct {
        const char *of_one;
        const char *of_other;
    } names[] = {
        {one->email, other->email},
        {one->ext_id, other->ext_id},
        {one->phone, other->phone},
        {one->whatsapp, other->whatsapp},
        {one->phone, other->whatsapp},
        {one->whatsapp, other->phone},
    };

    for (size_t i = 0; i < LENGTH(names); i++) {
        if (names[i].of_one[0] != '\0' &&
            strcmp(names[i].of_one, names[i].of_other) == 0) {
            return true;
        }
    }
    return false;
}

bool
job_is_related(const struct job *job, const struct job *other)
{
    if (slice_equal(job_subject(job), job_subject(other))) {
        return true;
    }
    return job->identifier.value != NULL && other->identifier.value != NULL &&
           is_same_customer(&job->reading.event.customer, &other->reading.event.customer);
}
