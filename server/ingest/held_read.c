/*
 * held_read.c - the held requests that were not released yet, in the order they came.
 *
 * Where an entry should start and none opens, the next one is searched for: bytes that look like a
 * header by chance do not open either.
 */
#include "server/ingest/held_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ingest/held_file.h"
#include "server/ops/file.h"

enum {
    OLDER,
    NEWER,
    HALVES
};

struct half {
    int fd; /* -1: there is none */
    struct buffer bytes;
};

struct held_reader {
    unsigned char key[SEAL_KEY_SIZE];
    bool has_key;
    struct half halves[HALVES];
    size_t half;      /* being read */
    size_t at;        /* in it */
    size_t marked_at; /* the entry read last */
    size_t unreadable;
    struct buffer opened;
};

/* ---- open --------------------------------------------------------------------------------- */

static int
open_half(const char *directory, const char *name, struct half *half)
{
    char path[HELD_PATH_SIZE];
    const int r = held_path(directory, name, path);

    if (r < 0) {
        return r;
    }
    half->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return half->fd < 0 && errno != ENOENT ? -errno : 0;
}

/* The same file twice: it was turned over between our two looks. */
static bool
is_same_file(int a, int b)
{
    struct stat first;
    struct stat second;

    return a >= 0 && b >= 0 && fstat(a, &first) == 0 && fstat(b, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static void
close_half(struct half *half)
{
    if (half->fd >= 0) {
        (void)close(half->fd);
    }
    half->fd = -1;
    buffer_done(&half->bytes);
}

/* The newer first: what is newer now may be the older in a moment, but never the other way. */
static int
open_halves(const char *directory, struct held_reader *reader)
{
    struct half *newer = &reader->halves[NEWER];
    struct half *older = &reader->halves[OLDER];
    int r = open_half(directory, HELD_RING, newer);

    r = r == 0 ? open_half(directory, HELD_RING_OLD, older) : r;
    if (is_same_file(newer->fd, older->fd)) {
        close_half(older);
    }
    for (size_t i = 0; r == 0 && i < HALVES; i++) {
        struct half *half = &reader->halves[i];

        r = half->fd >= 0 ? file_read_fd(half->fd, HELD_RING_MAX, &half->bytes) : 0;
    }
    return r;
}

int
held_reader_open(const char *directory, struct held_reader **ret_reader)
{
    struct held_reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL) {
        return -ENOMEM;
    }
    reader->halves[OLDER].fd = -1;
    reader->halves[NEWER].fd = -1;
    buffer_init(&reader->opened, HELD_RING_MAX);
    int r = held_key_read(directory, reader->key);

    reader->has_key = r == 0;
    r = r == 0 || r == -ENOENT ? open_halves(directory, reader) : r;
    if (r < 0) {
        held_reader_close(&reader);
        return r;
    }
    *ret_reader = reader;
    return 0;
}

void
held_reader_close(struct held_reader **reader)
{
    if (*reader == NULL) {
        return;
    }
    for (size_t i = 0; i < HALVES; i++) {
        close_half(&(*reader)->halves[i]);
    }
    buffer_done(&(*reader)->opened);
    explicit_bzero((*reader)->key, sizeof((*reader)->key));
    free(*reader);
    *reader = NULL;
}

/* ---- read --------------------------------------------------------------------------------- */

static struct slice
rest(const struct held_reader *reader)
{
    return slice_skip(buffer_slice(&reader->halves[reader->half].bytes), reader->at);
}

/* To where an entry may start, behind `skip` bytes. False: not in this half. */
static bool
seek_entry(struct held_reader *reader, size_t skip)
{
    const struct slice bytes = slice_skip(rest(reader), skip);
    const char *found =
        bytes.size > 0 ? memmem(bytes.data, bytes.size, HELD_MAGIC, strlen(HELD_MAGIC))
                       : NULL;

    reader->at += skip + (found != NULL ? (size_t)(found - bytes.data) : bytes.size);
    return found != NULL;
}

/* A seal_result, or -ENOMEM; opened, the request's slices point into reader->opened. */
static int
open_entry(struct held_reader *reader, const struct held_header *header,
    struct held_request *ret_request)
{
    const struct slice entry = rest(reader);
    const struct slice context = {.data = entry.data, .size = HELD_CONTEXT_SIZE};

    buffer_clear(&reader->opened);
    buffer_add(&reader->opened, entry.data + HELD_HEADER_SIZE, header->size);
    if (reader->opened.failed) {
        return -ENOMEM;
    }
    const int r = reader->has_key ? seal_open(reader->key, &header->seal, context,
                                        reader->opened.data, reader->opened.size)
                                  : SEAL_E_FORGED;

    if (r != SEAL_OK) {
        return r;
    }
    return held_request_read(buffer_slice(&reader->opened), ret_request) ? SEAL_OK
                                                                         : SEAL_E_FORGED;
}

/* The next of this half. */
static int
next_in_half(struct held_reader *reader, struct held_request *ret_request)
{
    size_t skip = 0;

    while (seek_entry(reader, skip)) {
        struct held_header header;
        int r = SEAL_E_FORGED;

        skip = 1;
        if (held_header_read(rest(reader), &header)) {
            r = open_entry(reader, &header, ret_request);
        }
        if (r < 0) {
            return r;
        }
        if (r == SEAL_E_FORGED) {
            reader->unreadable++;
            continue;
        }
        skip = HELD_HEADER_SIZE + header.size;
        if (!header.released) {
            reader->marked_at = reader->at;
            reader->at += skip;
            return HELD_READ;
        }
    }
    return HELD_READ_END;
}

int
held_reader_next(struct held_reader *reader, struct held_request *ret_request)
{
    int r = next_in_half(reader, ret_request);

    while (r == HELD_READ_END && reader->half + 1 < HALVES) {
        reader->half++;
        reader->at = 0;
        r = next_in_half(reader, ret_request);
    }
    return r;
}

int
held_reader_mark(struct held_reader *reader)
{
    const char mark = HELD_MARK;
    const off_t at = (off_t)(reader->marked_at + HELD_MARK_AT);

    if (pwrite(reader->halves[reader->half].fd, &mark, 1, at) != 1) {
        return errno != 0 ? -errno : -EIO;
    }
    return 0;
}

size_t
held_reader_unreadable(const struct held_reader *reader)
{
    return reader->unreadable;
}
