/*
 * recorded.h - what there still is of records: their bytes, or the copies of settled ones.
 */
#pragma once

#include "queue/queue.h"

enum {
    QUEUE_RECORDED_MAX = 16, /* of one call */
};

struct queue_recorded {
    struct queue_route routes[QUEUE_ROUTES_MAX];
    size_t route_count; /* 0: settled, and no copy was kept */
    int64_t
        received_ms; /* 0: not known: nobody has claimed it, or the copy is an old one */
};

/*
 * Looks up `count` records of one partition by their keys. The slices are the queue's, and valid
 * until its next call. As any call of queue.h.
 */
int queue_recorded(struct queue *queue, unsigned partition, const struct slice *keys,
    size_t count, struct queue_recorded ret_records[QUEUE_RECORDED_MAX]) MUST_USE;
