/*
 * event_survey.c - what a customer answered.
 *
 * Flow authors type these fields in, and customers type the answers: "4 " is a 4. A score nobody
 * can place on its scale is not made to fit, a person has to look.
 */
#include "mapping/event_survey.h"

#include <string.h>

#include "mapping/survey.h"

enum {
    SCORE_MAX_DEFAULT = 5,
    SCORE_MAX_NPS =
        10, /* "how likely are you to recommend us", from 0 to 10 by definition */
    SCORE_MAX_LARGEST = 1000,
    ANSWER_SIZE = 128,
};

static const char survey_id_default[] = "default";

/* Where the parts of an answer are. */
struct answer {
    const json_t *score;
    const json_t *score_max;
    const json_t *comment;
    const json_t *id;
    struct slice kind;
};

static bool
is_blank(const json_t *value)
{
    return value == NULL || json_is_null(value) ||
           (json_is_string(value) &&
               slice_trim(slice_of(json_string_value(value))).size == 0);
}

/* Whether anything is there at all; -1 stays in *number when it is no whole number from 0 up. */
static bool
read_number(const json_t *value, int64_t *number)
{
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

/* What a post says of itself goes before what configuration says of posts. */
static struct answer
answer_of_post(const json_t *payload)
{
    return (struct answer){
        .score = json_object_get(payload, "score"),
        .score_max = json_object_get(payload, "score_max"),
        .id = json_object_get(payload, "survey_id"),
        .kind = slice_trim(slice_of(payload_text(payload, "kind"))),
    };
}

static void
apply(
    const struct rules_extractor *extractor, const json_t *payload, struct answer *answer)
{
    if (extractor->score != NULL) {
        answer->score = survey_at(extractor, payload, extractor->score);
    }
    answer->comment = survey_at(extractor, payload, extractor->comment);
    if (answer->kind.size == 0) {
        answer->kind = slice_of(extractor->kind);
    }
}

static void
read_scale(const struct rules_extractor *extractor, const struct answer *answer,
    struct event *event)
{
    if (!event->is_scored || read_number(answer->score_max, &event->score_max)) {
        return;
    }
    if (extractor != NULL && extractor->score_max > 0) {
        event->score_min = extractor->score_min;
        event->score_max = extractor->score_max;
    } else {
        event->score_max =
            slice_is_nocase(answer->kind, "nps") ? SCORE_MAX_NPS : SCORE_MAX_DEFAULT;
    }
}

static void
name_survey(const char *id, struct event *event)
{
    if (!slice_to_text(slice_of(id), event->survey_id, sizeof event->survey_id)) {
        event->survey_id[0] = '\0'; /* cut, it would be another survey's */
    }
}

/* As the post has it, else as configuration has it; that of a task's is in its key. */
static void
read_id(const struct rules_extractor *extractor, const struct answer *answer,
    struct event *event)
{
    if (!is_blank(answer->id)) {
        if (!payload_scalar(answer->id, event->survey_id, sizeof event->survey_id)) {
            event->survey_id[0] = '\0';
        }
    } else {
        name_survey(extractor != NULL && extractor->survey_id != NULL
                        ? extractor->survey_id
                        : survey_id_default,
            event);
    }
}

static void
read_comment(const json_t *comment, struct event *event)
{
    const struct slice text = slice_cut_text(
        slice_trim(slice_of(json_string_value(comment))), sizeof event->comment - 1);

    if (!slice_to_text(text, event->comment, sizeof event->comment)) {
        event->comment[0] = '\0';
    }
}

void
event_survey_read(const struct reader *reader)
{
    const json_t *payload = reader->payload;
    struct event *event = &reader->reading->event;
    const struct slice key = reader->context->record_key;
    const struct rules_extractor *extractor =
        survey_extractor(payload, reader->rules, key);
    char id[KEY_SIZE_MAX];
    const bool is_of_task = survey_id_of_key(key, payload, id, sizeof id);
    struct answer answer = {0};

    if (!is_of_task) {
        answer = answer_of_post(payload);
    }
    if (extractor != NULL) {
        apply(extractor, payload, &answer);
        event_trace(reader->reading, "survey: as an extractor of csat.extractors says");
    } else if (is_of_task) {
        event_trace(reader->reading, "survey: no extractor of csat.extractors applies");
    }
    event->is_scored = read_number(answer.score, &event->score);
    event->is_other_kind = answer.kind.size > 0 && !slice_is_nocase(answer.kind, "csat");
    read_scale(extractor, &answer, event);
    read_comment(answer.comment, event);
    if (is_of_task) {
        name_survey(id, event);
    } else {
        read_id(extractor, &answer, event);
    }
}

const char *
event_survey_judge(const struct event *event)
{
    if (!event->is_scored) {
        return event->comment[0] != '\0' ? NULL : EVENT_REASON_NO_ANSWER;
    }
    return event->score < event->score_min || event->score < 0 || event->score_max < 1 ||
                   event->score_max > SCORE_MAX_LARGEST || event->score > event->score_max
               ? EVENT_REASON_BAD_SCORE
               : NULL;
}
