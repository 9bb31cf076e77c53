/*
 * mend.c - JSON that says what no text can hold.
 */
#include "mapping/mend.h"

#include <string.h>

enum {
    ESCAPE_SIZE = 6, /* backslash, u, four digits */
    PAIR_SIZE = 12,
    DIGIT_COUNT = 4,
};

/* What a whole escape of a UTF-16 unit at `at` stands for; -1 when there is none. */
static int
unit_at(const char *at, const char *end)
{
    int unit = 0;

    if (end - at < ESCAPE_SIZE || at[0] != '\\' || at[1] != 'u') {
        return -1;
    }
    for (size_t i = 2; i < ESCAPE_SIZE; i++) {
        const int digit = hex_digit(at[i]);

        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool
is_high(int unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool
is_low(int unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* How far it is from the backslash at `at` to what follows its escape. */
static size_t
mend_escape(char *at, const char *end, bool *is_mended)
{
    const int unit = unit_at(at, end);

    if (unit < 0) {
        return end - at > 1 ? 2 : 1; /* the backslash and what it escapes */
    }
    if (is_high(unit) && is_low(unit_at(at + ESCAPE_SIZE, end))) {
        return PAIR_SIZE;
    }
    if (unit == 0 || is_high(unit) || is_low(unit)) {
        memcpy(at + ESCAPE_SIZE - DIGIT_COUNT, "fffd", DIGIT_COUNT);
        *is_mended = true;
    }
    return ESCAPE_SIZE;
}

bool
mend_json(char *text, size_t size)
{
    const char *end = text + size;
    char *at = memchr(text, '\\', size);
    bool is_mended = false;

    while (at != NULL) {
        at += mend_escape(at, end, &is_mended);
        at = memchr(at, '\\', (size_t)(end - at));
    }
    return is_mended;
}
