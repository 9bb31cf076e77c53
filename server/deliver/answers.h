/*
 * answers.h - the answers to surveys that a task's record carries, as records of their own.
 */
#pragma once

#include "server/deliver/job.h"

/* Those of a record's routes that may tell an answer: a browser may not. How many. */
size_t answers_routes(const struct queue_route *routes, size_t count,
    struct queue_route ret_routes[QUEUE_ROUTES_MAX]);

/*
 * Puts each, under the keys of survey.h, with the record's bytes: repeated, it changes nothing. So
 * they are durable before the task's own event is delivered. A browser's are left out: an agent is
 * not to say how satisfied the customer was. Returns a queue_result.
 */
int answers_put(
    struct queue *queue, const struct job *job, const struct rules *rules) MUST_USE;
