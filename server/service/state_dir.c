/*
 * state_dir.c - the directory that survives restarts: locks and names.
 */
#include "server/service/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ops/file.h"

enum {
    PATH_SIZE = 4096,
    LOCK_POLL_MS = 50,
    ID_BYTES = 8,
    ID_TEXT_SIZE = 2 * ID_BYTES + 1,
};

/* mkdir -p; an existing directory is fine. */
static int
make_directories(const char *path)
{
    char part[PATH_SIZE];

    if (!slice_to_text(slice_of(path), part, sizeof(part)) || part[0] == '\0') {
        return -ENAMETOOLONG;
    }
    for (char *p = part + 1;; p++) {
        if (*p != '/' && *p != '\0') {
            continue;
        }
        const char end = *p;

        *p = '\0';
        if (mkdir(part, S_IRWXU) < 0 && errno != EEXIST) {
            return -errno;
        }
        if (end == '\0') {
            return 0;
        }
        *p = end;
    }
}

int
state_dir_prepare(const char *path, char ret_error[STATE_DIR_ERROR_SIZE])
{
    int r = make_directories(path);

    if (r == 0 && access(path, R_OK | W_OK | X_OK) < 0) {
        r = -errno;
    }
    if (r < 0) {
        (void)snprintf(ret_error, STATE_DIR_ERROR_SIZE,
            "cannot use the state directory: %s: %s (make it writable for this user, or set "
            "state_dir or FLEXBREVO_STATE_DIR)",
            path, strerror(-r));
    }
    return r;
}

static int
open_in(const char *path, const char *name, int flags, int *ret_fd)
{
    char file[PATH_SIZE];
    const int size = snprintf(file, sizeof(file), "%s/%s", path, name);

    if (size < 0 || (size_t)size >= sizeof(file)) {
        return -ENAMETOOLONG;
    }
    const int fd = open(file, flags | O_CLOEXEC, S_IRUSR | S_IWUSR);

    if (fd < 0) {
        return -errno;
    }
    *ret_fd = fd;
    return 0;
}

int
state_dir_lock(const char *path, const char *name, int64_t wait_ms, int *ret_fd)
{
    int fd = -1;
    const int r = open_in(path, name, O_RDWR | O_CREAT, &fd);

    if (r < 0) {
        return r;
    }
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        const int error = errno;

        if ((error != EWOULDBLOCK && error != EINTR) || wait_ms <= 0) {
            (void)close(fd);
            return -error;
        }
        /* flock(2) has no timeout: ask again until the time is up */
        (void)poll(NULL, 0, LOCK_POLL_MS);
        wait_ms -= LOCK_POLL_MS;
    }
    *ret_fd = fd;
    return 0;
}

static bool
is_id(const char *text)
{
    return strlen(text) == ID_TEXT_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == ID_TEXT_SIZE - 1;
}

static int
make_id(const char *path, char id[ID_TEXT_SIZE])
{
    unsigned char bytes[ID_BYTES];
    char file[PATH_SIZE];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        return -EIO;
    }
    for (size_t i = 0; i < ID_BYTES; i++) {
        (void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    }
    (void)snprintf(file, sizeof(file), "%s/id", path); /* fits: its lock did */
    return file_replace(file, slice_of(id));
}

/* The directory's id, made at first use; the caller holds the id lock. */
static int
read_id(const char *path, char id[ID_TEXT_SIZE])
{
    int fd = -1;
    const int r = open_in(path, "id", O_RDONLY, &fd);

    if (r < 0) {
        return r == -ENOENT ? make_id(path, id) : r;
    }
    const ssize_t size = read(fd, id, ID_TEXT_SIZE - 1);

    (void)close(fd);
    id[size > 0 ? size : 0] = '\0';
    return is_id(id) ? 0 : make_id(path, id);
}

int
state_dir_consumer(const char *path, char ret_name[STATE_DIR_CONSUMER_SIZE], int *ret_fd)
{
    enum {
        ID_LOCK_WAIT_MS = 2000,
    };
    char id[ID_TEXT_SIZE];
    int id_lock = -1;
    int r = state_dir_lock(path, "id.lock", ID_LOCK_WAIT_MS, &id_lock);

    if (r < 0) {
        return r;
    }
    r = read_id(path, id);
    for (unsigned i = 1; r == 0 && i <= STATE_DIR_WORKERS_MAX; i++) {
        char name[STATE_DIR_CONSUMER_SIZE];
        int fd = -1;

        (void)snprintf(name, sizeof(name), "worker-%u.lock", i);
        r = state_dir_lock(path, name, 0, &fd);
        if (r == 0) {
            (void)snprintf(ret_name, STATE_DIR_CONSUMER_SIZE, "%s-%u", id, i);
            *ret_fd = fd;
            break;
        }
        r = r == -EWOULDBLOCK && i < STATE_DIR_WORKERS_MAX ? 0 : r;
    }
    (void)close(id_lock);
    return r;
}
