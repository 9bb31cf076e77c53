/*
 * survey.h - which extractor of the configuration finds an answer to a survey, and where.
 *
 * An answer may be posted to the survey endpoint, or be among the attributes of a task: of one that
 * is nothing but a survey, or of a support case's. A task's record that carries answers stays what it
 * is; each answer becomes a record of its own, of the same bytes, under
 *   survey.completed/<task>/<survey id>/<what told it>
 * So it has a life of its own: it waits for further answers, is delivered, or parked.
 *
 * Pure. See docs/mapping.md, and docs/decisions/0034-surveys.md.
 */
#pragma once

#include "mapping/key.h"
#include "mapping/payload.h"
#include "mapping/rules.h"

/* The condition `payload` does not meet: "in", "attribute", ...; NULL: the extractor applies. */
const char *survey_unmet(const struct rules_extractor *extractor, const json_t *payload);
/* Whether it finds anything: a score, or a comment, whatever they are. */
bool survey_answers(const struct rules_extractor *extractor, const json_t *payload);
/* Whether both find answers to one survey: a post has one, whatever an extractor calls its survey. */
bool survey_is_same(
    const struct rules_extractor *one, const struct rules_extractor *other);
/* Whether what it finds counts: it applies, and none before it does that is of the same survey. */
bool survey_is_taken(const json_t *payload, const struct rules *rules, size_t index);
/* What is at a path of the extractor's; NULL: nothing. */
const json_t *survey_at(
    const struct rules_extractor *extractor, const json_t *payload, const char *path);

/* The task is nothing but a survey. */
bool survey_is_task(const json_t *payload, const struct rules *rules);

/* What others may have told of the task. */
#define SURVEY_TOLD_QUEUE 1U
#define SURVEY_TOLD_WORKFLOW 2U /* its name */

/*
 * It would be, if its queue, or its workflow's name, were the right one, which neither is told here
 * nor all `told` by others: whoever tells them all knows whether it is.
 */
bool survey_may_be_task(const json_t *payload, const struct rules *rules, unsigned told);
/* Whether an extractor of surveys' tasks asks for a workflow by name. */
bool survey_asks_workflow(const struct rules *rules);
/* It has ended, extractors know where its answer would be, and there is none. */
bool survey_is_unanswered(const json_t *payload, const struct rules *rules);

/*
 * The record keys of the answers in a task's record, one for each survey id; none of a record that
 * is an answer already. Returns how many.
 */
size_t survey_split(const json_t *payload, const struct rules *rules,
    struct slice record_key, char keys[RULES_EXTRACTORS_MAX][KEY_SIZE_MAX]);

/* Whether a record is an answer, and, of a task's (`ret_id` NUL-terminated, else ""), to which survey. */
bool survey_is_answer(struct slice record_key);
bool survey_id_of_key(
    struct slice record_key, const json_t *payload, char *ret_id, size_t capacity);
/* The first that applies to an answer's record: of that survey, or to posts. NULL: none does. */
const struct rules_extractor *survey_extractor(
    const json_t *payload, const struct rules *rules, struct slice record_key);
