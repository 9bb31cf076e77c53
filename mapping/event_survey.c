/*
 * event_survey.c - what a customer answered.
 *
 * Flow authors type these fields in, and customers type the answers: "4 " is a 4. A score nobody
 * can place on its scale is not made to fit, a person has to look.
 */
#include "mapping/event_survey.h"

#include <string.h>

enum {
    SCORE_MAX_DEFAULT = 5,
    SCORE_MAX_NPS =
        10, /* "how likely are you to recommend us", from 0 to 10 by definition */
    SCORE_MAX_LARGEST = 1000,
    ANSWER_SIZE = 128,
};

static const char survey_id_default[] = "default";

static bool
is_blank(const json_t *value)
{
    return value == NULL || json_is_null(value) ||
           (json_is_string(value) &&
               slice_trim(slice_of(json_string_value(value))).size == 0);
}

/* Whether anything is there at all; -1 stays in *number when it is no whole number from 0 up. */
static bool
read_number(const json_t *payload, const char *name, int64_t *number)
{
    const json_t *value = json_object_get(payload, name);
    char text[ANSWER_SIZE];
    int64_t found;

    if (is_blank(value)) {
        return false;
    }
    if (payload_scalar(value, text, sizeof text) &&
        slice_to_int64(slice_trim(slice_of(text)), &found) && found >= 0) {
        *number = found;
    }
    return true;
}

/* What the survey says it asked. */
static struct slice
kind_of(const struct event *event)
{
    return slice_trim(slice_of(payload_text(event->payload, "kind")));
}

bool
event_survey_is_csat(const struct event *event)
{
    const struct slice kind = kind_of(event);

    return kind.size == 0 || slice_is_nocase(kind, "csat");
}

void
event_survey_read(struct event *event)
{
    const json_t *id = json_object_get(event->payload, "survey_id");

    if (read_number(event->payload, "score", &event->score) &&
        !read_number(event->payload, "score_max", &event->score_max)) {
        event->score_max =
            slice_is_nocase(kind_of(event), "nps") ? SCORE_MAX_NPS : SCORE_MAX_DEFAULT;
    }
    if (is_blank(id)) {
        memcpy(event->survey_id, survey_id_default, sizeof survey_id_default);
    } else if (!payload_scalar(id, event->survey_id, sizeof event->survey_id)) {
        event->survey_id[0] = '\0'; /* cut, it would be another survey's */
    }
}

const char *
event_survey_judge(const struct event *event)
{
    if (is_blank(json_object_get(event->payload, "score"))) {
        return EVENT_REASON_NO_ANSWER;
    }
    return event->score < 0 || event->score_max < 1 ||
                   event->score_max > SCORE_MAX_LARGEST || event->score > event->score_max
               ? EVENT_REASON_BAD_SCORE
               : NULL;
}
