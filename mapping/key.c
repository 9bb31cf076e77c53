/*
 * key.c - from raw bytes to record keys.
 *
 * What Twilio calls an event, what we call it and which SID it is about is one table
 * (twilio_type.c). The routes only differ in where they keep these words, and have a file each.
 */
#include "mapping/key.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/key_route.h"
#include "mapping/sid.h"
#include "mapping/timestamp.h"

enum {
    STATE_SIZE_MAX = 32,
};

/* ---- what a key is made of -------------------------------------------------------------- */

void
key_set(
    struct keyed_event *event, enum key_kind kind, const char *type, const char *subject)
{
    event->kind = kind;
    (void)snprintf(event->key, sizeof(event->key), "%s/%s", type, subject);
    (void)snprintf(event->subject, sizeof(event->subject), "%s", subject);
}

/* Of identifiers that are no SIDs we only ask that they are harmless in a key. */
static bool
is_identifier(const char *text)
{
    return text[0] != '\0' &&
           text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                             "0123456789-")] == '\0';
}

static bool
read_subject(const struct twilio_subject *subject, const struct key_values *values,
    char text[KEY_SUBJECT_SIZE])
{
    for (size_t i = 0; i < TWILIO_PLACES_MAX; i++) {
        const struct twilio_place *place = &subject->places[i];

        if (place->prefix != NULL &&
            values->read(values->context, place->field, text, KEY_SUBJECT_SIZE) &&
            (place->prefix[0] == '\0' ? is_identifier(text)
                                      : sid_is(text, place->prefix))) {
            return true;
        }
    }
    return false;
}

/* An event that does not say which of many it is, is told apart by its bytes. */
static void
set_key_of_many(const struct twilio_type *type, const struct key_values *values,
    struct keyed_event *event)
{
    char text[TIMESTAMP_TEXT_SIZE + SID_SIZE];
    int64_t ms;

    if (type->repeat == TWILIO_BY_EVENT &&
        values->read(values->context, TWILIO_EVENT_SID, text, sizeof(text)) &&
        sid_is(text, "EV")) {
        (void)snprintf(event->key, sizeof(event->key), "%s/%s", type->name, text);
    } else if (type->repeat == TWILIO_BY_TIME &&
               values->read(values->context, TWILIO_STATE_UPDATED, text, sizeof(text)) &&
               timestamp_parse(slice_of(text), &ms)) {
        (void)snprintf(event->key, sizeof(event->key), "%s/%s/%" PRId64, type->name,
            event->subject, ms);
    } else {
        event->by_content = true;
    }
}

/* NULL: not in the vocabulary, or in none of the states we know. */
static const struct twilio_type *
find_type(enum source source, const char *name, const struct key_values *values,
    bool *ret_lacks_state)
{
    const struct twilio_type *type = twilio_type_find(source, name, NULL);
    char state[STATE_SIZE_MAX];

    if (type == NULL || type->state == NULL) {
        return type;
    }
    if (!values->read(values->context, type->state_field, state, sizeof(state)) ||
        state[0] == '\0') {
        *ret_lacks_state = true;
        return NULL;
    }
    return twilio_type_find(source, name, state);
}

void
key_set_by_type(enum source source, const char *name, const struct key_values *values,
    struct keyed_event *event)
{
    char subject[KEY_SUBJECT_SIZE];
    bool lacks_state = false;
    const struct twilio_type *type = find_type(source, name, values, &lacks_state);

    if (type == NULL) {
        event->kind = lacks_state ? event->kind : KEY_IGNORED;
        return;
    }
    if (!read_subject(type->subject, values, subject)) {
        return;
    }
    key_set(event, type->kind == TWILIO_FACT ? KEY_FACT : KEY_EVENT, type->name, subject);
    if (type->repeat != TWILIO_ONCE) {
        set_key_of_many(type, values, event);
    }
}

void
key_add_content(struct keyed_event *event, const char *sha256_hex)
{
    const size_t size = strlen(event->key);

    (void)snprintf(event->key + size, sizeof(event->key) - size, "/%.*s",
        KEY_CONTENT_DIGITS, sha256_hex);
}

/* ---- all routes ------------------------------------------------------------------------- */

/* The routes whose requests carry one event. */
static int
key_one(enum source source, struct slice body, bool is_json, struct keyed_event *event)
{
    switch (source) {
    case SOURCE_FLEX_PLUGIN:
        return key_plugin(body, is_json, event);
    case SOURCE_SURVEY:
        return key_survey(body, is_json, event);
    case SOURCE_TASKROUTER:
    case SOURCE_CONVERSATIONS:
    case SOURCE_INTERACTIONS:
    case SOURCE_MESSAGING:
        return is_json ? KEY_E_UNPARSEABLE : key_callback(source, body, event);
    case SOURCE_EVENT_STREAMS:
    case SOURCE_COUNT:
        break;
    }
    return KEY_E_UNPARSEABLE;
}

static int
key_single(
    enum source source, struct slice body, bool is_json, struct keyed_events *ret_events)
{
    struct keyed_event event;
    const int r = key_one(source, body, is_json, &event);

    if (r != KEY_OK) {
        return r;
    }
    struct keyed_event *items = malloc(sizeof(*items));

    if (items == NULL) {
        return -ENOMEM;
    }
    *items = event;
    *ret_events = (struct keyed_events){.items = items, .count = 1};
    return KEY_OK;
}

int
key_events(
    enum source source, struct slice body, bool is_json, struct keyed_events *ret_events)
{
    if (source == SOURCE_EVENT_STREAMS) {
        return is_json ? key_stream(body, ret_events) : KEY_E_UNPARSEABLE;
    }
    return key_single(source, body, is_json, ret_events);
}

void
keyed_events_done(struct keyed_events *events)
{
    free(events->items);
    *events = (struct keyed_events){0};
}
