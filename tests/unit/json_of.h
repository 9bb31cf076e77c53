/*
 * json_of.h - JSON in C without a backslash before every quote, and comparing it.
 */
#pragma once

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/* The value of `text`, a JSON document with ' for ". The caller owns it. */
static inline json_t *
json_of(const char *text)
{
    char json[2048];

    assert_true(strlen(text) < sizeof(json));
    for (size_t i = 0; i <= strlen(text); i++) {
        json[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    }
    json_t *value = json_loads(json, 0, NULL);

    assert_non_null(value);
    return value;
}

/* `wanted` as for json_of(). */
static inline void
assert_json(const json_t *actual, const char *wanted)
{
    json_t *expected = json_of(wanted);
    const bool equal = json_equal(actual, expected);

    json_decref(expected);
    if (!equal) {
        char *text = json_dumps(actual, JSON_ENCODE_ANY);

        print_message("is     %s\nwanted %s\n", text, wanted);
        free(text);
    }
    assert_true(equal);
}
