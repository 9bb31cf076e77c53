/*
 * explain_extractors.c - why an extractor of `csat.extractors` applies, or why not.
 */
#include "server/cli/explain_extractors.h"

#include "mapping/survey.h"
#include "server/config/config_extractors.h"

static bool
concerns_surveys(const json_t *payload)
{
    const struct slice type = slice_of(payload_text(payload, "event_type"));

    return slice_starts(type, "task.") || slice_starts(type, "task-queue.") ||
           slice_is(type, event_type_name(EVENT_SURVEY_COMPLETED));
}

/* The extractor as it is configured, and what becomes of it here. */
static json_t *
explain_one(const struct rules *rules, size_t index, const json_t *payload)
{
    const struct rules_extractor *extractor = &rules->extractors[index];
    const char *unmet = survey_unmet(extractor, payload);
    json_t *said = config_extractor_to_json(extractor);

    if (unmet != NULL) {
        return json_pack(
            "{s:o, s:b, s:s}", "extractor", said, "applies", false, "unmet", unmet);
    }
    return json_pack("{s:o, s:b, s:b, s:b}", "extractor", said, "applies", true, "taken",
        survey_is_taken(payload, rules, index), "answered",
        survey_answers(extractor, payload));
}

bool
explain_extractors(const json_t *payload, const struct rules *rules, json_t *record)
{
    json_t *list = json_array();

    if (!concerns_surveys(payload) || rules->extractor_count == 0) {
        json_decref(list);
        return true;
    }
    for (size_t i = 0; i < rules->extractor_count; i++) {
        if (json_array_append_new(list, explain_one(rules, i, payload)) != 0) {
            json_decref(list);
            return false;
        }
    }
    return json_object_set_new(record, "extractors", list) == 0;
}
