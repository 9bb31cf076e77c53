/*
 * key_route.h - what the routes' ways of keying share; for the files of key.h only.
 */
#pragma once

#include "mapping/key.h"
#include "mapping/twilio_type.h"

/* The values of one event, wherever its route keeps them. */
struct key_values {
    /* Decodes a value. False when it is no text or does not fit; what is absent may be "". */
    bool (*read)(
        const void *context, enum twilio_field field, char *text, size_t capacity);
    const void *context;
};

/* "<type>/<subject>". */
void key_set(
    struct keyed_event *event, enum key_kind kind, const char *type, const char *subject);

/*
 * Keys an event by what its route calls it: `name`. KEY_IGNORED when that is not in the
 * vocabulary; the event stays what it is when the values are not what its type needs.
 */
void key_set_by_type(enum source source, const char *name,
    const struct key_values *values, struct keyed_event *event);

/* Each route's own way. *event is written on KEY_OK only. A key_result, or -ENOMEM. */
int key_callback(
    enum source source, struct slice body, struct keyed_event *event) MUST_USE;
int key_plugin(struct slice body, bool is_json, struct keyed_event *event) MUST_USE;
int key_survey(struct slice body, bool is_json, struct keyed_event *event) MUST_USE;
/* Event Streams': all the events of a body; *ret_events is written on KEY_OK only. */
int key_stream(struct slice body, struct keyed_events *ret_events) MUST_USE;
