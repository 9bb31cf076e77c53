/*
 * spool_file.h - the spool files of a state directory: whose they are, opening, counting.
 *
 * Each server process has one, spool-N.db, of the lowest N whose lock file it got. A file whose
 * lock nobody holds was left behind, and belongs to whoever takes the lock.
 */
#pragma once

#include "queue/spool.h"

enum {
    SPOOL_FILES_MAX = 64, /* of one state directory */
};

/* Rows of one partition that did not get into Redis; the drain's, see spool_drain.h. */
struct spool_doubt {
    size_t singly;     /* so many rows go one at a time: one of them did not get in */
    int64_t failed_id; /* the last that did not, alone */
    unsigned failures; /* of that row */
    int64_t passed_id; /* rows up to this one are passed over; 0: none */
    int64_t stored;    /* what the drain had stored when the first was */
    int64_t
        suspect_id; /* rows up to this one were passed over, and another was stored then */
    int64_t retried_id; /* rows set aside up to this one were tried again */
    bool is_retrying;
    bool was_damaged; /* what was read last */
};

struct spool_file {
    const char *directory; /* borrowed; NULL: none */
    unsigned number;
    int lock_fd;
    struct spool *spool; /* NULL: cannot be opened now */
    struct spool_doubt doubts[QUEUE_PARTITIONS_MAX];
    bool rests; /* it could not be read, or written, just now */
};

/* The lowest number nobody has. 0, -EWOULDBLOCK when all are taken, or -errno. */
int spool_file_take(const char *directory, struct spool_file *ret_file) MUST_USE;
/* The file of this number, when there is one and nobody has it. */
bool spool_file_adopt(
    const char *directory, unsigned number, struct spool_file *ret_file) MUST_USE;
/*
 * Opens the spool, as spool_open(). A damaged one is put out of the way, under a name that says so,
 * and a new one is made in its place. 0 or -errno.
 */
int spool_file_open(
    struct spool_file *file, int64_t max_bytes, unsigned partitions) MUST_USE;
/*
 * The open spool was called damaged while it was used: the same, if the check that comes with
 * opening says so, too, or if it is `certain`. After a read that failed SQLite may err.
 */
int spool_file_renew(struct spool_file *file, int64_t max_bytes, unsigned partitions,
    bool certain) MUST_USE;
/* Closes and unlocks; the file stays. */
void spool_file_close(struct spool_file *file);
/* The same, and deletes the file: all of it is in Redis. */
void spool_file_remove(struct spool_file *file);

/* Adds up what is in all files of the directory. 0 or -errno: one cannot be read. */
int spool_files_look(const char *directory, struct spool_totals *ret_totals) MUST_USE;
