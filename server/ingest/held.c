/*
 * held.c - keeps requests whose well-formed signature matched nothing.
 *
 * An entry is appended with one write. If we die in it, its torn end is stepped over when the ring
 * is read: an entry that is not whole does not open. So appending needs to know nothing of what
 * is there already. Nothing is synced but a new key: the caller was refused, nothing was promised.
 */
#include "server/ingest/held.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ingest/held_file.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"

enum {
    BURST_BYTES = 2 * HELD_BYTES_PER_S,
};

struct held {
    const char *directory;
    size_t half_max;
    pthread_mutex_t busy; /* guards all below, and the files */
    int lock_fd;          /* -1: not taken yet */
    int64_t allowed;      /* bytes that may be written now */
    int64_t counted_us;   /* when that was so */
};

/* ---- pace --------------------------------------------------------------------------------- */

static bool
may_write(struct held *held, size_t size)
{
    const int64_t now_us = clock_monotonic_us();
    const int64_t charge = size > HELD_CHARGE_MIN ? (int64_t)size : HELD_CHARGE_MIN;
    int64_t passed_us = now_us - held->counted_us;

    if (passed_us > 2 * (int64_t)US_PER_S) {
        passed_us = 2 * (int64_t)US_PER_S; /* fills the burst */
    }
    held->allowed += passed_us * HELD_BYTES_PER_S / US_PER_S;
    if (held->allowed > BURST_BYTES) {
        held->allowed = BURST_BYTES;
    }
    held->counted_us = now_us;
    if (held->allowed < charge) {
        return false;
    }
    held->allowed -= charge;
    return true;
}

/* ---- files -------------------------------------------------------------------------------- */

/* 0, HELD_E_BUSY while another process has it, or -errno. */
static int
take_lock(struct held *held)
{
    char path[HELD_PATH_SIZE];
    int r = held_path(held->directory, HELD_LOCK, path);

    if (r < 0 || held->lock_fd >= 0) {
        return r;
    }
    const int fd =
        open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);

    if (fd < 0) {
        return -errno;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        r = errno == EWOULDBLOCK ? HELD_E_BUSY : -errno;
        (void)close(fd);
        return r;
    }
    held->lock_fd = fd;
    return 0;
}

static int
open_ring(const char *path, size_t *ret_size)
{
    const int fd = open(
        path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    struct stat status;

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &status) < 0) {
        const int error = errno;

        (void)close(fd);
        return -error;
    }
    *ret_size = (size_t)status.st_size;
    return fd;
}

/* The newer half becomes the older one, which is gone. */
static int
turn_over(const char *directory, const char *ring)
{
    char old[HELD_PATH_SIZE];
    const int r = held_path(directory, HELD_RING_OLD, old);

    if (r < 0) {
        return r;
    }
    if (access(old, F_OK) == 0) {
        log_warn("held_overwritten",
            "do=\"mend the configuration, then run flexbrevo verify-signature --held\"");
    }
    return rename(ring, old) < 0 ? -errno : 0;
}

static int
write_entry(int fd, struct slice entry, size_t size_before)
{
    const ssize_t written = write(fd, entry.data, entry.size);
    const int error = written < 0 ? errno : ENOSPC;

    if (written == (ssize_t)entry.size) {
        return 0;
    }
    if (ftruncate(fd, (off_t)size_before) < 0) {
        return -error; /* the torn end stays, and is stepped over */
    }
    return -error;
}

static int
append(const struct held *held, struct slice entry)
{
    char ring[HELD_PATH_SIZE];
    size_t size = 0;
    int r = held_path(held->directory, HELD_RING, ring);

    if (r < 0 || entry.size > held->half_max) {
        return r < 0 ? r : -EFBIG;
    }
    int fd = open_ring(ring, &size);

    if (fd >= 0 && size > held->half_max - entry.size) {
        (void)close(fd);
        r = turn_over(held->directory, ring);
        fd = r == 0 ? open_ring(ring, &size) : r;
    }
    if (fd < 0) {
        return fd;
    }
    r = write_entry(fd, entry, size);
    (void)close(fd);
    return r;
}

/* ---- keeping ------------------------------------------------------------------------------ */

/* Seals what stands behind the header's place, and fills that in. */
static int
seal_entry(const unsigned char key[SEAL_KEY_SIZE], struct buffer *entry)
{
    struct held_header header = {.size = (uint32_t)(entry->size - HELD_HEADER_SIZE)};
    const struct slice context = {.data = entry->data, .size = HELD_CONTEXT_SIZE};

    if (getrandom(header.seal.nonce, SEAL_NONCE_SIZE, 0) != SEAL_NONCE_SIZE) {
        return -EIO;
    }
    held_header_write(&header, entry->data); /* the context is in it */
    const int r = seal_close(
        key, &header.seal, context, entry->data + HELD_HEADER_SIZE, header.size);

    held_header_write(&header, entry->data);
    return r;
}

static int
keep(struct held *held, struct buffer *entry)
{
    unsigned char key[SEAL_KEY_SIZE];
    int r = may_write(held, entry->size) ? take_lock(held) : HELD_E_BUSY;

    if (r != 0) {
        return r;
    }
    r = held_key_read(held->directory, key);
    if (r == -ENOENT) {
        r = held_key_make(held->directory, key);
    }
    r = r == 0 ? seal_entry(key, entry) : r;
    explicit_bzero(key, sizeof(key));
    return r == 0 ? append(held, buffer_slice(entry)) : r;
}

int
held_keep(struct held *held, const struct held_request *request)
{
    static const char header[HELD_HEADER_SIZE] = {0};
    AUTO(buffer_done) struct buffer entry = {.max = held->half_max};

    buffer_add(&entry, header, sizeof(header));
    held_request_write(request, &entry);
    if (entry.failed) {
        return -ENOMEM;
    }
    (void)pthread_mutex_lock(&held->busy);
    const int r = keep(held, &entry);

    (void)pthread_mutex_unlock(&held->busy);
    return r;
}

int
held_open(const char *directory, size_t max, struct held **ret_held)
{
    struct held *held = calloc(1, sizeof(*held));

    if (held == NULL) {
        return -ENOMEM;
    }
    held->directory = directory;
    held->half_max = max / 2;
    held->lock_fd = -1;
    held->allowed = BURST_BYTES;
    held->counted_us = clock_monotonic_us();
    const int r = pthread_mutex_init(&held->busy, NULL);

    if (r != 0) {
        free(held);
        return -r;
    }
    *ret_held = held;
    return 0;
}

void
held_close(struct held **held)
{
    if (*held == NULL) {
        return;
    }
    if ((*held)->lock_fd >= 0) {
        (void)close((*held)->lock_fd);
    }
    (void)pthread_mutex_destroy(&(*held)->busy);
    free(*held);
    *held = NULL;
}
