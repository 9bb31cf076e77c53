/*
 * event_survey.h - what a customer answered.
 */
#pragma once

#include "mapping/event.h"

/* Reads score, score_max and survey_id; the event's payload is set. */
void event_survey_read(struct event *event);

/*
 * EVENT_REASON_BAD_SCORE for a score that is no whole number or off its scale, and
 * EVENT_REASON_NO_ANSWER when there is neither a score nor a comment. NULL: an answer.
 */
const char *event_survey_judge(const struct event *event);
