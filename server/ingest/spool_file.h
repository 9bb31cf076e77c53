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

struct spool_file {
    const char *directory; /* borrowed */
    unsigned number;
    int lock_fd;
    struct spool *spool; /* NULL: cannot be opened now */
};

/* The lowest number nobody has. 0, -EWOULDBLOCK when all are taken, or -errno. */
int spool_file_take(const char *directory, struct spool_file *ret_file) MUST_USE;
/* The file of this number, when there is one and nobody has it. */
bool spool_file_adopt(
    const char *directory, unsigned number, struct spool_file *ret_file) MUST_USE;
/*
 * Opens the spool. A damaged one is put out of the way, under a name that says so, and a new one is
 * made in its place. 0 or -errno.
 */
int spool_file_open(struct spool_file *file, int64_t max_bytes) MUST_USE;
/* The open spool has turned out to be damaged: the same. */
int spool_file_renew(struct spool_file *file, int64_t max_bytes) MUST_USE;
/* Closes and unlocks; the file stays. */
void spool_file_close(struct spool_file *file);
/* The same, and deletes the file: all of it is in Redis. */
void spool_file_remove(struct spool_file *file);

/* Adds up what is in all files of the directory. 0 or -errno: one cannot be read. */
int spool_files_look(const char *directory, struct spool_totals *ret_totals) MUST_USE;
