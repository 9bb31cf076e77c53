/*
 * mapping_diff.c - what two configurations make of one event, and where that differs.
 */
#include "server/cli/mapping_diff.h"

#include <errno.h>
#include <stdio.h>

#include "mapping/overwrite.h"
#include "mapping/request.h"
#include "mapping/ticket.h"
#include "server/deliver/contact_assumed.h"

enum {
    PATH_SIZE = 256,
    DEPTH_MAX = 6, /* bodies are flat: contact.attributes.X */
};

/* What is said of a delivery beside its bodies: paths, too, by the options' names. */
#define MODE "brevo.mode"
#define CREATE "contacts.create"

struct differ {
    json_t *changes;
    char path[PATH_SIZE];
};

/* ---- what one configuration makes of it ------------------------------------------------------ */

static const char *
verdict_name(enum event_verdict verdict)
{
    static const char *const names[] = {
        [EVENT_DELIVER] = "deliver",
        [EVENT_FILTERED] = "filtered",
        [EVENT_PARKED] = "parked",
        [EVENT_UNRESOLVED] = "unresolved",
    };

    return names[verdict];
}

/* NULL when memory is out. */
static json_t *
outcome_of(const struct event_reading *reading, const struct config *config)
{
    const struct event *event = &reading->event;
    const struct rules *rules = &config->rules;
    const bool is_written = contact_assumed_is_written(config);

    if (reading->verdict != EVENT_DELIVER) {
        return json_pack("{s:s, s:s*}", "verdict", verdict_name(reading->verdict),
            "reason", reading->reason);
    }
    json_t *contact = is_written ? history_contact_alone(event, rules) : json_object();
    json_t *overwrites = is_written ? overwrite_to_json(event, rules) : NULL;

    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o*}", "verdict",
        verdict_name(reading->verdict), MODE, config->brevo_mode, CREATE,
        config->contacts_create, "contact", contact, "event", request_event(event, rules),
        "overwrites", overwrites);
}

/* ---- where two differ ------------------------------------------------------------------------ */

static bool
is_personal(const char *path)
{
    static const char *const personal[] = {"contact.email", "contact.ext_id",
        "contact.attributes.", "event.identifiers.", "event.event_properties.agent",
        "event.event_properties.comment", "event.event_properties.content"};

    for (size_t i = 0; i < LENGTH(personal); i++) {
        if (slice_starts(slice_of(path), personal[i])) {
            return true;
        }
    }
    return false;
}

static json_t *
describe(const json_t *value)
{
    if (json_is_string(value)) {
        return json_sprintf("a text of %zu bytes", json_string_length(value));
    }
    return json_string(json_is_number(value) ? "a number" : "a value");
}

/* NULL is nothing. A new reference. */
static json_t *
shown(const char *path, json_t *value)
{
    if (value == NULL) {
        return json_null();
    }
    return is_personal(path) ? describe(value) : json_incref(value);
}

static int
add_change(struct differ *differ, json_t *before, json_t *after)
{
    json_t *change = json_pack("{s:s, s:o, s:o}", "path", differ->path, "before",
        shown(differ->path, before), "after", shown(differ->path, after));

    return json_array_append_new(differ->changes, change) == 0 ? 0 : -ENOMEM;
}

/* NOLINTBEGIN(misc-no-recursion): as deep as DEPTH_MAX */
static int diff_values(
    struct differ *differ, json_t *before, json_t *after, unsigned depth);

static int
diff_member(struct differ *differ, const char *name, json_t *before, json_t *after,
    unsigned depth)
{
    const size_t size = slice_of(differ->path).size;

    (void)snprintf(differ->path + size, sizeof(differ->path) - size, "%s%s",
        size > 0 ? "." : "", name); /* cut, it is still told */
    const int r = diff_values(differ, before, after, depth);

    differ->path[size] = '\0';
    return r;
}

/* Objects member by member, also where one of them is not there. */
static int
diff_values(struct differ *differ, json_t *before, json_t *after, unsigned depth)
{
    const char *name;
    json_t *value;
    int r = 0;

    if (before == after || json_equal(before, after)) {
        return 0;
    }
    if (depth == 0 || (before != NULL && !json_is_object(before)) ||
        (after != NULL && !json_is_object(after))) {
        return add_change(differ, before, after);
    }
    json_object_foreach(before, name, value)
    {
        r = r == 0 ? diff_member(
                         differ, name, value, json_object_get(after, name), depth - 1)
                   : r;
    }
    json_object_foreach(after, name, value)
    {
        if (r == 0 && json_object_get(before, name) == NULL) {
            r = diff_member(differ, name, NULL, value, depth - 1);
        }
    }
    return r;
}

/* NOLINTEND(misc-no-recursion) */

static int
diff_outcomes(json_t *before, json_t *after, json_t *changes)
{
    static const char *const told[] = {MODE, CREATE, "contact", "event", "overwrites"};
    struct differ differ = {.changes = changes};

    if (!json_equal(
            json_object_get(before, "verdict"), json_object_get(after, "verdict"))) {
        for (size_t i = 0; i < LENGTH(told); i++) {
            (void)json_object_del(before, told[i]); /* of a filtered one there is none */
            (void)json_object_del(after, told[i]);
        }
    }
    return diff_values(&differ, before, after, DEPTH_MAX);
}

/* What one configuration makes of it, and when it happened; of none, nothing. NULL: no memory. */
static json_t *
read_by(const struct mapping_diff_input *input, const struct config *config,
    int64_t *ret_date_ms)
{
    struct event_reading reading;

    if (config == NULL) {
        return json_object();
    }
    event_read(input->payload, &config->rules, input->context, &reading);
    ticket_judge_alone(
        &reading, input->payload, &config->rules, input->context->received_ms);
    *ret_date_ms = reading.event.date_ms;
    return outcome_of(&reading, config);
}

int
mapping_diff(const struct mapping_diff_input *input, json_t **ret_changes)
{
    int64_t date_ms = 0;
    json_t *before = read_by(input, input->old_config, &date_ms);
    json_t *after = read_by(input, input->new_config, &date_ms);
    json_t *changes = json_array();
    int r = before != NULL && after != NULL && changes != NULL ? 0 : -ENOMEM;

    r = r == 0 && date_ms >= input->since_ms ? diff_outcomes(before, after, changes) : r;
    json_decref(before);
    json_decref(after);
    if (r != 0 || date_ms < input->since_ms) {
        json_decref(changes);
        changes = NULL;
    }
    *ret_changes = changes;
    return r;
}
