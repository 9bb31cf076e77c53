/*
 * mapping_diff.c - what two configurations make of one event, and where that differs.
 */
#include "server/cli/mapping_diff.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mapping/history.h"
#include "mapping/overwrite.h"
#include "mapping/request.h"
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

/*
 * What Brevo would be asked: of the contact contact_assumed.h has, with numbers where they would be. An
 * event that is too old fires nothing. NULL when memory is out.
 */
static json_t *
requests_of(const struct event *event, const struct config *config, bool is_mute)
{
    const struct rules *rules = &config->rules;
    const bool is_written = contact_assumed_is_written(config);
    json_t *contact = is_written ? request_contact(event, rules) : json_object();
    json_t *request = is_mute ? NULL : request_event(event, rules);
    json_t *overwrites = is_written ? overwrite_to_json(event, rules) : NULL;
    const bool is_whole =
        contact != NULL && (is_mute || request != NULL) &&
        (!is_written || history_alone_said(event, rules, contact, request));

    if (is_mute && is_whole) {
        (void)!request_contact_drop(contact, REQUEST_LIST);
    }
    json_t *requests = json_pack("{s:s, s:s, s:o, s:o*, s:o*}", MODE, config->brevo_mode,
        CREATE, config->contacts_create, "contact", contact, "event", request,
        "overwrites", overwrites);

    if (!is_whole) {
        json_decref(requests);
        return NULL;
    }
    return requests;
}

/* Of no record, nothing. NULL when memory is out. */
static json_t *
outcome_of(const struct mapping_judgement *judgement, const struct config *config)
{
    const struct event_reading *reading = &judgement->job.reading;
    const bool is_mute = judgement->is_mute;

    if (!judgement->is_made) {
        return json_object();
    }
    json_t *outcome = json_pack("{s:s, s:s*}", "verdict",
        verdict_name(is_mute ? EVENT_FILTERED : reading->verdict), "reason",
        is_mute ? EVENT_REASON_TOO_OLD : reading->reason);

    if (reading->verdict == EVENT_DELIVER &&
        json_object_update_new(outcome, requests_of(&reading->event, config, is_mute)) !=
            0) {
        json_decref(outcome);
        return NULL;
    }
    return outcome;
}

/* ---- where two differ ------------------------------------------------------------------------ */

static bool
is_personal(const char *path)
{
    static const char *const personal[] = {"contact.email", "contact.ext_id",
        "contact.attributes.", "event.identifiers.", "event.contact_properties.",
        "event.event_properties.agent", "event.event_properties.comment",
        "event.event_properties.content", "event.event_properties.outcome"};

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

static bool
is_alike(const json_t *before, const json_t *after, const char *name)
{
    const json_t *one = json_object_get(before, name);
    const json_t *other = json_object_get(after, name);

    return one == other || json_equal(one, other);
}

/* Brevo is asked nothing, and nobody has to look at it. */
static bool
is_left_out(const json_t *outcome)
{
    const char *verdict = json_string_value(json_object_get(outcome, "verdict"));

    return verdict == NULL || (strcmp(verdict, verdict_name(EVENT_FILTERED)) == 0 &&
                                  json_object_get(outcome, "contact") == NULL);
}

static bool
is_no_record(const json_t *outcome)
{
    return json_object_size(outcome) == 0;
}

static int
diff_outcomes(json_t *before, json_t *after, json_t *changes)
{
    static const char *const told[] = {MODE, CREATE, "contact", "event", "overwrites"};
    struct differ differ = {.changes = changes};

    if ((is_no_record(before) || is_no_record(after)) && is_left_out(before) &&
        is_left_out(after)) {
        return 0;
    }
    if (!is_alike(before, after, "verdict") || !is_alike(before, after, "reason")) {
        for (size_t i = 0; i < LENGTH(told); i++) {
            (void)json_object_del(before, told[i]); /* of a filtered one there is none */
            (void)json_object_del(after, told[i]);
        }
    }
    return diff_values(&differ, before, after, DEPTH_MAX);
}

/* What a side makes of the record, and when it happened. NULL in *ret_outcome: memory is out. */
static int
read_by(struct mapping_side *side, const struct mapping_record *record,
    struct mapping_diff *diff, json_t **ret_outcome)
{
    struct mapping_judgement judgement;
    const int r = mapping_side_judge(side, record, &judgement);

    if (r != 0) {
        return r;
    }
    diff->date_ms = judgement.job.reading.event.date_ms;
    diff->doubt = diff->doubt != NULL ? diff->doubt : judgement.doubt;
    *ret_outcome = outcome_of(&judgement, side->config);
    return *ret_outcome != NULL ? 0 : -ENOMEM;
}

/* When a record came that is settled is not always kept: then nobody knows how old it was. */
static bool
is_of_unknown_age(const struct mapping_side *old_side,
    const struct mapping_side *new_side, const struct mapping_record *record)
{
    return record->received_ms == 0 && old_side->config->rules.max_event_age_ms !=
                                           new_side->config->rules.max_event_age_ms;
}

int
mapping_diff(struct mapping_side *old_side, struct mapping_side *new_side,
    const struct mapping_record *record, bool is_new, struct mapping_diff *ret_diff)
{
    json_t *before = NULL;
    json_t *after = NULL;
    int r = 0;

    *ret_diff = (struct mapping_diff){.changes = json_array()};
    if (is_new) {
        before = json_object();
    } else {
        r = read_by(old_side, record, ret_diff, &before);
    }
    r = r == 0 ? read_by(new_side, record, ret_diff, &after) : r;
    if (r == 0 && (before == NULL || ret_diff->changes == NULL)) {
        r = -ENOMEM;
    }
    if (ret_diff->doubt == NULL && is_of_unknown_age(old_side, new_side, record)) {
        ret_diff->doubt = "unknown_age";
    }
    r = r == 0 ? diff_outcomes(before, after, ret_diff->changes) : r;
    json_decref(before);
    json_decref(after);
    if (r != 0) {
        json_decref(ret_diff->changes);
        ret_diff->changes = NULL;
    }
    return r;
}
