/*
 * status_redis.h - what `status` says of Redis itself: the mode in force and what is lacking.
 */
#pragma once

#include <jansson.h>

#include "queue/health.h"

/* A new object, or NULL when memory is out. */
json_t *status_redis_json(
    const struct queue_health *health, const struct queue_note *went_back) MUST_USE;
void status_redis_print(
    const struct queue_health *health, const struct queue_note *went_back);
