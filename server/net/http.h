/*
 * http.h - the HTTP server: libmicrohttpd behind a few functions.
 *
 * http.c makes the library's calls, http_response.c its answers; no other file knows it. A server
 * is driven by its owner's loop: watch http_server_fd() for reading, call http_server_run() when it
 * is ready or http_server_timeout_ms() has passed. One thread, no locks.
 *
 * The handler is called once per request, when its body is complete (or was refused: see
 * http_body_refused()). It replies at once with http_reply(), or returns and replies later from the
 * same thread: until then the request is suspended. A client that leaves meanwhile is noticed
 * only after the reply; http_reply() is still due, exactly once, for every request handled.
 *
 * Refused before any handler sees them, with an error and a closed connection: whatever two HTTP
 * readers could read differently (http_head.h), and what is no HTTP. Where the fault is one that
 * http_head_judge() finds, the error is JSON; broken chunks, a head that is too large, a malformed
 * Content-Length or version libmicrohttpd refuses by itself, in HTML of its own: 0.9.75 has no hook
 * for that. A first line without a blank in it is answered by hanging up.
 *
 * How a chunked body is cut into chunks is read by the library alone, which takes lone LFs and any
 * extension. So a chunked request is the last of its connection: what another reader
 * may take for a second request is never read.
 */
#pragma once

#include <sys/socket.h>

#include "mapping/base.h"

enum {
    HTTP_ERROR_SIZE = 200,
    HTTP_HEADERS_SIZE = 10 * 1024, /* request line and headers: 7 KB in 40 headers fit */
    HTTP_BODIES_MAX = 64 * 1024 * 1024, /* memory for the bodies of all requests */

    /* of all servers that share in them; fewer where the process may open fewer files */
    HTTP_CONNECTIONS_MAX = 4096,
    HTTP_CONNECTIONS_MIN = 8,  /* of one server */
    HTTP_FILES_RESERVED = 128, /* for the rest of the process; half of them if few */

    /* Longer than proxies keep a connection (nginx 60 s, Caddy 120 s): else they meet its end. */
    HTTP_IDLE_S = 150,
    /* No caller of ours waits longer than 15 s: who is slower than that has given up. */
    HTTP_NEW_S = 15,              /* connection to first request line */
    HTTP_REQUEST_DEADLINE_S = 15, /* request line to complete body */
    HTTP_REPLY_DEADLINE_S = 15,   /* for taking the answer */
};

struct http_server;
struct http_request;
struct http_error;

typedef void http_handler(void *context, struct http_request *request);
/*
 * Told of a request that was refused before the handler saw it; there is nothing left to answer.
 * `target` is raw, `why` a code and what to do. What has no first line is not told of.
 */
typedef void http_refused(
    void *context, struct slice target, const struct http_error *why);

struct http_server_options {
    const char *listen; /* see listen_address.h */
    bool reuse_port;    /* others of this user may listen at the same port */
    int listen_fd;      /* not 0: listen beside this socket, not at `listen` */
    size_t share;       /* servers among which the connections are divided; 0 is 1 */
    bool is_measured;   /* it counts in the metrics `connections` and their evictions */
    size_t body_max;    /* larger bodies are read away, not kept */
    http_handler *handler;
    http_refused *refused; /* NULL: nobody wants to know */
    void *context;
};

struct http_header {
    const char *name;
    const char *value;
};

/*
 * Starts listening. Ownership: http_server_close().
 * On failure -errno, and *ret_error (HTTP_ERROR_SIZE) says what, where and what to do.
 */
int http_server_open(const struct http_server_options *options,
    struct http_server **ret_server, char *ret_error) MUST_USE;
int http_server_fd(const struct http_server *server);
int http_server_timeout_ms(const struct http_server *server); /* -1: none */
void http_server_run(struct http_server *server);
uint16_t http_server_port(const struct http_server *server); /* 0 for a unix socket */
/* For another server's `listen_fd`, until this one is quiesced; -1 from then on. */
int http_server_listen_fd(const struct http_server *server);
/*
 * No new connections. Requests that have begun to arrive go on, each the last of its connection;
 * idle connections end, those opened a moment ago after another moment. A socket shared with
 * others, or inherited, stays open.
 */
void http_server_quiesce(struct http_server *server);
/* Requests under way; once quiesced, connections that are not over. */
size_t http_server_active(const struct http_server *server);
/* Requires that every handled request was replied to. */
void http_server_close(struct http_server **server);

/* What the handler may ask of a request; slices live until the reply. */
struct slice http_method(const struct http_request *request);
struct slice http_target(const struct http_request *request); /* raw, as on the wire */
struct slice http_path(const struct http_request *request);   /* raw, up to '?' */
/* Without the blanks around it, which are no part of a value (RFC 9110, 5.5). */
struct slice http_header_value(const struct http_request *request, const char *name);
/* One of several headers of that name, from 0; absent when there are fewer. */
struct slice http_header_value_at(
    const struct http_request *request, const char *name, size_t index);
size_t http_header_count(const struct http_request *request, const char *name);
char *http_body(
    struct http_request *request, size_t *ret_size); /* ours, may be changed */
bool http_body_refused(
    const struct http_request *request); /* longer than body_max, dropped */
bool http_body_no_room(
    const struct http_request *request); /* HTTP_BODIES_MAX or memory: dropped */
/* Who is at the other end of the connection, a proxy mostly. False when that is not known. */
bool http_peer(
    const struct http_request *request, struct sockaddr_storage *ret_peer) MUST_USE;

/* Headers and body are copied. Content-Length, Date and Connection are added. */
void http_reply(struct http_request *request, unsigned status,
    const struct http_header *headers, size_t header_count, struct slice body);

struct http_error {
    const char *code;    /* "unsupported_media_type" */
    const char *message; /* what is wrong and what to do; ours, no part of the request */
};

/* http_reply() with {"error":{"code","message"}} and its Content-Type. */
void http_reply_error(struct http_request *request, unsigned status,
    const struct http_error *error, const struct http_header *headers,
    size_t header_count);

const char *http_server_version(void); /* "0.9.75" */
