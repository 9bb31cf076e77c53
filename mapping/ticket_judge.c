/*
 * ticket_judge.c - what becomes of a task's event, by what is known of its ticket.
 *
 * One table holds the rules, in the order in which they are asked. A rule above a wait is asked at
 * once, one below it when others had time to tell. Rules only look: whoever asks again later, or
 * beside another worker, gets an answer that is no worse.
 */
#include <string.h>

#include "mapping/event_subject.h"
#include "mapping/ticket_wait.h"

/* ---- asked of a ticket --------------------------------------------------------------------- */

/* Whether any task but the event's own is as `is` says. */
static bool
another(const struct ticket *ticket,
    bool (*is)(const struct ticket *ticket, const struct task *task))
{
    for (size_t i = 0; i < ticket->count; i++) {
        if (&ticket->tasks[i] != ticket->own && is(ticket, &ticket->tasks[i])) {
            return true;
        }
    }
    return false;
}

static bool
is_earlier_asked(const struct ticket *ticket, const struct task *task)
{
    const struct task *own = ticket->own;
    const bool may_ask = ticket->rules->outbound == RULES_OUTBOUND_ALL ||
                         ticket_task_direction(task) != DIRECTION_OUTBOUND;

    return may_ask && task->is_asked && task->is_known && own != NULL &&
           task->created_ms < own->created_ms;
}

static bool
is_newer(const struct ticket *ticket, const struct task *task)
{
    const struct task *own = ticket->own;
    const int64_t end_ms =
        ticket->reading->event.date_ms + ticket->rules->ticket_abandoned_after_ms;

    return task->is_known && own != NULL && task->created_ms > own->created_ms &&
           task->created_ms <= end_ms;
}

static bool
was_asked(const struct ticket *ticket)
{
    return another(ticket, is_earlier_asked);
}

/* It went on while this one was given up: then the customer has not. */
static bool
is_beside_open(const struct ticket *ticket, const struct task *task)
{
    const int64_t given_up_ms = ticket->reading->event.date_ms;

    return task->created_ms <= given_up_ms && ticket_is_open(task, given_up_ms);
}

static bool
goes_on_beside(const struct ticket *ticket)
{
    return another(ticket, is_beside_open);
}

/* An agent may take it, or its end is still to be told: then this one is the last. */
static int64_t
beside_left_ms(const struct ticket *ticket)
{
    return goes_on_beside(ticket) ? ticket_look_again_ms(ticket) : 0;
}

static bool
has_newer(const struct ticket *ticket)
{
    return another(ticket, is_newer);
}

static bool
was_served(const struct ticket *ticket)
{
    for (size_t i = 0; i < ticket->count; i++) {
        if (ticket->tasks[i].is_accepted) {
            return true;
        }
    }
    return false;
}

static bool
is_outbound_start(const struct ticket *ticket)
{
    return ticket->is_outbound && ticket->rules->outbound != RULES_OUTBOUND_ALL;
}

static bool
is_outbound_ignored(const struct ticket *ticket)
{
    return ticket->is_outbound && ticket->rules->outbound == RULES_OUTBOUND_IGNORE;
}

/* ---- asked of the event -------------------------------------------------------------------- */

static bool
is_callback(const struct ticket *ticket)
{
    return ticket_is_of_kind(ticket, &ticket->rules->callback_kinds);
}

static bool
is_voicemail(const struct ticket *ticket)
{
    return ticket_is_of_kind(ticket, &ticket->rules->voicemail_kinds);
}

static bool
has_other_reason(const struct ticket *ticket)
{
    return ticket_outcome(ticket->reading->event.reason, ticket->rules) == NULL;
}

/*
 * A wait nobody measured is not taken for a short one; and who was put into another queue has waited
 * since the first one, of which may be told later.
 */
static bool
has_short_wait(const struct ticket *ticket)
{
    const int64_t least_ms = ticket->rules->ticket_min_wait_ms;
    const int64_t waited_s = ticket->reading->event.duration_s;

    for (size_t i = 0; i < ticket->count; i++) {
        const struct task *task = &ticket->tasks[i];

        if (task->is_known &&
            ticket->reading->event.date_ms - task->created_ms >= least_ms) {
            return false;
        }
    }
    return waited_s >= 0 && waited_s * MS_PER_S < least_ms;
}

static bool
is_later_call(const struct ticket *ticket, const struct task *task)
{
    return task->call_ms > ticket->reading->event.date_ms;
}

/* That task's end is the call's. */
static bool
has_later_call(const struct ticket *ticket)
{
    return ticket->reading->event.is_call && another(ticket, is_later_call);
}

static bool
is_closed(const struct ticket *ticket)
{
    return ticket->own != NULL && ticket->own->closed_how.size > 0;
}

static bool
has_no_task(const struct ticket *ticket)
{
    return ticket->count == 0;
}

static bool
is_channel_off(const struct ticket *ticket)
{
    return !ticket->rules->channels[ticket->reading->event.channel] &&
           ticket->reading->event.channel != CHANNEL_UNKNOWN;
}

/* However the survey was sent, it is about what came by the ticket's. */
static bool
is_asked_off_channel(const struct ticket *ticket)
{
    return ticket->channel != CHANNEL_UNKNOWN ? !ticket->rules->channels[ticket->channel]
                                              : is_channel_off(ticket);
}

/* ---- the rules ----------------------------------------------------------------------------- */

static const struct rule {
    enum event_type type;                            /* EVENT_TYPE_COUNT: any */
    bool (*applies)(const struct ticket *ticket);    /* filtered */
    int64_t (*left_ms)(const struct ticket *ticket); /* or waits, while it is above 0 */
    const char *reason;
    const char *trace;
} table[] = {
    {EVENT_TYPE_COUNT, ticket_is_survey, NULL, EVENT_REASON_SURVEY,
        "survey: the task is one, as others said of it"},
    {EVENT_TASK_CREATED, NULL, ticket_queue_left_ms, TICKET_WAIT_QUEUE,
        "survey: waits for the task's queue or workflow, which may be a survey's"},
    {EVENT_SURVEY_COMPLETED, NULL, ticket_answers_left_ms, TICKET_WAIT_ANSWERS,
        "survey: waits for further answers"},
    {EVENT_SURVEY_COMPLETED, is_asked_off_channel, NULL, EVENT_REASON_CHANNEL_OFF,
        "survey: its ticket's channel is switched off"},
    {EVENT_SURVEY_COMPLETED, is_outbound_ignored, NULL, EVENT_REASON_OUTBOUND,
        "survey: its ticket is outbound, which is ignored"},
    {EVENT_SURVEY_COMPLETED, ticket_lacks_score, NULL, EVENT_REASON_NO_ANSWER,
        "survey: nobody gave a score"},

    {EVENT_TASK_CREATED, is_outbound_start, NULL, EVENT_REASON_OUTBOUND,
        "ticket: outbound, nobody asked for anything"},
    {EVENT_TASK_CREATED, was_asked, NULL, TICKET_REASON_ASKED,
        "ticket: requested by an earlier task"},

    {EVENT_TASK_COMPLETED, is_outbound_ignored, NULL, EVENT_REASON_OUTBOUND,
        "ticket: outbound, which is ignored"},
    {EVENT_TASK_COMPLETED, NULL, ticket_settle_left_ms, TICKET_WAIT_SETTLE,
        "ticket: waits for what other tasks have to say"},
    {EVENT_TASK_COMPLETED, NULL, ticket_open_left_ms, TICKET_WAIT_OPEN,
        "ticket: waits for what becomes of another task"},
    {EVENT_TASK_COMPLETED, NULL, ticket_parked_left_ms, TICKET_WAIT_PARKED,
        "ticket: waits for the conversation, which is parked"},
    {EVENT_TASK_COMPLETED, ticket_is_parked, NULL, TICKET_REASON_PARKED,
        "ticket: the conversation is parked, it goes on later"},

    {EVENT_TASK_CANCELED, is_outbound_start, NULL, EVENT_REASON_OUTBOUND,
        "ticket: outbound, nobody gave up"},
    {EVENT_TASK_CANCELED, is_callback, NULL, TICKET_REASON_CALLBACK,
        "canceled: a callback, nobody was waiting"},
    {EVENT_TASK_CANCELED, is_voicemail, NULL, TICKET_REASON_VOICEMAIL,
        "canceled: a voicemail, nobody was waiting"},
    {EVENT_TASK_CANCELED, has_other_reason, NULL, TICKET_REASON_OTHER,
        "canceled: neither by who waited nor for want of an agent"},
    {EVENT_TASK_CANCELED, was_served, NULL, TICKET_REASON_SERVED,
        "ticket: an agent took a task of it"},
    {EVENT_TASK_CANCELED, NULL, ticket_newer_left_ms, TICKET_WAIT_NEWER,
        "ticket: waits for a newer task"},
    {EVENT_TASK_CANCELED, has_short_wait, NULL, TICKET_REASON_SHORT,
        "canceled: waited too short a time"},
    {EVENT_TASK_CANCELED, has_newer, NULL, TICKET_REASON_NEWER,
        "ticket: a newer task took over"},
    {EVENT_TASK_CANCELED, NULL, beside_left_ms, TICKET_WAIT_OPEN,
        "ticket: waits for what becomes of another task"},
    {EVENT_TASK_CANCELED, goes_on_beside, NULL, TICKET_REASON_OPEN,
        "ticket: another task goes on"},

    {EVENT_TASK_WAITING, is_outbound_start, NULL, EVENT_REASON_OUTBOUND,
        "ticket: outbound, nobody waits"},
    {EVENT_TASK_WAITING, is_callback, NULL, TICKET_REASON_CALLBACK,
        "waiting: a callback, nobody is"},
    {EVENT_TASK_WAITING, is_voicemail, NULL, TICKET_REASON_VOICEMAIL,
        "waiting: a voicemail, nobody is"},
    {EVENT_TASK_WAITING, was_served, NULL, TICKET_REASON_SERVED,
        "ticket: an agent took a task of it"},
    {EVENT_TASK_WAITING, is_closed, NULL, TICKET_REASON_OVER,
        "waiting: the task ended before anybody took it"},
    {EVENT_TASK_WAITING, NULL, ticket_notify_left_ms, TICKET_WAIT_NOTIFY,
        "waiting: not long enough yet"},

    {EVENT_CONVERSATION_ENDED, NULL, ticket_join_left_ms, TICKET_WAIT_JOIN,
        "ticket: waits for a task of this conversation"},
    {EVENT_CONVERSATION_ENDED, NULL, ticket_call_left_ms, TICKET_WAIT_CALL,
        "ticket: waits for another task of the call"},
    {EVENT_CONVERSATION_ENDED, NULL, ticket_call_open_left_ms, TICKET_WAIT_OPEN,
        "ticket: waits for what becomes of another task of the call"},
    {EVENT_CONVERSATION_ENDED, has_later_call, NULL, TICKET_REASON_NEWER,
        "ticket: the call went on in another task"},
    {EVENT_CONVERSATION_ENDED, has_no_task, NULL, TICKET_REASON_NOT_FLEX,
        "ticket: no task of this conversation was ever seen"},
    {EVENT_CONVERSATION_ENDED, is_channel_off, NULL, EVENT_REASON_CHANNEL_OFF,
        "ticket: its tasks' channel is switched off"},
    {EVENT_CONVERSATION_ENDED, is_outbound_ignored, NULL, EVENT_REASON_OUTBOUND,
        "ticket: outbound, which is ignored"},

    {EVENT_TYPE_COUNT, NULL, ticket_identity_left_ms, TICKET_WAIT_IDENTITY,
        "ticket: waits for another record of it that says whose it is"},
};

/* False when the rule says nothing, or was waited for already: that is noted. */
static bool
fires(const struct rule *rule, const struct ticket *ticket,
    struct ticket_verdict *ret_verdict)
{
    const int64_t left_ms = rule->left_ms != NULL ? rule->left_ms(ticket) : 0;

    if (left_ms <= 0 && (rule->applies == NULL || !rule->applies(ticket))) {
        return false;
    }
    event_trace(ticket->reading, rule->trace);
    if (left_ms > 0 && ticket->times->has_waited) {
        return false;
    }
    *ret_verdict = (struct ticket_verdict){
        .decision = left_ms > 0 ? TICKET_WAITS : TICKET_FILTERED,
        .reason = rule->reason,
        .wait_ms = left_ms,
    };
    return true;
}

bool
ticket_may_deliver(const struct event_reading *reading)
{
    return reading->verdict == EVENT_DELIVER || reading->lacks_customer;
}

void
ticket_judge(struct event_reading *reading, const struct facts *facts,
    const struct rules *rules, const struct ticket_times *times,
    struct ticket_verdict *ret_verdict)
{
    struct ticket ticket;

    *ret_verdict = (struct ticket_verdict){.decision = TICKET_GOES_ON};
    ticket_know(&ticket, reading, facts, rules, times);
    for (size_t i = 0; i < LENGTH(table); i++) {
        const bool is_asked =
            table[i].type == reading->event.type || table[i].type == EVENT_TYPE_COUNT;

        if (is_asked && fires(&table[i], &ticket, ret_verdict)) {
            return;
        }
    }
}
