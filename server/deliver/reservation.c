/*
 * reservation.c - remembers links, and moves what a plugin said to where it belongs.
 */
#include "server/deliver/reservation.h"

#include <stdio.h>
#include <string.h>

#include "server/deliver/derive.h"

enum {
    TASK_SID_SIZE = 64,
};

/* Not known yet: the fact may be on its way, or in a backlog behind it. */
static void
wait_for_fact(struct job *job, int64_t now_us)
{
    const int64_t age_ms = job_now_ms(job, now_us) - job_read_ms(job, now_us);

    if (age_ms >= RESERVATION_GIVE_UP_MS &&
        job->record->attempts >= RESERVATION_LOOKS_MAX) {
        job_park(job, EVENT_REASON_UNRESOLVED);
    } else if (age_ms >= RESERVATION_GIVE_UP_MS) {
        job_retry(job, EVENT_REASON_UNRESOLVED, RESERVATION_WAIT_MS);
    } else if (age_ms < RESERVATION_FIRST_MS) {
        job_wait(job, EVENT_REASON_UNRESOLVED, RESERVATION_FIRST_WAIT_MS);
    } else {
        job_wait(job, EVENT_REASON_UNRESOLVED, RESERVATION_WAIT_MS);
    }
}

/* Puts the record's bytes, as they are, under the same event of the task. */
static int
move_to_task(struct queue *queue, struct job *job, const char *task_sid)
{
    const struct queue_record *record = job->record;
    const size_t type_size = (size_t)(job_subject(job).data - record->key); /* with '/' */
    char key[KEY_SIZE_MAX];
    const int size =
        snprintf(key, sizeof(key), "%.*s%s", (int)type_size, record->key, task_sid);

    if (size < 0 || (size_t)size >= sizeof(key)) {
        job_park(job, EVENT_REASON_UNRESOLVED);
        return QUEUE_OK;
    }
    const int r = derive_put(queue, record, key, task_sid);

    if (r == QUEUE_OK) {
        job_filter(job, "folded");
    }
    return r;
}

int
reservation_fold(struct queue *queue, struct job *job, int64_t now_us)
{
    char task_sid[TASK_SID_SIZE] = "";
    int r = QUEUE_OK;

    if (job->task_sid != NULL) {
        r = queue_link_put(queue, job->reservation_sid, job->task_sid);
        if (r == QUEUE_OK) {
            job_end_fact(job);
        }
        return r;
    }
    r = queue_link_get(queue, job->reservation_sid, task_sid, sizeof(task_sid));
    if (r != QUEUE_OK) {
        return r;
    }
    if (task_sid[0] == '\0') {
        wait_for_fact(job, now_us);
        return QUEUE_OK;
    }
    return move_to_task(queue, job, task_sid);
}
