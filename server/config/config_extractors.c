/*
 * config_extractors.c - `csat.extractors`: a list of maps, each saying where a survey's answers are.
 *
 * Its items come flat: one without a name begins an extractor, those behind it are its fields.
 */
#include "server/config/config_extractors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/config/config_extractor_check.h"
#include "server/config/config_set.h"
#include "server/config/shape.h"

enum {
    SHOWN_MAX = 60, /* of a bad value, in errors */
    SCORE_LARGEST = 1000,
    WORD_MAX = 64, /* fits EVENT_SURVEY_ID_SIZE */
    WORD_ERRORS_MAX = 2,
    LETTERS_PER_ERROR = 3,
};

#define WORD_CHARACTERS \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static const char *const places[RULES_IN_COUNT] = {
    [RULES_IN_SURVEY_TASK] = "survey_task",
    [RULES_IN_SUPPORT_TASK] = "support_task",
    [RULES_IN_POST] = "endpoint",
};

/* ---- fields ------------------------------------------------------------------------------ */

static int
keep(struct config *config, struct slice text, const char **ret_text)
{
    *ret_text = config_keep(config, text);
    return *ret_text != NULL ? 0 : -ENOMEM;
}

static int
set_in(struct config *config, const char *text, struct rules_extractor *extractor)
{
    (void)config;
    for (size_t i = 0; i < RULES_IN_COUNT; i++) {
        if (strcmp(places[i], text) == 0) {
            extractor->in = (enum rules_answer_in)i;
            return 0;
        }
    }
    return CONFIG_SET_E_BAD;
}

/* "path", or "path=value". */
static int
set_attribute(struct config *config, const char *text, struct rules_extractor *extractor)
{
    const struct slice whole = slice_of(config_extractor_path(text));
    const struct slice path = slice_trim(slice_before(whole, '='));
    const bool has_value = slice_before(whole, '=').size < whole.size;
    char *kept = config_keep(config, path);

    if (kept == NULL) {
        return -ENOMEM;
    }
    extractor->attribute = kept;
    if (!shape_path.accepts(kept)) {
        return CONFIG_SET_E_BAD;
    }
    if (!has_value) {
        return 0;
    }
    const struct slice value =
        slice_trim(slice_skip(whole, slice_before(whole, '=').size + 1));

    return value.size > 0 ? keep(config, value, &extractor->attribute_value)
                          : CONFIG_SET_E_BAD;
}

static int
set_channel(struct config *config, const char *text, struct rules_extractor *extractor)
{
    (void)config;
    return channel_from_name(slice_of(text), &extractor->channel) ? 0 : CONFIG_SET_E_BAD;
}

/* "5", or "1-5". */
static int
set_scale(struct config *config, const char *text, struct rules_extractor *extractor)
{
    const struct slice whole = slice_of(text);
    const struct slice first = slice_before(whole, '-');
    const bool is_range = first.size < whole.size;
    const struct slice last = is_range ? slice_skip(whole, first.size + 1) : first;

    (void)config;
    if (!slice_to_int64(slice_trim(last), &extractor->score_max) ||
        (is_range && !slice_to_int64(slice_trim(first), &extractor->score_min))) {
        return CONFIG_SET_E_BAD;
    }
    return extractor->score_min >= 0 && extractor->score_max <= SCORE_LARGEST &&
                   extractor->score_min < extractor->score_max
               ? 0
               : CONFIG_SET_E_BAD;
}

static bool
is_name(const char *text)
{
    const struct slice trimmed = slice_trim(slice_of(text));

    return trimmed.size > 0 && trimmed.size == strlen(text);
}

static bool
is_path(const char *text)
{
    return shape_path.accepts(text);
}

static bool
is_word(const char *text)
{
    const size_t size = strlen(text);

    return size > 0 && size <= WORD_MAX && strspn(text, WORD_CHARACTERS) == size;
}

/* A text that `accepts` is kept at `offset`, unless `set` knows better. */
static const struct field {
    const char *name;
    const char *noun;
    const char *expected;
    int (*set)(struct config *config, const char *text, struct rules_extractor *ret);
    size_t offset;
    bool (*accepts)(const char *text);
} fields[] = {
    {"in", "a place for answers", "survey_task, support_task or endpoint", .set = set_in},
    {"attribute", "an attribute", "a path, or path=value, like conversations.kind=Survey",
        .set = set_attribute},
    {"workflow", "a workflow", "its name or its SID", NULL,
        offsetof(struct rules_extractor, workflow), is_name},
    {"queue", "a queue", "its name or its SID", NULL,
        offsetof(struct rules_extractor, queue), is_name},
    {"channel", "a channel",
        "voice, sms, whatsapp, webchat, email, messenger, video or other",
        .set = set_channel},
    {"score", "a path", "one like csat.score", NULL,
        offsetof(struct rules_extractor, score), is_path},
    {"scale", "a scale", "the best score, like 5, or both ends, like 1-5; 1000 at most",
        .set = set_scale},
    {"comment", "a path", "one like csat.comment", NULL,
        offsetof(struct rules_extractor, comment), is_path},
    {"survey_id", "a survey's name", "1 to 64 letters, digits, dots, - or _", NULL,
        offsetof(struct rules_extractor, survey_id), is_word},
    {"kind", "a kind of survey", "csat, nps, or a word of your own", NULL,
        offsetof(struct rules_extractor, kind), is_word},
};

static const struct field *
find_field(const char *name)
{
    for (size_t i = 0; i < LENGTH(fields); i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

/* ---- errors ------------------------------------------------------------------------------- */

static int
fail_name(const struct config_option *option, const struct config_item *item,
    struct config_error *error)
{
    char remedy[CONFIG_KEY_MAX] = "expected";
    size_t size = strlen(remedy);

    for (size_t i = 0; i < LENGTH(fields); i++) {
        const size_t most = strlen(fields[i].name) / LETTERS_PER_ERROR;

        if (option_distance(fields[i].name, item->name) <=
            (most < WORD_ERRORS_MAX ? most : WORD_ERRORS_MAX)) {
            (void)snprintf(remedy, sizeof remedy, "did you mean %s?", fields[i].name);
            break;
        }
        size += (size_t)snprintf(remedy + size, sizeof remedy - size, "%s %s",
            i > 0 ? "," : "", fields[i].name); /* all fit */
    }
    return config_fail(error, &item->name_place, option->key, remedy,
        "an extractor has no \"%.*s\"", SHOWN_MAX, item->name);
}

static int
fail_value(const struct config_option *option, const struct field *field,
    const struct config_item *item, struct config_error *error)
{
    char key[CONFIG_KEY_MAX];
    char remedy[CONFIG_KEY_MAX];

    (void)snprintf(key, sizeof key, "%s.%s", option->key, field->name);
    (void)snprintf(remedy, sizeof remedy, "expected %s", field->expected);
    return config_fail(error, &item->place, key, remedy, "\"%.*s\" is not %s", SHOWN_MAX,
        item->text, field->noun);
}

/* ---- extractors --------------------------------------------------------------------------- */

static int
set_field(const struct config_option *option, const struct config_item *item,
    struct config *config, struct rules_extractor *extractor, struct config_error *error)
{
    const struct field *field = find_field(item->name);
    int r = CONFIG_SET_E_BAD;

    if (field == NULL) {
        return fail_name(option, item, error);
    }
    const char *text =
        field->accepts == is_path ? config_extractor_path(item->text) : item->text;

    if (field->set != NULL) {
        r = field->set(config, text, extractor);
    } else if (field->accepts(text)) {
        const char *kept = config_keep(config, slice_of(text));

        memcpy((char *)extractor + field->offset, &kept, sizeof kept);
        r = kept != NULL ? 0 : -ENOMEM;
    }
    if (r == -ENOMEM) {
        return config_fail_memory(error);
    }
    return r == 0 ? 0 : fail_value(option, field, item, error);
}

/* Those behind *at, which begins an extractor; *at is the next one's then. */
static int
set_extractor(const struct config_option *option, const struct config_items *items,
    size_t *at, struct config *config, struct config_error *error)
{
    const struct config_item *begin = &items->items[(*at)++];
    struct rules *rules = &config->rules;
    struct rules_extractor extractor = {.in = RULES_IN_COUNT};

    if (begin->name == NULL || *begin->name != '\0') {
        return config_fail(error, &begin->place, option->key,
            "write `- name: value` lines, one list item for each",
            "not a list of extractors");
    }
    if (rules->extractor_count == RULES_EXTRACTORS_MAX) {
        return config_fail(
            error, &begin->place, option->key, "remove some", "too many values");
    }
    for (; *at < items->count && *items->items[*at].name != '\0'; (*at)++) {
        const int r = set_field(option, &items->items[*at], config, &extractor, error);

        if (r != 0) {
            return r;
        }
    }
    const int r = config_extractor_check(option,
        &(struct config_extractor_lines){begin, &items->items[*at] - begin}, &extractor,
        rules, error);

    rules->extractors[rules->extractor_count++] = extractor;
    return r;
}

int
config_extractors_set(const struct config_option *option,
    const struct config_items *items, struct config *config, struct config_error *error)
{
    int r = 0;

    config->rules.extractor_count = 0;
    for (size_t at = 0; r == 0 && at < items->count;) {
        r = set_extractor(option, items, &at, config, error);
    }
    return r;
}

/* ---- the way back ------------------------------------------------------------------------- */

static json_t *
scale_to_json(const struct rules_extractor *extractor)
{
    if (extractor->score_max == 0) {
        return NULL;
    }
    return extractor->score_min == 0
               ? json_integer(extractor->score_max)
               : json_sprintf("%lld-%lld", (long long)extractor->score_min,
                     (long long)extractor->score_max);
}

/* What would be called otherwise as a field of a post is one of its attributes. */
static const char *
prefix_of(const struct rules_extractor *extractor, const char *path)
{
    char name[PAYLOAD_NAME_SIZE];

    return extractor->in == RULES_IN_POST && config_extractor_renames(path, name)
               ? CONFIG_EXTRACTOR_ATTRIBUTES
               : "";
}

static json_t *
path_to_json(const struct rules_extractor *extractor, const char *path)
{
    return path == NULL ? NULL : json_sprintf("%s%s", prefix_of(extractor, path), path);
}

static json_t *
attribute_to_json(const struct rules_extractor *extractor)
{
    const char *path = extractor->attribute;

    return path == NULL || extractor->attribute_value == NULL
               ? path_to_json(extractor, path)
               : json_sprintf("%s%s=%s", prefix_of(extractor, path), path,
                     extractor->attribute_value);
}

json_t *
config_extractor_to_json(const struct rules_extractor *extractor)
{
    return json_pack("{s:s, s:o*, s:s*, s:s*, s:s*, s:o*, s:o*, s:o*, s:s*, s:s*}", "in",
        places[extractor->in], "attribute", attribute_to_json(extractor), "workflow",
        extractor->workflow, "queue", extractor->queue, "channel",
        channel_name(extractor->channel), "score",
        path_to_json(extractor, extractor->score), "scale", scale_to_json(extractor),
        "comment", path_to_json(extractor, extractor->comment), "survey_id",
        extractor->survey_id, "kind", extractor->kind);
}
