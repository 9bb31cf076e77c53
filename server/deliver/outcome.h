/*
 * outcome.h - says what became of a call and of a job: one log line, and the metrics.
 */
#pragma once

#include "server/deliver/job.h"

/* An answer was judged. Keeps in the job what its last line will tell. */
void outcome_of_call(
    struct job *job, const struct brevo_verdict *verdict, const struct config *config);

/* A batch of `count` events was answered: one request; and what that says of one of them. */
void outcome_of_batch(
    const struct http_exchange *exchange, size_t count, const struct config *config);
void outcome_in_batch(struct job *job, const struct brevo_verdict *verdict,
    const struct http_exchange *exchange);

/* A job was settled with `result`. */
void outcome_of_job(const struct job *job, enum queue_settle_result result,
    const struct config *config, int64_t now_us);
