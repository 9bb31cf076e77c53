/*
 * http_client.h - outgoing HTTP: libcurl's multi interface behind one descriptor.
 *
 * http_client.c and http_transfer.c are the only files that know libcurl. HTTP/1.1 is pinned (libcurl 7.88 reports an error over HTTP/2
 * although a 204 arrived when the server answers early) and nothing is ever sent twice: libcurl
 * re-sends a POST by itself when a kept-alive connection dies, unless the body comes from a read
 * function that cannot seek. No redirects. Retrying is the caller's decision, made knowingly.
 *
 * One thread. Watch http_client_fd() for reading and call http_client_run() when it is ready; the
 * descriptor covers sockets and timers.
 */
#pragma once

#include "mapping/base.h"

enum {
    HTTP_CLIENT_BODY_MAX =
        64 * 1024, /* of an answer, unless asked for more; the rest is dropped */
    HTTP_CLIENT_HEADERS_MAX = 8,
    HTTP_CLIENT_ERROR_SIZE = 200,
    HTTP_CLIENT_REQUEST_ID_SIZE = 64,
};

enum http_exchange_result {
    HTTP_ANSWERED, /* `status` is set; with `error` too, the body broke off */
    HTTP_NOT_SENT, /* no connection, no TLS, no name: the server saw nothing */
    HTTP_UNKNOWN,  /* sent, at least in part, and no answer: it may have happened */
};

struct http_exchange {
    /* the question; borrowed until `done`, the headers' text only while it starts */
    const char *method; /* "GET", "POST" */
    const char *url;
    const char *headers[HTTP_CLIENT_HEADERS_MAX]; /* "name: value" */
    size_t header_count;
    const char *user; /* of Basic auth, with `password`; NULL: none */
    const char *password;
    struct slice body;
    int64_t timeout_ms; /* whole exchange */
    size_t answer_max;  /* bytes; 0: HTTP_CLIENT_BODY_MAX */
    bool is_ipv4_only;
    void (*done)(struct http_exchange *exchange); /* from http_client_run() or _close() */
    void *context;

    /* the answer */
    enum http_exchange_result result;
    bool is_json; /* the answer's media type */
    long status;
    struct buffer answer;    /* `failed`: longer than answer_max, the rest was dropped */
    int64_t ratelimit_limit; /* x-sib-ratelimit-*: -1 absent */
    int64_t ratelimit_remaining;
    int64_t ratelimit_reset;
    int64_t retry_after_s; /* -1 absent; a date was turned into seconds from now */
    char request_id
        [HTTP_CLIENT_REQUEST_ID_SIZE];  /* sib-request-id, for the vendor's support */
    char error[HTTP_CLIENT_ERROR_SIZE]; /* no URL userinfo, no header values */
    int64_t elapsed_ms;
};

struct http_client;

/* `connections`: keep-alive connections at most. 0, or -ENOMEM / -EMFILE. */
int http_client_open(unsigned connections, struct http_client **ret_client) MUST_USE;
/* Breaks off what is under way: their `done` is called with HTTP_UNKNOWN. */
void http_client_close(struct http_client **client);
int http_client_fd(const struct http_client *client);
void http_client_run(struct http_client *client);
size_t http_client_active(const struct http_client *client);

/*
 * Starts an exchange; *exchange must stay where it is until `done`. Release its answer with
 * http_exchange_done(). 0, or -ENOMEM / -EINVAL for a URL that is none.
 */
int http_client_start(
    struct http_client *client, struct http_exchange *exchange) MUST_USE;
void http_exchange_done(struct http_exchange *exchange);

/* The same, blocking, with a client of its own: for commands. */
int http_client_call(struct http_exchange *exchange) MUST_USE;

const char *http_client_version(void); /* "libcurl/7.88.1" */
