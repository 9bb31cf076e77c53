/*
 * file.c - whole files: read into memory, replaced at once.
 */
#include "server/ops/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_SIZE = 16 * 1024,
};

int
file_read_fd(int fd, size_t max, struct buffer *buffer)
{
    char chunk[READ_SIZE];

    buffer_init(buffer, max);
    for (;;) {
        const ssize_t size = read(fd, chunk, sizeof(chunk));

        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return size < 0 ? -errno : 0;
        }
        if ((size_t)size > max - buffer->size) {
            return -EFBIG;
        }
        buffer_add(buffer, chunk, (size_t)size);
        if (buffer->failed) {
            return -ENOMEM;
        }
    }
}

int
file_read(const char *path, size_t max, struct buffer *buffer)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return -errno;
    }
    const int r = file_read_fd(fd, max, buffer);

    (void)close(fd); /* only read from */
    return r;
}

/* All of it on disk, or -errno. */
static int
write_new(const char *path, struct slice bytes)
{
    (void)unlink(path); /* of one who died here */
    const int fd = open(
        path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);

    if (fd < 0) {
        return -errno;
    }
    const ssize_t written = write(fd, bytes.data, bytes.size);
    int error = written < 0 ? errno : written != (ssize_t)bytes.size ? ENOSPC : 0;

    if (error == 0 && fsync(fd) < 0) {
        error = errno;
    }
    (void)close(fd);
    return -error;
}

/* A name that was changed in a directory is durable after this; not every file system can. */
static int
sync_directory_of(const char *path)
{
    char directory[PATH_MAX];

    (void)snprintf(directory, sizeof(directory), "%s", path); /* it was opened: it fits */
    const int fd = open(dirname(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return -errno;
    }
    const int r = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;

    (void)close(fd);
    return r;
}

int
file_replace(const char *path, struct slice bytes)
{
    char made[PATH_MAX];
    const int size = snprintf(made, sizeof(made), "%s.new", path);

    if (size < 0 || (size_t)size >= sizeof(made)) {
        return -ENAMETOOLONG;
    }
    const int r = write_new(made, bytes);

    if (r < 0) {
        return r;
    }
    return rename(made, path) < 0 ? -errno : sync_directory_of(path);
}
