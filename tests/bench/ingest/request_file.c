/*
 * request_file.c - prepared requests, one behind the other, each behind its size.
 */
#include "tests/bench/ingest/request_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int
map(int fd, struct slice *ret_bytes)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        return -errno;
    }
    if (status.st_size == 0) {
        return -ENODATA;
    }
    const size_t size = (size_t)status.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);

    if (bytes == MAP_FAILED) {
        return -errno;
    }
    *ret_bytes = (struct slice){.data = bytes, .size = size};
    return 0;
}

int
request_file_open(const char *path, bool repeats, struct request_file *ret_file)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return -errno;
    }
    struct slice bytes;
    const int r = map(fd, &bytes);

    (void)close(fd);
    if (r == 0) {
        *ret_file = (struct request_file){.bytes = bytes, .repeats = repeats};
    }
    return r;
}

bool
request_file_has_next(const struct request_file *file)
{
    return file->repeats || file->at < file->bytes.size;
}

bool
request_file_next(struct request_file *file, struct slice *ret_request)
{
    uint32_t size;

    if (file->at >= file->bytes.size) {
        file->at = 0;
    }
    const struct slice rest = slice_skip(file->bytes, file->at);

    if (rest.size < sizeof(size)) {
        return false;
    }
    memcpy(&size, rest.data, sizeof(size));
    if (size == 0 || size > rest.size - sizeof(size)) {
        return false;
    }
    file->at += sizeof(size) + size;
    *ret_request = (struct slice){.data = rest.data + sizeof(size), .size = size};
    return true;
}
