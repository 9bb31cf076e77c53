/*
 * event_effect.c - what an event does to its subject, and that it does so once.
 */
#include "mapping/event_effect.h"

#include <stdio.h>

static const char *const effects[EVENT_TYPE_COUNT] = {
    [EVENT_TASK_CREATED] = "requested",
    [EVENT_TASK_COMPLETED] = "resolved",
    [EVENT_TASK_CANCELED] = "abandoned",
    [EVENT_CONVERSATION_ENDED] = "ended",
    [EVENT_SURVEY_COMPLETED] = "survey",
    [EVENT_MESSAGE_DELIVERED] = "delivered",
    [EVENT_MESSAGE_UNDELIVERED] = "undelivered",
    [EVENT_MESSAGE_FAILED] = "failed",
    [EVENT_MESSAGE_READ] = "read",
};

/* What the effect is named by; NULL when nothing says so. On the phone there is no conversation. */
static const char *
effect_subject(const struct event *event)
{
    switch (event->type) {
    case EVENT_CONVERSATION_ENDED:
        return event->conversation_sid != NULL ? event->conversation_sid
                                               : event->interaction_sid;
    case EVENT_SURVEY_COMPLETED:
        return event->survey_id[0] != '\0' ? event->ticket : NULL;
    case EVENT_TASK_CREATED:
    case EVENT_TASK_COMPLETED:
    case EVENT_TASK_CANCELED:
        return event->task_sid;
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

bool
event_effect_key(struct event *event)
{
    const char *subject = effect_subject(event);

    if (subject == NULL) {
        return false;
    }
    const int size = snprintf(event->effect_key, sizeof event->effect_key, "%s/%s%s%s",
        effects[event->type], subject, event->survey_id[0] != '\0' ? "/" : "",
        event->survey_id);

    if (size > 0 && (size_t)size < sizeof event->effect_key) {
        return true;
    }
    event->effect_key[0] = '\0'; /* cut, it would be another's, or half a character */
    return false;
}
