/*
 * event_subject.h - what an event is about: its task, conversation and ticket; and what it does to
 * it, once. What event.c and event_subject.c share; event.h is for everybody else.
 */
#pragma once

#include "mapping/event.h"

struct reader {
    const json_t *payload;
    const struct rules *rules;
    const struct event_context *context;
    struct event_reading *reading;
};

void event_trace(struct event_reading *reading, const char *rule);

/* "requested", ...; NULL: nothing, a type that is never delivered. */
const char *event_effect_name(enum event_type type);
void event_read_subjects(const struct reader *reader);
/* Behind the subjects. */
void event_read_ticket(const struct reader *reader);
/* False when the event has no subject to name its effect by. */
bool event_name_effect(struct event *event, const struct rules *rules) MUST_USE;
/* The plugin named only a reservation; which is then in the reading. */
bool event_is_unresolved(const struct reader *reader);
