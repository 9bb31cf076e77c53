/*
 * job_call.c - ready → calling → answered → the next call, or the end.
 */
#include <stdlib.h>
#include <string.h>

#include "server/deliver/conflict.h"
#include "server/deliver/doubt.h"
#include "server/deliver/job_contact.h"
#include "server/deliver/pause.h"

static void
answered(struct http_exchange *exchange)
{
    struct job *job = exchange->context;

    job->stage = JOB_ANSWERED;
}

/* NULL when memory is out. Not json_dumps(): out of memory in the middle, it goes on behind a gap. */
static char *
text_of(const json_t *body)
{
    const size_t size = json_dumpb(body, NULL, 0, REQUEST_DUMP);
    char *text = size > 0 ? calloc(size + 1, 1) : NULL;

    if (text != NULL && json_dumpb(body, text, size, REQUEST_DUMP) != size) {
        free(text);
        text = NULL;
    }
    return text;
}

/* The text of the body `next` carries. False when memory is out. */
static bool
write_body(struct job *job)
{
    free(job->body);
    job->body = NULL;
    if (strcmp(brevo_endpoint_method(job->next), "GET") == 0) {
        return true;
    }
    job->body = text_of(job->next == BREVO_EVENT ? job->event : job->contact);
    return job->body != NULL;
}

void
job_call(struct job *job, const struct config *config, const char *auth,
    struct http_client *client)
{
    http_exchange_done(&job->exchange);
    buffer_clear(&job->url);
    brevo_url(&job->url, config->brevo_base_url, job->next, job->lookup.type,
        job->lookup.value);
    if (job->next == BREVO_EVENT_LOOKUP) {
        doubt_write_query(job, &job->url);
    }
    if (!write_body(job) || job->url.failed) {
        job_lack_memory(job);
        return;
    }
    job->exchange = (struct http_exchange){
        .method = brevo_endpoint_method(job->next),
        .url = job->url.data,
        .headers = {auth, "Accept: application/json", "Content-Type: application/json"},
        .header_count = job->body != NULL ? 3 : 2,
        .body = slice_of(job->body),
        .timeout_ms = BREVO_TIMEOUT_MS,
        .answer_max = brevo_endpoint_answer_max(job->next),
        .is_ipv4_only = config->brevo_ipv4_only,
        .done = answered,
        .context = job,
    };
    if (http_client_start(client, &job->exchange) != 0) {
        job_lack_memory(job);
        return;
    }
    job->has_begun = true;
    job->stage = JOB_CALLING;
}

void
job_batch(struct job *job)
{
    job->has_begun = true;
    job->stage = JOB_CALLING;
}

void
job_unbatch(struct job *job)
{
    job->stage = JOB_READY;
}

/* ---- answered → ready, or finished -------------------------------------------------------- */

/* Of the contact with its number; nothing else is told. */
static void
tell_numbers(struct job *job)
{
    job->only_numbers = true;
    job->lookup =
        (struct request_identifier){.type = "contact_id", .value = job->contact_id_text};
    job->identifier = job->lookup;
    job->next = BREVO_CONTACT_LOOKUP;
    job->stage = JOB_READY;
}

/* Its contact knows, and Brevo has the event, or shall not have it. */
static void
end(struct job *job)
{
    if (job->heir_id > 0) {
        job->stage = JOB_TURNING;
    } else if (job->is_sent) {
        job_deliver(job);
    } else {
        job_filter(job, job->mute);
    }
}

void
job_next(struct job *job, enum brevo_endpoint next)
{
    job->next = next;
    job->stage = JOB_READY;
    if (next != BREVO_EVENT) {
        return;
    }
    if (job->is_sent || job->mute != NULL) {
        end(job);
    } else if (doubt_must_look(job)) {
        job->next = BREVO_EVENT_LOOKUP;
    }
}

void
job_end_fact(struct job *job)
{
    if (!job->only_numbers) {
        job_filter(job, EVENT_REASON_FACTS);
        return;
    }
    job->mute = EVENT_REASON_FACTS;
    tell_numbers(job);
}

void
job_turn(struct job *job)
{
    conflict_turn_to_heir(job);
    tell_numbers(job);
}

static void
succeed(struct job *job)
{
    switch (job->next) {
    case BREVO_CONTACT_LOOKUP:
        job_contact_found(job);
        return;
    case BREVO_CONTACT_UPSERT:
    case BREVO_CONTACT_UPDATE:
        job_contact_said(job);
        return;
    case BREVO_EVENT:
        job_event_said(job);
        return;
    case BREVO_EVENT_LOOKUP:
        doubt_answered(job);
        return;
    case BREVO_EVENT_BATCH: /* no job's */
    case BREVO_ATTRIBUTES:
    case BREVO_LIST:
    case BREVO_TOKEN:
    case BREVO_ENDPOINT_COUNT:
        return;
    }
}

/*
 * A probe that found Brevo away is no attempt: its record never reached Brevo. Where it may have, or
 * Brevo itself failed over it, it may be the record.
 */
static bool
was_in_vain(const struct job *job, const struct brevo_verdict *verdict)
{
    const bool is_lost = verdict->is_unseen && job->next != BREVO_EVENT;

    return job->is_probe && verdict->is_failure && (!verdict->maybe_done || is_lost);
}

static void
retry(struct job *job, const struct brevo_verdict *verdict)
{
    if (was_in_vain(job, verdict)) {
        job_shelve(job, verdict->reason, PAUSE_SHELF_ALL);
        return;
    }
    if (job->next == BREVO_EVENT_LOOKUP) {
        doubt_retry(job, verdict);
        return;
    }
    job->settlement.free_attempt = verdict->is_rate_limit;
    job_retry(job, verdict->reason, verdict->after_ms);
    doubt_leave(job, verdict);
}

void
job_advance(struct job *job, const struct brevo_verdict *verdict)
{
    if (verdict->outcome == BREVO_AGAIN) {
        job->stage = JOB_READY;
        return;
    }
    if (job->is_sent && verdict->outcome != BREVO_DELIVERED) {
        job_deliver(job);
        return;
    }
    switch (verdict->outcome) {
    case BREVO_DELIVERED:
        succeed(job);
        return;
    case BREVO_NO_CONTACT:
        job_contact_missing(job, verdict);
        return;
    case BREVO_DROP:
        job_contact_refused(job, verdict);
        return;
    case BREVO_RETRY:
        retry(job, verdict);
        return;
    case BREVO_UNTOLD:
        doubt_untold(job, verdict);
        return;
    case BREVO_PAUSE:
        job_shelve(job, verdict->reason, pause_shelf_met(verdict->reason));
        return;
    case BREVO_AGAIN: /* see above */
        return;
    case BREVO_PARK:
        if (job_contact_unlisted(job, verdict)) {
            return;
        }
        if (verdict->maybe_done || !job_contact_doubted(job)) {
            job_park(job, verdict->reason);
            doubt_leave(job, verdict);
        }
        return;
    }
}
