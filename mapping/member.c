/*
 * member.c - copies what a route sent into a payload, under our names.
 */
#include "mapping/member.h"

#include <errno.h>
#include <string.h>

#include "mapping/payload.h"

bool
member_says_nothing(const json_t *value)
{
    return value == NULL || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

int
member_add(json_t *payload, const char *name, json_t *value)
{
    if (value == NULL) {
        return -ENOMEM;
    }
    if (member_says_nothing(value) || json_object_get(payload, name) != NULL) {
        json_decref(value);
        return 0;
    }
    return json_object_set_new(payload, name, value) == 0 ? 0 : -ENOMEM;
}

static bool
is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool
is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool
is_name_character(char c)
{
    return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_-.", c) != NULL);
}

/* Whether a capital begins a word: after a small letter, or as the last of several. */
static bool
begins_word(struct slice name, size_t at)
{
    const char previous = at > 0 ? name.data[at - 1] : '_';
    const char next = at + 1 < name.size ? name.data[at + 1] : '_';

    return previous != '_' && (!is_upper(previous) || is_lower(next));
}

static bool
name_to_snake(struct slice name, char snake[PAYLOAD_NAME_SIZE])
{
    const bool is_dotted = name.size > 0 && memchr(name.data, '.', name.size) != NULL;
    size_t size = 0;

    for (size_t i = 0; i < name.size; i++) {
        const char c = name.data[i];
        const bool is_folded = is_upper(c) && !is_dotted;

        if (!is_name_character(c) || size + 2 >= PAYLOAD_NAME_SIZE) {
            return false;
        }
        if (is_folded && begins_word(name, i)) {
            snake[size++] = '_';
        }
        snake[size++] = (char)(is_folded ? c - 'A' + 'a' : c);
    }
    snake[size] = '\0';
    return size > 0;
}

static const char *
find_alias(const struct member_alias *aliases, const char *name)
{
    for (; aliases->from != NULL; aliases++) {
        if (strcmp(aliases->from, name) == 0) {
            return aliases->to;
        }
    }
    return name;
}

/* Takes over the reference to `value`, whose sender calls it `name`. */
static int
add_foreign(
    json_t *payload, const struct member_alias *aliases, struct slice name, json_t *value)
{
    char snake[PAYLOAD_NAME_SIZE];
    const char *known = name_to_snake(name, snake) ? find_alias(aliases, snake) : NULL;

    if (known == NULL && value != NULL) {
        json_decref(value);
        return 0;
    }
    return member_add(payload, known, value);
}

int
member_copy_object(json_t *payload, const struct member_alias *aliases, json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        const int r = add_foreign(payload, aliases, slice_of(name), json_incref(value));

        if (r != 0) {
            return r;
        }
    }
    return 0;
}

struct utf8_range {
    unsigned char first_min; /* the first byte */
    unsigned char first_max;
    unsigned char second_min; /* the second: leaves out overlong forms and surrogates */
    unsigned char second_max;
    size_t length;
};

/* RFC 3629, without NUL. */
static const struct utf8_range *
find_range(unsigned char first)
{
    static const struct utf8_range ranges[] = {
        {0x01, 0x7F, 0, 0, 1},
        {0xC2, 0xDF, 0x80, 0xBF, 2},
        {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3},
        {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4},
        {0xF4, 0xF4, 0x80, 0x8F, 4},
    };

    for (size_t i = 0; i < LENGTH(ranges); i++) {
        if (first >= ranges[i].first_min && first <= ranges[i].first_max) {
            return &ranges[i];
        }
    }
    return NULL;
}

/* The size of the character `text` begins with; 0 when it begins with none. */
static size_t
character_size(struct slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    const struct utf8_range *range = find_range(bytes[0]);

    if (range == NULL || range->length > text.size) {
        return 0;
    }
    if (range->length > 1 &&
        (bytes[1] < range->second_min || bytes[1] > range->second_max)) {
        return 0;
    }
    for (size_t i = 2; i < range->length; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return range->length;
}

static bool
is_text(struct slice value)
{
    while (value.size > 0) {
        const size_t size = character_size(value);

        if (size == 0) {
            return false;
        }
        value = slice_skip(value, size);
    }
    return true;
}

int
member_copy_form(
    json_t *payload, const struct member_alias *aliases, const struct form *form)
{
    for (size_t i = 0; i < form->count; i++) {
        const struct slice value = form->fields[i].value;

        if (value.size == 0 || !is_text(value)) {
            continue;
        }
        const int r = add_foreign(payload, aliases, form->fields[i].name,
            json_stringn_nocheck(value.data, value.size));

        if (r != 0) {
            return r;
        }
    }
    return 0;
}
