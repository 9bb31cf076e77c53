/*
 * attribute.c - what the configuration writes, looked for in Brevo's list.
 */
#include "mapping/attribute.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mapping/request.h"

static const char any[] = "any";

/* What the values of a path are, and so must be in Brevo for ever. */
static const struct {
    const char *path;
    const char *type;
} types[] = {
    {"identity", "text"},
    {"friendly_name", "text"},
    {"customer_tier", "text"},
    {"account_id", "text"},
    {"preferred_channel", "text"},
    {"last_conversation_date", "date"},
    {"total_conversations", "float"},
    {"avg_wait_time", "float"},
    {"last_csat_score", "float"},
};

static const struct {
    const char *name;
    const char *remedy;
} problems[ATTRIBUTE_PROBLEM_COUNT] = {
    [ATTRIBUTE_FINE] = {"fine", "nothing"},
    [ATTRIBUTE_MISSING] = {"missing",
        "create it in Brevo with the type it wants (Contacts, Settings, Contact "
        "attributes), or change field_mapping: until then Brevo drops its values"},
    [ATTRIBUTE_WRONG_CASE] = {"wrong_case",
        "Brevo's names count letter by letter: create it in capitals, or map another "
        "one: until then Brevo drops its values"},
    [ATTRIBUTE_WRONG_TYPE] = {"wrong_type",
        "map an attribute of the type it wants: Brevo cannot change a type, and drops "
        "values of another one"},
};

const char *
attribute_problem_name(enum attribute_problem problem)
{
    return problems[problem].name;
}

const char *
attribute_problem_remedy(enum attribute_problem problem)
{
    return problems[problem].remedy;
}

static const char *
wanted_type(const char *path)
{
    for (size_t i = 0; i < LENGTH(types); i++) {
        if (strcmp(types[i].path, path) == 0) {
            return types[i].type;
        }
    }
    return any;
}

static const char *
text_of(const json_t *item, const char *member)
{
    const char *text = json_string_value(json_object_get(item, member));

    return text != NULL ? text : "";
}

/* A category's type is often not said. */
static const char *
type_of(const json_t *item)
{
    const char *category = text_of(item, "category");

    return strcmp(category, "normal") == 0 ? text_of(item, "type") : category;
}

/* A text is welcome in a category, where it is one of its options. */
static bool
takes(const char *type, const char *wanted)
{
    if (strcmp(wanted, any) == 0) {
        return strcmp(type, "calculated") != 0 && strcmp(type, "global") != 0;
    }
    return strcmp(type, wanted) == 0 ||
           (strcmp(wanted, "text") == 0 && strcmp(type, "category") == 0);
}

/* For a person to read, in a line of the log: what has other letters is no name or type. */
static void
keep_found(struct attribute_finding *finding, const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

    if (!slice_to_text(slice_of(text), finding->found, sizeof(finding->found)) ||
        strspn(text, letters) != strlen(text)) {
        finding->found[0] = '\0';
    }
}

static void
judge(struct attribute_finding *finding, const json_t *list)
{
    size_t i;
    const json_t *item;

    finding->problem = ATTRIBUTE_MISSING;
    json_array_foreach(list, i, item)
    {
        const char *name = text_of(item, "name");

        if (strcmp(text_of(item, "category"), "transactional") == 0) {
            continue; /* of orders, not of contacts */
        }
        if (strcmp(name, finding->name) == 0) {
            finding->problem = takes(type_of(item), finding->wanted)
                                   ? ATTRIBUTE_FINE
                                   : ATTRIBUTE_WRONG_TYPE;
            keep_found(finding, type_of(item));
            return;
        }
        if (strcasecmp(name, finding->name) == 0) {
            finding->problem = ATTRIBUTE_WRONG_CASE;
            keep_found(finding, name);
        }
    }
}

static bool
is_known(const struct attribute_findings *findings, const char *name)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (strcmp(findings->items[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool
attribute_compare(const struct rules *rules, const json_t *answer,
    struct attribute_findings *ret_findings)
{
    const json_t *list = json_object_get(answer, "attributes");
    struct attribute_findings findings = {.count = 0};

    if (!json_is_array(list)) {
        return false;
    }
    for (size_t i = 0; rules->sync_customers && i < rules->field_count; i++) {
        const struct rules_field *field = &rules->fields[i];

        if (request_writes_attribute(field->attribute) &&
            !is_known(&findings, field->attribute)) {
            struct attribute_finding *finding = &findings.items[findings.count++];

            finding->name = field->attribute;
            finding->wanted = wanted_type(field->path);
            judge(finding, list);
        }
    }
    *ret_findings = findings;
    return true;
}

size_t
attribute_wrong_count(const struct attribute_findings *findings)
{
    size_t count = 0;

    for (size_t i = 0; i < findings->count; i++) {
        count += findings->items[i].problem != ATTRIBUTE_FINE;
    }
    return count;
}

void
attribute_summary(const struct attribute_findings *findings, char *text, size_t capacity)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < findings->count; i++) {
        const struct attribute_finding *finding = &findings->items[i];

        if (finding->problem == ATTRIBUTE_FINE) {
            continue;
        }
        const int size =
            snprintf(text + used, capacity - used, "%s%s %s", used > 0 ? ", " : "",
                finding->name, attribute_problem_name(finding->problem));

        if (size < 0 || (size_t)size >= capacity - used) {
            text[used] = '\0'; /* the log has all of them */
            return;
        }
        used += (size_t)size;
    }
}
