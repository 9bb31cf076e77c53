/*
 * history_base.c - what Brevo had before us, as a fact of each attribute.
 *
 * Each is told by whoever first meets the contact while the attribute is mapped. Before, we wrote
 * none of it; so a line that field_mapping gets later has its base too, and no later look, which
 * sees our own values, adds to one.
 */
#include "mapping/history_base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/request.h"

#define BASE_COUNT "!base.count"
#define BASE_WAIT "!base.wait"
#define BASE_CHANNEL "!base.channel"

enum {
    NUMBER_SIZE = 32,
    HUNDRED = 100,
    CHANNEL_MAX = 96, /* bytes; what is longer is no channel's name */
};

static const double number_max = 1e9; /* of these a product fits 63 bits */
static const char nothing[] = "-";

const char *
history_attribute(const struct rules *rules, const char *path)
{
    for (size_t i = 0; i < rules->field_count; i++) {
        const struct rules_field *field = &rules->fields[i];

        if (strcmp(field->path, path) == 0 &&
            request_writes_attribute(field->attribute)) {
            return field->attribute;
        }
    }
    return NULL;
}

/* Whole, or there is none: "12 tickets" is no number. */
static double
number_of_text(const char *whole)
{
    char text[NUMBER_SIZE];
    char *end = text;

    if (!slice_to_text(slice_trim(slice_of(whole)), text, sizeof text)) {
        return -1;
    }
    const double number = strtod(text, &end);

    return end != text && *end == '\0' ? number : -1;
}

int64_t
history_hundredths(const json_t *value)
{
    const double number = json_is_string(value) ? number_of_text(json_string_value(value))
                          : json_is_number(value) ? json_number_value(value)
                                                  : -1;

    /* what is not a number at all is in no range either */
    return number >= 0 && number <= number_max ? (int64_t)(number * HUNDRED + 0.5) : -1;
}

static void
write_number(int64_t number, char text[HISTORY_TEXT_SIZE])
{
    if (number >= 0) {
        (void)snprintf(text, HISTORY_TEXT_SIZE, "%lld", (long long)number);
    } else {
        memcpy(text, nothing, sizeof nothing);
    }
}

static void
write_count(const json_t *value, char text[HISTORY_TEXT_SIZE])
{
    const int64_t count = history_hundredths(value);

    write_number(count >= 0 ? count / HUNDRED : -1, text);
}

static void
write_wait(const json_t *value, char text[HISTORY_TEXT_SIZE])
{
    const int64_t wait = history_hundredths(value);

    write_number(wait >= 0 ? (wait + HUNDRED / 2) / HUNDRED : -1, text);
}

/* By our name where we have one; a channel of the account's own is kept as it is. */
static struct slice
channel_of(const json_t *value)
{
    const struct slice text = slice_trim(slice_of(json_string_value(value)));
    enum channel channel;

    if (channel_from_name(text, &channel)) {
        return slice_of(channel_name(channel));
    }
    return text.size > 0 && text.size <= CHANNEL_MAX ? text : slice_of(nothing);
}

static void
write_channel(const json_t *value, char text[HISTORY_TEXT_SIZE])
{
    const struct slice channel = channel_of(value);

    (void)snprintf(text, HISTORY_TEXT_SIZE, "%.*s", (int)channel.size, channel.data);
}

static const struct {
    const char *path;
    const char *name;
    void (*write)(const json_t *value, char text[HISTORY_TEXT_SIZE]);
} bases[HISTORY_BASES] = {
    {HISTORY_COUNT, BASE_COUNT, write_count},
    {HISTORY_WAIT, BASE_WAIT, write_wait},
    {HISTORY_CHANNEL, BASE_CHANNEL, write_channel},
};

const char *
history_base_write(size_t index, const json_t *existing, const struct rules *rules,
    char ret_text[HISTORY_TEXT_SIZE])
{
    const json_t *attributes = json_object_get(existing, "attributes");
    const char *attribute = history_attribute(rules, bases[index].path);

    if (attribute == NULL) {
        return NULL;
    }
    bases[index].write(json_object_get(attributes, attribute), ret_text);
    return bases[index].name;
}

bool
history_base_is_known(const struct facts *known, const struct rules *rules)
{
    for (size_t i = 0; i < LENGTH(bases); i++) {
        if (history_attribute(rules, bases[i].path) != NULL &&
            facts_find(known, slice_of(bases[i].name)) == NULL) {
            return false;
        }
    }
    return true;
}

static struct slice
text_of(const struct facts *known, const char *name)
{
    const struct fact *fact = facts_find(known, slice_of(name));

    return fact != NULL && !slice_is(fact->text, nothing) ? fact->text
                                                          : (struct slice){0};
}

static int64_t
read_number(struct slice text)
{
    int64_t number;

    return slice_to_int64(text, &number) && number >= 0 && (double)number <= number_max
               ? number
               : -1;
}

void
history_base_read(const struct facts *known, struct history_base *ret_base)
{
    *ret_base = (struct history_base){
        .count = read_number(text_of(known, BASE_COUNT)),
        .wait_s = read_number(text_of(known, BASE_WAIT)),
        .channel = text_of(known, BASE_CHANNEL),
    };
}
