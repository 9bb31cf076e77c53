/*
 * payload.c - one shape for what the routes say in their dialects.
 *
 * Each route has a reader (payload_route.c). What follows is the same for all: attribute texts
 * become objects, the several times one date.
 */
#include "mapping/payload.h"

#include <errno.h>
#include <string.h>

#include "mapping/member.h"
#include "mapping/payload_route.h"
#include "mapping/rules.h"
#include "mapping/timestamp.h"

void
payload_release(json_t **payload)
{
    json_decref(*payload);
    *payload = NULL;
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
    const int r = payload_open_object(value, &object);

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
        return timestamp_parse(payload_string_slice(value), ret_ms);
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

/*
 * Who answered a survey, or was sent a message, is in fields of its own: to the rest they are
 * attributes like others.
 */
static int
place_person(json_t *payload, bool is_survey)
{
    static const struct {
        bool is_survey;
        const char *member;
        const char *attribute;
    } places[] = {
        {true, "email", "email"},
        {true, "phone", "phone"},
        {true, "channel", "channelType"},
        {false, "to", "customerAddress"},
    };
    int r = member_add(payload, "task_attributes", json_object());
    json_t *attributes = json_object_get(payload, "task_attributes");

    for (size_t i = 0; r == 0 && i < LENGTH(places); i++) {
        json_t *value = json_object_get(payload, places[i].member);

        if (value != NULL && places[i].is_survey == is_survey &&
            json_object_set(attributes, places[i].attribute, value) != 0) {
            r = -ENOMEM;
        }
    }
    return r;
}

/* Only what we sent has a status; without "whatsapp:" or the like it went to a phone as an SMS. */
static int
place_message(json_t *payload)
{
    const char *to = payload_text(payload, "to");
    const json_t *code = json_object_get(payload, "error_code");
    const int r = place_person(payload, false);

    if (r != 0) {
        return r;
    }
    json_t *attributes = json_object_get(payload, "task_attributes");

    if (json_object_set_new(attributes, "direction", json_string("outbound")) != 0 ||
        (to != NULL && strchr(to, ':') == NULL &&
            json_object_set_new(attributes, "channelType", json_string("sms")) != 0) ||
        (json_is_integer(code) &&
            json_object_set_new(payload, "error_code",
                json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(code))) != 0)) {
        return -ENOMEM;
    }
    return 0;
}

static int
place(json_t *payload, enum source source)
{
    const struct slice type = slice_of(payload_text(payload, "event_type"));

    if (source == SOURCE_SURVEY) {
        return place_person(payload, true);
    }
    return slice_starts(type, "message.") ? place_message(payload) : 0;
}

int
payload_parse(enum source source, struct slice bytes, json_t **ret_payload)
{
    AUTO(payload_release) json_t *payload = json_object();
    int r = payload != NULL ? payload_read_route(source, bytes, payload) : -ENOMEM;

    if (r == 0) {
        r = open_attributes(payload);
    }
    if (r == 0) {
        r = place(payload, source);
    }
    if (r == 0) {
        r = set_date(payload);
    }
    if (r == 0) {
        *ret_payload = json_incref(payload);
    }
    return r;
}

int
payload_name(json_t *payload, struct slice record_key)
{
    enum event_type type;

    if (!event_type_from_name(slice_before(record_key, '/'), &type) ||
        type == EVENT_SURVEY_COMPLETED) {
        return 0; /* what an answer was told by matters: survey.h */
    }
    return json_object_set_new(
               payload, "event_type", json_string(event_type_name(type))) == 0
               ? 0
               : -ENOMEM;
}
