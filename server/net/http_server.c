/*
 * http_server.c - the life of an HTTP server, and whom it waits for.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/param.h>
#include <sys/socket.h>

#include "server/net/http_request.h"
#include "server/ops/clock.h"

enum {
    NEW_GRACE_MS = 500,
    IDLE_RUNS_MAX = 16, /* reading what has come takes a few */
    STUCK_PAUSE_MS = 20,
    LOOK_MS = 1000, /* between two looks for who has left */
};

static_assert((int)HTTP_ERROR_SIZE >= (int)LISTENER_ERROR_SIZE, "the listener's fit in");
static_assert((int)LISTENER_BACKLOG >= (int)HTTP_CONNECTIONS_MAX, "all may come at once");

void
http_count(struct counter *counter, int64_t change)
{
    if (counter != NULL) {
        counter_add(counter, change);
    }
}

/* ---- waiting ------------------------------------------------------------------------------ */

void
request_cut_off(struct http_request *request)
{
    (void)shutdown(request->fd, SHUT_RDWR);
    patience_end(&request->waiting);
    request->is_cut_off = true;
    request->server->doomed++;
}

static void
cut_off_late(struct http_server *server)
{
    for (size_t i = 0; i < WAITING_COUNT; i++) {
        while (patience_left_us(&server->lines[i], server->now_us) <= 0) {
            request_cut_off(patience_first(&server->lines[i])->owner);
        }
    }
}

static bool
has_unread_bytes(const struct http_request *request)
{
    int size = 0;

    return ioctl(request->fd, FIONREAD, &size) == 0 && size > 0;
}

/* Those in the line for `grace_ms`, unless their request has just come. */
static void
cut_off_line(struct http_server *server, enum waiting line, int64_t grace_ms)
{
    struct patience_entry *entry = patience_first(&server->lines[line]);

    while (entry != NULL && server->now_us - entry->since_us >= grace_ms * US_PER_MS) {
        struct http_request *request = entry->owner;

        entry = patience_next(entry);
        if (!has_unread_bytes(request)) {
            request_cut_off(request);
        }
    }
}

static bool
has_left(const struct http_request *request)
{
    char byte;

    return recv(request->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) == 0;
}

/*
 * libmicrohttpd 0.9.75 takes a read that fills less than its buffer for the last until epoll has
 * news, and the end of a connection is no news when epoll told of it together with the data before
 * it. Who takes an answer is not asked: it may rightly have no more to say.
 */
static const enum waiting lines_of_readers[] = {
    WAITING_NEW, WAITING_IDLE, WAITING_RECEIVING};

static void
cut_off_left(struct http_server *server, enum waiting line)
{
    const int64_t until_us = server->now_us - (int64_t)LOOK_MS * US_PER_MS;
    struct patience_entry *entry = patience_first(&server->lines[line]);

    while (entry != NULL && entry->since_us <= until_us) {
        struct http_request *request = entry->owner;

        entry = patience_next(entry);
        if (has_left(request)) {
            request_cut_off(request);
        }
    }
}

static void
look_who_has_left(struct http_server *server)
{
    if (server->now_us < server->look_us) {
        return;
    }
    server->look_us = server->now_us + (int64_t)LOOK_MS * US_PER_MS;
    for (size_t i = 0; i < LENGTH(lines_of_readers); i++) {
        cut_off_left(server, lines_of_readers[i]);
    }
}

static int64_t
look_left_us(const struct http_server *server, int64_t now_us)
{
    int64_t left_us = INT64_MAX;

    for (size_t i = 0; i < LENGTH(lines_of_readers); i++) {
        const struct patience_entry *first =
            patience_first(&server->lines[lines_of_readers[i]]);

        if (first != NULL) {
            const int64_t due_us = first->since_us + (int64_t)LOOK_MS * US_PER_MS;

            left_us = MIN(left_us, MAX(due_us, server->look_us) - now_us);
        }
    }
    return left_us;
}

/*
 * The library also calls itself busy while a connection's memory is full of the beginning of a
 * chunk, which it can neither finish nor give up: until its deadline that one would turn an event
 * loop round and round. What has arrived elsewhere wakes the owner all the same.
 */
int
http_server_timeout_ms(const struct http_server *server)
{
    const int64_t now_us = clock_monotonic_us();
    int64_t left_us =
        MIN(http_accept_left_us(server, now_us), look_left_us(server, now_us));

    /* Without a thread of its own the library wakes nobody for answers that are due. */
    if (server->resumed) {
        return 0;
    }
    if (http_library_is_busy(server)) {
        if (server->idle_runs < IDLE_RUNS_MAX) {
            return 0;
        }
        left_us = MIN(left_us, (int64_t)STUCK_PAUSE_MS * US_PER_MS);
    }
    for (size_t i = 0; i < WAITING_COUNT; i++) {
        left_us = MIN(left_us, patience_left_us(&server->lines[i], now_us));
    }
    if (left_us == INT64_MAX) {
        return -1;
    }
    return left_us > 0 ? (int)(left_us / US_PER_MS) + 1 : 0;
}

/* ---- life --------------------------------------------------------------------------------- */

static void
init_lines(struct http_server *server)
{
    static const int limits_s[WAITING_COUNT] = {
        [WAITING_NEW] = HTTP_NEW_S,
        [WAITING_IDLE] = HTTP_IDLE_S,
        [WAITING_RECEIVING] = HTTP_REQUEST_DEADLINE_S,
        [WAITING_REPLYING] = HTTP_REPLY_DEADLINE_S,
    };

    for (size_t i = 0; i < WAITING_COUNT; i++) {
        patience_init(&server->lines[i], limits_s[i]);
    }
}

static int
open_parts(struct http_server *server, char *ret_error)
{
    const struct http_server_options *options = &server->options;
    int r = options->listen_fd != 0
                ? listener_open_beside(options->listen_fd, &server->listener, ret_error)
                : listener_open(
                      options->listen, options->reuse_port, &server->listener, ret_error);

    if (r < 0) {
        return r;
    }
    (void)snprintf(ret_error, HTTP_ERROR_SIZE,
        "out of memory or files: %.60s (raise the limits)", options->listen);
    r = http_accept_open(server);
    return r == 0 ? http_library_start(server) : r;
}

int
http_server_open(const struct http_server_options *options,
    struct http_server **ret_server, char *ret_error)
{
    struct http_server *server = calloc(1, sizeof(*server));

    if (server == NULL) {
        (void)snprintf(ret_error, HTTP_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    server->options = *options;
    server->budget.body_max = options->body_max;
    server->budget.total_max = HTTP_BODIES_MAX;
    server->listener.fd = -1;
    server->epoll_fd = -1;
    server->now_us = clock_monotonic_us();
    init_lines(server);

    const int r = open_parts(server, ret_error);

    if (r < 0) {
        http_server_close(&server);
        return r;
    }
    *ret_server = server;
    return 0;
}

void
http_server_run(struct http_server *server)
{
    server->now_us = clock_monotonic_us();
    server->resumed = false;
    server->moved = false;
    http_accept_run(server);
    http_library_run(server);
    server->idle_runs = server->moved ? 0 : MIN(server->idle_runs + 1, IDLE_RUNS_MAX);
    cut_off_late(server);
    look_who_has_left(server);
    if (server->quiesced) {
        cut_off_line(server, WAITING_IDLE, 0);
        cut_off_line(server, WAITING_NEW, NEW_GRACE_MS); /* the request is on the way */
    }
}

/*
 * Replies ask to close from now on, so that a connection ends with the request it is at. Connections
 * that have not been accepted are taken in; but whoever shares the socket takes them later, too.
 */
void
http_server_quiesce(struct http_server *server)
{
    if (server->quiesced) {
        return;
    }
    if (server->listener.is_shared) {
        http_accept_stop(server);
    }
    http_server_run(server); /* what has arrived is begun, the rest is idle */
    http_accept_stop(server);
    server->quiesced = true;
    http_server_run(server);
}

void
http_server_close(struct http_server **server)
{
    if (*server == NULL) {
        return;
    }
    if ((*server)->daemon != NULL) {
        http_server_quiesce(*server);
        http_server_run(*server); /* resumed connections send their answers */
        http_library_stop(*server);
    }
    http_accept_close(*server);
    response_shelf_done(&(*server)->responses);
    free(*server);
    *server = NULL;
}

int
http_server_fd(const struct http_server *server)
{
    return server->epoll_fd;
}

uint16_t
http_server_port(const struct http_server *server)
{
    return server->listener.port;
}

size_t
http_server_active(const struct http_server *server)
{
    return server->quiesced ? server->connections - server->doomed : server->active;
}

int
http_server_listen_fd(const struct http_server *server)
{
    return server->listener.fd;
}
