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

/* More, or less, waits in a partition. */
static void
count_waiting(struct spool *spool, unsigned partition, int64_t change)
{
    spool->totals.waiting += change;
    spool->progress[partition].waiting += change;
}

static void
count_added(struct spool *spool, const struct queue_put *puts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (puts[i].result == QUEUE_PUT_SPOOLED) {
            count_waiting(spool, queue_partition(puts[i].subject, spool->partitions), 1);
        }
    }
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
    if (r == SPOOL_OK) {
        count_added(spool, puts, count);
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

int
spool_read(struct spool *spool, size_t max, struct spool_rows *ret_rows)
{
    return spool_read_in(spool, 0, max, ret_rows);
}

static int
bind_numbers(sqlite3_stmt *statement, int64_t first, int64_t second, unsigned third)
{
    int code = sqlite3_bind_int64(statement, 1, first);

    code = code == SQLITE_OK ? sqlite3_bind_int64(statement, 2, second) : code;
    return code == SQLITE_OK ? sqlite3_bind_int64(statement, 3, third) : code;
}

int
spool_read_in(
    struct spool *spool, unsigned partition, size_t max, struct spool_rows *ret_rows)
{
    const struct spool_progress *progress = &spool->progress[partition];
    sqlite3_stmt *statement = spool->statements[READ];
    size_t bytes = 0;

    *ret_rows = (struct spool_rows){.partition = partition};
    max = max < LENGTH(ret_rows->puts) ? max : LENGTH(ret_rows->puts);
    int code = bind_numbers(statement, MAX(progress->drained_id, progress->removed_id),
        (int64_t)max, partition);

    while (code == SQLITE_OK || (code == SQLITE_ROW && bytes < GROUP_COMMIT_BYTES_MAX)) {
        code = sqlite3_step(statement);
        if (code == SQLITE_ROW && !take_row(statement, ret_rows)) {
            code = SQLITE_NOMEM;
        } else if (code == SQLITE_ROW && !put_is_valid(last_of(ret_rows))) {
            code = SQLITE_CORRUPT; /* never added so */
        } else if (code == SQLITE_ROW) {
            bytes += last_of(ret_rows)->bytes.size;
        }
    }
    const int r = spool_db_checked(spool, code);

    (void)sqlite3_reset(statement);
    if (r != SPOOL_OK) {
        spool_rows_done(ret_rows);
    }
    return r;
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

    if (progress->drained_id == 0) {
        return SPOOL_OK;
    }
    int r = spool_db_checked(
        spool, bind_numbers(spool->statements[REMOVE], progress->drained_id,
                   progress->removed_id, partition));

    r = r == SPOOL_OK ? spool_db_run(spool, REMOVE) : r;
    if (r == SPOOL_OK) {
        progress->removed_id = progress->drained_id;
        progress->drained_id = 0;
    }
    return r;
}

static int
remove_all_drained(struct spool *spool)
{
    int r = SPOOL_OK;

    for (unsigned i = 0; r == SPOOL_OK && i < spool->partitions; i++) {
        r = remove_drained(spool, i);
    }
    return r;
}

int
spool_drained(struct spool *spool, const struct spool_rows *rows)
{
    spool->progress[rows->partition].drained_id = rows->last_id;
    count_waiting(spool, rows->partition, -(int64_t)rows->count);
    return remove_drained(spool, rows->partition);
}

int
spool_set_aside(struct spool *spool, const struct spool_rows *rows)
{
    const int r = spool_db_run_with_id(spool, SET_ASIDE, rows->first_id);

    if (r == SPOOL_OK) {
        count_waiting(spool, rows->partition, -1);
        spool->totals.aside++;
    }
    return r;
}

/* While drained rows wait for their removal, one brought back would be taken for one of them. */
int
spool_retry_aside(struct spool *spool)
{
    int r = remove_all_drained(spool);

    if (r == SPOOL_OK) {
        r = spool_db_run(spool, RETRY);
    }
    if (r == SPOOL_OK) {
        spool->totals.waiting += spool->totals.aside;
        spool->totals.aside = 0;
        r = spool_db_count_partitions(spool);
    }
    return r;
}

int
spool_tidy(struct spool *spool)
{
    const int r = remove_all_drained(spool);

    return r == SPOOL_OK ? spool_db_execute(spool, "PRAGMA incremental_vacuum;"
                                                   "PRAGMA wal_checkpoint(TRUNCATE)")
                         : r;
}
