/*
 * event_fixture.h - an ordinary event, and rules under which it is delivered.
 */
#pragma once

#include "mapping/event.h"

#define TASK "WT0123456789abcdef0123456789abcdef"
#define CONVERSATION "CH0123456789abcdef0123456789abcdef"
#define INTERACTION "KD0123456789abcdef0123456789abcdef"

extern const int64_t received_ms;
extern const struct rules rules;

/* Reads the event with `changes` written over it. The caller owns the payload. */
json_t *read_changed(const char *changes, const struct rules *by, const char *key,
    struct event_reading *reading);
