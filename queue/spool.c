/*
 * spool.c - a local file that keeps puts while Redis is away: adding, draining.
 */
#include "queue/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "queue/put.h"
#include "queue/spool_db.h"

/* ---- adding ------------------------------------------------------------------------------- */

/* A NULL pointer would be bound as NULL, which is no value. */
static int
bind(sqlite3_stmt *statement, int column, struct slice value)
{
    return value.size == 0 ? sqlite3_bind_zeroblob(statement, column, 0)
                           : sqlite3_bind_blob64(statement, column, value.data,
                                 value.size, SQLITE_STATIC);
}

static int
add_one(struct spool *spool, struct queue_put *put, int64_t now_ms)
{
    sqlite3_stmt *statement = spool->statements[ADD];
    int code = bind(statement, 1, put->key);

    code = code == SQLITE_OK ? bind(statement, 2, put->route) : code;
    code = code == SQLITE_OK ? bind(statement, 3, put->subject) : code;
    code = code == SQLITE_OK ? bind(statement, 4, put->bytes) : code;
    code = code == SQLITE_OK ? sqlite3_bind_int64(statement, 5, now_ms) : code;
    const int r =
        code == SQLITE_OK ? spool_db_run(spool, ADD) : spool_db_checked(spool, code);

    if (r == SPOOL_OK) {
        put->result =
            sqlite3_changes(spool->db) > 0 ? QUEUE_PUT_SPOOLED : QUEUE_PUT_DUPLICATE;
    }
    return r;
}

static struct spool_totals *
totals_of(struct spool *spool, struct slice subject)
{
    return &spool->progress[queue_partition(subject, spool->partitions)].totals;
}

int
spool_add(struct spool *spool, struct queue_put *puts, size_t count, int64_t now_ms)
{
    int r = spool_db_execute(spool, "BEGIN IMMEDIATE");

    if (r != SPOOL_OK) {
        return r;
    }
    for (size_t i = 0; r == SPOOL_OK && i < count; i++) {
        r = add_one(spool, &puts[i], now_ms);
    }
    r = spool_db_end(spool, r);
    for (size_t i = 0; r == SPOOL_OK && i < count; i++) {
        totals_of(spool, puts[i].subject)->waiting +=
            puts[i].result == QUEUE_PUT_SPOOLED ? 1 : 0;
    }
    return r;
}

int
spool_probe(struct spool *spool)
{
    const int r = spool_db_execute(
        spool, "INSERT OR REPLACE INTO probe (id, bytes) VALUES (1, zeroblob(16384))");

    return r == SPOOL_OK ? spool_db_execute(spool, "DELETE FROM probe") : r;
}

/* ---- draining ----------------------------------------------------------------------------- */

static struct slice
column(sqlite3_stmt *statement, int number)
{
    const void *data = sqlite3_column_blob(statement, number); /* asked before its size */

    return (struct slice){data, (size_t)sqlite3_column_bytes(statement, number)};
}

static struct slice
keep(struct slice value, char **storage)
{
    const struct slice kept = {*storage, value.size};

    if (value.size > 0) {
        memcpy(*storage, value.data, value.size);
    }
    *storage += value.size;
    return kept;
}

/* Copies the row the statement stands at. False: no memory. */
static bool
take_row(sqlite3_stmt *statement, struct spool_rows *rows)
{
    const struct slice key = column(statement, 1);
    const struct slice route = column(statement, 2);
    const struct slice subject = column(statement, 3);
    const struct slice bytes = column(statement, 4);
    char *storage = malloc(key.size + route.size + subject.size + bytes.size + 1);
    char *next = storage;

    if (storage == NULL) {
        return false;
    }
    rows->last_id = sqlite3_column_int64(statement, 0);
    rows->first_id = rows->count == 0 ? rows->last_id : rows->first_id;
    rows->storage[rows->count] = storage;
    rows->puts[rows->count++] = (struct queue_put){.key = keep(key, &next),
        .route = keep(route, &next),
        .subject = keep(subject, &next),
        .bytes = keep(bytes, &next)};
    return true;
}

static const struct queue_put *
last_of(const struct spool_rows *rows)
{
    return &rows->puts[rows->count - 1];
}

static int
read_rows(struct spool *spool, int64_t after_id, size_t max, struct spool_rows *rows)
{
    sqlite3_stmt *statement = spool->statements[READ];
    size_t bytes = 0;
    int code = sqlite3_bind_int64(statement, 1, after_id);

    code = code == SQLITE_OK ? sqlite3_bind_int(statement, 2, rows->state) : code;
    if (code == SQLITE_OK) {
        code = sqlite3_bind_int64(statement, 3, (sqlite3_int64)max);
    }
    if (code == SQLITE_OK) {
        code = spool_db_bind_partition(spool, READ, 4, rows->partition);
    }
    while (code == SQLITE_OK || (code == SQLITE_ROW && bytes < GROUP_COMMIT_BYTES_MAX)) {
        code = sqlite3_step(statement);
        if (code == SQLITE_ROW && !take_row(statement, rows)) {
            code = SQLITE_NOMEM;
        } else if (code == SQLITE_ROW && !put_is_valid(last_of(rows))) {
            code = SQLITE_CORRUPT; /* never added so */
        } else if (code == SQLITE_ROW) {
            bytes += last_of(rows)->bytes.size;
        }
    }
    const int r = spool_db_checked(spool, code);

    (void)sqlite3_reset(statement);
    if (r != SPOOL_OK) {
        spool_rows_done(rows);
    }
    return r;
}

/* Those up to here are in Redis. */
static int64_t
done_id(const struct spool *spool, unsigned partition)
{
    const struct spool_progress *progress = &spool->progress[partition];

    return MAX(progress->drained_id, progress->removed_id);
}

int
spool_read(
    struct spool *spool, unsigned partition, size_t max, struct spool_rows *ret_rows)
{
    const size_t waiting = (size_t)spool->progress[partition].totals.waiting;

    *ret_rows = (struct spool_rows){.partition = partition, .state = SPOOL_WAITING};
    max =
        MIN(MIN(max, LENGTH(ret_rows->puts)), waiting); /* not to look for more of them */
    return read_rows(spool, done_id(spool, partition), max, ret_rows);
}

int
spool_read_one(struct spool *spool, unsigned partition, enum spool_state state,
    int64_t after_id, struct spool_rows *ret_rows)
{
    *ret_rows =
        (struct spool_rows){.partition = partition, .state = state, .out_of_turn = true};
    if (state == SPOOL_WAITING) {
        after_id = MAX(after_id, done_id(spool, partition));
    }
    return read_rows(spool, after_id, 1, ret_rows);
}

void
spool_rows_done(struct spool_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        free(rows->storage[i]);
    }
    rows->count = 0;
}

static int
remove_drained(struct spool *spool, unsigned partition)
{
    struct spool_progress *progress = &spool->progress[partition];
    sqlite3_stmt *statement = spool->statements[REMOVE];

    if (progress->drained_id == 0) {
        return SPOOL_OK;
    }
    int code = sqlite3_bind_int64(statement, 1, progress->removed_id);

    code =
        code == SQLITE_OK ? sqlite3_bind_int64(statement, 2, progress->drained_id) : code;
    code =
        code == SQLITE_OK ? spool_db_bind_partition(spool, REMOVE, 3, partition) : code;
    const int r =
        code == SQLITE_OK ? spool_db_run(spool, REMOVE) : spool_db_checked(spool, code);

    if (r == SPOOL_OK) {
        progress->removed_id = progress->drained_id;
        progress->drained_id = 0;
    }
    return r;
}

static int
remove_one(struct spool *spool, const struct spool_rows *rows)
{
    struct spool_totals *totals = &spool->progress[rows->partition].totals;
    const int r = spool_db_run_with_id(spool, REMOVE_ONE, rows->first_id);

    if (r == SPOOL_OK && rows->state == SPOOL_ASIDE) {
        totals->aside--;
    } else if (r == SPOOL_OK) {
        totals->waiting--;
    }
    return r;
}

int
spool_drained(struct spool *spool, const struct spool_rows *rows)
{
    struct spool_progress *progress = &spool->progress[rows->partition];

    if (rows->out_of_turn) {
        return remove_one(spool, rows);
    }
    progress->drained_id = rows->last_id;
    progress->totals.waiting -= (int64_t)rows->count;
    return remove_drained(spool, rows->partition);
}

int
spool_set_aside(struct spool *spool, const struct spool_rows *rows)
{
    struct spool_totals *totals = &spool->progress[rows->partition].totals;
    const int r = spool_db_run_with_id(spool, SET_ASIDE, rows->first_id);

    if (r == SPOOL_OK) {
        totals->waiting--;
        totals->aside++;
    }
    return r;
}

int
spool_tidy(struct spool *spool)
{
    int r = SPOOL_OK;

    for (unsigned i = 0; r == SPOOL_OK && i < spool->partitions; i++) {
        r = remove_drained(spool, i);
    }
    return r == SPOOL_OK ? spool_db_execute(spool, "PRAGMA incremental_vacuum;"
                                                   "PRAGMA wal_checkpoint(TRUNCATE)")
                         : r;
}
