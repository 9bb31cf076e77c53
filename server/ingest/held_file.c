/*
 * held_file.c - how held requests lie on disk.
 */
#include "server/ingest/held_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "server/ops/file.h"

enum {
    SIZE_SIZE = 4, /* of a size, on disk */
    TIME_SIZE = 8,
    NONCE_AT = 12,
    TAG_AT = NONCE_AT + SEAL_NONCE_SIZE,
};

_Static_assert(
    (int)HELD_HEADER_SIZE == (int)TAG_AT + (int)SEAL_TAG_SIZE, "as held_file.h draws it");

/* ---- numbers ------------------------------------------------------------------------------ */

static void
write_number(uint64_t number, size_t size, char *ret_bytes)
{
    for (size_t i = size; i > 0; i--) {
        ret_bytes[i - 1] = (char)(number & 0xff);
        number >>= 8;
    }
}

static uint64_t
read_number(const char *bytes, size_t size)
{
    uint64_t number = 0;

    for (size_t i = 0; i < size; i++) {
        number = number << 8 | (unsigned char)bytes[i];
    }
    return number;
}

/* ---- entries ------------------------------------------------------------------------------ */

void
held_header_write(const struct held_header *header, char ret_bytes[HELD_HEADER_SIZE])
{
    memset(ret_bytes, 0, HELD_HEADER_SIZE);
    memcpy(ret_bytes, HELD_MAGIC, SIZE_SIZE);
    write_number(header->size, SIZE_SIZE, ret_bytes + SIZE_SIZE);
    ret_bytes[HELD_MARK_AT] = header->released ? HELD_MARK : 0;
    memcpy(ret_bytes + NONCE_AT, header->seal.nonce, SEAL_NONCE_SIZE);
    memcpy(ret_bytes + TAG_AT, header->seal.tag, SEAL_TAG_SIZE);
}

bool
held_header_read(struct slice bytes, struct held_header *ret_header)
{
    if (bytes.size < HELD_HEADER_SIZE || !slice_starts(bytes, HELD_MAGIC)) {
        return false;
    }
    const uint64_t size = read_number(bytes.data + SIZE_SIZE, SIZE_SIZE);

    if (size > bytes.size - HELD_HEADER_SIZE) {
        return false;
    }
    ret_header->size = (uint32_t)size;
    ret_header->released = bytes.data[HELD_MARK_AT] == HELD_MARK;
    memcpy(ret_header->seal.nonce, bytes.data + NONCE_AT, SEAL_NONCE_SIZE);
    memcpy(ret_header->seal.tag, bytes.data + TAG_AT, SEAL_TAG_SIZE);
    return true;
}

/* The texts of a request, in the order in which they are written. */
static const size_t texts[] = {
    offsetof(struct held_request, target),
    offsetof(struct held_request, signature),
    offsetof(struct held_request, content_type),
    offsetof(struct held_request, forwarded.proto),
    offsetof(struct held_request, forwarded.host),
    offsetof(struct held_request, forwarded.port),
    offsetof(struct held_request, forwarded.line),
    offsetof(struct held_request, body),
};

static void
write_text(struct slice text, struct buffer *bytes)
{
    char size[SIZE_SIZE];

    write_number(text.size, sizeof(size), size);
    buffer_add(bytes, size, sizeof(size));
    buffer_add_slice(bytes, text);
}

void
held_request_write(const struct held_request *request, struct buffer *bytes)
{
    char time[TIME_SIZE];

    write_number((uint64_t)request->time_ms, sizeof(time), time);
    buffer_add(bytes, time, sizeof(time));
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct slice text;

        memcpy(&text, (const char *)request + texts[i], sizeof(text));
        write_text(text, bytes);
    }
}

static bool
take_text(struct slice *bytes, struct slice *ret_text)
{
    if (bytes->size < SIZE_SIZE) {
        return false;
    }
    const uint64_t size = read_number(bytes->data, SIZE_SIZE);

    *bytes = slice_skip(*bytes, SIZE_SIZE);
    if (size > bytes->size) {
        return false;
    }
    *ret_text = (struct slice){.data = bytes->data, .size = (size_t)size};
    *bytes = slice_skip(*bytes, (size_t)size);
    return true;
}

bool
held_request_read(struct slice bytes, struct held_request *ret_request)
{
    struct held_request request = {0};

    if (bytes.size < TIME_SIZE) {
        return false;
    }
    request.time_ms = (int64_t)read_number(bytes.data, TIME_SIZE);
    bytes = slice_skip(bytes, TIME_SIZE);
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct slice text;

        if (!take_text(&bytes, &text)) {
            return false;
        }
        memcpy((char *)&request + texts[i], &text, sizeof(text));
    }
    if (bytes.size > 0) {
        return false;
    }
    *ret_request = request;
    return true;
}

/* ---- the key ------------------------------------------------------------------------------ */

int
held_path(const char *directory, const char *name, char ret_path[HELD_PATH_SIZE])
{
    const int size = snprintf(ret_path, HELD_PATH_SIZE, "%s/%s", directory, name);

    return size < 0 || size >= HELD_PATH_SIZE ? -ENAMETOOLONG : 0;
}

int
held_key_read(const char *directory, unsigned char ret_key[SEAL_KEY_SIZE])
{
    unsigned char key[SEAL_KEY_SIZE + 1]; /* one more than there may be */
    char path[HELD_PATH_SIZE];
    const int r = held_path(directory, HELD_KEY, path);

    if (r < 0) {
        return r;
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0) {
        return -errno;
    }
    const ssize_t size = read(fd, key, sizeof(key));
    const int error = size < 0 ? errno : size != SEAL_KEY_SIZE ? EINVAL : 0;

    (void)close(fd);
    memcpy(ret_key, key, SEAL_KEY_SIZE);
    explicit_bzero(key, sizeof(key));
    return -error;
}

int
held_key_make(const char *directory, unsigned char ret_key[SEAL_KEY_SIZE])
{
    const struct slice bytes = {.data = (const char *)ret_key, .size = SEAL_KEY_SIZE};
    char path[HELD_PATH_SIZE];
    const int r = held_path(directory, HELD_KEY, path);

    if (r < 0) {
        return r;
    }
    return getrandom(ret_key, SEAL_KEY_SIZE, 0) == SEAL_KEY_SIZE
               ? file_replace(path, bytes)
               : -EIO;
}
