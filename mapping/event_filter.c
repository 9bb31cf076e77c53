/*
 * event_filter.c - which complete events are left out, whoever they are about.
 */
#include "mapping/event_filter.h"

#include <string.h>

#include "mapping/event_survey.h"
#include "mapping/survey.h"

/* An identifier we were not told of cannot be foreign: the plugin names no account. */
static bool
differs(const char *ours, const char *theirs)
{
    return ours != NULL && theirs != NULL && strcmp(ours, theirs) != 0;
}

static bool
is_foreign(const struct event *event, const struct rules *rules)
{
    return differs(rules->account_sid, payload_text(event->payload, "account_sid")) ||
           differs(rules->workspace_sid, payload_text(event->payload, "workspace_sid"));
}

static bool
marker_is(const json_t *marker, const char *text)
{
    char written[16];

    return payload_scalar(marker, written, sizeof written) && strcmp(written, text) == 0;
}

/* The marker is "1" or true; "deliver" asks for delivery even to a live Brevo. */
static bool
is_unwanted_test(const struct event *event, const struct rules *rules)
{
    const json_t *marker = payload_at(event->payload, "flexbrevo_test");

    if (marker == NULL) {
        marker = payload_at(event->payload, "task_attributes/flexbrevo_test");
    }
    return rules->filter_tests &&
           (json_is_true(marker) || marker_is(marker, "1") || marker_is(marker, "true"));
}

static bool
is_not_mapped(const struct event *event, const struct rules *rules)
{
    return rules->event_names[event->type] == NULL;
}

static bool
is_switched_off(const struct event *event, const struct rules *rules)
{
    const bool switches[EVENT_TYPE_COUNT] = {
        [EVENT_TASK_CREATED] = rules->sync_tasks,
        [EVENT_TASK_COMPLETED] = rules->sync_tasks,
        [EVENT_TASK_CANCELED] = rules->sync_tasks,
        [EVENT_CONVERSATION_ENDED] = rules->sync_conversations,
        [EVENT_SURVEY_COMPLETED] = rules->sync_csat,
        [EVENT_TASK_WAITING] = rules->sync_tasks,
        [EVENT_MESSAGE_DELIVERED] = true, /* naming them is their switch */
        [EVENT_MESSAGE_UNDELIVERED] = true,
        [EVENT_MESSAGE_FAILED] = true,
        [EVENT_MESSAGE_READ] = true,
    };

    return !switches[event->type];
}

/* Of an answer that can be told its ticket's counts, which others know: ticket_judge.c. */
static bool
is_channel_off(const struct event *event, const struct rules *rules)
{
    const bool is_answer =
        event->type == EVENT_SURVEY_COMPLETED && event_survey_judge(event) == NULL;

    return !is_answer && event->channel != CHANNEL_UNKNOWN &&
           !rules->channels[event->channel];
}

/* Asked after the conversation, by a task of its own; the answer in it is another event. */
static bool
is_survey(const struct event *event, const struct rules *rules)
{
    return event->type != EVENT_SURVEY_COMPLETED && survey_is_task(event->payload, rules);
}

static bool
is_unanswered(const struct event *event, const struct rules *rules)
{
    return is_survey(event, rules) && survey_is_unanswered(event->payload, rules);
}

/* Who is called has requested nothing, and abandons nothing by not answering. */
static bool
is_outbound(const struct event *event, const struct rules *rules)
{
    switch (event->type) {
    case EVENT_TASK_CREATED:
    case EVENT_TASK_WAITING:
    case EVENT_TASK_CANCELED:
        return event->direction == DIRECTION_OUTBOUND &&
               rules->outbound != RULES_OUTBOUND_ALL;
    case EVENT_TASK_COMPLETED: /* may be a call back within what the customer began */
    case EVENT_CONVERSATION_ENDED:
    case EVENT_SURVEY_COMPLETED:
    case EVENT_MESSAGE_DELIVERED:
    case EVENT_MESSAGE_UNDELIVERED:
    case EVENT_MESSAGE_FAILED:
    case EVENT_MESSAGE_READ:
    case EVENT_TYPE_COUNT:
        break;
    }
    return false;
}

bool
event_concerns_tickets(const struct event *event, const struct rules *rules)
{
    return !is_foreign(event, rules) && !is_unwanted_test(event, rules);
}

const char *
event_filter(const struct event *event, const struct rules *rules)
{
    static const struct {
        const char *reason;
        bool (*applies)(const struct event *event, const struct rules *rules);
    } filters[] = {
        {EVENT_REASON_FOREIGN, is_foreign},
        {EVENT_REASON_TEST, is_unwanted_test},
        {EVENT_REASON_NOT_MAPPED, is_not_mapped},
        {EVENT_REASON_SWITCHED_OFF, is_switched_off},
        {EVENT_REASON_CHANNEL_OFF, is_channel_off},
        {EVENT_REASON_NO_ANSWER, is_unanswered},
        {EVENT_REASON_SURVEY, is_survey},
        {EVENT_REASON_OUTBOUND, is_outbound},
    };

    for (size_t i = 0; i < LENGTH(filters); i++) {
        if (filters[i].applies(event, rules)) {
            return filters[i].reason;
        }
    }
    return NULL;
}

static bool
is_for_another(const struct event *event, const struct rules *rules)
{
    const struct customer *customer = &event->customer;
    const char *const known[] = {customer->email, customer->phone, customer->whatsapp};
    bool is_chosen = rules->only_contacts.count == 0;

    for (size_t i = 0; i < rules->only_contacts.count; i++) {
        for (size_t j = 0; j < LENGTH(known); j++) {
            is_chosen = is_chosen || strcmp(rules->only_contacts.items[i], known[j]) == 0;
        }
    }
    return !is_chosen;
}

void
event_accept(struct event_reading *reading, const struct rules *rules)
{
    const bool is_left_out = is_for_another(&reading->event, rules);

    reading->verdict = is_left_out ? EVENT_FILTERED : EVENT_DELIVER;
    reading->reason = is_left_out ? EVENT_REASON_OTHER_CONTACT : NULL;
}
