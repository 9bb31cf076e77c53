/*
 * spool_look.c - what is in a spool's file, whoever has it open.
 */
#include <errno.h>
#include <stdlib.h>

#include "queue/spool_db.h"

static const char sum[] =
    "SELECT count(*), coalesce(sum(aside), 0), coalesce(min(spooled_ms), 0) FROM events";

static int
read_totals(struct spool *spool, struct spool_totals *ret_totals)
{
    sqlite3_stmt *statement = NULL;
    int r =
        spool_db_checked(spool, sqlite3_prepare_v2(spool->db, sum, -1, &statement, NULL));

    if (r == SPOOL_OK) {
        r = spool_db_checked(spool, sqlite3_step(statement));
    }
    if (r == SPOOL_OK) {
        ret_totals->aside = sqlite3_column_int64(statement, 1);
        ret_totals->waiting = sqlite3_column_int64(statement, 0) - ret_totals->aside;
        ret_totals->oldest_ms = sqlite3_column_int64(statement, 2);
    }
    (void)sqlite3_finalize(statement);
    return r;
}

int
spool_look(const char *path, struct spool_totals *ret_totals)
{
    AUTO(spool_close) struct spool *spool = calloc(1, sizeof(*spool));

    if (spool == NULL) {
        return -ENOMEM;
    }
    const int r =
        spool_db_checked(spool, sqlite3_open_v2(path, &spool->db,
                                    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL));

    if (r != SPOOL_OK) {
        return r;
    }
    (void)sqlite3_busy_timeout(spool->db, SPOOL_DB_BUSY_MS);
    return read_totals(spool, ret_totals);
}
