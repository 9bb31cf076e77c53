/*
 * cli_text.c - text from outside, for a terminal.
 */
#include "server/cli/cli_text.h"

#include <stdio.h>

enum {
    C1_LEAD = 0xc2, /* UTF-8: with the next byte up to 0x9f a control character */
    C1_MAX = 0x9f,
    DELETE = 0x7f,
    CONTINUES_MASK = 0xc0, /* UTF-8: bytes behind the first of a character */
    CONTINUES = 0x80,
    ESCAPED_WIDTH = 4,
};

static bool
is_control(struct slice text, size_t at)
{
    const unsigned char byte = (unsigned char)text.data[at];
    const unsigned char next =
        at + 1 < text.size ? (unsigned char)text.data[at + 1] : DELETE;

    return byte < ' ' || byte == DELETE ||
           (byte == C1_LEAD && next > DELETE && next <= C1_MAX);
}

void
cli_print_text(struct slice text, size_t width)
{
    size_t printed = 0;

    for (size_t i = 0; i < text.size; i++) {
        const unsigned char byte = (unsigned char)text.data[i];

        if (is_control(text, i)) {
            (void)printf("\\x%02x", (unsigned)byte);
            printed += ESCAPED_WIDTH;
        } else {
            (void)fputc(text.data[i], stdout);
            printed += (byte & CONTINUES_MASK) != CONTINUES;
        }
    }
    for (; printed < width; printed++) {
        (void)fputc(' ', stdout);
    }
}
