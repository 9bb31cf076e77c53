/*
 * cost.h - what delivering costs, and so how long a backlog takes.
 *
 * Each worker counts its calls of each class and the records it settled, and every few seconds notes
 * both in Redis, with the rates it keeps to, and how many records come: so `status` and every process's
 * metrics can say how many calls a record takes, and when the queue will be up to date. What was long
 * ago counts less, what was done while everything was paused not at all.
 */
#pragma once

#include "server/deliver/hand.h"

#define COST_NOTE "cost"

struct cost {
    int64_t due_us;
    int64_t settled; /* hand's and flow's counts, when they were looked at last */
    int64_t taken[BREVO_CLASSES_PACED];
    double records; /* of late */
    double calls[BREVO_CLASSES_PACED];
    int64_t arrivals_us; /* no look at what came before */
    int64_t accepted;    /* at the last one; 0: there was none */
    double came;         /* of late, within came_s seconds */
    double came_s;
};

/* Notes it when it is time and there is something new, once anything was settled. */
void cost_run(
    struct cost *cost, struct hand *hand, const struct flow *flow, int64_t now_us);

/* What the last note of any worker says. */
struct cost_said {
    double calls[BREVO_CLASSES_PACED]; /* for each record */
    double rate[BREVO_CLASSES_PACED];  /* calls a second, by what Brevo allows */
    double arrive;                     /* records a second */
};

/* False: there is none, or it is not ours. */
bool cost_read(const struct queue_note *note, struct cost_said *ret_said) MUST_USE;
/* As metrics, a line for each class. */
void cost_write(const struct cost_said *said, struct buffer *text);
/*
 * About how many seconds `pending` records, and those that come meanwhile, take once nothing is paused,
 * by what the slowest class allows. `said` NULL: nobody has delivered yet; then by the configured rate, and as if each record
 * were a customer's first. (`config` is needed for that only.)
 */
int64_t cost_backlog_s(
    int64_t pending, const struct cost_said *said, const struct config *config);
