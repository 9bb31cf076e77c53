/*
 * key_token.c - the Flex user token inside a plugin body: finding it, and taking it out before
 * anything is stored.
 *
 * Taking out is done in place: the bytes that stay move down over those that go, while the
 * scanner, always ahead of them, still reads.
 */
#include <string.h>

#include "mapping/form.h"
#include "mapping/key.h"
#include "mapping/scan.h"

static const char *const token_names[2] = {"Token", "token"};

static const char empty_string[] = "\"\"";

enum {
    EMPTY_STRING_SIZE = sizeof(empty_string) - 1,
    NAME_SIZE_MAX = 8, /* with the NUL; no longer name is a token's */
};

struct strip {
    char *body;
    size_t kept; /* bytes of the new body */
    size_t read; /* bytes of the old body already kept or left out */
};

static void
strip_keep(struct strip *strip, size_t until)
{
    const size_t size = until - strip->read;

    memmove(strip->body + strip->kept, strip->body + strip->read, size);
    strip->kept += size;
    strip->read = until;
}

static bool
strip_member(void *context, struct slice name, struct slice value)
{
    struct strip *strip = context;
    const size_t start = (size_t)(value.data - strip->body);
    char text[NAME_SIZE_MAX];

    if (value.size <= EMPTY_STRING_SIZE || !scan_text(name, text, sizeof(text)) ||
        (strcmp(text, token_names[0]) != 0 && strcmp(text, token_names[1]) != 0)) {
        return true;
    }
    strip_keep(strip, start);
    memcpy(strip->body + strip->kept, empty_string, EMPTY_STRING_SIZE);
    strip->kept += EMPTY_STRING_SIZE;
    strip->read = start + value.size;
    return true;
}

static void
strip_form(struct strip *strip, struct slice body)
{
    struct form_field field;

    while (form_next(&body, &field)) {
        if (form_name_is(field.name, token_names[0]) ||
            form_name_is(field.name, token_names[1])) {
            strip_keep(strip, (size_t)(field.value.data - strip->body));
            strip->read += field.value.size;
        }
    }
}

struct slice
key_strip_token(char *body, size_t size, bool is_json)
{
    const struct slice all = {.data = body, .size = size};
    struct strip strip = {0};

    strip.body = body;
    if (size == 0) {
        return all;
    }
    if (!is_json) {
        strip_form(&strip, all);
    } else if (scan_check(all) != SCAN_OK ||
               scan_members(all, strip_member, &strip) != SCAN_OK) {
        return all; /* scanned first, so that what is no object has not been touched */
    }
    strip_keep(&strip, size);
    return (struct slice){.data = body, .size = strip.kept};
}

bool
key_find_token(struct slice body, bool is_json, char *token, size_t capacity)
{
    struct scan_field fields[LENGTH(token_names)] = {0};

    token[0] = '\0';
    for (size_t i = 0; i < LENGTH(fields); i++) {
        fields[i].path = token_names[i];
        if (!is_json) {
            fields[i].value = form_find(body, token_names[i]);
        }
    }
    if (is_json && scan_fields(body, fields, LENGTH(fields)) != SCAN_OK) {
        return false;
    }
    for (size_t i = 0; i < LENGTH(fields); i++) {
        if ((is_json ? scan_text : form_decode)(fields[i].value, token, capacity) &&
            token[0] != '\0') {
            return true;
        }
    }
    return false;
}
