/*
 * config_fields.c - `field_mapping`, entry by entry.
 *
 * What identifies a contact is never overwritten: by it Brevo finds the contact, and consent is the
 * number's, not the person's (docs/decisions/0043-overwrite.md). What is computed always is.
 */
#include "server/config/config_fields.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mapping/profile.h"
#include "mapping/request.h"
#include "server/config/config_set.h"
#include "server/config/shape.h"

enum {
    SHOWN_MAX = 60, /* of a bad value, in errors */
    WORD_ERRORS_MAX = 2,
};

#define TO "to"
#define OVERWRITE "overwrite"

static const char *const words[] = {"never", "always"}; /* by bool */

/* An entry under way. */
struct entry {
    struct config *config; /* keeps its texts */
    const struct config_item *begin;
    const struct config_item *overwrite; /* NULL: not given */
    struct rules_field field;
    bool overwrites;
};

/* ---- errors ------------------------------------------------------------------------------- */

static int
fail(const struct config_option *option, const struct config_item *item,
    const char *remedy, const char *what, struct config_error *error)
{
    char key[2 * CONFIG_KEY_MAX];
    const bool has_part = item->part != NULL && *item->part != '\0';

    (void)snprintf(key, sizeof key, "%s.%.*s%s%.*s", option->key, SHOWN_MAX, item->name,
        has_part ? "." : "", SHOWN_MAX, has_part ? item->part : "");
    return config_fail(error, &item->place, key, remedy, "%s", what);
}

static int
fail_part(const struct config_option *option, const struct config_item *item,
    struct config_error *error)
{
    static const char *const parts[] = {TO, OVERWRITE};
    struct config_item shown = *item;
    char what[CONFIG_KEY_MAX];
    const char *remedy = "expected " TO " and " OVERWRITE;

    if (option_distance(parts[1], item->part) <= WORD_ERRORS_MAX) {
        remedy = "did you mean " OVERWRITE "?";
    }
    (void)snprintf(what, sizeof what, "a field has no \"%.*s\"", SHOWN_MAX, item->part);
    shown.part = NULL;
    shown.place = item->name_place;
    return fail(option, &shown, remedy, what, error);
}

static int
fail_word(const struct config_option *option, const struct config_item *item,
    struct config_error *error)
{
    char what[CONFIG_KEY_MAX];

    (void)snprintf(
        what, sizeof what, "\"%.*s\" is not when to overwrite", SHOWN_MAX, item->text);
    return fail(option, item, "expected never or always", what, error);
}

/* ---- entries ------------------------------------------------------------------------------ */

static int
set_attribute(const struct config_option *option, const struct config_item *item,
    struct entry *entry)
{
    if (option->shape != NULL && !option->shape->accepts(item->text)) {
        return CONFIG_SET_E_BAD;
    }
    entry->field.attribute = config_keep(entry->config, slice_of(item->text));
    return entry->field.attribute != NULL ? 0 : -ENOMEM;
}

static int
set_overwrite(const struct config_option *option, const struct config_item *item,
    struct entry *entry, struct config_error *error)
{
    entry->overwrite = item;
    entry->overwrites = strcmp(item->text, words[true]) == 0;
    return entry->overwrites || strcmp(item->text, words[false]) == 0
               ? 0
               : fail_word(option, item, error);
}

static int
set_part(const struct config_option *option, const struct config_item *item,
    struct entry *entry, struct config_error *error)
{
    if (strcmp(item->part, OVERWRITE) == 0) {
        return set_overwrite(option, item, entry, error);
    }
    if (strcmp(item->part, TO) != 0) {
        return fail_part(option, item, error);
    }
    const int r = set_attribute(option, item, entry);

    return r == 0 ? 0 : config_value_fail(option, item, r, error);
}

static size_t
count_overwrites(const struct rules *rules)
{
    size_t count = 0;

    for (size_t i = 0; i < rules->field_count; i++) {
        count += rules->overwrites[i] ? 1 : 0;
    }
    return count;
}

/* Why this one may not overwrite; NULL: it may. */
static const char *
find_objection(const struct entry *entry, const char **ret_remedy)
{
    if (profile_path_is_computed(entry->field.path)) {
        *ret_remedy = "leave " OVERWRITE " out: it is always written, from all that was "
                      "seen of a contact";
        return "it is computed";
    }
    if (!request_writes_attribute(entry->field.attribute)) {
        *ret_remedy =
            "leave " OVERWRITE " out: it fills what is empty, and is changed in "
            "Brevo by hand";
        return "it identifies the contact";
    }
    return NULL;
}

static bool
is_called(const struct entry *entry, const char *attribute)
{
    return slice_is(slice_of(entry->field.attribute), attribute);
}

/*
 * Why this one would fill nothing; NULL: it may. Of what identifies a contact, e-mail, SMS and WHATSAPP
 * are looked for in such fields.
 */
static const char *
find_dead_end(const struct entry *entry, const char **ret_remedy)
{
    if (is_called(entry, "EXT_ID")) {
        *ret_remedy = "say identity.ext_id_from: and the field";
        return "no field fills EXT_ID";
    }
    if (is_called(entry, "LANDLINE_NUMBER")) {
        *ret_remedy = "say SMS, by which a customer's phone is told and found; or an "
                      "attribute of your own";
        return "no field fills LANDLINE_NUMBER";
    }
    if (profile_path_is_computed(entry->field.path) &&
        !request_writes_attribute(entry->field.attribute)) {
        *ret_remedy = "give it an attribute of its own";
        return "it is computed, and identifies nobody";
    }
    return NULL;
}

static int
check(const struct config_option *option, const struct entry *entry,
    struct config_error *error)
{
    const char *remedy = NULL;

    if (entry->field.attribute == NULL) {
        return fail(option, entry->begin, "say " TO ": and the attribute's name",
            "a field does not say which attribute it fills", error);
    }
    const char *dead_end = find_dead_end(entry, &remedy);

    if (dead_end != NULL) {
        return fail(option, entry->begin, remedy, dead_end, error);
    }
    const char *objection = entry->overwrites ? find_objection(entry, &remedy) : NULL;

    return objection != NULL ? fail(option, entry->overwrite, remedy, objection, error)
                             : 0;
}

/*
 * Of two fields that an event tells at once, nobody could say whose value an attribute has. But
 * addresses are looked for in several.
 */
static int
check_apart(const struct config_option *option, const struct entry *entry,
    const unsigned *lines, struct config_error *error)
{
    const struct rules *rules = &entry->config->rules;
    char what[2 * CONFIG_KEY_MAX];

    for (size_t i = 0; i < rules->field_count; i++) {
        if (is_called(entry, rules->fields[i].attribute) &&
            request_writes_attribute(entry->field.attribute)) {
            (void)snprintf(what, sizeof what, "%.*s (line %u) fills %s, too", SHOWN_MAX,
                rules->fields[i].path, lines[i], entry->field.attribute);
            return fail(option, entry->begin, "keep one of the two", what, error);
        }
    }
    return 0;
}

/* Those behind *at that are of one entry; *at is the next one's then. */
static int
read_entry(const struct config_option *option, const struct config_items *items,
    size_t *at, struct entry *entry, struct config_error *error)
{
    const struct config_item *begin = &items->items[(*at)++];
    int r = 0;

    entry->begin = begin;
    if (!shape_path.accepts(begin->name) || !profile_path_is_known(begin->name)) {
        return config_value_fail(option, begin, CONFIG_SET_E_NAME, error);
    }
    entry->field.path = config_keep(entry->config, slice_of(begin->name));
    if (entry->field.path == NULL) {
        return config_fail_memory(error);
    }
    if (begin->part == NULL) {
        r = set_attribute(option, begin, entry);
        r = r == 0 ? 0 : config_value_fail(option, begin, r, error);
    }
    for (; r == 0 && *at < items->count && items->items[*at].part != NULL &&
           *items->items[*at].part != '\0';
         (*at)++) {
        r = set_part(option, &items->items[*at], entry, error);
    }
    return r == 0 ? check(option, entry, error) : r;
}

static int
add_entry(const struct config_option *option, const struct entry *entry, unsigned *lines,
    struct config_error *error)
{
    struct rules *rules = &entry->config->rules;

    if (rules->field_count == RULES_FIELDS_MAX ||
        (entry->overwrites && count_overwrites(rules) == RULES_OVERWRITES_MAX)) {
        return config_value_fail(option, entry->begin, CONFIG_SET_E_FULL, error);
    }
    const int r = check_apart(option, entry, lines, error);

    if (r != 0) {
        return r;
    }
    lines[rules->field_count] = entry->begin->name_place.line;
    rules->fields[rules->field_count] = entry->field;
    rules->overwrites[rules->field_count++] = entry->overwrites;
    return 0;
}

int
config_fields_set(const struct config_option *option, const struct config_items *items,
    struct config *config, struct config_error *error)
{
    struct rules *rules = &config->rules;
    unsigned lines[RULES_FIELDS_MAX] = {0}; /* of rules->fields: where each begins */
    int r = 0;

    rules->field_count = 0;
    memset(rules->overwrites, 0, sizeof rules->overwrites);
    for (size_t at = 0; r == 0 && at < items->count;) {
        struct entry entry = {.config = config};

        r = read_entry(option, items, &at, &entry, error);
        r = r == 0 ? add_entry(option, &entry, lines, error) : r;
    }
    return r;
}

/* ---- the way back ------------------------------------------------------------------------- */

json_t *
config_fields_to_json(const struct rules *rules)
{
    json_t *map = json_object();

    for (size_t i = 0; i < rules->field_count; i++) {
        const struct rules_field *field = &rules->fields[i];

        (void)json_object_set_new(map, field->path,
            rules->overwrites[i]
                ? json_pack("{s:s, s:s}", TO, field->attribute, OVERWRITE, words[true])
                : json_string(field->attribute));
    }
    return map;
}
