/*
 * payload_route.c - the routes' own dialects.
 *
 * A reader finds the object (or form) that holds the event and copies its members under
 * snake_case names, through the route's table of aliases. The first to write a member wins, so
 * readers copy the most specific place first.
 */
#include "mapping/payload_route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/form.h"
#include "mapping/member.h"
#include "mapping/mend.h"
#include "mapping/rules.h"
#include "mapping/sid.h"
#include "mapping/twilio_type.h"

static const struct member_alias twilio_aliases[] = {
    {"eventtype", "event_type"},
    {"date_ms", NULL}, /* ours, and `trusted`: nobody else sets them */
    {"trusted", NULL},
    {NULL, NULL},
};

/*
 * What plugins call things: the action's own field names, and Flex UI's ITask. Times and types
 * are not the browser's to say.
 */
static const struct member_alias plugin_aliases[] = {
    {"token", NULL},
    {"trusted", NULL},
    {"event_type", NULL},
    {"eventtype", NULL},
    {"date_ms", NULL},
    {"timestamp", NULL},
    {"timestamp_ms", NULL},
    {"state_updated", NULL},
    {"time", NULL},
    {"attributes", "task_attributes"},
    {"task_queue_friendly_name", "task_queue_name"},
    {"queue_name", "task_queue_name"},
    {"queue_sid", "task_queue_sid"},
    {"age", "task_age"},
    {"reason", "task_completed_reason"},
    {"priority", "task_priority"},
    {NULL, NULL},
};

/* Answers to a survey: the author of a flow typed the names in. */
static const struct member_alias survey_aliases[] = {
    {"event_type", NULL},
    {"date_ms", NULL},
    {"trusted", NULL},
    {"attributes", "task_attributes"},
    {NULL, NULL},
};

struct slice
payload_string_slice(const json_t *string)
{
    return (struct slice){
        .data = json_string_value(string), .size = json_string_length(string)};
}

/*
 * jansson describes every fault of a document, and leaves the description of most failed
 * allocations empty. (Of one inside its lexer it says that the syntax is wrong: load_again().)
 */
static bool
is_out_of_memory(const json_error_t *error)
{
    return error->text[0] == '\0' || json_error_code(error) == json_error_out_of_memory;
}

/*
 * An integer beyond 64 bits (an order number in the attributes) makes the document be read with
 * integers as reals: that number loses digits, the event lives.
 */
static json_t *
load_value(struct slice text, size_t flags, json_error_t *error)
{
    json_t *value = json_loadb(text.data, text.size, flags, error);

    if (value == NULL && json_error_code(error) == json_error_numeric_overflow) {
        value = json_loadb(text.data, text.size, flags | JSON_DECODE_INT_AS_REAL, error);
    }
    return value;
}

/* The same for half an emoji: one character is lost. And a second chance when memory was out. */
static json_t *
load_again(struct slice text, size_t flags, json_error_t *error)
{
    char *copy = slice_copy(text);
    json_t *value = NULL;

    if (copy == NULL) {
        error->text[0] = '\0'; /* is_out_of_memory() */
    } else {
        (void)mend_json(copy, text.size);
        value = load_value((struct slice){.data = copy, .size = text.size}, flags, error);
    }
    free(copy);
    return value;
}

static int
load_object(struct slice text, size_t flags, json_t **ret_object)
{
    json_error_t error;
    json_t *value = load_value(text, flags, &error);

    if (value == NULL && !is_out_of_memory(&error)) {
        value = load_again(text, flags, &error);
    }
    if (value == NULL) {
        return is_out_of_memory(&error) ? -ENOMEM : PAYLOAD_E_UNPARSEABLE;
    }
    if (!json_is_object(value)) {
        json_decref(value);
        return PAYLOAD_E_UNPARSEABLE;
    }
    *ret_object = value;
    return PAYLOAD_OK;
}

/* An object that may have been sent as text. Within a text the last of two equal names wins, as
 * in the JavaScript that wrote it. */
int
payload_open_object(json_t *value, json_t **ret_object)
{
    if (json_is_object(value)) {
        *ret_object = json_incref(value);
        return PAYLOAD_OK;
    }
    return json_is_string(value) ? load_object(payload_string_slice(value), 0, ret_object)
                                 : PAYLOAD_E_UNPARSEABLE;
}

static int
read_form(struct slice bytes, const struct member_alias *aliases, json_t *payload)
{
    AUTO(form_done) struct form form = {0};
    const int r = form_parse(bytes, &form);

    if (r != FORM_OK) {
        return r < 0 ? r : PAYLOAD_E_UNPARSEABLE;
    }
    return member_copy_form(payload, aliases, &form);
}

/* A form, or a JSON object with the same members: told by the first byte. */
static int
read_flat(struct slice bytes, const struct member_alias *aliases, json_t *payload)
{
    AUTO(payload_release) json_t *object = NULL;

    if (!slice_starts(slice_trim(bytes), "{")) {
        return read_form(bytes, aliases, payload);
    }
    const int r = load_object(bytes, JSON_REJECT_DUPLICATES, &object);

    return r != 0 ? r : member_copy_object(payload, aliases, object);
}

static int
set_type(json_t *payload, const char *name)
{
    return json_object_set_new(payload, "event_type", json_string(name)) == 0 ? 0
                                                                              : -ENOMEM;
}

/* Our name for what `source` calls `type`; a type outside the vocabulary keeps its own. */
static int
name_event(enum source source, const char *type, json_t *payload)
{
    const struct twilio_type *found = twilio_type_find(source, type, NULL);

    if (found != NULL && found->state != NULL) {
        const char *state =
            payload_text(payload, twilio_field_member(found->state_field));

        found = state != NULL ? twilio_type_find(source, type, state) : NULL;
    }
    return set_type(payload, found != NULL ? found->name : type);
}

/* A form that names its type in a field. */
static int
read_callback(enum source source, struct slice bytes, json_t *payload)
{
    const int r = read_flat(bytes, twilio_aliases, payload);
    const enum twilio_field *field = twilio_type_fields(source);
    const char *type = NULL;

    if (r != 0) {
        return r;
    }
    for (; *field != TWILIO_FIELD_COUNT && type == NULL; field++) {
        type = payload_text(payload, twilio_field_member(*field));
    }
    return type != NULL ? name_event(source, type, payload) : PAYLOAD_E_UNPARSEABLE;
}

/* What an interaction calls its media channel is a conversation, except on the phone. */
static int
read_interaction(struct slice bytes, json_t *payload)
{
    const int r = read_callback(SOURCE_INTERACTIONS, bytes, payload);
    json_t *channel = json_object_get(payload, "media_channel_sid");
    const char *sid = json_string_value(channel);

    if (r != 0 || sid == NULL || !sid_is(sid, "CH")) {
        return r;
    }
    return member_add(payload, "conversation_sid", json_incref(channel));
}

static int
read_survey(struct slice bytes, json_t *payload)
{
    const int r = read_flat(bytes, survey_aliases, payload);

    return r != 0 ? r : set_type(payload, event_type_name(EVENT_SURVEY_COMPLETED));
}

/*
 * Flex UI's `task.sid` is a reservation (WR...), and plugins post it as TaskSid: the prefix says
 * what a SID is, not the name it came under.
 */
static int
place_sid(json_t *payload, const char *name)
{
    AUTO(payload_release) json_t *sid = json_incref(json_object_get(payload, name));
    const char *text = json_string_value(sid);

    if (sid == NULL) {
        return 0;
    }
    (void)json_object_del(payload, name); /* it is there: looked up above */
    if (text == NULL || (strncmp(text, "WT", 2) != 0 && strncmp(text, "WR", 2) != 0)) {
        return 0;
    }
    return member_add(
        payload, text[1] == 'T' ? "task_sid" : "reservation_sid", json_incref(sid));
}

static int
read_plugin(struct slice bytes, json_t *payload)
{
    int r = read_flat(bytes, plugin_aliases, payload);

    if (r == 0) {
        r = place_sid(payload, "task_sid");
    }
    if (r == 0) {
        r = place_sid(payload, "sid");
    }
    return r != 0 ? r : set_type(payload, event_type_name(EVENT_TASK_COMPLETED));
}

/* What the layers around the event say of it, where the event itself did not. */
static int
add_envelope(json_t *payload, const json_t *envelope, const json_t *data)
{
    const char *type = payload_text(envelope, "type");
    const struct {
        const json_t *from;
        const char *member;
        const char *name;
    } outer[] = {
        {data, "account_sid", "account_sid"},
        {data, "timestamp", "timestamp"},
        {data, "sid", "sid"},
        {envelope, "id", "sid"},
        {envelope, "time", "time"},
    };

    if (type == NULL) {
        return PAYLOAD_E_UNPARSEABLE;
    }
    for (size_t i = 0; i < LENGTH(outer); i++) {
        json_t *value = json_object_get(outer[i].from, outer[i].member);
        const int r =
            value != NULL ? member_add(payload, outer[i].name, json_incref(value)) : 0;

        if (r != 0) {
            return r;
        }
    }
    return name_event(SOURCE_EVENT_STREAMS, type, payload);
}

/* A CloudEvent. TaskRouter's data holds the event in `payload`, others' data is the event. */
static int
read_event_streams(struct slice bytes, json_t *payload)
{
    AUTO(payload_release) json_t *envelope = NULL;
    AUTO(payload_release) json_t *data = NULL;
    AUTO(payload_release) json_t *event = NULL;
    int r = load_object(bytes, JSON_REJECT_DUPLICATES, &envelope);

    if (r == 0) {
        r = payload_open_object(json_object_get(envelope, "data"), &data);
    }
    if (r != 0) {
        return r;
    }
    r = payload_open_object(json_object_get(data, "payload"), &event);
    if (r < 0) {
        return r;
    }
    r = member_copy_object(payload, twilio_aliases, event != NULL ? event : data);
    return r != 0 ? r : add_envelope(payload, envelope, data);
}

int
payload_read_route(enum source source, struct slice bytes, json_t *payload)
{
    switch (source) {
    case SOURCE_FLEX_PLUGIN:
        return read_plugin(bytes, payload);
    case SOURCE_EVENT_STREAMS:
        return read_event_streams(bytes, payload);
    case SOURCE_INTERACTIONS:
        return read_interaction(bytes, payload);
    case SOURCE_SURVEY:
        return read_survey(bytes, payload);
    case SOURCE_TASKROUTER:
    case SOURCE_CONVERSATIONS:
    case SOURCE_MESSAGING:
        return read_callback(source, bytes, payload);
    case SOURCE_COUNT:
        break;
    }
    return PAYLOAD_E_UNPARSEABLE;
}
