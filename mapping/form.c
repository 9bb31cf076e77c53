/*
 * form.c - splits and decodes application/x-www-form-urlencoded bodies.
 *
 * One look at the separators says how many fields there are at most, so that one allocation
 * holds them and the decoded bytes (never more than the encoded ones).
 */
#include "mapping/form.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/words.h"

enum {
    ESCAPE_SIZE = 3, /* "%XX" */
};

/* What stands before `separator`; *rest goes behind it, or becomes absent when there is none. */
static struct slice
take_until(struct slice *rest, char separator)
{
    const char *found = rest->size > 0 ? memchr(rest->data, separator, rest->size) : NULL;
    const struct slice all = *rest;

    if (found == NULL) {
        *rest = (struct slice){0};
        return all;
    }
    const size_t size = (size_t)(found - all.data);

    *rest = slice_skip(all, size + 1);
    return (struct slice){.data = all.data, .size = size};
}

/* The next segment that holds a field; absent at the end. */
static struct slice
next_segment(struct slice *rest)
{
    struct slice segment = {0};

    while (segment.size == 0 && rest->size > 0) {
        segment = take_until(rest, '&');
    }
    return segment;
}

static struct form_field
split_segment(struct slice value)
{
    const char *end = value.data + value.size;
    const struct slice name = take_until(&value, '=');

    if (value.data == NULL) {
        value = (struct slice){.data = end, .size = 0};
    }
    return (struct form_field){.name = name, .value = value};
}

bool
form_next(struct slice *rest, struct form_field *ret_encoded)
{
    const struct slice segment = next_segment(rest);

    if (segment.size == 0) {
        return false;
    }
    *ret_encoded = split_segment(segment);
    return true;
}

/* Adding zero to the NULL of an absent slice would be undefined. */
static const char *
end_of(struct slice value)
{
    return value.size > 0 ? value.data + value.size : value.data;
}

/* The decoded byte at `at`; *ret_size is how many encoded ones it took. */
static inline char
decode_byte(const char *at, const char *end, size_t *ret_size)
{
    *ret_size = 1;
    if (*at == '+') {
        return ' ';
    }
    if (*at != '%' || end - at < ESCAPE_SIZE) {
        return *at;
    }
    const int high = hex_digit(at[1]);
    const int low = hex_digit(at[2]);

    if (high < 0 || low < 0) {
        return *at;
    }
    *ret_size = ESCAPE_SIZE;
    return (char)(high << 4 | low);
}

/* ---- a whole body ------------------------------------------------------------------------ */

/* What is left of the body, and where the next decoded byte goes: never ahead of `at`. */
struct decoder {
    const char *at;
    const char *end;
    char *to;
};

/*
 * Copies bytes that stand for themselves, by words: as decoded bytes are never ahead of encoded
 * ones, there is room for all of a word when part of it counts. Stops where the next byte has to
 * be looked at: '%', '+', '&' and '=' are among those, letters and digits are not.
 */
static inline size_t
copy_plain(const char *at, const char *end, char *to)
{
    const char *start = at;

    while (end - at >= WORD_SIZE) {
        const uint64_t word = word_at(at);
        const uint64_t special = word_below(word, '0') | word_equal(word, '=');

        memcpy(to, at, WORD_SIZE);
        if (special != 0) {
            return (size_t)(at - start) + (size_t)__builtin_ctzll(special) / 8;
        }
        at += WORD_SIZE;
        to += WORD_SIZE;
    }
    return (size_t)(at - start);
}

/* Decodes up to the next '&' or `stop`. */
static struct slice
decode_until(struct decoder *decoder, char stop)
{
    const char *start = decoder->to;
    const char *end = decoder->end;
    const char *at = decoder->at;
    char *to = decoder->to;

    for (;;) {
        size_t size = copy_plain(at, end, to);

        at += size;
        to += size;
        if (at == end || *at == '&' || *at == stop) {
            break;
        }
        *to++ = decode_byte(at, end, &size);
        at += size;
    }
    decoder->at = at;
    decoder->to = to;
    return (struct slice){.data = start, .size = (size_t)(to - start)};
}

static bool
decode_field(struct decoder *decoder, struct form_field *ret_field)
{
    while (decoder->at < decoder->end && *decoder->at == '&') {
        decoder->at++;
    }
    if (decoder->at == decoder->end) {
        return false;
    }
    ret_field->name = decode_until(decoder, '=');
    if (decoder->at < decoder->end && *decoder->at == '=') {
        decoder->at++;
    }
    ret_field->value = decode_until(decoder, '&');
    return true;
}

/* At least as many as there are fields, or one more than there may be. */
static size_t
count_segments(struct slice body)
{
    const char *end = end_of(body);
    const char *at = body.data;
    size_t count = 0;

    for (; at < end && count <= FORM_FIELDS_MAX; count++) {
        const char *found = memchr(at, '&', (size_t)(end - at));

        at = found != NULL ? found + 1 : end;
    }
    return count;
}

int
form_parse(struct slice body, struct form *form)
{
    *form = (struct form){0};
    const size_t capacity = count_segments(body);

    if (capacity == 0) {
        return FORM_OK;
    }
    struct form_field *fields = malloc(capacity * sizeof(*fields) + body.size);

    if (fields == NULL) {
        return -ENOMEM;
    }
    struct decoder decoder = {
        .at = body.data,
        .end = body.data + body.size,
        .to = (char *)(fields + capacity),
    };
    size_t count = 0;

    while (count < capacity && decode_field(&decoder, &fields[count])) {
        count++;
    }
    if (count == 0 || count > FORM_FIELDS_MAX) {
        free(fields);
        return count == 0 ? FORM_OK : FORM_E_TOO_MANY_FIELDS;
    }
    *form = (struct form){.fields = fields, .count = count};
    return FORM_OK;
}

void
form_done(struct form *form)
{
    free(form->fields);
    *form = (struct form){0};
}

struct slice
form_get(const struct form *form, const char *name)
{
    const struct slice wanted = slice_of(name);

    for (size_t i = 0; i < form->count; i++) {
        if (slice_equal(form->fields[i].name, wanted)) {
            return form->fields[i].value;
        }
    }
    return (struct slice){0};
}

bool
form_name_is(struct slice encoded, const char *name)
{
    const char *end = end_of(encoded);
    const char *at = encoded.data;
    size_t size = 0;

    for (; at < end && *name != '\0'; at += size, name++) {
        if (decode_byte(at, end, &size) != *name) {
            return false;
        }
    }
    return at == end && *name == '\0';
}

/* Tells most fields apart without looking for the end of their names. */
static bool
may_be_named(struct slice segment, char first)
{
    const char c = segment.data[0];

    return c == first || c == '%' || c == '+' || c == '=';
}

struct slice
form_find(struct slice body, const char *name)
{
    for (size_t i = 0; i < FORM_FIELDS_MAX; i++) {
        const struct slice segment = next_segment(&body);

        if (segment.size == 0) {
            break;
        }
        if (!may_be_named(segment, *name)) {
            continue;
        }
        const struct form_field field = split_segment(segment);

        if (form_name_is(field.name, name)) {
            return field.value;
        }
    }
    return (struct slice){0};
}

bool
form_decode(struct slice encoded, char *text, size_t capacity)
{
    const char *end = end_of(encoded);
    const char *at = encoded.data;
    size_t used = 0;
    size_t size = 0;

    for (; at < end && used + 1 < capacity; at += size) {
        text[used] = decode_byte(at, end, &size);
        if (text[used++] == '\0') {
            break;
        }
    }
    if (at < end) {
        used = 0;
    }
    text[used] = '\0';
    return at == end;
}
