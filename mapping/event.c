/*
 * event.c - the canonical event: what happened with a customer, whichever route said it.
 *
 * Everything is read first, so that `explain` can show an event that is then left out; then it is
 * judged in the order event.h gives.
 */
#include "mapping/event.h"

#include <string.h>

#include "mapping/event_effect.h"
#include "mapping/event_filter.h"
#include "mapping/event_subject.h"
#include "mapping/event_survey.h"
#include "mapping/overwrite.h"
#include "mapping/survey.h"
#include "mapping/ticket.h"
#include "mapping/twilio_type.h"

void
event_trace(struct event_reading *reading, const char *rule)
{
    if (reading->trace_count < EVENT_TRACE_MAX) {
        reading->trace[reading->trace_count++] = rule;
    }
}

static int64_t
number_or_absent(const json_t *payload, const char *name)
{
    int64_t number;

    return payload_integer(payload, name, &number) && number >= 0 ? number : -1;
}

static const char *
first_text(const json_t *payload, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = payload_text_at(payload, paths[i]);

        if (text != NULL) {
            return text;
        }
    }
    return NULL;
}

#define FIRST_TEXT(payload, ...)                            \
    first_text(payload, (const char *const[]){__VA_ARGS__}, \
        LENGTH(((const char *const[]){__VA_ARGS__})))

static const char *
read_agent(const json_t *payload, enum rules_agent agent)
{
    switch (agent) {
    case RULES_AGENT_SID:
        return payload_text(payload, "worker_sid");
    case RULES_AGENT_NAME:
        return FIRST_TEXT(payload, "worker_attributes/full_name", "worker_name");
    case RULES_AGENT_NONE:
        break;
    }
    return NULL;
}

/* What only an end has. At task.created TaskAge is 0 and no reason is a reason. */
static void
read_end(const struct reader *reader)
{
    const json_t *payload = reader->payload;
    struct event *event = &reader->reading->event;

    switch (event->type) {
    case EVENT_TASK_COMPLETED:
        event->reason = FIRST_TEXT(payload, "task_completed_reason", "reason");
        event->duration_s = number_or_absent(payload, "task_age");
        break;
    case EVENT_TASK_CANCELED:
        event->reason = FIRST_TEXT(payload, "task_canceled_reason", "reason");
        event->duration_s = number_or_absent(payload, "task_age");
        break;
    case EVENT_CONVERSATION_ENDED: /* of a call, as a task's end has it */
        event->reason = FIRST_TEXT(
            payload, "task_completed_reason", "task_canceled_reason", "reason");
        break;
    case EVENT_MESSAGE_UNDELIVERED:
    case EVENT_MESSAGE_FAILED:
        event->reason = payload_text(payload, "error_code");
        return;
    case EVENT_TASK_CREATED:
    case EVENT_TASK_WAITING:
    case EVENT_SURVEY_COMPLETED:
    case EVENT_MESSAGE_DELIVERED:
    case EVENT_MESSAGE_READ:
    case EVENT_TYPE_COUNT:
        return;
    }
    event->outcome = event_text_at(
        payload, "task_attributes/conversations/outcome", event->outcome_number);
    event->content = event_text_at(
        payload, "task_attributes/conversations/content", event->content_number);
    if (event->type == EVENT_TASK_CANCELED &&
        ticket_outcome(event->reason, reader->rules) != NULL) {
        event->outcome = ticket_outcome(event->reason, reader->rules);
    }
}

/* Its bytes are those of another record, whose event they tell: their SID is that one's. */
static bool
is_told_beside(const struct reader *reader)
{
    const struct event *event = &reader->reading->event;
    const struct slice told = slice_of(payload_text(reader->payload, "event_type"));

    return event->type == EVENT_TASK_WAITING || event->is_call ||
           (event->type == EVENT_SURVEY_COMPLETED &&
               !slice_is(told, event_type_name(event->type)));
}

/* No two events of one name may have the same: by it Brevo is asked whether it has this one. */
static const char *
source_event_id(const struct reader *reader)
{
    const char *sid = payload_text(reader->payload, "sid");

    return slice_starts(slice_of(sid), "EV") && !is_told_beside(reader)
               ? sid
               : reader->context->record_key.data;
}

static void
read_origin(const struct reader *reader)
{
    const json_t *payload = reader->payload;
    struct event *event = &reader->reading->event;

    event->source_event_id = source_event_id(reader);
    if (!payload_integer(payload, "date_ms", &event->date_ms)) {
        event->date_ms = reader->context->received_ms;
        event_trace(reader->reading, "date: no route carried one, receipt taken");
    }
    event->told_ms = event->date_ms;
    if (json_object_get(payload, "task_attributes_invalid") != NULL) {
        event_trace(reader->reading,
            "attributes: TaskAttributes is no JSON object, read as empty");
    }
    if (event->type == EVENT_TASK_WAITING) { /* so long after its creation */
        event->date_ms += reader->rules->wait_notify_ms;
    }
    event->channel = channel_read(payload);
    if (event->channel == CHANNEL_UNKNOWN) {
        event_trace(reader->reading, "channel: none named");
    }
    event->direction = direction_read(payload);
    if (event->direction == DIRECTION_OUTBOUND) {
        event_trace(
            reader->reading, "direction: outbound, the customer is who was contacted");
    }
}

static void
read_event(const struct reader *reader)
{
    const json_t *payload = reader->payload;
    struct event *event = &reader->reading->event;

    event->payload = payload;
    event->duration_s = -1;
    event->handling_s = -1;
    event->wrapup_s = -1;
    event->wait_s = -1;
    event->score = -1;
    event->score_max = -1;
    event->priority = number_or_absent(payload, "task_priority");
    event->queue = payload_text(payload, "task_queue_name");
    event->workflow = payload_text(payload, "workflow_name");
    event->agent = read_agent(payload, reader->rules->agent);
    event_read_subjects(reader);
    read_origin(reader);
    event_read_ticket(reader);
    read_end(reader);
    if (event->type == EVENT_SURVEY_COMPLETED) {
        event_survey_read(reader);
    }
}

static void
decide(struct event_reading *reading, enum event_verdict verdict, const char *reason)
{
    reading->verdict = verdict;
    reading->reason = reason;
}

static void
read_customer(const struct reader *reader)
{
    struct event_reading *reading = reader->reading;
    struct customer *customer = &reading->event.customer;
    const int r = customer_read(reader->payload, reader->rules, customer);

    if (r != CUSTOMER_OK) {
        reading->lacks_customer = true;
        decide(reading, EVENT_FILTERED, customer_reason(r));
        return;
    }
    event_trace(reading, customer->email[0] != '\0'    ? "customer: by email"
                         : customer->ext_id[0] != '\0' ? "customer: by ext_id"
                         : customer->phone[0] != '\0'  ? "customer: by phone"
                                                       : "customer: by WhatsApp");
    if (overwrite_is_told(&reading->event, reader->rules)) {
        event_trace(
            reading, "profile: overwrites what Brevo has, unless a newer event told it");
    }
    event_accept(reading, reader->rules);
}

/* True when the type alone settles what becomes of the record. */
static bool
judge_type(const struct reader *reader)
{
    struct event_reading *reading = reader->reading;
    const struct slice told = slice_of(payload_text(reader->payload, "event_type"));
    const struct slice key = reader->context->record_key;
    const struct slice name = survey_is_answer(key) ? slice_before(key, '/') : told;
    enum event_type type = EVENT_TYPE_COUNT;

    if (event_type_from_name(name, &type)) {
        reading->event.type = type;
        return false;
    }
    reading->event.type = EVENT_TYPE_COUNT;
    decide(reading, EVENT_FILTERED,
        twilio_type_is_fact(name) ? EVENT_REASON_FACTS : EVENT_REASON_NOT_MAPPED);
    return true;
}

/* True when an answer of a customer is none, or none we understand. */
static bool
judge_answer(const struct reader *reader)
{
    struct event_reading *reading = reader->reading;
    const char *reason = reading->event.type == EVENT_SURVEY_COMPLETED
                             ? event_survey_judge(&reading->event)
                             : NULL;

    if (reason == NULL) {
        return false;
    }
    decide(reading,
        strcmp(reason, EVENT_REASON_BAD_SCORE) == 0 ? EVENT_PARKED : EVENT_FILTERED,
        reason);
    return true;
}

void
event_read(const json_t *payload, const struct rules *rules,
    const struct event_context *context, struct event_reading *ret_reading)
{
    const struct reader reader = {payload, rules, context, ret_reading};

    *ret_reading = (struct event_reading){.verdict = EVENT_FILTERED};
    const bool is_settled = judge_type(&reader);

    read_event(&reader);
    if (is_settled) {
        return;
    }
    if (event_is_unresolved(&reader)) {
        decide(ret_reading, EVENT_UNRESOLVED, NULL);
        return;
    }
    if (!event_effect_key(&ret_reading->event, rules)) {
        decide(ret_reading, EVENT_PARKED, EVENT_REASON_UNPARSEABLE);
        return;
    }
    const char *reason = event_filter(&ret_reading->event, rules);

    if (reason != NULL) {
        decide(ret_reading, EVENT_FILTERED, reason);
        return;
    }
    if (!judge_answer(&reader)) {
        read_customer(&reader);
    }
}

const char *
event_agent(const struct event *event)
{
    if (event->agent != NULL) {
        return event->agent;
    }
    return event->agent_known[0] != '\0' ? event->agent_known : NULL;
}

bool
event_is_too_old(const struct event *event, const struct rules *rules, int64_t now_ms)
{
    return rules->max_event_age_ms > 0 &&
           event->date_ms < now_ms - rules->max_event_age_ms;
}
