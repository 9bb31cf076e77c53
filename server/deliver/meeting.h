/*
 * meeting.h - a delivery tells what it knows of its contact, and hears what all know.
 *
 * The facts of a contact are kept under Brevo's number for it: so they name nobody, and are the
 * same by whichever identifier it was found. What Brevo had of it when it was first met is told
 * before anything of ours is written, and stays what all counting starts from. Whom an identifier
 * was, is kept under its hash: one that was there and is gone was erased.
 */
#pragma once

#include "server/deliver/job.h"

/*
 * Of a job in JOB_MEETING: it is created, filtered, or has its next call. QUEUE_OK; else why the
 * queue could not be reached or refused, and the job is as it was. Again, it changes nothing.
 */
int meeting_hold(struct queue *queue, struct job *job, const struct config *config,
    int64_t now_ms) MUST_USE;
