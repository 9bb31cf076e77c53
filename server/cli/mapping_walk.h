/*
 * mapping_walk.h - the recorded events, each mapped by two configurations.
 *
 * An event is whatever is a record, and whatever only the new configuration would make one of a
 * record: an answer to a survey, the end of a call.
 */
#pragma once

#include <jansson.h>

#include "queue/recorded.h"
#include "server/cli/mapping_side.h"

/* All records are gone through in each. */
enum mapping_pass {
    MAPPING_TELL,    /* they tell of their tickets */
    MAPPING_CLAIM,   /* which comes first with what is told once */
    MAPPING_COMPARE, /* what both make of each */
    MAPPING_END,
};

struct mapping_walk {
    /* set by whoever walks */
    struct queue *queue; /* for the bytes: another one than the keys are from */
    const struct config *old_config;
    const struct config *new_config;
    int64_t now_ms;
    int64_t since_ms;
    size_t shown_max;
    /* what was found */
    enum mapping_pass pass; /* that is next, or goes on */
    int64_t compared;
    int64_t without_bytes;
    int64_t older;
    int64_t different;
    json_t *records; /* those that are different, `shown_max` at most */
    json_t *kinds;   /* of changes: how often each */
    json_t *
        unjudged; /* by reason: how many are alike as far as can be told, which is not all */
    int result; /* the first failure: QUEUE_E_*, -ENOMEM */
    /* its own */
    struct mapping_side old_side;
    struct mapping_side new_side;
    json_t *made; /* by key: what only the new one makes; null: it is a record, too */
    unsigned partition; /* of the keys */
    size_t count;
    char *keys[QUEUE_RECORDED_MAX];
};

/* 0 or -ENOMEM; mapping_walk_done() in either case. */
int mapping_walk_init(struct mapping_walk *walk) MUST_USE;
void mapping_walk_done(struct mapping_walk *walk);

/* The next record; it is looked at with the next ones, or at the end. */
void mapping_walk_take(struct mapping_walk *walk, unsigned partition, struct slice key);
/* There are no more: the next pass. */
void mapping_walk_end(struct mapping_walk *walk);

/* "event.event_name: "A" -> "B"": the same for all events it happens to. To be freed; NULL: no memory. */
char *mapping_walk_kind(const json_t *change);
