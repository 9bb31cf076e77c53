/*
 * event_subject.c - what an event is about.
 */
#include "mapping/event_subject.h"

#include <string.h>

#include "mapping/sid.h"

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
    event->is_call = event->type == EVENT_CONVERSATION_ENDED &&
                     slice_starts(reader->context->record_key, "conversation.ended/WT");
    event->conversation_sid = either(sid_at(payload, "conversation_sid", "CH"),
        sid_at(payload, "task_attributes/conversationSid", "CH"));
    event->interaction_sid = either(sid_at(payload, "interaction_sid", "KD"),
        sid_at(payload, "task_attributes/flexInteractionSid", "KD"));
    event->call_sid = either(sid_at(payload, "call_sid", "CA"),
        sid_at(payload, "task_attributes/call_sid", "CA"));
    event->message_sid = either(
        sid_at(payload, "message_sid", "SM"), sid_at(payload, "message_sid", "MM"));
}

const char *
event_text_at(const json_t *payload, const char *path, char number[EVENT_NUMBER_SIZE])
{
    const json_t *value = payload_at(payload, path);

    if (json_is_number(value)) {
        return payload_scalar(value, number, EVENT_NUMBER_SIZE) ? number : NULL;
    }
    return payload_text_at(payload, path);
}

/*
 * What Flex Insights links the segments of a conversation by: mostly a SID, but anybody's own
 * name as well. What is too long to be a name, or says that there is none, is no ticket's.
 */
static const char *
conversation_id(const json_t *payload, char number[EVENT_NUMBER_SIZE])
{
    static const char *const nobody[] = {"undefined", "null", "none", "0"};
    const char *id =
        event_text_at(payload, "task_attributes/conversations/conversation_id", number);

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
        {conversation_id(reader->payload, event->ticket_number),
            "ticket: conversations.conversation_id"},
        {event->interaction_sid, "ticket: interaction"},
        {event->task_sid, "ticket: task"},
        {event->conversation_sid, "ticket: conversation"},
        {event->call_sid, "ticket: call"},
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

const char *
event_conversation(const struct event *event)
{
    const char *told = event->told_conversation;

    return either(event->conversation_sid, told[0] != '\0' ? told : NULL);
}

const char *
event_interaction(const struct event *event)
{
    const char *told = event->told_interaction;

    return either(event->interaction_sid, told[0] != '\0' ? told : NULL);
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
