/*
 * job_call.c - ready → calling → answered → the next call, or the end.
 */
#include <stdlib.h>

#include "server/deliver/job.h"
#include "server/deliver/pause.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"

enum {
    BAD_ANSWER_DELAY_MS = 1000,
    STATUS_FOUND = 200,
};

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
    const size_t size = json_dumpb(body, NULL, 0, JSON_COMPACT);
    char *text = size > 0 ? calloc(size + 1, 1) : NULL;

    if (text != NULL && json_dumpb(body, text, size, JSON_COMPACT) != size) {
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
    if (job->next == BREVO_CONTACT_LOOKUP) {
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
    brevo_url(&job->url, config->brevo_base_url, job->next, job->identifier.type,
        job->identifier.value);
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
        .is_ipv4_only = config->brevo_ipv4_only,
        .done = answered,
        .context = job,
    };
    if (http_client_start(client, &job->exchange) != 0) {
        job_lack_memory(job);
        return;
    }
    job->stage = JOB_CALLING;
}

/* ---- answered → ready, or finished -------------------------------------------------------- */

static void
make_next(struct job *job, enum brevo_endpoint next)
{
    job->next = next;
    job->stage = JOB_READY;
    if (next == BREVO_EVENT && job->is_too_old) {
        job_filter(job, EVENT_REASON_TOO_OLD);
    }
}

/* A 200 that is no contact: somebody between us and Brevo answers in its place. */
static void
retry_bad_answer(struct job *job)
{
    const int64_t attempts = job->record->attempts;

    if (attempts >= BREVO_ATTEMPTS_MAX) {
        job_park(job, "bad_answer");
        return;
    }
    job_retry(job, "bad_answer", BAD_ANSWER_DELAY_MS * attempts);
}

/* Brevo knows the contact: only what is new is said, often nothing. */
static void
compare_contact(struct job *job)
{
    const struct buffer *answer = &job->exchange.answer;

    if (answer->failed) {
        /* Too long to read, so nothing can be known to be missing: it is left as it is. */
        log_warn("contact_unread", "key=%s bytes_max=%d", job->record->key,
            HTTP_CLIENT_BODY_MAX);
        make_next(job, BREVO_EVENT);
        return;
    }
    AUTO(payload_release)
    json_t *existing =
        answer->size > 0 ? json_loadb(answer->data, answer->size, 0, NULL) : NULL;

    if (job->exchange.status != STATUS_FOUND || json_is_array(existing)) {
        make_next(job, BREVO_CONTACT_UPSERT); /* nothing was found out */
        return;
    }
    if (!json_is_object(existing)) {
        retry_bad_answer(job);
        return;
    }
    make_next(job, request_contact_reduce(job->contact, existing) ? BREVO_CONTACT_UPSERT
                                                                  : BREVO_EVENT);
}

static void
succeed(struct job *job)
{
    switch (job->next) {
    case BREVO_CONTACT_LOOKUP:
        compare_contact(job);
        return;
    case BREVO_CONTACT_UPSERT:
        make_next(job, BREVO_EVENT);
        return;
    case BREVO_EVENT:
        job_deliver(job);
        return;
    case BREVO_ATTRIBUTES: /* no job asks for them */
    case BREVO_ENDPOINT_COUNT:
        return;
    }
}

/* What Brevo refuses by name, once; then, or when it names none, all but the best, once. */
static unsigned
drop_identifiers(struct job *job, unsigned refused)
{
    unsigned dropped = 0;

    if (!job->has_dropped) {
        job->has_dropped = true;
        dropped = request_contact_drop(job->contact, refused);
    }
    if (dropped == 0 && !job->has_best_only) {
        job->has_best_only = true;
        dropped = request_contact_drop(job->contact, REQUEST_OPTIONAL);
    }
    return dropped;
}

static void
tell_dropped(const struct job *job, unsigned dropped)
{
    for (unsigned bit = 1; bit <= REQUEST_OPTIONAL; bit <<= 1) {
        if ((dropped & bit) != 0) {
            const char *name = request_optional_name(bit);

            counter_add(metrics_counter(METRIC_BREVO_DROPPED, name, NULL), 1);
            log_warn(
                "identifier_dropped", "key=%s identifier=%s", job->record->key, name);
        }
    }
}

static void
retry_without(struct job *job, const struct brevo_verdict *verdict)
{
    const unsigned dropped = drop_identifiers(job, verdict->refused);

    if (dropped == 0) {
        job_park(job, verdict->reason);
        return;
    }
    tell_dropped(job, dropped);
    make_next(job, BREVO_CONTACT_UPSERT);
}

void
job_advance(struct job *job, const struct brevo_verdict *verdict)
{
    switch (verdict->outcome) {
    case BREVO_DELIVERED:
        succeed(job);
        return;
    case BREVO_NO_CONTACT:
        make_next(job, BREVO_CONTACT_UPSERT);
        return;
    case BREVO_DROP:
        retry_without(job, verdict);
        return;
    case BREVO_RETRY:
        job->settlement.free_attempt = verdict->is_rate_limit;
        job_retry(job, verdict->reason, verdict->after_ms);
        return;
    case BREVO_PAUSE:
        job_shelve(job, verdict->reason, pause_shelf_met(verdict->reason));
        return;
    case BREVO_PARK:
        job_park(job, verdict->reason);
        return;
    }
}
