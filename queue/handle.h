/*
 * handle.h - what queue.c, claim.c, settle.c and stats.c share. Not for other folders.
 */
#pragma once

#include "queue/queue.h"
#include "queue/session.h"

#define QUEUE_GROUP "workers"

enum {
    HANDLE_CURSOR_SIZE = 48, /* a stream entry id: two 64-bit numbers */
    HANDLE_CONSUMER_SIZE = 128,
    HANDLE_INCARNATION_SIZE =
        HANDLE_CONSUMER_SIZE + 24,                    /* "<consumer>/<16 hex digits>/" */
    HANDLE_TOKEN_SIZE = HANDLE_INCARNATION_SIZE + 24, /* and the number of the call */
};

/* Where the scans of one partition's pending list stand; empty: none is under way. */
struct partition_scan {
    char recover[HANDLE_CURSOR_SIZE];  /* own entries, after a start or a failed claim */
    char takeover[HANDLE_CURSOR_SIZE]; /* entries whose claim timed out */
};

struct queue {
    struct session session;
    struct redis_exchange exchange; /* of the call under way */
    int64_t dedupe_window_ms;
    int64_t keep_bodies_ms;
    int64_t claim_deadline_ms;
    char consumer[HANDLE_CONSUMER_SIZE]; /* empty: never claims */
    char incarnation
        [HANDLE_TOKEN_SIZE]; /* "<consumer>/<random>/": begins all our tokens */
    uint64_t claim_number;
    bool claim_lost;    /* the last one failed: records may bear its token */
    size_t claim_limit; /* records of the next one; 0: none */
    bool is_patient;
    unsigned first_partition; /* of the next claim: all get their turn */
    int64_t next_takeover_us;
    struct queue_alarms alarms; /* not taken yet */
    struct partition_scan scans[QUEUE_PARTITIONS_MAX];
    unsigned shelves_closed; /* bits */
    unsigned shelves_peeked;
};

/* Runs queue->exchange and refuses when any reply is an error. */
int handle_call(struct queue *queue) MUST_USE;
/* The fields of QUEUE_PAUSED. */
void handle_read_pauses(const struct redisReply *fields, struct queue_labels *ret_pauses);
/* Claims begin again with what this consumer has pending. */
void handle_recover(struct queue *queue);
/* The partition of what stands behind the last '/'. */
unsigned handle_partition_of_path(const struct queue *queue, struct slice path);
