/*
 * doubt.h - whether Brevo has an event whose answer nobody heard.
 *
 * A send without an answer, or whose worker died, leaves a doubt at its effect (queue.h). The record
 * waits until Brevo would show the event, and Brevo is asked for it before it is sent again. What
 * it does not show may be there all the same, and asking is limited, for all workers together: what
 * cannot be found out is sent again. See decisions/0035.
 */
#pragma once

#include "server/deliver/job.h"

enum {
    DOUBT_LOOKS_AN_HOUR = 60,
    DOUBT_LOOKS_AT_ONCE =
        40, /* of these: all that a worker which dies may leave, and some */
    DOUBT_LOOKS_MS = 60 * 60 * 1000, /* how long a look that fails is tried again */
};

/* What the job's ticket knows: whom an event of it was told of last, before this job tells it. */
void doubt_hear(struct job *job, const struct facts *facts);
/* The effect is ours. What is in doubt waits until it is worth looking: then the job is delayed. */
void doubt_take(struct job *job, const struct queue_effect *effect, int64_t now_us);
/* After `verdict` on a send, and the job's end: says with it that Brevo may have seen the event. */
void doubt_leave(struct job *job, const struct brevo_verdict *verdict);

/* The event is next: true when it is looked for instead. Without any contact it cannot be. */
bool doubt_must_look(struct job *job) MUST_USE;
/* What is behind the URL of BREVO_EVENT_LOOKUP. Check url->failed. */
void doubt_write_query(const struct job *job, struct buffer *url);

/* After an answer to that: delivered, sent again, or, when it failed, tried again. */
void doubt_answered(struct job *job);
void doubt_untold(struct job *job, const struct brevo_verdict *verdict);
void doubt_retry(struct job *job, const struct brevo_verdict *verdict);
/* Brevo may not be asked now. */
void doubt_skip(struct job *job);
