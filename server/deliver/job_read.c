/*
 * job_read.c - claimed → parsed → mapped: from a record's bytes to the bodies Brevo will get.
 */
#include <string.h>

#include "mapping/derived.h"
#include "mapping/survey.h"
#include "mapping/twilio_type.h"
#include "server/deliver/counting.h"
#include "server/deliver/doubt.h"
#include "server/deliver/job.h"
#include "server/deliver/record_payload.h"
#include "server/deliver/seeking.h"
#include "server/deliver/sink_test.h"

static bool
is_told_by_browser(const struct queue_record *record)
{
    for (size_t i = 0; i < record->route_count; i++) {
        if (slice_is(record->routes[i].name, source_route(SOURCE_FLEX_PLUGIN))) {
            return true;
        }
    }
    return false;
}

void
job_parse(struct job *job)
{
    if (job_is_poison(job)) {
        job_park(job, "poison");
        return;
    }
    if (job->record->schema != QUEUE_SCHEMA) {
        job_park(job, "unknown_schema");
        return;
    }
    if (job->record->attempts > BREVO_ATTEMPTS_MAX) { /* whatever stopped it every time */
        job_park(job, "retries_exhausted");
        return;
    }
    if (record_payload(slice_of(job->record->key), job->record->routes,
            job->record->route_count, &job->payload) != 0) {
        job_lack_memory(job);
        return;
    }
    if (job->payload == NULL) {
        job_park(job, EVENT_REASON_UNPARSEABLE);
        return;
    }
    /* A sink's test is all in its key: nothing is left to map. */
    job->stage = sink_test_id(job) != NULL ? JOB_FOLDING : JOB_PARSED;
}

/* ---- parsed → mapped ---------------------------------------------------------------------- */

static bool
is_fact(const struct job *job)
{
    return twilio_type_is_fact(slice_before(slice_of(job->record->key), '/'));
}

/* What a fact tells is kept where other events find it; it is no event itself. */
static void
map_fact(struct job *job)
{
    if (event_reservation(job->payload, &job->reservation_sid, &job->task_sid)) {
        job->stage = JOB_FOLDING;
    } else {
        job_end_fact(job);
    }
}

/*
 * When an agent took the task may be told after the ticket was resolved, and then no event of it
 * says to its contact how long it waited.
 */
static void
note_late_wait(struct job *job, const struct facts *facts, const struct config *config)
{
    struct ticket_wait wait;
    const struct slice contact = ticket_contact(facts);

    ticket_waited(&job->reading, facts, &config->rules, &wait);
    job->only_numbers =
        job->says.is_about_waiting && wait.is_over && wait.wait_s >= 0 &&
        !config_is_shadow(config) && slice_to_int64(contact, &job->contact_id) &&
        job->contact_id > 0 && slice_to_text(contact, job->contact_id_text, JOB_ID_SIZE);
    job->reading.event.wait_s = wait.wait_s;
    job->reading.event.wait_rank = wait.rank;
}

/*
 * Whether browser or Twilio has yet to speak, and would be missed: what only the browser told is
 * neither delivered nor left out before its signed twin had time to come, and a completion of
 * nobody we know not before the browser had.
 */
static bool
lacks_twin(const struct job *job)
{
    const struct event_reading *reading = &job->reading;
    if (is_told_by_browser(job->record)) {
        return job_is_unsigned(job) && reading->verdict != EVENT_UNRESOLVED;
    }
    return reading->lacks_customer && reading->event.type == EVENT_TASK_COMPLETED;
}

/* How long a record still waits for its twin; 0: no more. */
static int64_t
twin_wait_ms(const struct job *job, const struct config *config, int64_t now_ms)
{
    const int64_t left_ms = config->plugin_wait_ms - (now_ms - job->record->received_ms);

    return left_ms > 0 && lacks_twin(job) ? left_ms : 0;
}

/*
 * What is only written down has effects of its own: told twice it is written once, as live, and yet
 * nothing counts as done when the mode is live again. False: the key is too long.
 */
static bool
shadow_effect(struct event *event)
{
    static const char prefix[] = "shadow-";
    const size_t size = strlen(event->effect_key);

    if (size + sizeof(prefix) > sizeof(event->effect_key)) {
        return false;
    }
    memmove(event->effect_key + sizeof(prefix) - 1, event->effect_key, size + 1);
    memcpy(event->effect_key, prefix, sizeof(prefix) - 1);
    return true;
}

static void
map_event(struct job *job, const struct config *config, int64_t now_ms)
{
    const struct event *event = &job->reading.event;
    const struct rules *rules = &config->rules;

    job->mute = event_is_too_old(event, rules, now_ms) ? EVENT_REASON_TOO_OLD : NULL;
    job->identifier = request_identify(&event->customer);
    job->contact = job_compose_contact(job, rules);
    job->event = request_event(event, rules);
    if (job->contact == NULL || job->event == NULL) {
        job_lack_memory(job);
        return;
    }
    job->asks_by_creating = strcmp(config->contacts_create, "always") == 0 &&
                            request_contact_has_phone(job->contact);
    job->is_shadow = config_is_shadow(config);
    if (job->is_shadow && !shadow_effect(&job->reading.event)) {
        job_park(job, EVENT_REASON_UNPARSEABLE);
        return;
    }
    job->lookup = job->identifier;
    if (job->mute == NULL && !job->is_shadow) { /* it will be sent */
        job->lookup_after_ms = config->brevo_lookup_after_ms;
    }
    job->next = BREVO_CONTACT_LOOKUP;
    job->stage = JOB_MAPPED;
}

/* Left out for want of an identity: another route may know one. */
static void
filter_event(struct job *job, const char *reason)
{
    job_filter(job, reason);
    job->settlement.reopens |= job->reading.lacks_customer;
}

/* By what all know of the ticket. False when the job waits or is finished. */
static bool
passes_ticket(struct job *job, const struct facts *facts, const struct config *config,
    int64_t now_us)
{
    const struct ticket_times times = {
        .now_ms = job_now_ms(job, now_us), .read_ms = job_read_ms(job, now_us)};
    struct ticket_verdict verdict;

    ticket_judge(&job->reading, facts, &config->rules, &times, &verdict);
    switch (verdict.decision) {
    case TICKET_GOES_ON:
        return true;
    case TICKET_WAITS:
        job_wait(job, verdict.reason, verdict.wait_ms);
        return false;
    case TICKET_FILTERED:
        filter_event(job, verdict.reason);
        return false;
    }
    return true;
}

static void
judge(struct job *job, const struct facts *facts, const struct config *config,
    int64_t now_us)
{
    const int64_t now_ms = job_now_ms(job, now_us);

    if (is_fact(job)) {
        if (facts != NULL) {
            note_late_wait(job, facts, config);
        }
        map_fact(job);
        return;
    }
    if (facts != NULL && ticket_may_deliver(&job->reading) &&
        !passes_ticket(job, facts, config, now_us)) {
        return;
    }
    switch (job->reading.verdict) {
    case EVENT_DELIVER:
        map_event(job, config, now_ms);
        return;
    case EVENT_FILTERED:
        if (seeking_may_help(job, config)) {
            job->stage = JOB_SEEKING;
        } else {
            filter_event(job, job->reading.reason);
        }
        return;
    case EVENT_PARKED:
        job_park(job, job->reading.reason);
        return;
    case EVENT_UNRESOLVED:
        job->reservation_sid = job->reading.reservation_sid;
        job->stage = JOB_FOLDING;
        return;
    }
}

void
job_judge(struct job *job, const struct facts *facts, const struct config *config,
    int64_t now_us)
{
    if (facts != NULL) {
        doubt_hear(job, facts);
    }
    judge(job, facts, config, now_us);
    counting_read(job, facts, config);
}

/* What was delivered by a browser's word is delivered: of Twilio's only what else it tells is news. */
void
job_split(struct job *job, const struct config *config, int64_t now_us)
{
    if (job->record->was_delivered) {
        job_deliver(job);
        return;
    }
    ticket_read(
        &job->reading, job->payload, &config->rules, job_now_ms(job, now_us), &job->says);
    if (job->says.ticket != NULL) {
        job->stage = JOB_TELLING;
    } else {
        job_judge(job, NULL, config, now_us);
    }
}

static void
read_event(struct job *job, const struct config *config)
{
    const struct event_context context = {
        .record_key = slice_of(job->record->key),
        .received_ms = job->record->received_ms,
    };

    event_read(job->payload, &config->rules, &context, &job->reading);
}

static void
go_on(struct job *job, const struct config *config, int64_t now_us)
{
    const struct slice key = slice_of(job->record->key);
    char answers[RULES_EXTRACTORS_MAX][KEY_SIZE_MAX];
    enum event_type derived[DERIVED_MAX];

    if (survey_split(job->payload, &config->rules, key, answers) > 0 ||
        event_derived(&job->reading, &config->rules, derived) > 0) {
        job->stage = JOB_SPLITTING;
    } else {
        job_split(job, config, now_us);
    }
}

/* What it would tell of its task's end, to its ticket or beside, could not be taken back. */
static bool
must_listen(struct job *job, const struct config *config, int64_t now_us)
{
    const struct event *event = &job->reading.event;

    if (!job_is_unsigned(job) || event->type != EVENT_TASK_COMPLETED ||
        event->task_sid == NULL) {
        return false;
    }
    ticket_read(
        &job->reading, job->payload, &config->rules, job_now_ms(job, now_us), &job->says);
    job->says.fact_count = 0;
    return job->says.ticket != NULL;
}

void
job_listen(struct job *job, const struct facts *facts, const struct config *config,
    int64_t now_us)
{
    const struct ticket_times times = {
        .now_ms = job_now_ms(job, now_us), .read_ms = job_read_ms(job, now_us)};
    const int64_t wait_ms =
        ticket_held_left_ms(&job->reading, facts, &config->rules, &times);

    if (wait_ms > 0) {
        job_wait(job, TICKET_WAIT_HELD, wait_ms);
        return;
    }
    read_event(job, config); /* of which the ticket's name was changed */
    go_on(job, config, now_us);
}

void
job_map(struct job *job, const struct config *config, int64_t now_us)
{
    read_event(job, config);
    const int64_t wait_ms =
        is_fact(job) ? 0 : twin_wait_ms(job, config, job_now_ms(job, now_us));

    if (wait_ms > 0) {
        job_delay(job, "plugin_wait", wait_ms);
    } else if (must_listen(job, config, now_us)) {
        job->stage = JOB_LISTENING;
    } else {
        go_on(job, config, now_us);
    }
}
