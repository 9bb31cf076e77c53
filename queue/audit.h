/*
 * audit.h - walks every record of the queue and says where it is, and what does not fit.
 *
 * Safe beside running workers and servers: each piece is looked at by one script, and a record
 * that seems to have no entry in the stream is judged only in the moment in which the rest of the
 * stream has been seen. Memory is bounded (about 32 MB), whatever the queue holds; a longer
 * stream is gone through several times. Takes a few seconds per 100,000 records.
 */
#pragma once

#include "queue/queue.h"

struct queue_finding {
    struct slice name; /* "record_nowhere": see docs/cli.md */
    struct slice key;  /* a record's, or what the name says */
    int64_t count;     /* of what is counted, else 0 */
    bool repaired;
};

/* A record and where it is. */
struct queue_audited {
    struct slice key;
    struct slice place;  /* as queue_place_name() has it */
    struct slice reason; /* of one that is filtered, parked or delayed: why, else empty */
    int64_t
        due_ms; /* until when it is delayed, Redis time; 0: it is not, or its pause's end */
    unsigned partition;
};

struct queue_audit_options {
    size_t held; /* keys of so many entries at a time; 0: a million */
    bool repair; /* puts records back where they say they are; nothing else is changed */
    /* Called for each record and each finding, the texts valid for the call. `record` may be NULL. */
    void (*record)(void *context, const struct queue_audited *record);
    void (*finding)(void *context, const struct queue_finding *finding);
    void *context;
};

enum queue_place {
    QUEUE_PLACE_PENDING,
    QUEUE_PLACE_CLAIMED,
    QUEUE_PLACE_DELAYED,
    QUEUE_PLACE_PARKED,
    QUEUE_PLACE_DELIVERED,
    QUEUE_PLACE_FILTERED,
    QUEUE_PLACE_DROPPED,
    QUEUE_PLACE_UNKNOWN,
    QUEUE_PLACE_COUNT
};

struct queue_audit {
    int64_t
        records[QUEUE_PLACE_COUNT]; /* settled ones as long as their tombstone lasts */
    struct queue_stats stats;       /* what was counted */
};

/* "pending", ... "unknown" */
const char *queue_place_name(enum queue_place place);
/* Of the state in a record, which has these names. */
enum queue_place queue_place_of(struct slice state);

/* QUEUE_OK when it went through all, with findings or without; else as any call. */
int queue_audit(struct queue *queue, const struct queue_audit_options *options,
    struct queue_audit *ret_audit) MUST_USE;
