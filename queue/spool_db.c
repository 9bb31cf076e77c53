/*
 * spool_db.c - the spool's database: opening, and the calls of SQLite.
 */
#include "queue/spool_db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Without a partition, of all of them. */
#define OF_PARTITION(number) "(" number " IS NULL OR partition(subject) = " number ") "

static const char *const statements[STATEMENT_COUNT] = {
    [ADD] = "INSERT INTO events (key, route, subject, bytes, spooled_ms) "
            "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key, route) DO NOTHING",
    [READ] =
        "SELECT id, key, route, subject, bytes FROM events "
        "WHERE id > ?1 AND aside = ?2 AND " OF_PARTITION("?4") "ORDER BY id LIMIT ?3",
    [REMOVE] = "DELETE FROM events "
               "WHERE id > ?1 AND id <= ?2 AND aside = 0 AND " OF_PARTITION("?3"),
    [REMOVE_ONE] = "DELETE FROM events WHERE id = ?1",
    [SET_ASIDE] = "UPDATE events SET aside = 1 WHERE id = ?1",
    [SUBJECTS] = "SELECT subject, aside FROM events",
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
spool_db_bind_partition(
    struct spool *spool, enum statement which, int column, unsigned partition)
{
    return spool->partitions > 1
               ? sqlite3_bind_int64(spool->statements[which], column, partition)
               : SQLITE_OK;
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

/* The last call of the system for this file that failed; 0: none has. */
static int
last_errno(sqlite3_file *file)
{
    int error = 0;

    if (file != NULL && file->pMethods != NULL) {
        (void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    }
    return error;
}

/*
 * Reads through all of it. A page that the disk does not give us is to the check a finding like any
 * other; but a spool whose disk or memory fails for a moment is whole, and to be opened later.
 */
static int
check_whole(struct spool *spool)
{
    static const int files[] = {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER};
    const int r = ask(spool, "PRAGMA quick_check(1)", "ok", SPOOL_E_DAMAGED);

    for (size_t i = 0; r == SPOOL_E_DAMAGED && i < LENGTH(files); i++) {
        sqlite3_file *file = NULL;

        (void)sqlite3_file_control(spool->db, "main", files[i], (void *)&file);
        if (last_errno(file) != 0) {
            return -EIO;
        }
    }
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

static unsigned
partition_of(const struct spool *spool, const void *subject, int size)
{
    return queue_partition((struct slice){subject, (size_t)size}, spool->partitions);
}

/* partition(subject), for SQL. */
static void
tell_partition(sqlite3_context *context, int count, sqlite3_value **values)
{
    const void *subject = sqlite3_value_blob(values[0]); /* asked before its size */

    (void)count;
    sqlite3_result_int64(context, partition_of(sqlite3_user_data(context), subject,
                                      sqlite3_value_bytes(values[0])));
}

static int
count(struct spool *spool)
{
    sqlite3_stmt *statement = spool->statements[SUBJECTS];
    int code = SQLITE_OK;

    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const void *subject = sqlite3_column_blob(statement, 0);
        struct spool_totals *totals = &spool
                                           ->progress[partition_of(spool, subject,
                                               sqlite3_column_bytes(statement, 0))]
                                           .totals;

        if (sqlite3_column_int(statement, 1) == 0) {
            totals->waiting++;
        } else {
            totals->aside++;
        }
    }
    (void)sqlite3_reset(statement);
    return spool_db_checked(spool, code);
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
        (void)sqlite3_busy_timeout(spool->db, SPOOL_DB_BUSY_MS);
        r = check_whole(spool); /* writes nothing, however often it is tried */
    }
    if (r == SPOOL_OK) {
        r = spool_db_execute(spool, set_up);
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
    return r == SPOOL_OK ? count(spool) : r;
}

int
spool_open(
    const char *path, int64_t max_bytes, unsigned partitions, struct spool **ret_spool)
{
    AUTO(spool_close) struct spool *spool = calloc(1, sizeof(*spool));

    assert(partitions > 0 && partitions <= QUEUE_PARTITIONS_MAX);
    if (spool == NULL) {
        return -ENOMEM;
    }
    spool->partitions = partitions;
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

struct spool_totals
spool_totals_in(const struct spool *spool, unsigned partition)
{
    return spool->progress[partition].totals;
}

struct spool_totals
spool_totals(const struct spool *spool)
{
    struct spool_totals totals = {0};

    for (unsigned i = 0; i < spool->partitions; i++) {
        totals.waiting += spool->progress[i].totals.waiting;
        totals.aside += spool->progress[i].totals.aside;
    }
    return totals;
}

const char *
spool_error(const struct spool *spool)
{
    return spool->error;
}

const char *
spool_library_version(void)
{
    return sqlite3_libversion();
}
