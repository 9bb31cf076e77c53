/*
 * rules.c - the names of the canonical events.
 */
#include "mapping/rules.h"

static const char *const type_names[EVENT_TYPE_COUNT] = {
    [EVENT_TASK_CREATED] = "task.created",
    [EVENT_TASK_COMPLETED] = "task.completed",
    [EVENT_TASK_CANCELED] = "task.canceled",
    [EVENT_CONVERSATION_ENDED] = "conversation.ended",
    [EVENT_SURVEY_COMPLETED] = "survey.completed",
    [EVENT_TASK_WAITING] = "task.waiting",
    [EVENT_MESSAGE_DELIVERED] = "message.delivered",
    [EVENT_MESSAGE_UNDELIVERED] = "message.undelivered",
    [EVENT_MESSAGE_FAILED] = "message.failed",
    [EVENT_MESSAGE_READ] = "message.read",
};

const char *
event_type_name(enum event_type type)
{
    return type < EVENT_TYPE_COUNT ? type_names[type] : NULL;
}

bool
event_type_from_name(struct slice name, enum event_type *ret_type)
{
    for (size_t i = 0; i < LENGTH(type_names); i++) {
        if (slice_is(name, type_names[i])) {
            *ret_type = (enum event_type)i;
            return true;
        }
    }
    return false;
}
