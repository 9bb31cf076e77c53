/*
 * derived.c - events a record tells beside its own.
 */
#include "mapping/derived.h"

#include <assert.h>
#include <stdio.h>

#include "mapping/event_filter.h"
#include "mapping/survey.h"

/*
 * A call has no conversation that says when it is over: it ends with the last of its tasks. Which
 * one that is the ticket will know.
 */
static bool
may_end_call(const struct event_reading *reading, const struct rules *rules)
{
    const struct event *event = &reading->event;

    return (event->type == EVENT_TASK_COMPLETED || event->type == EVENT_TASK_CANCELED) &&
           event->channel == CHANNEL_VOICE && rules->channels[CHANNEL_VOICE] &&
           rules->ticket_voice_end_ms > 0 && rules->sync_conversations &&
           event_concerns_tickets(event, rules) && !survey_is_task(event->payload, rules);
}

/* Nobody tells that nobody came: who asked is looked after when it was long enough. */
static bool
may_wait(const struct event_reading *reading, const struct rules *rules)
{
    const struct event *event = &reading->event;

    return event->type == EVENT_TASK_CREATED && rules->sync_tasks &&
           event->direction != DIRECTION_OUTBOUND &&
           (event->channel == CHANNEL_UNKNOWN || rules->channels[event->channel]) &&
           event_concerns_tickets(event, rules) && !survey_is_task(event->payload, rules);
}

static const struct {
    enum event_type type;
    bool (*tells)(const struct event_reading *reading, const struct rules *rules);
} table[] = {
    {EVENT_CONVERSATION_ENDED, may_end_call},
    {EVENT_TASK_WAITING, may_wait},
};

size_t
event_derived(const struct event_reading *reading, const struct rules *rules,
    enum event_type ret_types[DERIVED_MAX])
{
    size_t count = 0;

    static_assert(LENGTH(table) <= DERIVED_MAX, "there is room for all");
    for (size_t i = 0; i < LENGTH(table) && reading->event.task_sid != NULL; i++) {
        if (rules->event_names[table[i].type] != NULL && table[i].tells(reading, rules)) {
            ret_types[count++] = table[i].type;
        }
    }
    return count;
}

bool
event_derived_key(
    const struct event_reading *reading, enum event_type type, char ret_key[KEY_SIZE_MAX])
{
    const int size = snprintf(
        ret_key, KEY_SIZE_MAX, "%s/%s", event_type_name(type), reading->event.task_sid);

    return size > 0 && size < KEY_SIZE_MAX;
}
