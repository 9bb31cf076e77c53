/*
 * outcome.c - the deliveries' log lines and metrics.
 *
 * Record keys and SIDs name things; bodies, identifiers and Brevo's messages are never printed.
 */
#include "server/deliver/outcome.h"

#include <inttypes.h>
#include <stdio.h>

#include "server/ops/log.h"
#include "server/ops/metrics.h"

enum {
    DETAIL_TEXT_MAX = 1024, /* before it is cut */
    WHOSE_SIZE = KEY_SIZE_MAX + sizeof "key=",
};

/* The last answer, for whoever must find out: here and, with the record, in Redis. */
static void
write_detail(
    struct job *job, enum brevo_endpoint endpoint, const struct http_exchange *exchange)
{
    AUTO(buffer_done) struct buffer text = {.max = DETAIL_TEXT_MAX};
    char status[BREVO_STATUS_SIZE] = "";

    brevo_status_text(exchange, status);
    buffer_addf(&text, "endpoint=%s status=%s", brevo_endpoint_name(endpoint), status);
    if (job->verdict.code[0] != '\0') {
        buffer_addf(&text, " code=\"%s\"", job->verdict.code);
    }
    if (job->verdict.maybe_done && job->next == BREVO_EVENT) {
        buffer_add_text(&text, " maybe_duplicate=yes");
    }
    if (exchange->request_id[0] != '\0') {
        buffer_addf(&text, " sib_request_id=%s", exchange->request_id);
    }
    if (exchange->error[0] != '\0') {
        buffer_addf(&text, " error=\"%s\"", exchange->error);
    }
    const struct slice detail =
        slice_cut_text(buffer_slice(&text), QUEUE_DETAIL_SIZE - 1);

    if (!slice_to_text(detail, job->detail, sizeof(job->detail))) {
        job->detail[0] = '\0'; /* it says less, and nothing depends on it */
    }
}

/* One request: counted, and logged where that is asked for; `whose` is "key=..." or the like. */
static void
tell_request(enum brevo_endpoint endpoint, const struct http_exchange *exchange,
    const char *whose, const struct config *config)
{
    const char *name = brevo_endpoint_name(endpoint);
    char status[BREVO_STATUS_SIZE] = "";

    brevo_status_text(exchange, status);
    counter_add(metrics_counter(METRIC_BREVO_REQUESTS, name, status), 1);
    if (config->log_api_calls) {
        log_info("brevo_call", "%s method=%s endpoint=%s status=%s ms=%" PRId64, whose,
            brevo_endpoint_method(endpoint), name, status, exchange->elapsed_ms);
    }
}

void
outcome_of_call(
    struct job *job, const struct brevo_verdict *verdict, const struct config *config)
{
    char whose[WHOSE_SIZE];

    job->verdict = *verdict;
    write_detail(job, job->next, &job->exchange);
    (void)snprintf(whose, sizeof(whose), "key=%s", job->record->key);
    tell_request(job->next, &job->exchange, whose, config);
}

void
outcome_of_batch(
    const struct http_exchange *exchange, size_t count, const struct config *config)
{
    char whose[WHOSE_SIZE];

    (void)snprintf(whose, sizeof(whose), "events=%zu", count);
    tell_request(BREVO_EVENT_BATCH, exchange, whose, config);
}

void
outcome_in_batch(struct job *job, const struct brevo_verdict *verdict,
    const struct http_exchange *exchange)
{
    job->verdict = *verdict;
    write_detail(job, BREVO_EVENT_BATCH, exchange);
}

static void
tell_delivered(const struct job *job, const struct config *config, int64_t now_us)
{
    const char *event = job_event_name(job, config);
    const int64_t ms = job_now_ms(job, now_us) - job->record->received_ms;

    if (job->record->was_delivered) { /* and told then */
        log_debug("heard", "key=%s", job->record->key);
        return;
    }
    counter_add(metrics_counter(METRIC_EVENTS_DELIVERED, event, NULL), 1);
    metrics_observe(HISTOGRAM_DELIVERY, ms * US_PER_MS);
    log_info("delivered", "key=%s event=%s attempt=%" PRId64 " ms=%" PRId64,
        job->record->key, event, job->record->attempts, ms);
}

static void
tell_filtered(const struct job *job)
{
    const char *reason = job->settlement.reason;

    counter_add(metrics_counter(METRIC_EVENTS_FILTERED, reason, NULL), 1);
    log_info("filtered", "key=%s reason=%s", job->record->key, reason);
}

static void
tell_parked(const struct job *job, const struct config *config)
{
    const char *reason = job->settlement.reason;

    counter_add(metrics_counter(METRIC_EVENTS_PARKED, reason, NULL), 1);
    log_warn("parked", "key=%s event=%s attempt=%" PRId64 " reason=%s%s%s",
        job->record->key, job_event_name(job, config), job->record->attempts, reason,
        job->detail[0] != '\0' ? " " : "", job->detail);
    if (job_is_poison(job)) {
        log_error("poison",
            "key=%s lost_claims=%" PRId64
            " do=\"workers died over it, and it is set aside unread: see flexbrevo parked "
            "show KEY, and report what made them die\"",
            job->record->key, job->record->lost_claims);
    }
}

static void
tell_delayed(const struct job *job, const struct config *config)
{
    const struct queue_settlement *settlement = &job->settlement;
    if (settlement->free_attempt) { /* waiting is no news */
        log_debug("delayed", "key=%s reason=%s delay_ms=%" PRId64, job->record->key,
            settlement->reason, settlement->delay_ms);
        return;
    }
    log_warn("retry",
        "key=%s event=%s attempt=%" PRId64 " reason=%s delay_ms=%" PRId64 "%s%s",
        job->record->key, job_event_name(job, config), job->record->attempts,
        settlement->reason, settlement->delay_ms, job->detail[0] != '\0' ? " " : "",
        job->detail);
}

void
outcome_of_job(const struct job *job, enum queue_settle_result result,
    const struct config *config, int64_t now_us)
{
    if (result == QUEUE_STALE) {
        log_warn("claim_lost", "key=%s maybe_duplicate=%s", job->record->key,
            job->settlement.outcome == QUEUE_DELIVERED ? "yes" : "no");
        return;
    }
    if (result == QUEUE_REOPENED) {
        log_info("reopened", "key=%s", job->record->key);
        return;
    }
    switch (job->settlement.outcome) {
    case QUEUE_DELIVERED:
        tell_delivered(job, config, now_us);
        return;
    case QUEUE_FILTERED:
        tell_filtered(job);
        return;
    case QUEUE_PARKED:
        tell_parked(job, config);
        return;
    case QUEUE_DELAYED:
        tell_delayed(job, config);
        return;
    case QUEUE_RELEASED:
        log_info("released", "key=%s", job->record->key);
        return;
    }
}
