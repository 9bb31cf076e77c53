/*
 * twilio_type.h - the vocabulary: Twilio's types as far as they mean something to us.
 *
 * One table for all routes: how callbacks and how Event Streams spell a type, what we call it,
 * what it is about, and how often it happens to its subject. The same event gets the same name
 * and the same record key whichever route brings it. A type that is not in the table is
 * acknowledged and counted, and that is all.
 *
 * Sources: https://www.twilio.com/docs/taskrouter/api/event/reference,
 * https://www.twilio.com/docs/events/event-types,
 * https://www.twilio.com/docs/conversations-classic/conversations-webhooks,
 * https://www.twilio.com/docs/flex/developer/conversations/register-interactions-webhooks,
 * https://www.twilio.com/docs/messaging/guides/track-outbound-message-status.
 */
#pragma once

#include "mapping/source.h"

enum {
    TWILIO_TYPE_SIZE_MAX = 80, /* with the NUL; a longer one is not in the vocabulary */
    TWILIO_PLACES_MAX = 2,
};

enum twilio_kind {
    TWILIO_EVENT, /* something that may be told to Brevo */
    TWILIO_FACT,  /* says something about a subject, for other events to use */
};

/* What types and keys are read from. Callbacks name each differently than CloudEvents. */
enum twilio_field {
    TWILIO_TYPE,
    TWILIO_STATE_TO,
    TWILIO_STATE_UPDATED,
    TWILIO_EVENT_SID,
    TWILIO_TASK_SID,
    TWILIO_RESERVATION_SID,
    TWILIO_WORKER_SID,
    TWILIO_CONVERSATION_SID,
    TWILIO_MESSAGE_SID,
    TWILIO_TEST_ID,
    TWILIO_STREAM_FIELDS, /* CloudEvents have those above */
    TWILIO_MESSAGE_STATUS = TWILIO_STREAM_FIELDS,
    TWILIO_SMS_STATUS,
    TWILIO_CHANNEL_STATUS,
    TWILIO_MEDIA_CHANNEL_SID,
    TWILIO_INTERACTION_SID,
    TWILIO_FIELD_COUNT
};

/* A field that names a subject, when the SID in it is of the right kind. */
struct twilio_place {
    enum twilio_field field;
    const char
        *prefix; /* "WT"; "" is an identifier that is no SID; NULL ends the places */
};

struct twilio_subject {
    struct twilio_place places[TWILIO_PLACES_MAX]; /* best first */
};

/* How often a type happens to one subject, and what then tells the events apart. */
enum twilio_repeat {
    TWILIO_ONCE,
    TWILIO_BY_EVENT, /* many times: Twilio's SID of the event (EV...) */
    TWILIO_BY_TIME,  /* many times: when the state changed */
};

struct twilio_type {
    const char *name;     /* ours: what Twilio calls it where that is clear */
    const char *callback; /* as callbacks spell it; NULL: not in callbacks */
    const char *stream;   /* as Event Streams spells it; NULL: not there */
    const char *state;    /* only this one of several; NULL: always */
    enum source source;   /* whose callbacks bring it */
    enum twilio_field state_field;
    enum twilio_kind kind;
    enum twilio_repeat repeat;
    const struct twilio_subject *subject;
};

/*
 * What `source` calls `type`, in `state` where states tell several apart; without a state (NULL)
 * any of them, which then has the `state_field` to look in. NULL: not in the vocabulary.
 */
const struct twilio_type *twilio_type_find(
    enum source source, const char *type, const char *state);

/* Whether it is Event Streams trying out a sink. */
bool twilio_type_is_test(enum source source, const char *type);

/* Whether `name`, one of ours, is a fact's. */
bool twilio_type_is_fact(struct slice name);

/*
 * The fields callbacks of `source` may have their type in, best first; TWILIO_FIELD_COUNT ends
 * them. (A message that came in, and has no business at our door, has SmsStatus alone.)
 */
const enum twilio_field *twilio_type_fields(enum source source);

/* A field's name in a form; its path in a CloudEvent; its name in a payload (payload.h). */
const char *twilio_field_form(enum twilio_field field);
const char *twilio_field_path(enum twilio_field field);
const char *twilio_field_member(enum twilio_field field);
