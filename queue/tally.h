/*
 * tally.h - counters by day beside the records, to which each record adds once.
 *
 * The queue does not know what is counted. Counters are kept by the partition of the record that
 * tells of them: those of a day for as long as is asked for, and sums of all days for ever. Both are
 * bounded: what would need more than QUEUE_TALLY_FIELDS counters is counted under
 * QUEUE_TALLY_LEFT_OUT instead.
 */
#pragma once

#include "queue/queue.h"

#define QUEUE_TALLY_ALL "all"      /* in place of a day */
#define QUEUE_TALLY_NAMES "called" /* likewise: what subjects are called */
#define QUEUE_TALLY_LEFT_OUT "left_out"

enum {
    QUEUE_TALLY_FIELDS = 5000, /* of a day, in each partition */
};

struct queue_amount {
    struct slice name;
    int64_t amount;
};

struct queue_tally {
    const struct queue_record *record; /* claimed */
    const char *day;                   /* names the counters: "2026-11-29" */
    int64_t life_ms;                   /* of a day, from its first record on */
    const struct queue_amount *amounts;
    size_t count;
    struct slice subject; /* absent: of none that has a name */
    struct slice called;  /* kept for `life_ms` since it was told last */
};

enum queue_tally_result {
    QUEUE_TALLIED,
    QUEUE_TALLIED_BEFORE, /* by this record: nothing changed */
    QUEUE_TALLY_STALE,    /* the claim was taken over: nothing changed */
    QUEUE_TALLY_BROKEN,   /* somebody has overwritten the counters: nothing changed */
};

/*
 * Adds all, or nothing. On anything but QUEUE_OK it may have been added, and calling again is safe.
 * Over maxmemory it works, as settling does.
 */
int queue_tally(struct queue *queue, const struct queue_tally *tally,
    enum queue_tally_result *ret_result) MUST_USE;

/* Calls `take` with each counter of that day and its value, once for each partition that has it. */
int queue_tally_read(struct queue *queue, const char *day,
    void (*take)(void *context, struct slice name, struct slice value),
    void *context) MUST_USE;
