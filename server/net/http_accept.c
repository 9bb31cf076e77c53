/*
 * http_accept.c - who gets in: connections and bodies within limits, so that nobody locks others
 * out.
 *
 * The library can accept by itself, but then it stops at its limit until somebody leaves, and
 * spins when the system has no descriptors. Here a server that is nearly full ends connections
 * that are idle, a full one those slower than an honest caller is; when there is none, or the
 * system has no descriptors, it looks again after ACCEPT_PAUSE_MS.
 *
 * Bodies share memory in the same way, and nobody has to prove anything before one is complete:
 * who has taken much of it for longer than an honest caller would gives way to who comes.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/param.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/net/http_request.h"
#include "server/ops/log.h"

enum {
    ACCEPT_BATCH = 32, /* per run: those that are in shall have their turn, too */
    ACCEPT_PAUSE_MS = 100,
    EVICT_GRACE_MS = 1000,
    STARVED_REST_S = 60, /* between two complaints */
};

/* ---- limits ------------------------------------------------------------------------------- */

/* Redis, IAM, logs and the rest of the process need descriptors too. */
static size_t
limit_of(size_t share)
{
    struct rlimit files = {.rlim_cur = 0};

    (void)getrlimit(RLIMIT_NOFILE, &files); /* never fails for a valid address */
    const size_t most = MIN((size_t)files.rlim_cur, SIZE_MAX / 2);
    const size_t reserved = MIN((size_t)HTTP_FILES_RESERVED, most / 2);
    const size_t limit =
        MIN((size_t)HTTP_CONNECTIONS_MAX, most - reserved) / MAX(share, (size_t)1);

    return MAX(limit, (size_t)HTTP_CONNECTIONS_MIN);
}

static size_t
count_staying(const struct http_server *server)
{
    return server->connections - server->doomed;
}

/* Those waiting longest in the line, and for `grace_ms` at least, until `most` are left. */
static void
evict(struct http_server *server, enum waiting line, int64_t grace_ms, size_t most)
{
    const int64_t until_us = server->now_us - grace_ms * US_PER_MS;
    const struct patience_entry *first = patience_first(&server->lines[line]);

    while (first != NULL && first->since_us <= until_us && count_staying(server) > most) {
        request_cut_off(first->owner);
        http_count(server->evicted_counter, 1);
        first = patience_first(&server->lines[line]);
    }
}

/*
 * Those evicted leave when the library has noticed, so some places are kept free: an honest caller
 * is busy within moments, and whoever is idle for longer has to go when the server is nearly full.
 * When it is full, whoever is slower than honest callers are goes too, and only then who has just
 * come.
 *
 * False: there is nobody to evict, or they are still on their way out.
 */
static bool
make_room(struct http_server *server)
{
    const size_t limit = server->connections_limit;
    const size_t most = limit - MIN((size_t)ACCEPT_BATCH, limit / 4);

    evict(server, WAITING_NEW, EVICT_GRACE_MS, most);
    evict(server, WAITING_IDLE, EVICT_GRACE_MS, most);
    if (server->connections < limit) {
        return true;
    }
    if (server->doomed == 0) {
        evict(server, WAITING_REPLYING, EVICT_GRACE_MS, most);
        evict(server, WAITING_RECEIVING, EVICT_GRACE_MS, most);
    }
    if (server->doomed == 0) {
        evict(server, WAITING_NEW, 0, most);
        evict(server, WAITING_IDLE, 0, most);
    }
    return false;
}

/* ---- bodies -------------------------------------------------------------------------------- */

_Static_assert((int64_t)HTTP_CONNECTIONS_MAX *UPLOAD_FAIR_SHARE <= HTTP_BODIES_MAX,
    "where there is no room, somebody has more than a fair share");

/* The one longest at it; a complete body is in this line no more. */
static struct http_request *
find_hoarder(const struct http_server *server)
{
    const int64_t until_us = server->now_us - (int64_t)EVICT_GRACE_MS * US_PER_MS;
    const struct patience_entry *entry =
        patience_first(&server->lines[WAITING_RECEIVING]);

    for (; entry != NULL && entry->since_us <= until_us; entry = patience_next(entry)) {
        struct http_request *request = entry->owner;

        if (request->upload.capacity > UPLOAD_FAIR_SHARE) {
            return request;
        }
    }
    return NULL;
}

/* Their memory is free at once, whenever the library notices that they have been cut off. */
void
http_make_room(struct http_request *request, size_t size)
{
    struct http_server *server = request->server;

    while (!upload_has_room(&request->upload, size)) {
        struct http_request *hoarder = find_hoarder(server);

        if (hoarder == NULL || hoarder == request) {
            return;
        }
        upload_give_up(&hoarder->upload);
        request_cut_off(hoarder);
        http_count(server->evicted_counter, 1);
    }
}

/* ---- watching the listener ----------------------------------------------------------------- */

static int
watch(struct http_server *server, bool accepts)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = server};

    if (server->accepts != accepts &&
        epoll_ctl(server->epoll_fd, accepts ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
            server->listener.fd, &event) < 0) {
        return -errno;
    }
    server->accepts = accepts;
    return 0;
}

static void
pause_accepting(struct http_server *server)
{
    if (watch(server, false) == 0) {
        server->accept_us = server->now_us + (int64_t)ACCEPT_PAUSE_MS * US_PER_MS;
    }
}

/* One of ours may go; whether others give descriptors back cannot be heard, only tried. */
static void
starve(struct http_server *server, int error)
{
    const size_t fewer = MAX(count_staying(server), (size_t)1) - 1;

    if (server->starved_us == 0 ||
        server->now_us - server->starved_us >= (int64_t)STARVED_REST_S * US_PER_S) {
        log_warn("accept_paused",
            "error=\"%s\" connections=%zu limit=%zu do=\"raise %s\"", strerror(error),
            server->connections, server->connections_limit,
            "LimitNOFILE= of the service, or look who else takes descriptors");
        server->starved_us = server->now_us;
    }
    evict(server, WAITING_NEW, 0, fewer);
    evict(server, WAITING_IDLE, 0, fewer);
    pause_accepting(server);
}

/* ---- accepting ---------------------------------------------------------------------------- */

/* False when there is no more to accept for now. */
static bool
accept_one(struct http_server *server)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(peer);
    const int fd = accept4(server->listener.fd, (struct sockaddr *)&peer, &size,
        SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        http_adopt(server, fd, &peer, size);
        return true;
    }
    switch (errno) {
    case EAGAIN: /* another loop was faster, too */
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        starve(server, errno);
        return false;
    case ECONNABORTED: /* it has left, or a firewall would not have it */
    case EINTR:
    case EPERM:
    case EPROTO:
        return true;
    default:
        pause_accepting(server);
        return false;
    }
}

static bool
is_waiting(const struct http_server *server)
{
    struct epoll_event events[2]; /* the listener and the library */
    const int count = epoll_wait(server->epoll_fd, events, LENGTH(events), 0);

    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == server) {
            return true;
        }
    }
    return false;
}

void
http_accept_run(struct http_server *server)
{
    if (server->listener.fd < 0) {
        return;
    }
    if (!server->accepts && server->now_us >= server->accept_us &&
        watch(server, true) < 0) {
        server->accept_us = server->now_us + (int64_t)ACCEPT_PAUSE_MS * US_PER_MS;
    }
    if (!server->accepts || !is_waiting(server)) {
        return;
    }
    if (!make_room(server)) {
        if (server->doomed == 0) {
            pause_accepting(server);
        }
        return;
    }
    for (int i = 0; i < ACCEPT_BATCH && server->connections < server->connections_limit;
         i++) {
        if (!accept_one(server)) {
            return;
        }
    }
}

int64_t
http_accept_left_us(const struct http_server *server, int64_t now_us)
{
    return server->accepts || server->listener.fd < 0 ? INT64_MAX
                                                      : server->accept_us - now_us;
}

/* ---- life --------------------------------------------------------------------------------- */

int
http_accept_open(struct http_server *server)
{
    server->connections_limit = limit_of(server->options.share);
    if (server->options.is_measured) {
        server->open_gauge = metrics_counter(METRIC_CONNECTIONS, NULL, NULL);
        server->evicted_counter = metrics_counter(METRIC_CONNECTIONS_EVICTED, NULL, NULL);
    }
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return server->epoll_fd < 0 ? -errno : watch(server, true);
}

void
http_accept_stop(struct http_server *server)
{
    if (server->listener.fd >= 0) {
        (void)watch(server, false); /* the socket may be another server's as well */
        listener_close(&server->listener);
    }
}

void
http_accept_close(struct http_server *server)
{
    http_accept_stop(server);
    if (server->epoll_fd >= 0) {
        (void)close(server->epoll_fd);
    }
}
