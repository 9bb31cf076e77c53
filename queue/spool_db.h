/*
 * spool_db.h - the spool's database: opening, and the calls of SQLite. For the spool's own files.
 *
 * Rows of a partition with aside = 0 and an id up to its `drained_id` are in Redis and only wait to
 * be removed. An id is never used twice.
 */
#pragma once

#include <sqlite3.h>

#include "queue/spool.h"

enum {
    SPOOL_DB_BUSY_MS =
        500, /* a reader that recovers the log after a crash is in our way for a moment */
};

enum statement {
    ADD,
    READ,
    REMOVE,
    REMOVE_ONE,
    SET_ASIDE,
    SUBJECTS,
    STATEMENT_COUNT
};

/* How far a partition is. */
struct spool_progress {
    int64_t removed_id; /* nothing that waits is up to here: reading starts behind it */
    int64_t drained_id; /* 0: everything drained is removed */
    struct spool_totals totals;
};

struct spool {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    unsigned partitions;
    struct spool_progress progress[QUEUE_PARTITIONS_MAX];
    char error[QUEUE_ERROR_SIZE];
};

/* What a code of SQLite's means; keeps the text of an error. */
int spool_db_checked(struct spool *spool, int code) MUST_USE;
int spool_db_execute(struct spool *spool, const char *sql) MUST_USE;
/* Runs a statement that answers nothing, and makes it ready for the next time. */
int spool_db_run(struct spool *spool, enum statement which) MUST_USE;
int spool_db_run_with_id(struct spool *spool, enum statement which, int64_t id) MUST_USE;
/* Binds the partition whose rows a statement is about: nothing when there is only one. */
int spool_db_bind_partition(
    struct spool *spool, enum statement which, int column, unsigned partition) MUST_USE;
/* `r` of what was done since BEGIN: kept when it went well, else undone. */
int spool_db_end(struct spool *spool, int r) MUST_USE;
