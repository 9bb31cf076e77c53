/*
 * budget.h - a token bucket in Redis: what all workers together may ask of somebody.
 */
#pragma once

#include "queue/queue.h"

struct queue_budget {
    double rate;      /* tokens a second, above 0 */
    double holds;     /* at most, 1 or more */
    int64_t wanted;   /* may be 0 */
    int64_t block_ms; /* > 0: nobody gets any for so long, at most a minute */
    int64_t granted;  /* of `wanted`: for now, there is no giving back */
    int64_t wait_ms;  /* until it is worth asking again */
};

/* As any call of queue.h; repeated, tokens may be lost, never gained. `name` is one word. */
int queue_budget_take(
    struct queue *queue, const char *name, struct queue_budget *budget) MUST_USE;
