/*
 * health.h - can the Redis in use keep what is put into it?
 *
 * Read from INFO and CONFIG GET appendfsync (https://redis.io/docs/latest/commands/info/). What a
 * Redis does not let us ask is unknown, never assumed.
 */
#pragma once

#include "queue/queue.h"

/* When a write is on disk, the weakest first. */
enum queue_fsync {
    QUEUE_FSYNC_UNKNOWN,
    QUEUE_FSYNC_OFF, /* no append-only file */
    QUEUE_FSYNC_NO,  /* whenever the kernel likes */
    QUEUE_FSYNC_EVERYSEC,
    QUEUE_FSYNC_ALWAYS,
};

/* What keeps a Redis from keeping its part of the promise. */
enum queue_weakness {
    QUEUE_WEAK_TOO_OLD, /* our scripts need 6.2 */
    QUEUE_WEAK_FSYNC_UNKNOWN,
    QUEUE_WEAK_FSYNC_OFF,
    QUEUE_WEAK_FSYNC_NO,
    QUEUE_WEAK_FSYNC_EVERYSEC,
    QUEUE_WEAK_EVICTION,    /* maxmemory, and a policy that deletes */
    QUEUE_WEAK_MEMORY_HIGH, /* over 80 % of maxmemory */
    QUEUE_WEAK_MEMORY_FULL, /* over 95 %, and nothing is deleted: spare it new events */
    QUEUE_WEAK_APPEND_FAILING,
    QUEUE_WEAK_REWRITE_FAILING,
    QUEUE_WEAK_SNAPSHOT_FAILING,
    QUEUE_WEAK_LOADING,
    QUEUE_WEAK_READ_ONLY, /* a replica */
    QUEUE_WEAKNESS_COUNT
};

struct queue_health {
    char version[16]; /* empty: unknown */
    enum queue_fsync fsync;
    bool weak[QUEUE_WEAKNESS_COUNT];
    int64_t used_memory; /* bytes, of those that Redis counts */
    int64_t maxmemory;   /* bytes; 0: no limit */
    bool evicts;
    int64_t replicas;
    int64_t replicas_in_sync;
};

/*
 * Asks Redis, in a cluster each node of ours: the weakest counts. QUEUE_OK also when it refuses to
 * tell: then what it hides is unknown.
 */
int queue_health(struct queue *queue, struct queue_health *ret_health) MUST_USE;

/* Reads INFO's text; `fsync` is the value of appendfsync, absent when it may not be asked. */
void queue_health_read(
    struct slice info, struct slice fsync, struct queue_health *ret_health);

/* Brings in what was seen before: what was full stays so until 10 % are free. */
void queue_health_follow(struct queue_health *health, const struct queue_health *before);

/* "unknown", "off", "no", "everysec", "always" */
const char *queue_fsync_name(enum queue_fsync fsync);
