/*
 * telling.h - a record tells what it knows of its ticket, and hears what all know.
 *
 * What is told is merged where the ticket's facts are, and again after a crash, which changes
 * nothing. It comes before the record is judged, and long before it is settled: so of two records
 * of one ticket, in two workers, the one that tells second knows what the first has told.
 */
#pragma once

#include "queue/facts.h"
#include "server/deliver/job.h"

/* Where facts are kept: merges and answers as queue_facts_merge() does. */
struct telling_place {
    int (*merge)(void *context, struct queue_facts *items, size_t count);
    void *context;
};

/*
 * Of a job in JOB_TELLING: *ret_facts is everything known of its ticket, whose best name is then in
 * the job's event. QUEUE_OK, and the caller ends *ret_facts with telling_done(); else why the queue
 * could not be reached or refused, and the job is as it was.
 */
int telling_hear(struct queue *queue, struct job *job, const struct rules *rules,
    struct facts *ret_facts) MUST_USE;
/* The same elsewhere. Of the job only what it says, and what it is told. */
int telling_hear_at(const struct telling_place *place, struct job *job,
    const struct rules *rules, struct facts *ret_facts) MUST_USE;
void telling_done(struct facts *facts);
