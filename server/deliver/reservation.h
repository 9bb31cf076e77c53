/*
 * reservation.h - which task a reservation belongs to.
 *
 * Flex UI calls a reservation "task", so plugins post WR... where others say WT... Facts
 * (reservation.accepted, ...) tell which task it is: that is remembered, and what a plugin said
 * about the reservation is folded into the task's record.
 */
#pragma once

#include "server/deliver/job.h"

enum {
    RESERVATION_FIRST_MS = 5 * 1000, /* the fact is likely under way */
    RESERVATION_FIRST_WAIT_MS = 500,
    RESERVATION_WAIT_MS = 10 * 1000,
    RESERVATION_GIVE_UP_MS =
        10 * 60 * 1000,        /* after it was read first; then it is parked, */
    RESERVATION_LOOKS_MAX = 3, /* unless all stood still meanwhile: these are attempts */
};

/*
 * Finishes a job in JOB_FOLDING that is about a reservation. QUEUE_OK, or why the queue could not
 * be reached or refused: then the job is as it was.
 */
int reservation_fold(struct queue *queue, struct job *job, int64_t now_us) MUST_USE;
