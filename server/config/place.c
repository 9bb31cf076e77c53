/*
 * place.c - wording an error of the configuration.
 */
#include "server/config/place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum {
    UTF8_MASK = 0xC0,
    UTF8_FOLLOWS = 0x80, /* a byte that begins no character */
};

void
config_place_find(struct config_place *place, struct slice text, size_t offset)
{
    place->line = 1;
    place->column = 1;
    for (size_t i = 0; i < offset && i < text.size; i++) {
        if (text.data[i] == '\n') {
            place->line++;
            place->column = 1;
        } else if (((unsigned char)text.data[i] & UTF8_MASK) != UTF8_FOLLOWS) {
            place->column++;
        }
    }
}

bool
config_place_is_tab(const struct config_place *place, struct slice text)
{
    for (unsigned line = 1; line < place->line; line++) {
        const char *end = text.size > 0 ? memchr(text.data, '\n', text.size) : NULL;

        if (end == NULL) {
            return false;
        }
        text = slice_skip(text, (size_t)(end - text.data) + 1);
    }
    return place->column <= text.size && text.data[place->column - 1] == '\t';
}

static void add(struct config_error *error, size_t *size, const char *format, ...)
    PRINTF(3, 4);

/* Appends, cut at the end of the text. */
static void
add(struct config_error *error, size_t *size, const char *format, ...)
{
    const size_t room = sizeof(error->text) - *size;
    va_list arguments;

    va_start(arguments, format);
    const int added = vsnprintf(error->text + *size, room, format, arguments);

    va_end(arguments);
    if (added > 0) {
        *size += (size_t)added < room ? (size_t)added : room - 1;
    }
}

static void
add_place(struct config_error *error, size_t *size, const struct config_place *place)
{
    if (place->variable != NULL) {
        add(error, size, ": environment variable %s", place->variable);
    } else if (place->line > 0) {
        add(error, size, ": %s:%u:%u", place->file, place->line, place->column);
    } else if (place->file != NULL) {
        add(error, size, ": %s", place->file);
    }
}

int
config_fail(struct config_error *error, const struct config_place *place, const char *key,
    const char *remedy, const char *what, ...)
{
    size_t size = 0;
    va_list arguments;

    va_start(arguments, what);
    (void)vsnprintf(error->text, sizeof(error->text), what, arguments);
    va_end(arguments);
    while (error->text[size] != '\0') {
        size++;
    }
    add_place(error, &size, place);
    if (key != NULL) {
        add(error, &size, ": %s", key);
    }
    if (remedy != NULL) {
        add(error, &size, " (%s)", remedy);
    }
    for (size_t i = 0; i < size; i++) {
        if (error->text[i] < ' ' || error->text[i] > '~') {
            error->text[i] = '?';
        }
    }
    return EX_CONFIG;
}

int
config_fail_memory(struct config_error *error)
{
    return config_fail(error, &(struct config_place){0}, NULL, NULL, "out of memory");
}
