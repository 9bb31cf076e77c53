/*
 * config_value.c - the texts given for a key, into the field of struct config they are for.
 *
 * Each type has a row: how one item is set, how the field is emptied first, and the words for an
 * item that does not fit.
 */
#include "server/config/config_value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/config/config_extractors.h"
#include "server/config/config_fields.h"
#include "server/config/config_set.h"

enum {
    SHOWN_MAX = 60, /* of a bad value, in errors */
};

enum cardinality {
    ONE,
    LIST,
    MAP,
    RECORDS,
};

static const struct value_type {
    enum cardinality cardinality;
    config_setter *set; /* of one item */
    config_clearer *clear;
    const char *noun; /* where the option has no shape */
    const char *expected;
    const char *name_noun;
    const char *name_expected;
    int (*set_all)(const struct config_option *option, const struct config_items *items,
        struct config *config, struct config_error *error); /* in place of `set` */
} types[OPTION_TYPE_COUNT] = {
    [OPTION_TEXT] = {ONE, .set = config_set_text},
    [OPTION_URL] = {ONE, .set = config_set_text},
    [OPTION_BOOL] = {ONE, config_set_bool, .noun = "a switch",
        .expected = "true or false"},
    [OPTION_INTEGER] = {ONE, config_set_integer, .noun = "a number",
        .expected = "digits"},
    [OPTION_DURATION] = {ONE, config_set_duration, .noun = "a duration",
        .expected = "a number and its unit, like 500ms, 3s, 10m, 24h or 31d"},
    [OPTION_SIZE] = {ONE, config_set_size, .noun = "a size",
        .expected = "a number and its unit, like 512KiB, 64MiB or 1GiB"},
    [OPTION_RATE] = {ONE, config_set_rate, .noun = "a rate",
        .expected = "auto, or 0.1 to 10000 requests a second"},
    [OPTION_SHARE] = {ONE, config_set_share, .noun = "a share",
        .expected = "a number over 0 and at most 1"},
    [OPTION_LOG_LEVEL] = {ONE, config_set_log_level, .noun = "a log level",
        .expected = "error, warn, info, debug or verbose"},
    [OPTION_AGENT] = {ONE, config_set_agent, .noun = "a way to name agents",
        .expected = "none, sid or name"},
    [OPTION_OUTBOUND] = {ONE, config_set_outbound,
        .noun = "what of outbound tickets is sent",
        .expected = "ignore, resolved or all"},
    [OPTION_TEXTS] = {LIST, config_add_text, .clear = config_clear_texts},
    [OPTION_URLS] = {LIST, config_add_text, .clear = config_clear_texts},
    [OPTION_RULES_TEXTS] = {LIST, config_add_rules_text,
        .clear = config_clear_rules_texts},
    [OPTION_CHANNELS] = {LIST, config_add_channel, config_clear_channels,
        .noun = "a channel",
        .expected = "voice, sms, whatsapp, webchat, email, messenger, video or other"},
    [OPTION_FIELD_MAP] = {MAP, .set_all = config_fields_set, .name_noun = "a field",
        .name_expected = "one like friendly_name or attributes.email"},
    [OPTION_EVENT_MAP] = {MAP, config_add_event, .name_noun = "an event",
        .name_expected =
            "task.created, task.completed, task.canceled, task.waiting, "
            "conversation.ended, survey.completed, or message.delivered, .read, "
            ".undelivered or .failed"},
    [OPTION_EXTRACTORS] = {RECORDS, .set_all = config_extractors_set},
};

bool
config_value_is_list(enum option_type type)
{
    return types[type].cardinality == LIST;
}

bool
config_value_is_map(enum option_type type)
{
    return types[type].cardinality == MAP;
}

bool
config_value_is_records(enum option_type type)
{
    return types[type].cardinality == RECORDS;
}

bool
config_value_has_parts(enum option_type type)
{
    return type == OPTION_FIELD_MAP;
}

static int
fail_range(const struct config_option *option, const struct config_item *item,
    struct config_error *error)
{
    char min[CONFIG_DURATION_TEXT_SIZE];
    char max[CONFIG_DURATION_TEXT_SIZE];
    char remedy[CONFIG_KEY_MAX];

    if (option->type == OPTION_DURATION) {
        config_duration_text(option->min, min);
        config_duration_text(option->max, max);
    } else if (option->type == OPTION_SIZE) {
        config_size_text(option->min, min);
        config_size_text(option->max, max);
    } else {
        (void)snprintf(min, sizeof(min), "%lld", (long long)option->min);
        (void)snprintf(max, sizeof(max), "%lld", (long long)option->max);
    }
    (void)snprintf(remedy, sizeof(remedy), "expected %s to %s", min, max);
    return config_fail(error, &item->place, option->key, remedy,
        "\"%.*s\" is out of range", SHOWN_MAX, item->text);
}

/* A user's password, or a query that holds a key, may have been put into a URL by mistake. */
static bool
may_be_shown(const struct config_option *option, const char *text)
{
    return !option->is_secret && !option->has_file && strpbrk(text, "@?") == NULL;
}

static int
fail_bad(const struct config_option *option, const struct config_item *item,
    const char *key, struct config_error *error)
{
    const struct value_type *type = &types[option->type];
    const struct option_shape *shape = option->shape;
    const char *noun = shape != NULL ? shape->noun : type->noun;
    char remedy[CONFIG_KEY_MAX];

    if (option->explain == NULL || !option->explain(item->text, remedy)) {
        (void)snprintf(remedy, sizeof(remedy), "expected %s",
            shape != NULL ? shape->expected : type->expected);
    }
    if (!may_be_shown(option, item->text)) {
        return config_fail(error, &item->place, key, remedy, "not %s", noun);
    }
    return config_fail(error, &item->place, key, remedy, "\"%.*s\" is not %s", SHOWN_MAX,
        item->text, noun);
}

static int
fail_name(const struct config_option *option, const struct config_item *item,
    const char *key, struct config_error *error)
{
    const struct value_type *type = &types[option->type];
    char remedy[CONFIG_KEY_MAX];

    (void)snprintf(remedy, sizeof(remedy), "expected %s", type->name_expected);
    return config_fail(error, &item->name_place, key, remedy, "\"%.*s\" is not %s",
        SHOWN_MAX, item->name, type->name_noun);
}

int
config_value_fail(const struct config_option *option, const struct config_item *item,
    int result, struct config_error *error)
{
    char key[2 * CONFIG_KEY_MAX];

    (void)snprintf(key, sizeof(key), "%s%s%.*s", option->key,
        item->name != NULL ? "." : "", SHOWN_MAX, item->name != NULL ? item->name : "");
    switch (result) {
    case CONFIG_SET_E_BAD:
        return fail_bad(option, item, key, error);
    case CONFIG_SET_E_NAME:
        return fail_name(option, item, key, error);
    case CONFIG_SET_E_RANGE:
        return fail_range(option, item, error);
    case CONFIG_SET_E_FULL:
        return config_fail(
            error, &item->place, option->key, "remove some", "too many values");
    default:
        return config_fail_memory(error);
    }
}

int
config_value_set(const struct config_option *option, const struct config_items *items,
    struct config *config, struct config_error *error)
{
    const struct value_type *type = &types[option->type];

    if (items->overflow) {
        return config_value_fail(
            option, &items->items[items->count - 1], CONFIG_SET_E_FULL, error);
    }
    if (type->set_all != NULL) {
        return type->set_all(option, items, config, error);
    }
    if (type->clear != NULL) {
        type->clear(option_field(option, config));
    }
    for (size_t i = 0; i < items->count; i++) {
        const int r = type->set(option, &items->items[i], config);

        if (r != 0) {
            return config_value_fail(option, &items->items[i], r, error);
        }
    }
    return 0;
}

void
config_items_add(struct config_items *items, const struct config_item *item)
{
    if (items->count == CONFIG_ITEMS_MAX) {
        items->overflow = true;
        return;
    }
    items->items[items->count++] = *item;
}

/* The next part of *rest up to a comma or a line end, cut off in place; NULL after the last. */
static char *
next_part(char **rest)
{
    if (*rest == NULL) {
        return NULL;
    }
    char *part = *rest;
    char *end = part + strcspn(part, ",\n");

    *rest = *end != '\0' ? end + 1 : NULL;
    *end = '\0';
    return part;
}

/* Cuts the blanks off both ends, in place. */
static char *
trim(char *text)
{
    const struct slice trimmed = slice_trim(slice_of(text));
    char *first = text + (trimmed.data - text);

    first[trimmed.size] = '\0';
    return first;
}

static struct config_item
read_part(
    const struct config_option *option, char *part, const struct config_place *place)
{
    struct config_item item = {.text = trim(part), .name_place = *place, .place = *place};
    char *equals = strchr(item.text, '=');

    if ((config_value_is_map(option->type) || config_value_is_records(option->type)) &&
        equals != NULL) {
        item.name = item.text;
        item.text = equals + 1;
        *equals = '\0';
    }
    return item;
}

int
config_value_split(const struct config_option *option, const char *text,
    const struct config_place *place, struct config *config,
    struct config_items *ret_items)
{
    char *rest = config_keep(config, slice_of(text));

    if (rest == NULL) {
        return -ENOMEM;
    }
    *ret_items = (struct config_items){0};
    if (types[option->type].cardinality == ONE) {
        config_items_add(ret_items,
            &(struct config_item){.text = rest, .name_place = *place, .place = *place});
        return 0;
    }
    for (char *part = next_part(&rest); part != NULL; part = next_part(&rest)) {
        const struct config_item item = read_part(option, part, place);

        if (*item.text != '\0' || item.name != NULL) {
            config_items_add(ret_items, &item);
        }
    }
    return 0;
}
