/*
 * http_request.h - what the files of the HTTP server share; for no other file.
 */
#pragma once

#include "server/net/http.h"
#include "server/net/http_head.h"
#include "server/net/http_response.h"
#include "server/net/listener.h"
#include "server/net/patience.h"
#include "server/net/upload.h"
#include "server/ops/metrics.h"

struct MHD_Connection;
struct MHD_Daemon;

/*
 *   IDLE ──target──► STARTED ──headers──► RECEIVING ──complete──► HANDLED ──reply──► REPLIED
 *    ▲                                                                                  │
 *    └──────────────────────────────────── answer sent ─────────────────────────────────┘
 */
enum request_state {
    REQUEST_IDLE,
    REQUEST_STARTED,
    REQUEST_RECEIVING,
    REQUEST_HANDLED,
    REQUEST_REPLIED,
};

/* A connection has one request at a time, so both are one struct. */
struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    int fd;
    struct sockaddr_storage peer;
    enum request_state state;
    struct patience_entry waiting;
    bool is_cut_off; /* shut down; the library has yet to notice */
    bool is_last;    /* nothing behind this request may be read */
    struct buffer target;
    const char *raw_target; /* the library's, decoded in place after we copied it */
    struct http_head head;
    struct upload upload;
    bool suspended;
    unsigned status;
    struct MHD_Response *response; /* NULL once REPLIED: memory was out, hang up */
    bool owns_response;            /* it is not one of the shelf */
};

/* Whom the server waits for, and until when; each connection stands in one line at most. */
enum waiting {
    WAITING_NEW,       /* for the first request line */
    WAITING_IDLE,      /* for the next one */
    WAITING_RECEIVING, /* for the rest of the request */
    WAITING_REPLYING,  /* for the answer to be taken */
    WAITING_COUNT
};

struct http_server {
    struct http_server_options options;
    struct listener listener;
    struct MHD_Daemon *daemon;
    int epoll_fd;   /* of `daemon`, and of the listener while `accepts` */
    int64_t now_us; /* when the last run began */
    bool quiesced;
    bool resumed;       /* since the last run: there are answers to send */
    bool moved;         /* in this run: the library has told us something */
    int64_t look_us;    /* not before: for clients that have left */
    unsigned idle_runs; /* one after the other: busy, but nothing moved */
    size_t active;
    struct upload_budget budget;
    struct patience lines[WAITING_COUNT];
    struct response_shelf responses;

    /* accepting */
    size_t connections;
    size_t connections_limit;
    size_t doomed; /* of the connections: cut off */
    bool accepts;
    int64_t starved_us; /* when we last said that descriptors are out */
    int64_t accept_us;  /* not before, unless `accepts` */
    const struct sockaddr_storage *adopted; /* whose connection is being added */
    struct counter *open_gauge;             /* NULL: not measured */
    struct counter *evicted_counter;
};

/* ---- http.c ---- */

int http_library_start(struct http_server *server) MUST_USE; /* 0 or -errno */
bool http_library_is_busy(
    const struct http_server *server); /* do not wait: run it again */
void http_library_run(struct http_server *server);
void http_library_stop(struct http_server *server);
/* Adds an accepted connection; it is closed when that fails. */
void http_adopt(struct http_server *server, int fd, const struct sockaddr_storage *peer,
    socklen_t size);

/* ---- http_server.c ---- */

/* `counter` is NULL where the server is not measured. */
void http_count(struct counter *counter, int64_t change);
/* Shuts its socket down: the library notices and ends the connection. */
void request_cut_off(struct http_request *request);

/* ---- http_accept.c ---- */

int http_accept_open(struct http_server *server) MUST_USE; /* 0 or -errno */
/* Takes the connections that wait; makes room by ending those idle longest. */
void http_accept_run(struct http_server *server);
/* Until a run is due because of accepting alone; INT64_MAX: never. */
int64_t http_accept_left_us(const struct http_server *server, int64_t now_us);
/* For `size` more bytes of its body, from who has taken much and long; there may be none. */
void http_make_room(struct http_request *request, size_t size);
void http_accept_stop(struct http_server *server); /* closes the listener */
void http_accept_close(struct http_server *server);
