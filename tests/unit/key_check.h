/*
 * key_check.h - what the tests of keying share: SIDs, and a body that must give one event.
 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "mapping/key.h"
#include "tests/unit/unit.h"

#define WT "WT8a1b2c3d4e5f60718293a4b5c6d7e8f9"
#define WR "WR00112233445566778899aabbccddeeff"
#define CH "CH5566778899aabbccddeeff0011223344"
#define HEX32 "0123456789abcdef0123456789abcdef"

struct key_case {
    const char *body;
    enum key_kind kind;
    const char *key; /* NULL: none */
};

static inline void
check_single(enum source source, const struct key_case *expected, bool is_json)
{
    AUTO(keyed_events_done) struct keyed_events events = {0};
    const struct slice body = slice_of(expected->body);

    if (key_events(source, body, is_json, &events) != KEY_OK || events.count != 1) {
        fail_msg("not one event: %s", expected->body);
    }
    const struct keyed_event *event = &events.items[0];

    if (event->kind != expected->kind) {
        fail_msg(
            "kind %d, not %d: %s", (int)event->kind, (int)expected->kind, expected->body);
    }
    assert_string_equal(event->key, expected->key != NULL ? expected->key : "");
    assert_string_equal(
        event->subject, expected->key != NULL ? strchr(expected->key, '/') + 1 : "");
    assert_true(slice_equal(event->bytes, body));
}

static inline void
check_unparseable(enum source source, const char *body, bool is_json)
{
    struct keyed_events events = {.count = 42};

    if (key_events(source, slice_of(body), is_json, &events) != KEY_E_UNPARSEABLE) {
        fail_msg("not refused: %s", body);
    }
    assert_int_equal(events.count, 42);
}
