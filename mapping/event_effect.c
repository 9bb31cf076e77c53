/*
 * event_effect.c - what an event does to its subject, and that it does so once.
 */
#include "mapping/event_effect.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const effects[EVENT_TYPE_COUNT] = {
    [EVENT_TASK_CREATED] = "requested",
    [EVENT_TASK_COMPLETED] = "resolved",
    [EVENT_TASK_CANCELED] = "abandoned",
    [EVENT_CONVERSATION_ENDED] = "ended",
    [EVENT_SURVEY_COMPLETED] = "survey",
    [EVENT_TASK_WAITING] = "waiting",
    [EVENT_MESSAGE_DELIVERED] = "delivered",
    [EVENT_MESSAGE_UNDELIVERED] = "undelivered",
    [EVENT_MESSAGE_FAILED] = "failed",
    [EVENT_MESSAGE_READ] = "read",
};

/* On the phone there is no conversation, and not always an interaction. */
static const char *
ended_subject(const struct event *event)
{
    const char *const subjects[] = {event->conversation_sid, event->interaction_sid,
        event->is_call ? event->task_sid : NULL};
    size_t i = 0;

    while (i < LENGTH(subjects) && subjects[i] == NULL) {
        i++;
    }
    return i < LENGTH(subjects) ? subjects[i] : NULL;
}

static const char *
ticket_or(const char *ticket, const char *subject)
{
    return ticket == NULL || subject == NULL ? subject : ticket;
}

/*
 * What the effect is named by, where its ticket has this name; NULL when nothing says so. Without
 * a ticket: by the task or conversation it happened to.
 */
static const char *
effect_subject(const struct event *event, const char *ticket)
{
    switch (event->type) {
    case EVENT_CONVERSATION_ENDED:
        return ticket_or(ticket, ended_subject(event));
    case EVENT_SURVEY_COMPLETED:
        return event->survey_id[0] != '\0' ? ticket_or(ticket, event->ticket) : NULL;
    case EVENT_TASK_CREATED:
    case EVENT_TASK_WAITING:
    case EVENT_TASK_COMPLETED:
    case EVENT_TASK_CANCELED:
        return ticket_or(ticket, event->task_sid);
    case EVENT_MESSAGE_DELIVERED:
    case EVENT_MESSAGE_UNDELIVERED:
    case EVENT_MESSAGE_FAILED:
    case EVENT_MESSAGE_READ:
        return event->message_sid;
    case EVENT_TYPE_COUNT:
        break;
    }
    return NULL;
}

static bool
name_effect(const struct event *event, const char *ticket, char key[EVENT_EFFECT_SIZE])
{
    const char *subject = effect_subject(event, ticket);

    if (subject == NULL) {
        return false;
    }
    const int size = snprintf(key, EVENT_EFFECT_SIZE, "%s/%s%s%s", effects[event->type],
        subject, event->survey_id[0] != '\0' ? "/" : "", event->survey_id);

    if (size > 0 && size < EVENT_EFFECT_SIZE) {
        return true;
    }
    key[0] = '\0'; /* cut, it would be another's, or half a character */
    return false;
}

bool
event_is_of_ticket(const struct event *event, const struct rules *rules)
{
    return !rules->ticket_per_task || event->type == EVENT_CONVERSATION_ENDED ||
           event->type == EVENT_SURVEY_COMPLETED;
}

static const char *
naming_ticket(const struct event *event, const struct rules *rules)
{
    return event_is_of_ticket(event, rules) ? event->ticket : NULL;
}

bool
event_effect_key(struct event *event, const struct rules *rules)
{
    return name_effect(event, naming_ticket(event, rules), event->effect_key);
}

bool
event_effect_as(const struct event *event, const struct rules *rules, const char *ticket,
    char key[EVENT_EFFECT_SIZE])
{
    return event_is_of_ticket(event, rules) && name_effect(event, ticket, key) &&
           strcmp(key, event->effect_key) != 0;
}

bool
event_effect_by_task(const struct event *event, char key[EVENT_EFFECT_SIZE])
{
    return name_effect(event, NULL, key) && strcmp(key, event->effect_key) != 0;
}

void
event_set_ticket(struct event *event, const struct rules *rules, const char *ticket)
{
    static_assert(EVENT_EFFECT_SIZE >
                      sizeof "requested//" + EVENT_TICKET_SIZE + EVENT_SURVEY_ID_SIZE,
        "every ticket leaves an effect its name");

    event->ticket = ticket;
    if (event->effect_key[0] != '\0') {
        (void)name_effect(event, naming_ticket(event, rules), event->effect_key);
    }
}
