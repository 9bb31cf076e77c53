/*
 * event_subject.h - what an event is about: its task, conversation and ticket. What event.c and event_subject.c share; event.h is for everybody else.
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

void event_read_subjects(const struct reader *reader);
/* Behind the subjects. */
void event_read_ticket(const struct reader *reader);
/* A text, or a whole number as one, in `number`; NULL: neither. */
const char *event_text_at(
    const json_t *payload, const char *path, char number[EVENT_NUMBER_SIZE]);
/* The plugin named only a reservation; which is then in the reading. */
bool event_is_unresolved(const struct reader *reader);
