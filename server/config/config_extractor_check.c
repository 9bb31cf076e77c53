/*
 * config_extractor_check.c - what only the whole of an extractor can have wrong, and its paths.
 */
#include "server/config/config_extractor_check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mapping/member.h"
#include "mapping/survey.h"

enum {
    SHOWN_MAX = 60, /* of a bad value, in errors */
};

/* ---- paths -------------------------------------------------------------------------------- */

const char *
config_extractor_path(const char *text)
{
    const size_t size = strlen(CONFIG_EXTRACTOR_ATTRIBUTES);

    return slice_starts(slice_of(text), CONFIG_EXTRACTOR_ATTRIBUTES) ? text + size : text;
}

bool
config_extractor_renames(const char *path, char name[PAYLOAD_NAME_SIZE])
{
    static const struct member_alias none[] = {{NULL, NULL}};
    AUTO(payload_release) json_t *post = json_pack("{s:b}", path, 1);
    AUTO(payload_release) json_t *read = json_object();

    name[0] = '\0';
    if (member_copy_object(read, none, post) != 0) {
        return false; /* memory is out, which whoever goes on will say */
    }
    const char *called = json_object_iter_key(json_object_iter(read));

    return called != NULL && strcmp(called, path) != 0 &&
           slice_to_text(slice_of(called), name, PAYLOAD_NAME_SIZE);
}

static bool
is_path(const char *field)
{
    return strcmp(field, "attribute") == 0 || strcmp(field, "score") == 0 ||
           strcmp(field, "comment") == 0;
}

static int
check_path(const struct config_option *option, const struct config_item *item,
    struct config_error *error)
{
    const struct slice path = slice_trim(slice_before(slice_of(item->text), '='));
    char text[PAYLOAD_NAME_SIZE];
    char name[PAYLOAD_NAME_SIZE];
    char key[CONFIG_KEY_MAX];
    char remedy[CONFIG_KEY_MAX];

    if (!slice_to_text(path, text, sizeof(text)) || config_extractor_path(text) != text ||
        !config_extractor_renames(text, name)) {
        return 0;
    }
    (void)snprintf(key, sizeof(key), "%s.%s", option->key, item->name);
    (void)snprintf(remedy, sizeof(remedy),
        "write %.*s, or " CONFIG_EXTRACTOR_ATTRIBUTES "%.*s of its TaskAttributes",
        SHOWN_MAX, name, SHOWN_MAX, text);
    return config_fail(error, &item->place, key, remedy,
        "no field of a post is called \"%.*s\"", SHOWN_MAX, text);
}

/* ---- one behind another ------------------------------------------------------------------- */

/* Whoever meets the other condition, meets this one. */
static bool
covers(const char *condition, const char *other)
{
    return condition == NULL || (other != NULL && strcasecmp(condition, other) == 0);
}

static bool
covers_attribute(
    const struct rules_extractor *extractor, const struct rules_extractor *other)
{
    return extractor->attribute == NULL ||
           (other->attribute != NULL &&
               strcmp(extractor->attribute, other->attribute) == 0 &&
               covers(extractor->attribute_value, other->attribute_value));
}

/* Tasks are one place, whatever a matching one is. */
static bool
is_asked_alike(
    const struct rules_extractor *extractor, const struct rules_extractor *other)
{
    return (extractor->in == RULES_IN_POST) == (other->in == RULES_IN_POST) &&
           survey_is_same(extractor, other);
}

static bool
is_always_before(
    const struct rules_extractor *extractor, const struct rules_extractor *other)
{
    return is_asked_alike(extractor, other) && covers_attribute(extractor, other) &&
           covers(extractor->workflow, other->workflow) &&
           covers(extractor->queue, other->queue) &&
           (extractor->channel == CHANNEL_UNKNOWN ||
               extractor->channel == other->channel);
}

static int
check_order(const struct config_option *option, const struct config_item *begin,
    const struct rules_extractor *extractor, const struct rules *rules,
    struct config_error *error)
{
    char remedy[CONFIG_KEY_MAX];

    for (size_t i = 0; i < rules->extractor_count; i++) {
        if (!is_always_before(&rules->extractors[i], extractor)) {
            continue;
        }
        (void)snprintf(remedy, sizeof(remedy),
            extractor->in == RULES_IN_POST
                ? "put it before extractor %zu, or give it more or other conditions"
                : "put it before extractor %zu, give it more or other conditions, or a "
                  "survey_id of its own",
            i + 1);
        return config_fail(error, &begin->place, option->key, remedy,
            "extractor %zu applies whenever this one does", i + 1);
    }
    return 0;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int
check_whole(const struct config_option *option, const struct config_item *begin,
    const struct rules_extractor *extractor, struct config_error *error)
{
    const bool is_any = extractor->attribute == NULL && extractor->workflow == NULL &&
                        extractor->queue == NULL && extractor->channel == CHANNEL_UNKNOWN;

    if (extractor->in == RULES_IN_COUNT) {
        return config_fail(error, &begin->place, option->key,
            "say in: survey_task, support_task or endpoint",
            "an extractor does not say what it looks in");
    }
    if (extractor->in != RULES_IN_POST && extractor->score == NULL) {
        return config_fail(error, &begin->place, option->key,
            "say score: and the path of the attribute",
            "an extractor does not say where the score is");
    }
    if (extractor->in == RULES_IN_SURVEY_TASK && is_any) {
        return config_fail(error, &begin->place, option->key,
            "say attribute:, workflow:, queue: or channel:",
            "an extractor would take every task for a survey");
    }
    return 0;
}

int
config_extractor_check(const struct config_option *option,
    const struct config_extractor_lines *lines, const struct rules_extractor *extractor,
    const struct rules *rules, struct config_error *error)
{
    int r = check_whole(option, lines->items, extractor, error);

    for (size_t i = 1; r == 0 && extractor->in == RULES_IN_POST && i < lines->count;
         i++) {
        r = is_path(lines->items[i].name) ? check_path(option, &lines->items[i], error)
                                          : 0;
    }
    return r == 0 ? check_order(option, lines->items, extractor, rules, error) : r;
}
