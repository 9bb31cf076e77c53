/*
 * ingest_loop.c - one share-nothing event loop of the webhook server.
 *
 * One thread waits for requests, Redis, the local spool, Twilio's IAM, and its owner's wishes: to
 * stop, or to use other credentials. In each turn what Redis has answered is
 * answered, the requests that are complete are handled, and then committed, so that all that came
 * in together goes to Redis in one call.
 */
#include "server/ingest/ingest_loop.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/ingest/ingest.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/proof/verify.h"

enum {
    TOKEN_CONNECTIONS = 8,
    COMMIT_TIMEOUT_MS = 1500, /* callers are answered within 3 s */
    DRAIN_TURN_MS = 100,
    FLUSH_TURNS = 10, /* for the last answers */
};

static_assert((int)INGEST_LOOP_ERROR_SIZE >= (int)HTTP_ERROR_SIZE &&
                  (int)INGEST_LOOP_ERROR_SIZE >= (int)QUEUE_ERROR_SIZE,
    "what goes wrong in the parts fits in");

struct ingest_loop {
    struct http_server *server;
    struct durable_set *durable;
    struct http_client *client;
    struct ingest *ingest;
    int wish_fd;                     /* an eventfd: look at the next three */
    _Atomic int64_t stop_timeout_ms; /* set before stop_asked is */
    atomic_bool stop_asked;
    _Atomic(struct credentials *) next_credentials; /* NULL: those there are */
    atomic_bool ready;
    bool stopping; /* the thread's */
    bool started;  /* the owner's */
    bool asked;    /* to stop; the owner's */
    pthread_t thread;
};

/* ---- turns -------------------------------------------------------------------------------- */

enum {
    FD_SERVER,
    FD_CLIENT,
    FD_WISH,
    FD_DURABLE, /* and those behind it */
    FD_COUNT = FD_DURABLE + DURABLE_SET_FDS
};

static int
sooner_ms(int a, int b)
{
    if (a < 0) {
        return b;
    }
    return b < 0 || a < b ? a : b;
}

static void
hear_wishes(struct ingest_loop *loop)
{
    uint64_t wishes = 0;

    if (read(loop->wish_fd, &wishes, sizeof(wishes)) < 0) {
        return;
    }
    struct credentials *next = atomic_exchange(&loop->next_credentials, NULL);
    const int r = next != NULL ? ingest_set_credentials(loop->ingest, next) : 0;

    if (r < 0) {
        log_error("credentials_kept", "error=\"%s\" do=\"send SIGHUP again, or restart\"",
            strerror(-r));
        credentials_close(&next);
    }
    loop->stopping = atomic_load(&loop->stop_asked);
}

/* Waits until there is something to do, `limit_ms` (-1: none) at most, and does it. */
static void
take_turn(struct ingest_loop *loop, int limit_ms)
{
    struct pollfd fds[FD_COUNT] = {
        [FD_SERVER] = {.fd = http_server_fd(loop->server), .events = POLLIN},
        [FD_CLIENT] = {.fd = http_client_fd(loop->client), .events = POLLIN},
        [FD_WISH] = {.fd = loop->wish_fd, .events = POLLIN},
    };
    int timeout_ms = sooner_ms(limit_ms, http_server_timeout_ms(loop->server));

    timeout_ms = sooner_ms(
        timeout_ms, durable_set_timeout_ms(loop->durable, clock_monotonic_us()));
    const size_t count = FD_DURABLE + durable_set_watch(loop->durable, &fds[FD_DURABLE]);

    (void)poll(fds, count, timeout_ms); /* interrupted: a turn with nothing ready */
    if (fds[FD_WISH].revents != 0) {
        hear_wishes(loop);
    }
    if (fds[FD_CLIENT].revents != 0) {
        http_client_run(loop->client);
    }
    durable_set_run(loop->durable, &fds[FD_DURABLE], clock_monotonic_us());
    http_server_run(loop->server); /* sends the answers to what is durable now, too */
    durable_set_run(loop->durable, NULL, clock_monotonic_us());
    atomic_store(&loop->ready, durable_set_ready(loop->durable));
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
    durable_set_close(&loop->durable);
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
open_durable(
    struct ingest_loop *loop, const struct ingest_loop_options *from, char *ret_error)
{
    const struct config *config = from->config;
    const struct queue_options options = {
        .url = from->redis_url,
        .partitions = queue_default_partitions(from->redis_url),
        .dedupe_window_ms = config->dedupe_window_ms,
        .keep_bodies_ms = config->keep_bodies_ms,
        .timeout_ms = COMMIT_TIMEOUT_MS,
    };
    const int r = durable_set_open(&options, from->spooler, &loop->durable, ret_error);

    return r > 0 ? -EINVAL : r;
}

static int
open_server(
    struct ingest_loop *loop, const struct ingest_loop_options *from, char *ret_error)
{
    const struct http_server_options options = {
        .listen = from->config->listen,
        .reuse_port = from->config->loops > 1,
        .listen_fd =
            from->beside != NULL ? http_server_listen_fd(from->beside->server) : 0,
        .share = (size_t)from->config->loops,
        .is_measured = true,
        .body_max = INGEST_BODY_MAX,
        .handler = ingest_handle,
        .refused = ingest_refused,
        .context = loop->ingest,
    };

    return http_server_open(&options, &loop->server, ret_error);
}

static int
open_parts(
    struct ingest_loop *loop, const struct ingest_loop_options *from, char *ret_error)
{
    (void)snprintf(ret_error, INGEST_LOOP_ERROR_SIZE,
        "cannot start the webhook server: out of memory or open files (raise the limits)");
    loop->wish_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wish_fd < 0) {
        return -errno;
    }
    int r = http_client_open(TOKEN_CONNECTIONS, &loop->client);

    if (r == 0) {
        r = open_durable(loop, from, ret_error);
    }
    if (r < 0) {
        return r;
    }
    const struct ingest_options options = {
        .config = from->config,
        .durable = loop->durable,
        .client = loop->client,
        .held = from->held,
        .is_full = from->spooler == NULL ? from->redis_is_full : NULL,
    };

    r = ingest_open(&options, &loop->ingest);
    if (r == -EINVAL) {
        (void)snprintf(ret_error, INGEST_LOOP_ERROR_SIZE,
            "unusable credentials: connectors.twilio_flex (set account_sid, iam_url and 1 to "
            "%d auth tokens)",
            VERIFY_TOKENS_MAX);
    }
    return r < 0 ? r : open_server(loop, from, ret_error);
}

int
ingest_loop_open(const struct ingest_loop_options *options, struct ingest_loop **ret_loop,
    char *ret_error)
{
    struct ingest_loop *loop = calloc(1, sizeof(*loop));

    if (loop == NULL) {
        (void)snprintf(ret_error, INGEST_LOOP_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    loop->wish_fd = -1;
    const int r = open_parts(loop, options, ret_error);

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

static void
wish(struct ingest_loop *loop)
{
    const uint64_t one = 1;

    if (write(loop->wish_fd, &one, sizeof(one)) < 0) {
        log_error("wish_failed", "errno=%d", errno); /* an eventfd full of wishes: none */
    }
}

void
ingest_loop_set_credentials(struct ingest_loop *loop, struct credentials *credentials)
{
    struct credentials *unused = atomic_exchange(&loop->next_credentials, credentials);

    credentials_close(&unused);
    wish(loop);
}

void
ingest_loop_stop(struct ingest_loop *loop, int64_t timeout_ms)
{
    if (!loop->started || loop->asked) {
        return;
    }
    loop->asked = true;
    atomic_store(&loop->stop_timeout_ms, timeout_ms);
    atomic_store(&loop->stop_asked, true);
    wish(loop);
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
    if ((*loop)->ingest != NULL) { /* never started, the server still has what has come */
        ingest_refuse((*loop)->ingest);
    }
    http_client_close(&(*loop)->client);
    durable_set_close(&(*loop)->durable);
    http_server_close(&(*loop)->server);
    ingest_close(&(*loop)->ingest);
    if ((*loop)->wish_fd >= 0) {
        (void)close((*loop)->wish_fd);
    }
    struct credentials *unused = atomic_load(&(*loop)->next_credentials);

    credentials_close(&unused);
    free(*loop);
    *loop = NULL;
}
