/*
 * shim.c - makes calls of a program fail on demand, and its clock lie; loaded by LD_PRELOAD.
 *
 * FAULT_SHIM names a file of struct control, which the test maps as well and writes to while the
 * program runs. Calls go to the kernel directly, allocations to glibc, so that nothing is resolved
 * here and the first allocation may come before main().
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* In the order of shim.py. */
enum call {
    CALL_ALLOCATE,
    CALL_SEND,
    CALL_RECEIVE,
    CALL_WRITE,
    CALL_SYNC,
    CALL_WAIT,
    CALL_ACCEPT,
    CALL_SOCKET,
    CALL_CONNECT,
    CALL_COUNT
};

struct rule {
    _Atomic int64_t passes;
    _Atomic int64_t first; /* passes >= first fail, `count` of them; 0: none does */
    _Atomic int64_t count;
    _Atomic int64_t every; /* of those only each so many'th; 0, 1: all */
    _Atomic int64_t error;
    _Atomic int64_t hits;
};

enum {
    CALLER_SIZE = 64,
};

struct control {
    struct rule rules[CALL_COUNT];
    char spared
        [CALLER_SIZE]; /* a library, by the begin of its name, that gets all memory */
    char caller[CALLER_SIZE];       /* the one that was refused memory the last time */
    _Atomic int64_t clock_offset_s; /* of the wall clock */
};

static struct control unarmed;
static struct control *control = &unarmed;

__attribute__((constructor)) static void
map_control(void)
{
    const char *path = getenv("FAULT_SHIM");
    const int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped =
        mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (mapped == MAP_FAILED) {
        abort(); /* a test that loads us without a file is wrong */
    }
    control = mapped;
    (void)close(fd);
}

/* Counts a call; true, with errno set, when it is to fail. */
static bool
fails(enum call call)
{
    struct rule *rule = &control->rules[call];
    const int64_t pass = atomic_fetch_add(&rule->passes, 1) + 1;
    const int64_t first = atomic_load(&rule->first);
    const int64_t every = atomic_load(&rule->every);

    if (first == 0 || pass < first || pass >= first + atomic_load(&rule->count) ||
        (every > 1 && (pass - first) % every != 0)) {
        return false;
    }
    atomic_fetch_add(&rule->hits, 1);
    errno = (int)atomic_load(&rule->error);
    return true;
}

#ifndef SHIM_OF_CALLS /* Redis brings an allocator of its own */

/* ---- memory ------------------------------------------------------------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

/* Whether whoever asks for memory gets none. Notes who that was. */
static bool
starves(const void *caller)
{
    Dl_info library = {0};
    const char *name = "";

    if (atomic_load(&control->rules[CALL_ALLOCATE].first) == 0) {
        return false;
    }
    if (dladdr(caller, &library) != 0 && library.dli_fname != NULL) {
        name = basename(library.dli_fname);
    }
    const size_t spared = strnlen(control->spared, CALLER_SIZE);

    if ((spared > 0 && strncmp(name, control->spared, spared) == 0) ||
        !fails(CALL_ALLOCATE)) {
        return false;
    }
    (void)snprintf(control->caller, CALLER_SIZE, "%s", name);
    errno = ENOMEM;
    return true;
}

void *
malloc(size_t size)
{
    return starves(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    return starves(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *memory, size_t size)
{
    return starves(__builtin_return_address(0)) ? NULL : __libc_realloc(memory, size);
}

/* glibc's own would hide who asks. */
char *
strdup(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = starves(__builtin_return_address(0)) ? NULL : __libc_malloc(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

#endif

/* ---- sockets and files -------------------------------------------------------------------- */

ssize_t
send(int fd, const void *data, size_t size, int flags)
{
    return fails(CALL_SEND) ? -1 : syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    return fails(CALL_SEND) ? -1 : syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t
recv(int fd, void *data, size_t size, int flags)
{
    return fails(CALL_RECEIVE) ? -1
                               : syscall(SYS_recvfrom, fd, data, size, flags, NULL, NULL);
}

/* What recv() is with _FORTIFY_SOURCE. */
ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags);

ssize_t
__recv_chk(int fd, void *data, size_t size, size_t room, int flags)
{
    return recv(fd, data, size < room ? size : room, flags);
}

ssize_t
write(int fd, const void *data, size_t size)
{
    return fails(CALL_WRITE) ? -1 : syscall(SYS_write, fd, data, size);
}

int
fsync(int fd)
{
    return fails(CALL_SYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
    return fails(CALL_SYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return fails(CALL_WAIT) ? -1 : (int)syscall(SYS_poll, fds, count, timeout_ms);
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t room);

int
__poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t room)
{
    (void)room;
    return poll(fds, count, timeout_ms);
}

int
epoll_wait(int fd, struct epoll_event *events, int room, int timeout_ms)
{
    return fails(CALL_WAIT) ? -1
                            : (int)syscall(SYS_epoll_wait, fd, events, room, timeout_ms);
}

int
accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    return fails(CALL_ACCEPT) ? -1 : (int)syscall(SYS_accept4, fd, address, size, flags);
}

int
socket(int family, int type, int protocol)
{
    return fails(CALL_SOCKET) ? -1 : (int)syscall(SYS_socket, family, type, protocol);
}

int
connect(int fd, const struct sockaddr *address, socklen_t size)
{
    return fails(CALL_CONNECT) ? -1 : (int)syscall(SYS_connect, fd, address, size);
}

/* ---- the wall clock ----------------------------------------------------------------------- */

int
clock_gettime(clockid_t clock, struct timespec *now)
{
    const int r = (int)syscall(SYS_clock_gettime, clock, now);

    if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += atomic_load(&control->clock_offset_s);
    }
    return r;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise = {0};

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &precise);
    *now = (struct timeval){
        .tv_sec = precise.tv_sec, .tv_usec = (suseconds_t)(precise.tv_nsec / 1000)};
    return 0;
}

time_t
time(time_t *now)
{
    struct timespec precise = {0};

    (void)clock_gettime(CLOCK_REALTIME, &precise);
    if (now != NULL) {
        *now = precise.tv_sec;
    }
    return precise.tv_sec;
}
