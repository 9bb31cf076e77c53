/*
 * handle.h - what the calls of a handle share. Not for other folders.
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
    int64_t next_takeover_us;
    uint64_t claim_number;
    bool claim_lost;    /* the last one there failed */
    size_t claim_limit; /* records of the next one; 0: none */
};

struct queue {
    struct session session;         /* the one, or in a cluster the first partition's */
    struct session *others;         /* the other partitions'; NULL: there are none */
    struct redis_exchange exchange; /* of the call under way */
    struct redis_exchange *shares;  /* of it, each partition's; with `others` */
    int statuses[QUEUE_PARTITIONS_MAX]; /* of each partition, after handle_call() */
    int64_t dedupe_window_ms;
    int64_t facts_ms; /* how long facts and links are kept */
    int64_t keep_bodies_ms;
    int64_t claim_deadline_ms;
    char consumer[HANDLE_CONSUMER_SIZE]; /* empty: never claims */
    char incarnation
        [HANDLE_TOKEN_SIZE];    /* "<consumer>/<random>/": begins all our tokens */
    bool is_patient;            /* see queue_set_patience() */
    unsigned first_partition;   /* of the next claim: all get their turn */
    struct queue_alarms alarms; /* not taken yet */
    struct partition_scan scans[QUEUE_PARTITIONS_MAX];
    unsigned shelves_closed; /* bits */
    unsigned shelves_peeked;
    uint64_t unsettled; /* bits: partitions where nothing is taken over */
};

int handle_open_sessions(struct queue *queue, const struct queue_options *options,
    char *ret_error) MUST_USE; /* as session_init() */
void handle_close_sessions(struct queue *queue);
/* Partitions have a session each: one may fail and others not. */
bool handle_is_spread(const struct queue *queue);
unsigned handle_sessions(const struct queue *queue); /* how many */
struct session *handle_session(struct queue *queue, unsigned partition);
/* Before the next calls: what the greetings write is gone. */
void handle_greet_again(struct queue *queue);

/*
 * Runs queue->exchange. QUEUE_OK: all is answered, and no reply is an error. Else queue->statuses
 * say which partitions' replies may be read all the same.
 */
int handle_call(struct queue *queue) MUST_USE;
/* Runs an exchange. QUEUE_OK: every reply is there, but each may be an error. */
int handle_run(struct queue *queue, struct redis_exchange *exchange) MUST_USE;
/* QUEUE_OK: no reply is an error. */
int handle_check(struct queue *queue, const struct redis_exchange *exchange) MUST_USE;
/* The fields of QUEUE_PAUSED. */
void handle_read_pauses(const struct redisReply *fields, struct queue_labels *ret_pauses);
/* Claims begin again with what this consumer has pending. */
void handle_recover(struct queue *queue);
void handle_recover_partition(struct queue *queue, unsigned partition);
/* A record of claim.lua's answer. NULL when memory is out. Ownership: queue_record_free(). */
struct queue_record *handle_make_record(
    const struct redisReply *answer, const char *token, unsigned partition) MUST_USE;
/* The partition of what stands behind the last '/'. */
unsigned handle_partition_of_path(const struct queue *queue, struct slice path);
