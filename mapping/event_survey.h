/*
 * event_survey.h - what a customer answered.
 */
#pragma once

#include "mapping/event.h"

/* Reads score, score_max and survey_id; the event's payload is set. */
void event_survey_read(struct event *event);

/* Satisfaction was asked for: the survey says so, or says nothing of what it asked. */
bool event_survey_is_csat(const struct event *event);

/*
 * EVENT_REASON_NO_ANSWER without a score: Brevo would be told nothing, and as the survey's one
 * event it would stand in the way of the answer that has one. EVENT_REASON_BAD_SCORE for a score
 * that is no whole number or off its scale. NULL: an answer.
 */
const char *event_survey_judge(const struct event *event);
