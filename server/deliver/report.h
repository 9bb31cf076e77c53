/*
 * report.h - what was counted of queues and agents, summed and in order.
 *
 * The counters are the queue's (queue/tally.h), what they mean is mapping/analytics.h's. Shares and
 * averages are made here, so that whoever shows them says the same.
 */
#pragma once

#include <jansson.h>

#include "mapping/analytics.h"
#include "queue/queue.h"

enum {
    REPORT_CHANNEL_SIZE = 24, /* of a channel, a direction */
    REPORT_TEXT_SIZE = ANALYTICS_TEXT_MAX + 1,
    REPORT_ANSWERED_WAITS = 3, /* the first so many waits: up to 20 s */
};

/* Tasks of one queue that came by one channel, in one direction. */
struct report_queue {
    char queue[REPORT_TEXT_SIZE];
    char channel[REPORT_CHANNEL_SIZE];
    char direction[REPORT_CHANNEL_SIZE];
    int64_t counts[ANALYTICS_ACTIVITY_MS]; /* by enum analytics_what */
};

struct report_agent {
    char agent[ANALYTICS_AGENT_SIZE];
    char activity[REPORT_TEXT_SIZE];
    const char *name; /* borrowed from `called`; NULL: not known */
    int64_t time_ms;
};

/* Zeroed at first; report_done(). */
struct report {
    json_t *sums;   /* by the counters' names */
    json_t *called; /* agents' names, by their SIDs */
    bool lacks_memory;
    struct report_queue *queues; /* by queue, channel, direction */
    size_t queue_count;
    struct report_agent *agents; /* by SID and activity */
    size_t agent_count;
    int64_t left_out; /* records of which there was no room to count what they tell */
};

/* Adds the counters of a day, or QUEUE_TALLY_ALL. QUEUE_OK, or why the queue cannot be read. */
int report_add(struct report *report, struct queue *queue, const char *day) MUST_USE;
/* What agents are called, as far as that was kept. The same. */
int report_add_names(struct report *report, struct queue *queue) MUST_USE;
/* Of all that was added: queues and agents. 0 or -ENOMEM. */
int report_make(struct report *report) MUST_USE;
void report_done(struct report *report);

/* ---- asked of a queue; negative: nothing to tell it by ---------------------------------------- */

/* Of those who waited, and were not gone at once: who gave up. */
double report_abandonment_share(const struct report_queue *queue);
int64_t report_waits(const struct report_queue *queue);         /* how many are known */
double report_answered_share(const struct report_queue *queue); /* within 20 s */
/* Seconds on average: of ANALYTICS_HANDLE, ANALYTICS_WRAPUP or ANALYTICS_ABANDON. */
double report_average_s(const struct report_queue *queue, enum analytics_what what);
double report_average_wait_s(const struct report_queue *queue);
/*
 * So many percent of the waits were no longer than this: an upper bound, for waits are counted by
 * ranges. INT64_MAX: longer than the longest range.
 */
int64_t report_wait_at_most_s(const struct report_queue *queue, int64_t percent);
