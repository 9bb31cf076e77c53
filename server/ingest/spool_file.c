/*
 * spool_file.c - the spool files of a state directory: whose they are, opening, counting.
 */
#include "server/ingest/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ops/clock.h"
#include "server/ops/log.h"

/* SQLite's own files beside the database, the log first: without it nothing is replayed. */
static const char *const suffixes[] = {"-wal", "-shm", ""};

/* "<directory>/spool-3<ending>" */
static int
name_file(const char *directory, unsigned number, const char *ending, char path[PATH_MAX])
{
    const int size = snprintf(path, PATH_MAX, "%s/spool-%u%s", directory, number, ending);

    return size > 0 && size < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int
take_lock(const char *directory, unsigned number, int *ret_fd)
{
    char path[PATH_MAX];
    int r = name_file(directory, number, ".lock", path);

    if (r < 0) {
        return r;
    }
    const int fd =
        open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);

    if (fd < 0) {
        return -errno;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        r = -errno;
        (void)close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

int
spool_file_take(const char *directory, struct spool_file *ret_file)
{
    int r = -EWOULDBLOCK;

    for (unsigned number = 1; r == -EWOULDBLOCK && number <= SPOOL_FILES_MAX; number++) {
        *ret_file =
            (struct spool_file){.directory = directory, .number = number, .lock_fd = -1};
        r = take_lock(directory, number, &ret_file->lock_fd);
    }
    return r;
}

bool
spool_file_adopt(const char *directory, unsigned number, struct spool_file *ret_file)
{
    char path[PATH_MAX];

    if (name_file(directory, number, ".db", path) < 0 || access(path, F_OK) < 0) {
        return false;
    }
    *ret_file =
        (struct spool_file){.directory = directory, .number = number, .lock_fd = -1};
    if (take_lock(directory, number, &ret_file->lock_fd) < 0) {
        return false;
    }
    if (access(path, F_OK) == 0) {
        return true;
    }
    spool_file_close(ret_file); /* whoever had it has just emptied it */
    return false;
}

/* Nothing of it is deleted: a person may get something out of it yet. */
static int
put_out_of_the_way(const struct spool_file *file)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    char ending[64];
    const int64_t now_ms = clock_unix_ms();

    for (size_t i = 0; i < LENGTH(suffixes); i++) {
        (void)snprintf(ending, sizeof(ending), ".db%s", suffixes[i]);
        int r = name_file(file->directory, file->number, ending, from);

        (void)snprintf(
            ending, sizeof(ending), ".damaged-%" PRId64 "%s", now_ms, suffixes[i]);
        r = r == 0 ? name_file(file->directory, file->number, ending, to) : r;
        if (r == 0 && rename(from, to) < 0 && errno != ENOENT) {
            r = -errno;
        }
        if (r < 0) {
            return r;
        }
    }
    log_error("spool_damaged", "moved_to=%s do=\"%s\"", to,
        "its events are not delivered: check the disk, then see docs/operations.md");
    return 0;
}

int
spool_file_open(struct spool_file *file, int64_t max_bytes, unsigned partitions)
{
    char path[PATH_MAX];
    int r = name_file(file->directory, file->number, ".db", path);

    r = r == 0 ? spool_open(path, max_bytes, partitions, &file->spool) : r;
    if (r != SPOOL_E_DAMAGED) {
        return r;
    }
    r = put_out_of_the_way(file);
    r = r == 0 ? spool_open(path, max_bytes, partitions, &file->spool) : r;
    return r == SPOOL_E_DAMAGED ? -EIO : r;
}

int
spool_file_renew(
    struct spool_file *file, int64_t max_bytes, unsigned partitions, bool certain)
{
    spool_close(&file->spool);
    const int r = certain ? put_out_of_the_way(file) : 0;

    return r == 0 ? spool_file_open(file, max_bytes, partitions) : r;
}

void
spool_file_close(struct spool_file *file)
{
    spool_close(&file->spool);
    if (file->directory != NULL && file->lock_fd >= 0) {
        (void)close(file->lock_fd);
    }
    *file = (struct spool_file){.lock_fd = -1};
}

void
spool_file_remove(struct spool_file *file)
{
    char path[PATH_MAX];
    char ending[16];

    spool_close(&file->spool);
    for (size_t i = 0; i < LENGTH(suffixes); i++) {
        (void)snprintf(ending, sizeof(ending), ".db%s", suffixes[i]);
        if (name_file(file->directory, file->number, ending, path) == 0) {
            (void)unlink(path); /* left behind, it is adopted again and found empty */
        }
    }
    spool_file_close(file);
}

static void
add_totals(struct spool_totals *totals, const struct spool_totals *more)
{
    totals->waiting += more->waiting;
    totals->aside += more->aside;
    if (more->oldest_ms > 0 &&
        (totals->oldest_ms == 0 || more->oldest_ms < totals->oldest_ms)) {
        totals->oldest_ms = more->oldest_ms;
    }
}

int
spool_files_look(const char *directory, struct spool_totals *ret_totals)
{
    char path[PATH_MAX];
    int status = 0;

    *ret_totals = (struct spool_totals){0};
    for (unsigned number = 1; number <= SPOOL_FILES_MAX; number++) {
        struct spool_totals one = {0};
        int r = name_file(directory, number, ".db", path);

        if (r == 0 && access(path, F_OK) == 0) {
            r = spool_look(path, &one);
        }
        add_totals(ret_totals, &one);
        status = r != 0 ? (r < 0 ? r : -EIO) : status;
    }
    return status;
}
