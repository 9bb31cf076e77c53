/*
 * twilio_type.c - the vocabulary: Twilio's types as far as they mean something to us.
 */
#include "mapping/twilio_type.h"

#include <string.h>

/* Payloads name everything in snake_case; listed are those a type or state is read from. */
static const struct {
    const char *form;
    const char *path;
    const char *member;
} fields[TWILIO_FIELD_COUNT] = {
    [TWILIO_TYPE] = {"EventType", "type", "event_type"},
    [TWILIO_STATE_TO] = {"StateTo", "data/StateTo", "state_to"},
    [TWILIO_STATE_UPDATED] = {"StateUpdated", "data/StateUpdated", NULL},
    [TWILIO_EVENT_SID] = {"Sid", "data/payload/sid", NULL},
    [TWILIO_TASK_SID] = {"TaskSid", "data/payload/task_sid", NULL},
    [TWILIO_RESERVATION_SID] = {"ReservationSid", "data/payload/reservation_sid", NULL},
    [TWILIO_WORKER_SID] = {"WorkerSid", "data/payload/worker_sid", NULL},
    [TWILIO_CONVERSATION_SID] = {"ConversationSid", "data/ConversationSid", NULL},
    [TWILIO_MESSAGE_SID] = {"MessageSid", "data/messageSid", NULL},
    [TWILIO_TEST_ID] = {NULL, "data/test_id", NULL},
    [TWILIO_MESSAGE_STATUS] = {"MessageStatus", NULL, "message_status"},
    [TWILIO_SMS_STATUS] = {"SmsStatus", NULL, "sms_status"},
    [TWILIO_CHANNEL_STATUS] = {"ChannelStatus", NULL, "channel_status"},
    [TWILIO_MEDIA_CHANNEL_SID] = {"MediaChannelSid", NULL, NULL},
    [TWILIO_INTERACTION_SID] = {"InteractionSid", NULL, NULL},
};

static const struct twilio_subject task = {{{TWILIO_TASK_SID, "WT"}}};
static const struct twilio_subject reservation = {{{TWILIO_RESERVATION_SID, "WR"}}};
static const struct twilio_subject worker = {{{TWILIO_WORKER_SID, "WK"}}};
static const struct twilio_subject conversation = {{{TWILIO_CONVERSATION_SID, "CH"}}};
/* Voice has a conference here and no conversation: then it is about the interaction. */
static const struct twilio_subject channel = {
    {{TWILIO_MEDIA_CHANNEL_SID, "CH"}, {TWILIO_INTERACTION_SID, "KD"}}};
static const struct twilio_subject message = {
    {{TWILIO_MESSAGE_SID, "SM"}, {TWILIO_MESSAGE_SID, "MM"}}};
static const struct twilio_subject test = {{{TWILIO_TEST_ID, ""}}};

/* The first columns of a row, for those whose spellings follow a rule. */
#define TASKROUTER(type) \
    type, type, "com.twilio.taskrouter." type, NULL, SOURCE_TASKROUTER, TWILIO_TYPE
#define CONVERSATION(name, state)                                     \
    "conversation." name, "onConversationStateUpdated",               \
        "com.twilio.conversations.conversation-state.updated", state, \
        SOURCE_CONVERSATIONS, TWILIO_STATE_TO
#define MESSAGE(status)                                                      \
    "message." status, status, "com.twilio.messaging.message." status, NULL, \
        SOURCE_MESSAGING, TWILIO_TYPE

/*
 * A state that is entered again is told apart by the time, an event of TaskRouter's by its own
 * SID. Two rows of one name are two routes with nothing else in common.
 */
static const struct twilio_type types[] = {
    {TASKROUTER("task.created"), TWILIO_EVENT, TWILIO_ONCE, &task},
    {TASKROUTER("task.completed"), TWILIO_EVENT, TWILIO_ONCE, &task},
    {TASKROUTER("task.canceled"), TWILIO_EVENT, TWILIO_ONCE, &task},
    {TASKROUTER("task.wrapup"), TWILIO_FACT, TWILIO_ONCE, &task},
    {TASKROUTER("task.deleted"), TWILIO_FACT, TWILIO_ONCE, &task},
    {TASKROUTER("task.system-deleted"), TWILIO_FACT, TWILIO_ONCE, &task},
    {TASKROUTER("task.updated"), TWILIO_FACT, TWILIO_BY_EVENT, &task},
    {TASKROUTER("task-queue.entered"), TWILIO_FACT, TWILIO_BY_EVENT, &task},
    {TASKROUTER("reservation.accepted"), TWILIO_FACT, TWILIO_ONCE, &reservation},
    {TASKROUTER("reservation.completed"), TWILIO_FACT, TWILIO_ONCE, &reservation},
    {TASKROUTER("worker.activity.update"), TWILIO_FACT, TWILIO_BY_EVENT, &worker},
    {CONVERSATION("ended", "closed"), TWILIO_EVENT, TWILIO_ONCE, &conversation},
    {CONVERSATION("inactive", "inactive"), TWILIO_FACT, TWILIO_BY_TIME, &conversation},
    {CONVERSATION("active", "active"), TWILIO_FACT, TWILIO_BY_TIME, &conversation},
    {"conversation.ended", "onChannelStatusUpdated", NULL, "closed", SOURCE_INTERACTIONS,
        TWILIO_CHANNEL_STATUS, TWILIO_EVENT, TWILIO_ONCE, &channel},
    {MESSAGE("delivered"), TWILIO_EVENT, TWILIO_ONCE, &message},
    {MESSAGE("undelivered"), TWILIO_EVENT, TWILIO_ONCE, &message},
    {MESSAGE("failed"), TWILIO_EVENT, TWILIO_ONCE, &message},
    {MESSAGE("read"), TWILIO_EVENT, TWILIO_ONCE, &message},
    {"sink.test", NULL, "com.twilio.eventstreams.test-event", NULL, SOURCE_EVENT_STREAMS,
        TWILIO_TYPE, TWILIO_FACT, TWILIO_ONCE, &test},
};

static const char *
spelling_of(const struct twilio_type *type, enum source source)
{
    if (source == SOURCE_EVENT_STREAMS) {
        return type->stream;
    }
    return type->source == source ? type->callback : NULL;
}

const struct twilio_type *
twilio_type_find(enum source source, const char *type, const char *state)
{
    for (size_t i = 0; i < LENGTH(types); i++) {
        const char *spelling = spelling_of(&types[i], source);

        if (spelling != NULL && strcmp(spelling, type) == 0 &&
            (state == NULL || types[i].state == NULL ||
                slice_is_nocase(slice_of(state), types[i].state))) {
            return &types[i];
        }
    }
    return NULL;
}

bool
twilio_type_is_test(enum source source, const char *type)
{
    const struct twilio_type *found = twilio_type_find(source, type, NULL);

    return found != NULL && found->subject == &test;
}

bool
twilio_type_is_fact(struct slice name)
{
    for (size_t i = 0; i < LENGTH(types); i++) {
        if (types[i].kind == TWILIO_FACT && slice_is(name, types[i].name)) {
            return true;
        }
    }
    return false;
}

const enum twilio_field *
twilio_type_fields(enum source source)
{
    static const enum twilio_field of_messages[] = {
        TWILIO_MESSAGE_STATUS, TWILIO_SMS_STATUS, TWILIO_FIELD_COUNT};
    static const enum twilio_field of_others[] = {TWILIO_TYPE, TWILIO_FIELD_COUNT};

    return source == SOURCE_MESSAGING ? of_messages : of_others;
}

const char *
twilio_field_form(enum twilio_field field)
{
    return fields[field].form;
}

const char *
twilio_field_path(enum twilio_field field)
{
    return fields[field].path;
}

const char *
twilio_field_member(enum twilio_field field)
{
    return fields[field].member;
}
