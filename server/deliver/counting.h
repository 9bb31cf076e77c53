/*
 * counting.h - what a record adds to the counters of queues and agents, once it is judged.
 *
 * Not when Brevo has taken it: how long customers wait does not depend on Brevo. Nor while it waits
 * for what others have to say.
 */
#pragma once

#include "server/deliver/job.h"

/* Notes: why tasks were canceled that were neither abandoned nor unserved, in Twilio's words. */
#define COUNTING_REASONS "canceled_other"

enum {
    COUNTING_REASONS_MAX = QUEUE_NOTES_PAGE,
};

/* What it adds, if it is judged for good; `facts` as job_judge()'s. */
void counting_read(
    struct job *job, const struct facts *facts, const struct config *config);
/*
 * Adds it, once for each record. QUEUE_OK: nothing is left to add, for it was added, another worker
 * has the record, or somebody overwrote the counters: that is said, and holds nothing up. Else why
 * the queue could not be reached or refused, and it is still to be added.
 */
int counting_add(
    struct queue *queue, struct job *job, const struct config *config) MUST_USE;
