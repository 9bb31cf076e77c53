/*
 * spool_db.c - the spool's database: opening, and the calls of SQLite.
 */
#include "queue/spool_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUSY_MS =
        500, /* a reader that recovers the log after a crash is in our way for a moment */
};

static const char *const statements[STATEMENT_COUNT] = {
    [ADD] = "INSERT INTO events (key, route, subject, bytes, spooled_ms) "
            "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key, route) DO NOTHING",
    [READ] = "SELECT id, key, route, subject, bytes FROM events "
             "WHERE id > ?1 AND aside = 0 AND partition(subject) = ?3 "
             "ORDER BY id LIMIT ?2",
    [REMOVE] = "DELETE FROM events WHERE id > ?2 AND id <= ?1 AND aside = 0 "
               "AND partition(subject) = ?3",
    [SET_ASIDE] = "UPDATE events SET aside = 1 WHERE id = ?1",
    [RETRY] = "UPDATE events SET aside = 0 WHERE aside = 1",
    [COUNT] = "SELECT count(*), coalesce(sum(aside), 0), coalesce(min(spooled_ms), 0) "
              "FROM events",
    [COUNT_PARTITIONS] = "SELECT partition(subject), count(*) FROM events "
                         "WHERE aside = 0 GROUP BY 1",
};

/* In this order. The log is synced at each commit, and what is deleted is overwritten. */
static const char set_up[] =
    "PRAGMA auto_vacuum = INCREMENTAL;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA secure_delete = ON;"
    "PRAGMA temp_store = MEMORY;"
    "CREATE TABLE IF NOT EXISTS events ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL, route BLOB NOT NULL,"
    " subject BLOB NOT NULL, bytes BLOB NOT NULL, spooled_ms INTEGER NOT NULL,"
    " aside INTEGER NOT NULL DEFAULT 0, UNIQUE (key, route));"
    "CREATE TABLE IF NOT EXISTS probe (id INTEGER PRIMARY KEY, bytes BLOB);";

/* ---- calls of SQLite ---------------------------------------------------------------------- */

static int
meaning_of(int code)
{
    switch (code & 0xff) { /* the primary code */
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return SPOOL_OK;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return SPOOL_E_DAMAGED;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return -EACCES;
    case SQLITE_READONLY:
        return -EROFS;
    default:
        return -EIO;
    }
}

int
spool_db_checked(struct spool *spool, int code)
{
    const int r = meaning_of(code);

    if (r != SPOOL_OK) {
        (void)snprintf(spool->error, sizeof(spool->error), "%s (%s)",
            sqlite3_errmsg(spool->db), sqlite3_errstr(code));
    }
    return r;
}

int
spool_db_execute(struct spool *spool, const char *sql)
{
    return spool_db_checked(spool, sqlite3_exec(spool->db, sql, NULL, NULL, NULL));
}

int
spool_db_run(struct spool *spool, enum statement which)
{
    sqlite3_stmt *statement = spool->statements[which];
    const int r = spool_db_checked(spool, sqlite3_step(statement));

    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return r;
}

int
spool_db_run_with_id(struct spool *spool, enum statement which, int64_t id)
{
    const int r =
        spool_db_checked(spool, sqlite3_bind_int64(spool->statements[which], 1, id));

    return r == SPOOL_OK ? spool_db_run(spool, which) : r;
}

int
spool_db_end(struct spool *spool, int r)
{
    if (r == SPOOL_OK) {
        r = spool_db_execute(spool, "COMMIT");
    }
    if (r != SPOOL_OK && sqlite3_get_autocommit(spool->db) == 0) {
        (void)sqlite3_exec(spool->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return r;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* SQLite would make it readable for all; its log takes the mode of the file. */
static int
make_file(const char *path)
{
    const int fd =
        open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);

    if (fd < 0) {
        return -errno;
    }
    (void)close(fd);
    return 0;
}

/* The first column of the first row is `expected`. */
static int
ask(struct spool *spool, const char *sql, const char *expected, int otherwise)
{
    sqlite3_stmt *statement = NULL;
    int r =
        spool_db_checked(spool, sqlite3_prepare_v2(spool->db, sql, -1, &statement, NULL));

    if (r == SPOOL_OK) {
        const int code = sqlite3_step(statement);
        const unsigned char *text =
            code == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;

        r = spool_db_checked(spool, code);
        if (r == SPOOL_OK &&
            (text == NULL || strcmp((const char *)text, expected) != 0)) {
            (void)snprintf(spool->error, sizeof(spool->error), "%s: %.100s", sql,
                text != NULL ? (const char *)text : "no answer");
            r = otherwise;
        }
    }
    (void)sqlite3_finalize(statement);
    return r;
}

static int
limit_size(struct spool *spool, int64_t max_bytes)
{
    enum {
        PAGE_SIZE = 4096, /* SQLite's own, for files it makes */
    };
    char sql[64];

    if (max_bytes < SPOOL_BYTES_MIN) {
        max_bytes = SPOOL_BYTES_MIN;
    }
    (void)snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld",
        (long long)(max_bytes / PAGE_SIZE));
    return spool_db_execute(spool, sql);
}

static int
count(struct spool *spool)
{
    sqlite3_stmt *statement = spool->statements[COUNT];
    const int r = spool_db_checked(spool, sqlite3_step(statement));

    if (r == SPOOL_OK) {
        spool->totals.aside = sqlite3_column_int64(statement, 1);
        spool->totals.waiting = sqlite3_column_int64(statement, 0) - spool->totals.aside;
        spool->totals.oldest_ms = sqlite3_column_int64(statement, 2);
    }
    (void)sqlite3_reset(statement);
    return r;
}

int
spool_db_count_partitions(struct spool *spool)
{
    sqlite3_stmt *statement = spool->statements[COUNT_PARTITIONS];
    struct spool_progress progress[QUEUE_PARTITIONS_MAX] = {0};
    int code = SQLITE_OK;

    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        progress[sqlite3_column_int(statement, 0)].waiting =
            sqlite3_column_int64(statement, 1);
    }
    const int r = spool_db_checked(spool, code);

    (void)sqlite3_reset(statement);
    if (r == SPOOL_OK) {
        memcpy(spool->progress, progress, sizeof(progress));
    }
    return r;
}

/* partition(subject), for SQL. */
static void
tell_partition(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct spool *spool = sqlite3_user_data(context);
    const void *data = sqlite3_value_blob(values[0]); /* asked before its size */
    const struct slice subject = {data, (size_t)sqlite3_value_bytes(values[0])};

    (void)count;
    sqlite3_result_int(context, (int)queue_partition(subject, spool->partitions));
}

static int
prepare(struct spool *spool)
{
    int r = SPOOL_OK;

    for (size_t i = 0; r == SPOOL_OK && i < STATEMENT_COUNT; i++) {
        r = spool_db_checked(
            spool, sqlite3_prepare_v3(spool->db, statements[i], -1,
                       SQLITE_PREPARE_PERSISTENT, &spool->statements[i], NULL));
    }
    return r;
}

static int
open_file(struct spool *spool, const char *path, int64_t max_bytes)
{
    int r = make_file(path);

    if (r != 0) {
        return r;
    }
    r = spool_db_checked(spool, sqlite3_open_v2(path, &spool->db,
                                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
    if (r == SPOOL_OK) {
        (void)sqlite3_busy_timeout(spool->db, BUSY_MS);
        r = spool_db_execute(spool, set_up);
    }
    if (r == SPOOL_OK) {
        r = ask(spool, "PRAGMA quick_check(1)", "ok", SPOOL_E_DAMAGED);
    }
    if (r == SPOOL_OK) { /* not on every file system */
        r = ask(spool, "PRAGMA journal_mode", "wal", -EOPNOTSUPP);
    }
    if (r == SPOOL_OK) {
        r = limit_size(spool, max_bytes);
    }
    if (r == SPOOL_OK) {
        r = spool_db_checked(spool,
            sqlite3_create_function(spool->db, "partition", 1,
                SQLITE_UTF8 | SQLITE_DIRECTONLY, spool, tell_partition, NULL, NULL));
    }
    if (r == SPOOL_OK) {
        r = prepare(spool);
    }
    if (r == SPOOL_OK) {
        r = count(spool);
    }
    return r == SPOOL_OK ? spool_divide(spool, 1) : r;
}

int
spool_open(const char *path, int64_t max_bytes, struct spool **ret_spool)
{
    AUTO(spool_close) struct spool *spool = calloc(1, sizeof(*spool));

    if (spool == NULL) {
        return -ENOMEM;
    }
    const int r = open_file(spool, path, max_bytes);

    if (r != SPOOL_OK) {
        return r;
    }
    *ret_spool = spool;
    spool = NULL;
    return SPOOL_OK;
}

void
spool_close(struct spool **spool)
{
    if (*spool != NULL) {
        for (size_t i = 0; i < STATEMENT_COUNT; i++) {
            (void)sqlite3_finalize((*spool)->statements[i]);
        }
        (void)sqlite3_close((*spool)->db);
        free(*spool);
    }
    *spool = NULL;
}

int
spool_divide(struct spool *spool, unsigned partitions)
{
    spool->partitions = partitions;
    return spool_db_count_partitions(spool);
}

int64_t
spool_waiting_in(const struct spool *spool, unsigned partition)
{
    return spool->progress[partition].waiting;
}

struct spool_totals
spool_totals(const struct spool *spool)
{
    return spool->totals;
}

const char *
spool_error(const struct spool *spool)
{
    return spool->error;
}

/* ---- looking ------------------------------------------------------------------------------ */

int
spool_look(const char *path, struct spool_totals *ret_totals)
{
    AUTO(spool_close) struct spool *spool = calloc(1, sizeof(*spool));

    if (spool == NULL) {
        return -ENOMEM;
    }
    int r =
        spool_db_checked(spool, sqlite3_open_v2(path, &spool->db,
                                    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL));

    if (r == SPOOL_OK) {
        (void)sqlite3_busy_timeout(spool->db, BUSY_MS);
        r = spool_db_checked(spool, sqlite3_prepare_v2(spool->db, statements[COUNT], -1,
                                        &spool->statements[COUNT], NULL));
    }
    if (r == SPOOL_OK) {
        r = count(spool);
    }
    if (r == SPOOL_OK) {
        *ret_totals = spool->totals;
    }
    return r;
}

const char *
spool_library_version(void)
{
    return sqlite3_libversion();
}
