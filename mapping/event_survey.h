/*
 * event_survey.h - what a customer answered.
 */
#pragma once

#include "mapping/event_subject.h"

/*
 * Reads score, scale, survey_id, comment and kind, where configuration says they are; a post has names
 * of its own for them. The event's payload is set. Traces the extractor that applied.
 */
void event_survey_read(const struct reader *reader);

/*
 * EVENT_REASON_NO_ANSWER with neither score nor comment: Brevo would be told nothing, and as the
 * survey's one event it would stand in the way of the answer that has one. EVENT_REASON_BAD_SCORE for
 * a score that is no whole number or off its scale. NULL: an answer, or what may complete one.
 */
const char *event_survey_judge(const struct event *event);
