/*
 * base.c - slices and the bounded buffer.
 */
#include "mapping/base.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    BUFFER_FIRST_CAPACITY = 256,
};

struct slice
slice_of(const char *text)
{
    return (struct slice){.data = text, .size = text != NULL ? strlen(text) : 0};
}

bool
slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool
slice_is(struct slice value, const char *text)
{
    return slice_equal(value, slice_of(text));
}

bool
slice_is_nocase(struct slice value, const char *text)
{
    return value.size == strlen(text) &&
           (value.size == 0 || strncasecmp(value.data, text, value.size) == 0);
}

bool
slice_starts(struct slice value, const char *prefix)
{
    const size_t size = strlen(prefix);

    return value.size >= size && (size == 0 || memcmp(value.data, prefix, size) == 0);
}

bool
slice_starts_nocase(struct slice value, const char *prefix)
{
    const size_t size = strlen(prefix);

    return value.size >= size &&
           slice_is_nocase((struct slice){.data = value.data, .size = size}, prefix);
}

struct slice
slice_skip(struct slice value, size_t count)
{
    if (count > 0) { /* adding zero to the NULL of an absent slice would be undefined */
        value.data += count;
        value.size -= count;
    }
    return value;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice
slice_trim(struct slice value)
{
    while (value.size > 0 && is_blank(value.data[0])) {
        value = slice_skip(value, 1);
    }
    while (value.size > 0 && is_blank(value.data[value.size - 1])) {
        value.size--;
    }
    return value;
}

struct slice
slice_before(struct slice value, char mark)
{
    const char *end = value.size > 0 ? memchr(value.data, mark, value.size) : NULL;

    if (end != NULL) {
        value.size = (size_t)(end - value.data);
    }
    return value;
}

struct slice
slice_cut_text(struct slice value, size_t max)
{
    if (value.size > max) {
        while (max > 0 && ((unsigned char)value.data[max] & 0xC0) == 0x80) {
            max--;
        }
        value.size = max;
    }
    return value;
}

struct slice
slice_append(char **end, struct slice value)
{
    const struct slice copy = {.data = *end, .size = value.size};

    if (value.size > 0) {
        memcpy(*end, value.data, value.size);
    }
    *end += value.size;
    return copy;
}

char *
slice_copy(struct slice value)
{
    char *text = malloc(value.size + 1);

    if (text != NULL) {
        if (value.size > 0) {
            memcpy(text, value.data, value.size);
        }
        text[value.size] = '\0';
    }
    return text;
}

bool
slice_to_text(struct slice value, char *text, size_t capacity)
{
    if (value.size >= capacity ||
        (value.size > 0 && memchr(value.data, '\0', value.size) != NULL)) {
        text[0] = '\0';
        return false;
    }
    if (value.size > 0) {
        memcpy(text, value.data, value.size);
    }
    text[value.size] = '\0';
    return true;
}

bool
slice_to_int64(struct slice value, int64_t *ret_number)
{
    const bool negative = slice_starts(value, "-");
    int64_t number = 0;

    if (negative || slice_starts(value, "+")) {
        value = slice_skip(value, 1);
    }
    if (value.size == 0) {
        return false;
    }
    for (size_t i = 0; i < value.size; i++) {
        const int digit = value.data[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, digit, &number)) {
            return false;
        }
    }
    if (!negative && __builtin_sub_overflow(0, number, &number)) {
        return false;
    }
    *ret_number = number;
    return true;
}

void
buffer_init(struct buffer *buffer, size_t max)
{
    assert(max < SIZE_MAX / 2); /* so that doubling the capacity cannot overflow */
    *buffer = (struct buffer){.max = max};
}

void
buffer_done(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){.max = buffer->max};
}

void
buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    buffer->failed = false;
    if (buffer->data != NULL) {
        buffer->data[0] = '\0';
    }
}

static bool
buffer_grow(struct buffer *buffer, size_t extra)
{
    if (buffer->failed || extra > buffer->max - buffer->size) {
        buffer->failed = true;
        return false;
    }
    const size_t wanted = buffer->size + extra + 1;
    size_t capacity = buffer->capacity != 0 ? buffer->capacity : BUFFER_FIRST_CAPACITY;

    while (capacity < wanted) {
        capacity *= 2;
    }
    if (capacity > buffer->max + 1) {
        capacity = buffer->max + 1;
    }

    char *data = realloc(buffer->data, capacity);

    if (data == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

/* Makes room for `extra` bytes and the NUL behind them. */
static bool
buffer_reserve(struct buffer *buffer, size_t extra)
{
    /* there mostly is; the capacity is never beyond the maximum */
    return (!buffer->failed && extra < buffer->capacity - buffer->size) ||
           buffer_grow(buffer, extra);
}

void
buffer_add(struct buffer *buffer, const void *data, size_t size)
{
    if (buffer_reserve(buffer, size)) {
        if (size > 0) {
            memcpy(buffer->data + buffer->size, data, size);
        }
        buffer->size += size;
        buffer->data[buffer->size] = '\0';
    }
}

void
buffer_add_slice(struct buffer *buffer, struct slice value)
{
    buffer_add(buffer, value.data, value.size);
}

void
buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void
buffer_addf(struct buffer *buffer, const char *format, ...)
{
    va_list measure;
    va_list print;

    va_start(measure, format);
    va_copy(print, measure);
    const int size = vsnprintf(NULL, 0, format, measure);

    if (size < 0) {
        buffer->failed = true;
    } else if (buffer_reserve(buffer, (size_t)size)) {
        (void)vsnprintf(buffer->data + buffer->size, (size_t)size + 1, format, print);
        buffer->size += (size_t)size;
    }
    va_end(print);
    va_end(measure);
}

void
buffer_add_percent_encoded(struct buffer *buffer, struct slice value)
{
    static const char unreserved[] = "abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

    for (size_t i = 0; i < value.size; i++) {
        const char c = value.data[i];

        if (c != '\0' && strchr(unreserved, c) != NULL) {
            buffer_add(buffer, &c, 1);
        } else {
            buffer_addf(buffer, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
}

struct slice
buffer_slice(const struct buffer *buffer)
{
    return (struct slice){.data = buffer->data, .size = buffer->size};
}
