/*
 * redis_health.h - what a Redis lacks, in words; and which lack is a reason not to start.
 */
#pragma once

#include "queue/health.h"

enum {
    REDIS_HEALTH_ERROR_SIZE = 256,
};

struct redis_lack {
    const char *name;   /* of metrics, logs, status */
    const char *means;  /* for a person */
    const char *remedy; /* what to do about it */
};

const struct redis_lack *redis_lack(enum queue_weakness weakness);

/*
 * Whether a start is refused under `redis.require` ("always", "everysec" or "none"); then
 * *ret_error says what, where and what to do.
 */
bool redis_health_refuses(const struct queue_health *health, const char *require,
    char ret_error[REDIS_HEALTH_ERROR_SIZE]);
