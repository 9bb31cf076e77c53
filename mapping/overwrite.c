/*
 * overwrite.c - profile fields that overwrite what Brevo has.
 */
#include "mapping/overwrite.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mapping/history_base.h"
#include "mapping/profile.h"
#include "mapping/request.h"

#define FIELD_NAME "+field."

static const char of_text = 't';
static const char of_json = 'j';

static_assert((int)HISTORY_TEXT_SIZE >= (int)PROFILE_TEXT_MAX + 2,
    "the longest text, its letter and the NUL");

/* ---- what the event tells ------------------------------------------------------------------ */

static bool
may_tell(const struct event *event, const struct rules *rules, size_t index)
{
    return rules->overwrites[index] && rules->sync_customers &&
           event->type != EVENT_TYPE_COUNT &&
           request_writes_attribute(rules->fields[index].attribute);
}

/* As profile_value(), of a field that overwrites; of others nothing. */
static int
told_value(const struct event *event, const struct rules *rules, size_t index,
    json_t **ret_value)
{
    return may_tell(event, rules, index)
               ? profile_value(event->payload, rules->fields[index].path, ret_value)
               : PROFILE_E_NOTHING;
}

static void
write_name(const char *attribute, char name[FACT_NAME_SIZE])
{
    (void)snprintf(name, FACT_NAME_SIZE, FIELD_NAME "%s", attribute);
}

static void
encode(const json_t *value, char text[HISTORY_TEXT_SIZE])
{
    size_t size;

    if (json_is_string(value)) {
        (void)snprintf(
            text, HISTORY_TEXT_SIZE, "%c%s", of_text, json_string_value(value));
        return;
    }
    text[0] = of_json;
    size = json_dumpb(
        value, text + 1, HISTORY_TEXT_SIZE - 2, JSON_ENCODE_ANY | REQUEST_DUMP);
    text[1 + (size <= HISTORY_TEXT_SIZE - 2 ? size : 0)] = '\0'; /* numbers are short */
}

/* NULL: memory is out. */
static json_t *
decode(const struct fact *fact)
{
    const struct slice value = slice_skip(fact->text, fact->text.size > 0 ? 1 : 0);

    return fact->text.size > 0 && fact->text.data[0] == of_json
               ? json_loadb(value.data, value.size, JSON_DECODE_ANY, NULL)
               : json_stringn(value.size > 0 ? value.data : "", value.size);
}

void
overwrite_read(
    const struct event *event, const struct rules *rules, struct history_says *says)
{
    size_t room = RULES_OVERWRITES_MAX;

    for (size_t i = 0; i < rules->field_count && room > 0; i++) {
        char name[FACT_NAME_SIZE];
        char text[HISTORY_TEXT_SIZE];
        AUTO(payload_release) json_t *value = NULL;
        const int r = told_value(event, rules, i, &value);

        says->failed |= r < 0;
        if (r == PROFILE_OK) {
            write_name(rules->fields[i].attribute, name);
            encode(value, text);
            history_say(says, name, event->told_ms, text);
            room--;
        }
    }
}

bool
overwrite_is_told(const struct event *event, const struct rules *rules)
{
    AUTO(payload_release) json_t *told = overwrite_to_json(event, rules);

    return told != NULL;
}

json_t *
overwrite_to_json(const struct event *event, const struct rules *rules)
{
    json_t *told = NULL;

    for (size_t i = 0; i < rules->field_count; i++) {
        AUTO(payload_release) json_t *value = NULL;

        if (told_value(event, rules, i, &value) == PROFILE_OK) {
            told = told != NULL ? told : json_object();
            (void)json_object_set_new(
                told, rules->fields[i].attribute, json_string("always"));
        }
    }
    return told;
}

/* ---- what Brevo has ------------------------------------------------------------------------ */

/* Text attributes show numbers and switches as texts. */
static bool
is_shown_as(const json_t *value, const json_t *text)
{
    const bool has_word = json_is_number(value) || json_is_boolean(value);
    char word[HISTORY_TEXT_SIZE];
    const size_t size =
        json_dumpb(value, word, sizeof word, JSON_ENCODE_ANY | REQUEST_DUMP);

    return has_word && size <= sizeof word &&
           slice_equal((struct slice){word, size}, slice_of(json_string_value(text)));
}

static bool
is_same(const json_t *theirs, const json_t *ours)
{
    if (json_is_number(theirs) && json_is_number(ours)) { /* 42 may be shown as 42.0 */
        const double one = json_number_value(theirs);
        const double other = json_number_value(ours);

        return one <= other && one >= other;
    }
    if (json_is_string(theirs) != json_is_string(ours)) {
        return json_is_string(theirs) ? is_shown_as(ours, theirs)
                                      : is_shown_as(theirs, ours);
    }
    return json_equal(theirs, ours) != 0;
}

static const json_t *
attribute_of(const json_t *contact, const char *name)
{
    return json_object_get(json_object_get(contact, "attributes"), name);
}

/* NULL: nobody told it. */
static const struct fact *
find(const struct facts *facts, const char *attribute)
{
    char name[FACT_NAME_SIZE];

    write_name(attribute, name);
    return facts_find(facts, slice_of(name));
}

void
overwrite_hold(json_t *contact, const struct rules *rules)
{
    json_t *attributes = json_object_get(contact, "attributes");

    for (size_t i = 0; i < rules->field_count; i++) {
        if (rules->overwrites[i] &&
            request_writes_attribute(rules->fields[i].attribute)) {
            (void)json_object_del(
                attributes, rules->fields[i].attribute); /* may be absent */
        }
    }
}

/* Of one field. As overwrite_write(). */
static int
write_field(json_t *contact, const char *attribute, const struct facts *known,
    const json_t *existing, json_t *own)
{
    const struct fact *fact = find(known, attribute);
    json_t *value =
        fact != NULL ? decode(fact) : json_incref(own); /* no room: not kept */

    if (value == NULL) {
        return -ENOMEM;
    }
    if (is_same(attribute_of(existing, attribute), value)) {
        json_decref(value);
        return 0;
    }
    return history_set_attribute(contact, attribute, value) ? 1 : -ENOMEM;
}

int
overwrite_write(json_t *contact, const struct event *event, const struct facts *known,
    const json_t *existing, const struct rules *rules)
{
    int added = 0;

    for (size_t i = 0; i < rules->field_count; i++) {
        AUTO(payload_release) json_t *own = NULL;
        int r = told_value(event, rules, i, &own);

        if (r == PROFILE_OK) {
            r = write_field(contact, rules->fields[i].attribute, known, existing, own);
            added |= r > 0 ? 1 : 0;
        }
        if (r < 0) {
            return r;
        }
    }
    return added;
}

/* Nobody has told it: nobody has written it. */
static bool
has(const struct facts *facts, const char *attribute, const json_t *existing)
{
    const struct fact *fact = find(facts, attribute);
    AUTO(payload_release) json_t *value = fact != NULL ? decode(fact) : NULL;

    return fact == NULL || is_same(attribute_of(existing, attribute), value);
}

bool
overwrite_is_doubtful(const struct event *event, const struct facts *before,
    const struct facts *known, const json_t *existing, const struct rules *rules)
{
    for (size_t i = 0; i < rules->field_count; i++) {
        const char *attribute = rules->fields[i].attribute;
        AUTO(payload_release) json_t *own = NULL;

        if (told_value(event, rules, i, &own) == PROFILE_OK &&
            has(known, attribute, existing) && !has(before, attribute, existing)) {
            return true;
        }
    }
    return false;
}
