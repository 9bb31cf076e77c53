/*
 * guide_kind.h - what Sentinels and nodes of a cluster are asked, and how they answer.
 */
#pragma once

#include "queue/redis.h"

/* What a guide says. */
struct guide_answer {
    struct redis_address master;
    int64_t epoch; /* of its configuration: each failover has a higher one; 0: unknown */
};

struct guide_kind {
    /* Logs in, and then asks as many `questions`. */
    void (*ask)(const struct redis_url *url, struct redis_exchange *exchange);
    /* `replies`: those to the questions. Absent, or what is wrong with them. */
    struct slice (*read)(const struct redis *redis, unsigned slot,
        struct redisReply *const *replies, struct guide_answer *ret_answer);
    size_t questions;
};

extern const struct guide_kind guide_sentinel;
extern const struct guide_kind guide_cluster;
