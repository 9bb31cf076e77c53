/*
 * embedded_redis.c - a redis-server child of our own, for `run` without redis.url.
 */
#include "server/service/embedded_redis.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/ops/clock.h"
#include "server/ops/log.h"

enum {
    PATH_SIZE = 4096,
    STOP_WAIT_MS = 1000, /* see service.c: all waits of a stop together */
    STOP_POLL_MS = 10,
    RESTART_FIRST_MS = 100,
    RESTART_MAX_MS = 5000,
    STEADY_MS = 60 * 1000, /* up this long: the next death starts the back-off anew */
};

struct embedded_redis {
    char state_dir[PATH_SIZE];
    char url[EMBEDDED_REDIS_URL_SIZE];
    char program[PATH_SIZE]; /* found before the fork: execvp() may allocate */
    int lock_fd;
    pid_t pid; /* 0: not running */
    int64_t started_ms;
    int64_t restart_at_ms;
    int64_t backoff_ms;
};

int
embedded_redis_url(const char *state_dir, char *ret_url, size_t capacity)
{
    const size_t socket_size = strlen(state_dir) + strlen("/redis.sock") + 1;

    if (socket_size > sizeof(((struct sockaddr_un *)NULL)->sun_path) ||
        socket_size + strlen("unix://") > capacity) {
        return -ENAMETOOLONG;
    }
    (void)snprintf(ret_url, capacity, "unix://%s/redis.sock", state_dir);
    return 0;
}

/* Looks for redis-server along PATH. */
static int
find_program(char program[PATH_SIZE])
{
    const char *path = getenv("PATH");

    path = path != NULL && path[0] != '\0' ? path : "/usr/local/bin:/usr/bin:/bin";
    while (path[0] != '\0') {
        const size_t size = strcspn(path, ":");
        const int length =
            snprintf(program, PATH_SIZE, "%.*s/redis-server", (int)size, path);

        if (length > 0 && length < PATH_SIZE && access(program, X_OK) == 0) {
            return 0;
        }
        path += size + (path[size] == ':' ? 1 : 0);
    }
    return -ENOENT;
}

/* In the child: only async-signal-safe calls from here on. Never returns. */
static void
become_redis(const struct embedded_redis *redis, pid_t parent, char *const *arguments)
{
    sigset_t none;

    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(EXIT_FAILURE); /* the parent died before the signal was armed */
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)umask(S_IRWXG | S_IRWXO); /* personal data, whatever the directory allows */
    (void)fcntl(redis->lock_fd, F_SETFD, 0); /* the lock goes with the child */
    (void)execv(redis->program, arguments);
    _exit(EXIT_FAILURE);
}

static int
start(struct embedded_redis *redis, int64_t now_ms)
{
    /* clang-format off */
    const char *arguments[] = {
        redis->program,
        "--port", "0",
        "--unixsocket", redis->url + strlen("unix://"),
        "--unixsocketperm", "700",
        "--dir", redis->state_dir,
        "--logfile", "redis.log",
        "--loglevel", "warning",
        "--daemonize", "no",
        "--save", "",
        "--appendonly", "yes",
        "--appendfsync", "always",
        "--maxmemory", "0",
        "--maxmemory-policy", "noeviction",
        NULL,
    };
    /* clang-format on */
    char *argv[LENGTH(arguments)];
    const pid_t parent = getpid();

    /* execv() takes them as not const and changes none */
    memcpy(argv, arguments, sizeof(argv));
    const pid_t pid = fork();

    if (pid < 0) {
        return -errno;
    }
    if (pid == 0) {
        become_redis(redis, parent, argv);
    }
    redis->pid = pid;
    redis->started_ms = now_ms;
    return 0;
}

static int
prepare(struct embedded_redis *redis, char ret_error[STATE_DIR_ERROR_SIZE])
{
    int r = find_program(redis->program);

    if (r < 0) {
        (void)snprintf(ret_error, STATE_DIR_ERROR_SIZE,
            "redis-server not found: PATH (install the package redis-server, or set redis.url "
            "or REDIS_URL)");
        return r;
    }
    r = embedded_redis_url(redis->state_dir, redis->url, sizeof(redis->url));
    if (r < 0) {
        (void)snprintf(ret_error, STATE_DIR_ERROR_SIZE,
            "the state directory's path is too long for a unix socket: %.100s... (at most %zu "
            "bytes; set state_dir or FLEXBREVO_STATE_DIR)",
            redis->state_dir,
            sizeof(((struct sockaddr_un *)NULL)->sun_path) - sizeof("/redis.sock"));
        return r;
    }
    r = state_dir_prepare(redis->state_dir, ret_error);
    if (r < 0) {
        return r;
    }
    r = state_dir_lock(redis->state_dir, "lock", 0, &redis->lock_fd);
    if (r == -EWOULDBLOCK) {
        log_info("waiting", "for=%s/lock wait_ms_max=%d", redis->state_dir,
            EMBEDDED_REDIS_LOCK_WAIT_MS);
        r = state_dir_lock(
            redis->state_dir, "lock", EMBEDDED_REDIS_LOCK_WAIT_MS, &redis->lock_fd);
    }
    if (r < 0) {
        (void)snprintf(ret_error, STATE_DIR_ERROR_SIZE,
            "the state directory is in use: %.80s/lock: %s (another `flexbrevo run` has it: end "
            "that one, or set another state_dir)",
            redis->state_dir, strerror(-r));
    }
    return r;
}

int
embedded_redis_open(const char *state_dir, struct embedded_redis **ret_redis,
    char ret_error[STATE_DIR_ERROR_SIZE])
{
    struct embedded_redis *redis = calloc(1, sizeof(*redis));

    if (redis == NULL) {
        (void)snprintf(ret_error, STATE_DIR_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    redis->lock_fd = -1;
    redis->backoff_ms = RESTART_FIRST_MS;
    int r = -ENAMETOOLONG;

    (void)snprintf(
        ret_error, STATE_DIR_ERROR_SIZE, "the state directory's path is too long");
    if (slice_to_text(slice_of(state_dir), redis->state_dir, sizeof(redis->state_dir))) {
        r = prepare(redis, ret_error);
    }
    if (r == 0) {
        r = start(redis, clock_monotonic_us() / US_PER_MS);
        (void)snprintf(ret_error, STATE_DIR_ERROR_SIZE,
            "cannot start redis-server: %.150s: %s", redis->program, strerror(-r));
    }
    if (r < 0) {
        embedded_redis_close(&redis);
        return r;
    }
    *ret_redis = redis;
    return 0;
}

/* True when the child has ended since; logs how. */
static bool
reap(struct embedded_redis *redis)
{
    int status = 0;

    if (redis->pid == 0 || waitpid(redis->pid, &status, WNOHANG) != redis->pid) {
        return false;
    }
    log_error("redis_exited", "status=%d signal=%d log=%s/redis.log",
        WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        WIFSIGNALED(status) ? WTERMSIG(status) : 0, redis->state_dir);
    redis->pid = 0;
    return true;
}

void
embedded_redis_supervise(struct embedded_redis *redis, int64_t now_ms)
{
    if (reap(redis)) {
        if (now_ms - redis->started_ms > STEADY_MS) {
            redis->backoff_ms = RESTART_FIRST_MS;
        }
        redis->restart_at_ms = now_ms + redis->backoff_ms;
        redis->backoff_ms =
            backoff_after(redis->backoff_ms, RESTART_FIRST_MS, RESTART_MAX_MS);
    }
    if (redis->pid == 0 && now_ms >= redis->restart_at_ms) {
        const int r = start(redis, now_ms);

        if (r < 0) {
            redis->restart_at_ms = now_ms + redis->backoff_ms;
            log_error("redis_not_started", "error=%s", strerror(-r));
        } else {
            log_warn("redis_restarted", "pid=%d", (int)redis->pid);
        }
    }
}

static void
stop(struct embedded_redis *redis)
{
    (void)kill(redis->pid, SIGTERM);
    for (int waited_ms = 0; waitpid(redis->pid, NULL, WNOHANG) == 0;
         waited_ms += STOP_POLL_MS) {
        if (waited_ms >= STOP_WAIT_MS) {
            (void)kill(
                redis->pid, SIGKILL); /* every acknowledged write is on disk already */
            (void)waitpid(redis->pid, NULL, 0);
            break;
        }
        (void)poll(NULL, 0, STOP_POLL_MS);
    }
    redis->pid = 0;
}

void
embedded_redis_close(struct embedded_redis **redis)
{
    if (*redis == NULL) {
        return;
    }
    if ((*redis)->pid != 0) {
        stop(*redis);
    }
    if ((*redis)->lock_fd >= 0) {
        (void)close((*redis)->lock_fd);
    }
    free(*redis);
    *redis = NULL;
}
