/*
 * survey.c - which extractor of the configuration finds an answer to a survey, and where.
 */
#include "mapping/survey.h"

#include <stdio.h>
#include <string.h>

#include "mapping/sid.h"

enum {
    VALUE_SIZE = 256,
};

static const char default_id[] = "default";

/* ---- where an extractor looks ----------------------------------------------------------- */

static bool
is_post(const json_t *payload)
{
    const struct slice type = slice_of(payload_text(payload, "event_type"));

    return slice_is(type, event_type_name(EVENT_SURVEY_COMPLETED));
}

/* Not of a conversation, a message or an agent. */
static bool
is_of_task(const json_t *payload)
{
    const struct slice type = slice_of(payload_text(payload, "event_type"));

    return slice_starts(type, "task.") || slice_starts(type, "task-queue.") ||
           slice_starts(type, "reservation.");
}

const json_t *
survey_at(
    const struct rules_extractor *extractor, const json_t *payload, const char *path)
{
    const json_t *value = NULL;

    if (path != NULL && extractor->in == RULES_IN_POST) {
        value = json_object_get(payload, path); /* a field of its own */
    }
    return path != NULL && value == NULL ? payload_attribute(payload, path) : value;
}

static bool
is_blank(const json_t *value)
{
    return value == NULL || json_is_null(value) ||
           (json_is_string(value) &&
               slice_trim(slice_of(json_string_value(value))).size == 0);
}

bool
survey_answers(const struct rules_extractor *extractor, const json_t *payload)
{
    return !is_blank(survey_at(extractor, payload, extractor->score)) ||
           !is_blank(survey_at(extractor, payload, extractor->comment));
}

/* ---- conditions ------------------------------------------------------------------------- */

static bool
has_value(const json_t *value, const char *wanted)
{
    char text[VALUE_SIZE];

    if (wanted == NULL) {
        return !is_blank(value);
    }
    if (json_is_boolean(value)) {
        return slice_is_nocase(slice_of(json_is_true(value) ? "true" : "false"), wanted);
    }
    return payload_scalar(value, text, sizeof text) &&
           slice_is_nocase(slice_trim(slice_of(text)), wanted);
}

static bool
is_in(const struct rules_extractor *extractor, const json_t *payload)
{
    return extractor->in == RULES_IN_POST ? is_post(payload) : is_of_task(payload);
}

static bool
meets_attribute(const struct rules_extractor *extractor, const json_t *payload)
{
    return extractor->attribute == NULL ||
           has_value(survey_at(extractor, payload, extractor->attribute),
               extractor->attribute_value);
}

static bool
is_called(const json_t *payload, const char *name, const char *sid, const char *wanted)
{
    return wanted == NULL ||
           slice_is_nocase(slice_of(payload_text(payload, name)), wanted) ||
           slice_is(slice_of(payload_text(payload, sid)), wanted);
}

static bool
meets_workflow(const struct rules_extractor *extractor, const json_t *payload)
{
    return is_called(payload, "workflow_name", "workflow_sid", extractor->workflow);
}

static bool
meets_queue(const struct rules_extractor *extractor, const json_t *payload)
{
    return is_called(payload, "task_queue_name", "task_queue_sid", extractor->queue);
}

static bool
meets_channel(const struct rules_extractor *extractor, const json_t *payload)
{
    return extractor->channel == CHANNEL_UNKNOWN ||
           extractor->channel == channel_read(payload);
}

/* Of what is unmet: a name says nothing of a SID, nor the other way round. */
static bool
lacks_workflow(const struct rules_extractor *extractor, const json_t *payload)
{
    const bool is_sid = sid_is(extractor->workflow, "WW");

    return payload_text(payload, is_sid ? "workflow_sid" : "workflow_name") == NULL;
}

static bool
lacks_queue(const struct rules_extractor *extractor, const json_t *payload)
{
    const bool is_sid = sid_is(extractor->queue, "WQ");

    return payload_text(payload, is_sid ? "task_queue_sid" : "task_queue_name") == NULL;
}

static const struct {
    const char *name;
    bool (*is_met)(const struct rules_extractor *extractor, const json_t *payload);
    bool (*lacks)(const struct rules_extractor *extractor, const json_t *payload);
    unsigned told; /* what others may tell */
} conditions[] = {
    {"in", is_in, NULL, 0},
    {"attribute", meets_attribute, NULL, 0},
    {"workflow", meets_workflow, lacks_workflow, SURVEY_TOLD_WORKFLOW},
    {"channel", meets_channel, NULL, 0},
    {"queue", meets_queue, lacks_queue, SURVEY_TOLD_QUEUE},
};

const char *
survey_unmet(const struct rules_extractor *extractor, const json_t *payload)
{
    for (size_t i = 0; i < LENGTH(conditions); i++) {
        if (!conditions[i].is_met(extractor, payload)) {
            return conditions[i].name;
        }
    }
    return NULL;
}

static const char *
id_of(const struct rules_extractor *extractor)
{
    return extractor->survey_id != NULL ? extractor->survey_id : default_id;
}

bool
survey_is_same(const struct rules_extractor *one, const struct rules_extractor *other)
{
    return one->in == RULES_IN_POST || strcmp(id_of(one), id_of(other)) == 0;
}

bool
survey_is_taken(const json_t *payload, const struct rules *rules, size_t index)
{
    const struct rules_extractor *extractor = &rules->extractors[index];
    bool is_taken = survey_unmet(extractor, payload) == NULL;

    for (size_t i = 0; is_taken && i < index; i++) {
        is_taken = survey_unmet(&rules->extractors[i], payload) != NULL ||
                   !survey_is_same(&rules->extractors[i], extractor);
    }
    return is_taken;
}

/* ---- tasks ------------------------------------------------------------------------------ */

/* Flex Insights' own word for it. */
static bool
is_of_kind_survey(const json_t *payload)
{
    const char *kind = payload_text_at(payload, "task_attributes/conversations/kind");

    return slice_is_nocase(slice_of(kind), "Survey");
}

bool
survey_is_task(const json_t *payload, const struct rules *rules)
{
    bool is_survey = is_of_task(payload) && is_of_kind_survey(payload);

    for (size_t i = 0; !is_survey && i < rules->extractor_count; i++) {
        is_survey = rules->extractors[i].in == RULES_IN_SURVEY_TASK &&
                    survey_unmet(&rules->extractors[i], payload) == NULL;
    }
    return is_survey;
}

/* What it lacks to apply may still be told. */
static bool
may_apply(const struct rules_extractor *extractor, const json_t *payload, unsigned told)
{
    unsigned lacking = 0;

    for (size_t i = 0; i < LENGTH(conditions); i++) {
        if (conditions[i].is_met(extractor, payload)) {
            continue;
        }
        if (conditions[i].lacks == NULL || !conditions[i].lacks(extractor, payload)) {
            return false;
        }
        lacking |= conditions[i].told;
    }
    return (lacking & ~told) != 0;
}

bool
survey_may_be_task(const json_t *payload, const struct rules *rules, unsigned told)
{
    bool may_be = false;

    for (size_t i = 0; i < rules->extractor_count; i++) {
        may_be |= rules->extractors[i].in == RULES_IN_SURVEY_TASK &&
                  may_apply(&rules->extractors[i], payload, told);
    }
    return may_be;
}

bool
survey_asks_workflow(const struct rules *rules)
{
    bool asks = false;

    for (size_t i = 0; i < rules->extractor_count; i++) {
        const struct rules_extractor *extractor = &rules->extractors[i];

        asks |= extractor->in == RULES_IN_SURVEY_TASK && extractor->workflow != NULL &&
                !sid_is(extractor->workflow, "WW");
    }
    return asks;
}

static bool
is_end(const json_t *payload)
{
    const struct slice type = slice_of(payload_text(payload, "event_type"));

    return slice_is(type, event_type_name(EVENT_TASK_COMPLETED)) ||
           slice_is(type, event_type_name(EVENT_TASK_CANCELED));
}

bool
survey_is_unanswered(const json_t *payload, const struct rules *rules)
{
    bool is_asked = false;

    for (size_t i = 0; is_end(payload) && i < rules->extractor_count; i++) {
        const struct rules_extractor *extractor = &rules->extractors[i];

        if (!survey_is_taken(payload, rules, i)) {
            continue;
        }
        if (survey_answers(extractor, payload)) {
            return false;
        }
        is_asked |= extractor->in == RULES_IN_SURVEY_TASK;
    }
    return is_asked;
}

/* ---- records ---------------------------------------------------------------------------- */

bool
survey_is_answer(struct slice record_key)
{
    return slice_is(
        slice_before(record_key, '/'), event_type_name(EVENT_SURVEY_COMPLETED));
}

/* Attributes change while a task goes on; what it was created with, its end still has. */
static bool
may_carry(const json_t *payload)
{
    const struct slice type = slice_of(payload_text(payload, "event_type"));

    return is_end(payload) || slice_is(type, "task.updated") ||
           slice_is(type, "task.wrapup");
}

/* What tells this record from others of its task: the event's SID, a hash, or its type. */
static struct slice
told_by(struct slice record_key, const char *task)
{
    struct slice last = record_key;

    while (last.size > 0 && memchr(last.data, '/', last.size) != NULL) {
        last = slice_skip(last, slice_before(last, '/').size + 1);
    }
    return slice_is(last, task) ? slice_before(record_key, '/') : last;
}

size_t
survey_split(const json_t *payload, const struct rules *rules, struct slice record_key,
    char keys[RULES_EXTRACTORS_MAX][KEY_SIZE_MAX])
{
    const char *task = payload_text(payload, "task_sid");
    size_t count = 0;

    if (survey_is_answer(record_key) || task == NULL || !sid_is(task, "WT") ||
        !may_carry(payload)) {
        return 0;
    }
    const struct slice by = told_by(record_key, task);

    for (size_t i = 0; i < rules->extractor_count; i++) {
        const struct rules_extractor *extractor = &rules->extractors[i];

        if (!survey_is_taken(payload, rules, i) || !survey_answers(extractor, payload)) {
            continue;
        }
        const int size = snprintf(keys[count], KEY_SIZE_MAX, "%s/%s/%s/%.*s",
            event_type_name(EVENT_SURVEY_COMPLETED), task, id_of(extractor), (int)by.size,
            by.data);

        count += size > 0 && size < KEY_SIZE_MAX ? 1 : 0;
    }
    return count;
}

bool
survey_id_of_key(
    struct slice record_key, const json_t *payload, char *ret_id, size_t capacity)
{
    ret_id[0] = '\0';
    if (!survey_is_answer(record_key) || is_post(payload)) {
        return false;
    }
    for (size_t i = 0; i < 2 && memchr(record_key.data, '/', record_key.size) != NULL;
         i++) {
        record_key = slice_skip(record_key, slice_before(record_key, '/').size + 1);
    }
    return slice_to_text(slice_before(record_key, '/'), ret_id, capacity);
}

const struct rules_extractor *
survey_extractor(
    const json_t *payload, const struct rules *rules, struct slice record_key)
{
    char id[KEY_SIZE_MAX];
    const bool is_of_task = survey_id_of_key(record_key, payload, id, sizeof id);

    for (size_t i = 0; i < rules->extractor_count; i++) {
        const struct rules_extractor *extractor = &rules->extractors[i];

        if (survey_unmet(extractor, payload) == NULL &&
            (!is_of_task || strcmp(id_of(extractor), id) == 0)) {
            return extractor;
        }
    }
    return NULL;
}
