/*
 * ingest_loop.c - one share-nothing event loop of the webhook server.
 *
 * One thread waits on four descriptors: requests, Redis, questions to Twilio's IAM, and a wish to
 * stop. In each turn the requests that are complete are handled first and then committed, so that
 * all that came in together goes to Redis in one call.
 */
#include "server/ingest/ingest_loop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/ingest/ingest.h"
#include "server/ingest/verify.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"

enum {
    ERROR_SIZE = 200,
    TOKEN_CONNECTIONS = 8,
    COMMIT_TIMEOUT_MS = 1500, /* callers are answered within 3 s */
    DRAIN_TURN_MS = 100,
    FLUSH_TURNS = 10, /* for the last answers */
};

struct ingest_loop {
    struct http_server *server;
    struct group_commit *commit;
    struct http_client *client;
    struct ingest *ingest;
    int stop_fd;
    _Atomic int64_t stop_timeout_ms; /* set before stop_fd is */
    atomic_bool ready;
    bool stopping; /* the thread's */
    bool started;  /* the owner's */
    bool asked;    /* to stop; the owner's */
    pthread_t thread;
};

/* ---- turns -------------------------------------------------------------------------------- */

enum {
    FD_SERVER,
    FD_COMMIT,
    FD_CLIENT,
    FD_STOP,
    FD_COUNT
};

static int
sooner_ms(int a, int b)
{
    if (a < 0) {
        return b;
    }
    return b < 0 || a < b ? a : b;
}

/* Waits until there is something to do, `limit_ms` (-1: none) at most, and does it. */
static void
take_turn(struct ingest_loop *loop, int limit_ms)
{
    struct pollfd fds[FD_COUNT] = {
        [FD_SERVER] = {.fd = http_server_fd(loop->server), .events = POLLIN},
        [FD_COMMIT] = {.fd = group_commit_fd(loop->commit), .events = POLLIN},
        [FD_CLIENT] = {.fd = http_client_fd(loop->client), .events = POLLIN},
        [FD_STOP] = {.fd = loop->stop_fd, .events = POLLIN},
    };
    int timeout_ms = sooner_ms(limit_ms, http_server_timeout_ms(loop->server));
    uint64_t wishes = 0;

    timeout_ms = sooner_ms(
        timeout_ms, group_commit_timeout_ms(loop->commit, clock_monotonic_us()));
    if (group_commit_wants_write(loop->commit)) {
        fds[FD_COMMIT].events |= POLLOUT;
    }
    (void)poll(fds, FD_COUNT, timeout_ms); /* interrupted: a turn with nothing ready */
    if (fds[FD_CLIENT].revents != 0) {
        http_client_run(loop->client);
    }
    http_server_run(loop->server);
    group_commit_run(loop->commit, clock_monotonic_us());
    atomic_store(&loop->ready, group_commit_healthy(loop->commit));
    if (fds[FD_STOP].revents != 0) {
        loop->stopping = read(loop->stop_fd, &wishes, sizeof(wishes)) > 0;
    }
}

/* What is under way is answered: with success if it is durable in time, else with a refusal. */
static void
drain(struct ingest_loop *loop)
{
    const int64_t deadline_us =
        clock_monotonic_us() + atomic_load(&loop->stop_timeout_ms) * US_PER_MS;

    http_server_quiesce(loop->server);
    while (http_server_active(loop->server) > 0 && clock_monotonic_us() < deadline_us) {
        take_turn(loop, DRAIN_TURN_MS);
    }
    atomic_store(&loop->ready, false);
    ingest_refuse(loop->ingest);
    http_client_close(&loop->client);
    group_commit_close(&loop->commit);
    for (int i = 0; i < FLUSH_TURNS && http_server_active(loop->server) > 0; i++) {
        http_server_run(loop->server);
    }
}

static void *
run(void *context)
{
    struct ingest_loop *loop = context;

    while (!loop->stopping) {
        take_turn(loop, -1);
    }
    drain(loop);
    return NULL;
}

/* ---- life --------------------------------------------------------------------------------- */

static int
open_commit(struct ingest_loop *loop, const struct config *config, const char *redis_url,
    char *ret_error)
{
    const struct queue_options options = {
        .url = redis_url,
        .partitions = CONFIG_PARTITIONS,
        .dedupe_window_ms = config->dedupe_window_ms,
        .keep_bodies_ms = config->keep_bodies_ms,
        .timeout_ms = COMMIT_TIMEOUT_MS,
    };
    const int r = group_commit_open(&options, &loop->commit, ret_error);

    return r > 0 ? -EINVAL : r;
}

static int
open_server(struct ingest_loop *loop, const struct config *config, char *ret_error)
{
    const struct http_server_options options = {
        .listen = config->listen,
        .is_measured = true,
        .body_max = INGEST_BODY_MAX,
        .handler = ingest_handle,
        .context = loop->ingest,
    };

    return http_server_open(&options, &loop->server, ret_error);
}

static int
open_parts(struct ingest_loop *loop, const struct config *config, const char *redis_url,
    char *ret_error)
{
    (void)snprintf(ret_error, ERROR_SIZE,
        "cannot start the webhook server: out of memory or open files (raise the limits)");
    loop->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->stop_fd < 0) {
        return -errno;
    }
    int r = http_client_open(TOKEN_CONNECTIONS, &loop->client);

    if (r == 0) {
        r = open_commit(loop, config, redis_url, ret_error);
    }
    if (r < 0) {
        return r;
    }
    const struct ingest_options options = {
        .config = config, .commit = loop->commit, .client = loop->client};

    r = ingest_open(&options, &loop->ingest);
    if (r == -EINVAL) {
        (void)snprintf(ret_error, ERROR_SIZE,
            "unusable credentials: connectors.twilio_flex (set account_sid, iam_url and 1 to "
            "%d auth tokens)",
            VERIFY_TOKENS_MAX);
    }
    return r < 0 ? r : open_server(loop, config, ret_error);
}

int
ingest_loop_open(const struct config *config, const char *redis_url,
    struct ingest_loop **ret_loop, char *ret_error)
{
    struct ingest_loop *loop = calloc(1, sizeof(*loop));

    if (loop == NULL) {
        (void)snprintf(ret_error, ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    loop->stop_fd = -1;
    const int r = open_parts(loop, config, redis_url, ret_error);

    if (r < 0) {
        ingest_loop_close(&loop);
        return r;
    }
    *ret_loop = loop;
    return 0;
}

int
ingest_loop_start(struct ingest_loop *loop)
{
    const int r = pthread_create(&loop->thread, NULL, run, loop);

    loop->started = r == 0;
    return -r;
}

uint16_t
ingest_loop_port(const struct ingest_loop *loop)
{
    return http_server_port(loop->server);
}

bool
ingest_loop_ready(const struct ingest_loop *loop)
{
    return atomic_load(&loop->ready);
}

void
ingest_loop_stop(struct ingest_loop *loop, int64_t timeout_ms)
{
    const uint64_t wish = 1;

    if (!loop->started || loop->asked) {
        return;
    }
    loop->asked = true;
    atomic_store(&loop->stop_timeout_ms, timeout_ms);
    if (write(loop->stop_fd, &wish, sizeof(wish)) < 0) {
        log_error("stop_failed", "errno=%d", errno); /* an eventfd full of wishes: none */
    }
}

void
ingest_loop_close(struct ingest_loop **loop)
{
    if (*loop == NULL) {
        return;
    }
    ingest_loop_stop(*loop, 0);
    if ((*loop)->started) {
        (void)pthread_join((*loop)->thread, NULL);
    }
    http_client_close(&(*loop)->client);
    group_commit_close(&(*loop)->commit);
    http_server_close(&(*loop)->server);
    ingest_close(&(*loop)->ingest);
    if ((*loop)->stop_fd >= 0) {
        (void)close((*loop)->stop_fd);
    }
    free(*loop);
    *loop = NULL;
}
