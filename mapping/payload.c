/*
 * payload.c - one shape for what three routes say in three dialects.
 *
 * Each route has a reader that finds the object (or form) which holds the event and copies its
 * members under snake_case names, through the route's table of aliases. What follows is the same
 * for all: attribute texts become objects, the several times one date. The first to write a
 * member wins, so readers copy the most specific place first.
 */
#include "mapping/payload.h"

#include <errno.h>
#include <string.h>

#include "mapping/form.h"
#include "mapping/member.h"
#include "mapping/timestamp.h"

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

void
payload_release(json_t **payload)
{
    json_decref(*payload);
    *payload = NULL;
}

static struct slice
string_slice(const json_t *string)
{
    return (struct slice){
        .data = json_string_value(string), .size = json_string_length(string)};
}

/*
 * jansson describes every fault of a document, and leaves the description of most failed
 * allocations empty. (Of one inside its lexer it says that the syntax is wrong: such a record is
 * parked with its bytes and can be replayed.)
 */
static bool
is_out_of_memory(const json_error_t *error)
{
    return error->text[0] == '\0' || json_error_code(error) == json_error_out_of_memory;
}

/*
 * Parses a JSON object. An integer beyond 64 bits (an order number in the attributes) makes the
 * document be read with integers as reals: that number loses digits, the event lives.
 */
static int
load_object(struct slice text, size_t flags, json_t **ret_object)
{
    json_error_t error;
    json_t *value = json_loadb(text.data, text.size, flags, &error);

    if (value == NULL && json_error_code(&error) == json_error_numeric_overflow) {
        value = json_loadb(text.data, text.size, flags | JSON_DECODE_INT_AS_REAL, &error);
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
static int
open_object(json_t *value, json_t **ret_object)
{
    if (json_is_object(value)) {
        *ret_object = json_incref(value);
        return PAYLOAD_OK;
    }
    return json_is_string(value) ? load_object(string_slice(value), 0, ret_object)
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
read_taskrouter(struct slice bytes, json_t *payload)
{
    return read_flat(bytes, twilio_aliases, payload);
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
    return r != 0 ? r : member_add(payload, "event_type", json_string("task.completed"));
}

#define TASKROUTER_TYPES "com.twilio.taskrouter."
#define STATE_UPDATED_TYPE "com.twilio.conversations.conversation-state.updated"

/* Our name for a CloudEvent's type. Conversations' own closes with a state, not with a type. */
static const char *
cloud_event_type(const char *type, const json_t *payload)
{
    if (strcmp(type, STATE_UPDATED_TYPE) == 0 &&
        slice_is_nocase(slice_of(payload_text(payload, "state_to")), "closed")) {
        return "conversation.ended";
    }
    return slice_starts(slice_of(type), TASKROUTER_TYPES)
               ? type + strlen(TASKROUTER_TYPES)
               : type;
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
    return member_add(
        payload, "event_type", json_string(cloud_event_type(type, payload)));
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
        r = open_object(json_object_get(envelope, "data"), &data);
    }
    if (r != 0) {
        return r;
    }
    r = open_object(json_object_get(data, "payload"), &event);
    if (r < 0) {
        return r;
    }
    r = member_copy_object(payload, twilio_aliases, event != NULL ? event : data);
    return r != 0 ? r : add_envelope(payload, envelope, data);
}

/* Replaces the text of an object by the object. `invalid` (or NULL) marks one that is none. */
static int
open_member(json_t *payload, const char *name, const char *invalid)
{
    json_t *value = json_object_get(payload, name);
    json_t *object = NULL;

    if (value == NULL || json_is_object(value)) {
        return 0;
    }
    const int r = open_object(value, &object);

    if (r == 0) {
        return json_object_set_new(payload, name, object) == 0 ? 0 : -ENOMEM;
    }
    if (r < 0 || invalid == NULL) {
        return r < 0 ? r : 0;
    }
    if (json_object_set_new(payload, name, json_object()) != 0 ||
        json_object_set_new(payload, invalid, json_true()) != 0) {
        return -ENOMEM;
    }
    return 0;
}

static int
open_attributes(json_t *payload)
{
    /* Flex's web chat and Studio flows put texts of JSON into the attributes too. */
    static const char *const inner[] = {"customers", "conversations", "pre_engagement",
        "pre_engagement_data", "preEngagementData"};
    int r = open_member(payload, "task_attributes", "task_attributes_invalid");

    if (r == 0) {
        r = open_member(payload, "worker_attributes", "worker_attributes_invalid");
    }
    for (size_t i = 0; r == 0 && i < LENGTH(inner); i++) {
        r = open_member(json_object_get(payload, "task_attributes"), inner[i], NULL);
    }
    return r;
}

static bool
read_time(const json_t *payload, const char *name, int64_t *ret_ms)
{
    const json_t *value = json_object_get(payload, name);
    int64_t number;

    if (json_is_string(value)) {
        return timestamp_parse(string_slice(value), ret_ms);
    }
    if (!payload_integer(payload, name, &number)) {
        return false;
    }
    *ret_ms = timestamp_from_number(number);
    return true;
}

static int
set_date(json_t *payload)
{
    static const char *const names[] = {
        "timestamp_ms", "timestamp", "state_updated", "time"};

    for (size_t i = 0; i < LENGTH(names); i++) {
        int64_t ms;

        if (read_time(payload, names[i], &ms) && ms > 0 && ms <= TIMESTAMP_MS_MAX) {
            return member_add(payload, "date_ms", json_integer(ms));
        }
    }
    return 0;
}

int
payload_parse(enum source source, struct slice bytes, json_t **ret_payload)
{
    static int (*const readers[SOURCE_COUNT])(struct slice, json_t *) = {
        [SOURCE_FLEX_PLUGIN] = read_plugin,
        [SOURCE_TASKROUTER] = read_taskrouter,
        [SOURCE_EVENT_STREAMS] = read_event_streams,
        [SOURCE_CONVERSATIONS] = read_taskrouter,
        [SOURCE_INTERACTIONS] = read_taskrouter,
        [SOURCE_SURVEY] = read_taskrouter,
        [SOURCE_MESSAGING] = read_taskrouter,
    };
    AUTO(payload_release) json_t *payload = json_object();
    int r = payload != NULL ? readers[source](bytes, payload) : -ENOMEM;

    if (r == 0) {
        r = open_attributes(payload);
    }
    if (r == 0) {
        r = set_date(payload);
    }
    if (r == 0 && payload_text(payload, "event_type") == NULL) {
        r = PAYLOAD_E_UNPARSEABLE;
    }
    if (r == 0) {
        *ret_payload = json_incref(payload);
    }
    return r;
}
