/*
 * counting.c - what a record adds to the counters of queues and agents.
 */
#include "server/deliver/counting.h"

#include <string.h>

#include "mapping/ticket.h"
#include "queue/tally.h"
#include "server/ops/log.h"

/* Nothing that others tell changes what it adds any more. */
static bool
is_judged(const struct job *job)
{
    return job->stage == JOB_MAPPED || job->stage == JOB_SEEKING ||
           (job->stage == JOB_FINISHED && job->settlement.outcome == QUEUE_FILTERED);
}

void
counting_read(struct job *job, const struct facts *facts, const struct config *config)
{
    if (config->analytics_retention_ms == 0 || job->is_counted || !is_judged(job)) {
        return;
    }
    if (facts != NULL) {
        analytics_of_task(&job->reading, facts, &config->rules, &job->analytics);
    } else if (config->sync_agent_activity) {
        analytics_of_agent(&job->reading.event, &config->rules, &job->analytics);
    }
}

/*
 * In which words tasks are canceled by who neither gave up nor was left: what belongs into
 * ticket.abandoned_reasons is for a person to see. Where it cannot be kept nothing is held up.
 */
static void
note_reason(struct queue *queue, const struct job *job)
{
    const struct event *event = &job->reading.event;
    char text[QUEUE_NOTE_SIZE];

    if (job->settlement.reason == NULL ||
        strcmp(job->settlement.reason, TICKET_REASON_OTHER) != 0 ||
        event->reason == NULL || event->reason[0] == '\0' ||
        !slice_to_text(slice_cut_text(slice_of(event->reason), sizeof text - 1), text,
            sizeof text)) {
        return;
    }
    (void)!queue_note_add(
        queue, COUNTING_REASONS, text, event->date_ms, COUNTING_REASONS_MAX);
}

int
counting_add(struct queue *queue, struct job *job, const struct config *config)
{
    struct analytics *analytics = &job->analytics;
    struct queue_amount amounts[ANALYTICS_COUNTS_MAX];
    enum queue_tally_result result;
    const struct queue_tally tally = {.record = job->record,
        .day = analytics->day,
        .life_ms = config->analytics_retention_ms,
        .amounts = amounts,
        .count = analytics->count,
        .subject = slice_of(analytics->agent_name != NULL ? analytics->agent : NULL),
        .called = slice_cut_text(slice_of(analytics->agent_name), ANALYTICS_TEXT_MAX)};

    for (size_t i = 0; i < analytics->count; i++) {
        amounts[i] = (struct queue_amount){
            slice_of(analytics->counts[i].name), analytics->counts[i].value};
    }
    const int r = queue_tally(queue, &tally, &result);

    if (r != QUEUE_OK) {
        return r;
    }
    if (result == QUEUE_TALLY_BROKEN) {
        log_error("not_counted", "key=%s do=\"delete the keys fb:*n:* that are no hash\"",
            job->record->key);
    }
    job->is_counted = true;
    analytics->count = 0;
    note_reason(queue, job);
    return QUEUE_OK;
}
