/*
 * file.c - a whole file, or all a descriptor has left, in memory.
 */
#include "server/ops/file.h"

#include <errno.h>
#include <fcntl.h>
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
