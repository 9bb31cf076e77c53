/*
 * event_subject.c - what an event is about, and what it does to that, once.
 */
#include "mapping/event_subject.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "mapping/sid.h"

/* What an event does to its subject, once. A type without an effect is none of ours. */
static const char *const effects[EVENT_TYPE_COUNT] = {
    [EVENT_TASK_CREATED] = "requested",
    [EVENT_TASK_COMPLETED] = "resolved",
    [EVENT_TASK_CANCELED] = "abandoned",
    [EVENT_CONVERSATION_ENDED] = "ended",
    [EVENT_SURVEY_COMPLETED] = "survey",
};

const char *
event_effect_name(enum event_type type)
{
    return type < EVENT_TYPE_COUNT ? effects[type] : NULL;
}

/* What ingest took the event to be about, behind the record key's '/'. */
static const char *
key_subject(const struct event_context *context)
{
    const char *slash =
        context->record_key.data != NULL ? strchr(context->record_key.data, '/') : NULL;

    return slash != NULL ? slash + 1 : "";
}

/*
 * NULL when there is none of this kind. Flow authors and attributes say "undefined", too: taken
 * for a SID, it would make one ticket of all who say so.
 */
static const char *
sid_at(const json_t *payload, const char *path, const char *prefix)
{
    const char *text = payload_text_at(payload, path);

    return text != NULL && sid_is(text, prefix) ? text : NULL;
}

static const char *
either(const char *first, const char *second)
{
    return first != NULL ? first : second;
}

void
event_read_subjects(const struct reader *reader)
{
    const json_t *payload = reader->payload;
    struct event *event = &reader->reading->event;
    const char *subject = key_subject(reader->context);

    event->task_sid = sid_is(subject, "WT") ? subject : sid_at(payload, "task_sid", "WT");
    event->conversation_sid = either(sid_at(payload, "conversation_sid", "CH"),
        sid_at(payload, "task_attributes/conversationSid", "CH"));
    event->interaction_sid = either(sid_at(payload, "interaction_sid", "KD"),
        sid_at(payload, "task_attributes/flexInteractionSid", "KD"));
}

/*
 * What Flex Insights links the segments of a conversation by: mostly a SID, but anybody's own
 * name as well. What is too long to be a name, or says that there is none, is no ticket's.
 */
static const char *
conversation_id(const json_t *payload)
{
    static const char *const nobody[] = {"undefined", "null", "none"};
    const char *id =
        payload_text_at(payload, "task_attributes/conversations/conversation_id");

    for (size_t i = 0; id != NULL && i < LENGTH(nobody); i++) {
        if (slice_is_nocase(slice_of(id), nobody[i])) {
            return NULL;
        }
    }
    return id != NULL && strlen(id) < EVENT_TICKET_SIZE ? id : NULL;
}

void
event_read_ticket(const struct reader *reader)
{
    struct event *event = &reader->reading->event;
    const struct {
        const char *ticket;
        const char *rule;
    } choices[] = {
        {conversation_id(reader->payload), "ticket: conversations.conversation_id"},
        {event->interaction_sid, "ticket: interaction"},
        {event->task_sid, "ticket: task"},
        {event->conversation_sid, "ticket: conversation"},
        {sid_at(reader->payload, "call_sid", "CA"), "ticket: call"},
        {sid_at(reader->payload, "execution_sid", "FN"), "ticket: flow execution"},
        {sid_at(reader->payload, "flow_execution_sid", "FN"), "ticket: flow execution"},
    };

    for (size_t i = 0; i < LENGTH(choices); i++) {
        if (choices[i].ticket != NULL) {
            event->ticket = choices[i].ticket;
            event_trace(reader->reading, choices[i].rule);
            return;
        }
    }
}

/* What the effect is named by; NULL when nothing says so. On the phone there is no conversation. */
static const char *
effect_subject(const struct event *event, bool by_task)
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
        return by_task || event->task_sid == NULL ? event->task_sid : event->ticket;
    case EVENT_TYPE_COUNT:
        break;
    }
    return NULL;
}

static bool
name_effect(const struct event *event, bool by_task, char key[EVENT_EFFECT_SIZE])
{
    const char *subject = effect_subject(event, by_task);

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
event_name_effect(struct event *event, const struct rules *rules)
{
    return name_effect(event, rules->ticket_per_task, event->effect_key);
}

bool
event_effect_by_task(const struct event *event, char key[EVENT_EFFECT_SIZE])
{
    return name_effect(event, true, key) && strcmp(key, event->effect_key) != 0;
}

void
event_set_ticket(struct event *event, const struct rules *rules, const char *ticket)
{
    static_assert(EVENT_EFFECT_SIZE >
                      sizeof "requested//" + EVENT_TICKET_SIZE + EVENT_SURVEY_ID_SIZE,
        "every ticket leaves an effect its name");

    event->ticket = ticket;
    if (event->effect_key[0] != '\0') {
        (void)name_effect(event, rules->ticket_per_task, event->effect_key);
    }
}

bool
event_is_unresolved(const struct reader *reader)
{
    const char *reservation = sid_at(reader->payload, "reservation_sid", "WR");
    struct event_reading *reading = reader->reading;

    return reading->event.type == EVENT_TASK_COMPLETED &&
           reading->event.task_sid == NULL && reservation != NULL &&
           slice_to_text(slice_of(reservation), reading->reservation_sid,
               sizeof reading->reservation_sid);
}

bool
event_reservation(
    const json_t *payload, const char **ret_reservation_sid, const char **ret_task_sid)
{
    const char *reservation = either(
        sid_at(payload, "reservation_sid", "WR"), sid_at(payload, "resource_sid", "WR"));
    const char *task = sid_at(payload, "task_sid", "WT");

    if (reservation == NULL || task == NULL) {
        return false;
    }
    *ret_reservation_sid = reservation;
    *ret_task_sid = task;
    return true;
}
