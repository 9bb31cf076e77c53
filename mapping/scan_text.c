/*
 * scan_text.c - what a raw JSON string says.
 */
#include <string.h>

#include "mapping/scan.h"

/* One decoded string under way. */
struct text {
    const char *at; /* the next raw character */
    const char *end;
    char *to; /* where the next decoded byte goes; there is always room for the NUL */
    char *limit;
};

/* The inside of a raw string, escapes and all. */
static bool
string_inside(struct slice value, struct slice *ret_inside)
{
    if (value.size < 2 || value.data[0] != '"' || value.data[value.size - 1] != '"') {
        return false;
    }
    *ret_inside = (struct slice){.data = value.data + 1, .size = value.size - 2};
    return true;
}

struct slice
scan_string(struct slice value)
{
    struct slice inside;

    if (!string_inside(value, &inside) ||
        (inside.size > 0 && memchr(inside.data, '\\', inside.size) != NULL)) {
        return (struct slice){0};
    }
    return inside;
}

static bool
put(struct text *text, uint32_t byte)
{
    if (text->to == text->limit) {
        return false;
    }
    *text->to++ = (char)byte;
    return true;
}

static bool
put_utf8(struct text *text, uint32_t code)
{
    if (code < 0x80) {
        return code != 0 && put(text, code);
    }
    if (code < 0x800) {
        return put(text, 0xC0 | code >> 6) && put(text, 0x80 | (code & 0x3F));
    }
    if (code < 0x10000) {
        return put(text, 0xE0 | code >> 12) && put(text, 0x80 | (code >> 6 & 0x3F)) &&
               put(text, 0x80 | (code & 0x3F));
    }
    return put(text, 0xF0 | code >> 18) && put(text, 0x80 | (code >> 12 & 0x3F)) &&
           put(text, 0x80 | (code >> 6 & 0x3F)) && put(text, 0x80 | (code & 0x3F));
}

/* The four digits of an escaped UTF-16 unit, behind the 'u'. */
static bool
take_unit(struct text *text, uint32_t *ret_unit)
{
    uint32_t unit = 0;

    if (text->end - text->at < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        const int digit = hex_digit(*text->at++);

        if (digit < 0) {
            return false;
        }
        unit = unit << 4 | (uint32_t)digit;
    }
    *ret_unit = unit;
    return true;
}

static bool
put_unicode(struct text *text)
{
    uint32_t unit = 0;
    uint32_t low = 0;

    if (!take_unit(text, &unit)) {
        return false;
    }
    if (unit < 0xD800 || unit > 0xDFFF) {
        return put_utf8(text, unit);
    }
    if (unit > 0xDBFF || text->end - text->at < 2 || memcmp(text->at, "\\u", 2) != 0) {
        return false;
    }
    text->at += 2;
    if (!take_unit(text, &low) || low < 0xDC00 || low > 0xDFFF) {
        return false;
    }
    return put_utf8(text, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
}

/* An escape, behind its backslash. */
static bool
put_escape(struct text *text)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char bytes[] = "\"\\/\b\f\n\r\t";

    if (text->at == text->end) {
        return false;
    }
    const char c = *text->at++;

    if (c == 'u') {
        return put_unicode(text);
    }
    const char *letter = memchr(letters, c, sizeof(letters) - 1);

    return letter != NULL && put(text, (unsigned char)bytes[letter - letters]);
}

static bool
decode(struct text *text)
{
    while (text->at < text->end) {
        const char c = *text->at++;

        if (c == '\0' || !(c == '\\' ? put_escape(text) : put(text, (unsigned char)c))) {
            return false;
        }
    }
    return true;
}

bool
scan_text(struct slice value, char *text, size_t capacity)
{
    struct slice inside;

    text[0] = '\0';
    if (!string_inside(value, &inside)) {
        return false;
    }
    struct text state = {
        .at = inside.data,
        .end = inside.data + inside.size,
        .to = text,
        .limit = text + capacity - 1,
    };

    if (!decode(&state)) {
        text[0] = '\0';
        return false;
    }
    *state.to = '\0';
    return true;
}
