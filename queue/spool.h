/*
 * spool.h - a local file that keeps puts while Redis is away; the only home of SQLite.
 *
 * One table, in the order in which events came: what was added is synced to disk when spool_add()
 * returns, and stays until spool_drained() says that Redis has it. Of one record and route only
 * the first put is kept, as in Redis. Each partition of the queue is drained by itself, as if the
 * others' rows were not there. A row that Redis refuses for good is set aside: kept, counted, passed
 * over.
 *
 * The file grows to `max_bytes`, and its write-ahead log beside it to some MiB more. It has mode
 * 0600; what was drained is overwritten.
 *
 * A handle belongs to one thread, a file to one handle: the caller holds a lock. Only
 * spool_look() may read beside it. No call logs. Errors: negative errno (-ENOSPC: the disk or
 * `max_bytes` is full), or SPOOL_E_DAMAGED; after any of them nothing has changed.
 */
#pragma once

#include "queue/group_commit.h"

enum spool_result {
    SPOOL_OK = 0,
    SPOOL_E_DAMAGED, /* not a spool, or not whole: close it and put it out of the way */
};

enum {
    SPOOL_BYTES_MIN = 64 * 1024, /* a smaller maximum is this */
};

struct spool;

struct spool_totals {
    int64_t waiting; /* events to be drained */
    int64_t aside;   /* events Redis refused for good */
    int64_t
        oldest_ms; /* Unix time the oldest of both was added; 0: there is none. Of spool_look() */
};

enum spool_state {
    SPOOL_WAITING,
    SPOOL_ASIDE,
};

/* Some events; their slices live until spool_rows_done(). */
struct spool_rows {
    struct queue_put puts[GROUP_COMMIT_EVENTS_MAX];
    void *storage[GROUP_COMMIT_EVENTS_MAX]; /* ours */
    size_t count;
    unsigned partition; /* of all of them */
    enum spool_state state;
    bool out_of_turn; /* not the oldest: those before it stay */
    int64_t first_id;
    int64_t last_id;
};

/*
 * Opens the file, made when it is missing, and reads through all of it. `partitions`: as many as the
 * queue has, 1 to QUEUE_PARTITIONS_MAX; the file does not know of them.
 */
int spool_open(const char *path, int64_t max_bytes, unsigned partitions,
    struct spool **ret_spool) MUST_USE;
void spool_close(struct spool **spool);

/*
 * Keeps all of them, or none: one transaction, one sync. Fills in each `result`: QUEUE_PUT_SPOOLED
 * or QUEUE_PUT_DUPLICATE. `now_ms`: Unix time.
 */
int spool_add(
    struct spool *spool, struct queue_put *puts, size_t count, int64_t now_ms) MUST_USE;
/* A write like an event's, which leaves nothing behind: would spool_add() work? */
int spool_probe(struct spool *spool) MUST_USE;

/*
 * Reads up to `max` of the oldest that wait in a partition, or about what fits one call of Redis;
 * none is a count of 0.
 */
int spool_read(struct spool *spool, unsigned partition, size_t max,
    struct spool_rows *ret_rows) MUST_USE;
/* Reads one out of turn: the partition's first of this state with an id above `after_id`. */
int spool_read_one(struct spool *spool, unsigned partition, enum spool_state state,
    int64_t after_id, struct spool_rows *ret_rows) MUST_USE;
void spool_rows_done(struct spool_rows *rows);
/*
 * All of `rows`, as read, are in Redis: they are not read again. When removing them fails they
 * are removed with the next that are drained, or by spool_tidy(); after a crash they are drained
 * again, as duplicates. One that was read out of turn and cannot be removed is read again.
 */
int spool_drained(struct spool *spool, const struct spool_rows *rows) MUST_USE;
/* Passes the first of `rows` over from now on. */
int spool_set_aside(struct spool *spool, const struct spool_rows *rows) MUST_USE;
/* Removes what is drained and gives the space back. For a spool with nothing to do. */
int spool_tidy(struct spool *spool) MUST_USE;

struct spool_totals spool_totals(const struct spool *spool);
struct spool_totals spool_totals_in(const struct spool *spool, unsigned partition);
const char *spool_error(const struct spool *spool); /* why the last call failed */

/* Counts what is in the file, without changing it, whoever has it open. */
int spool_look(const char *path, struct spool_totals *ret_totals) MUST_USE;

const char *spool_library_version(void); /* SQLite's */
