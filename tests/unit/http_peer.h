/*
 * http_peer.h - a server for tests of the HTTP client (it answers, lies or dies as told), and the
 * client's side of asking it.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "server/net/http_client.h"

enum {
    PEER_REQUEST_SIZE = 4096,
    TIMEOUT_MS = 5000,
};

struct peer;

/* Serves one connection, the `index`-th; it is closed afterwards. */
typedef void peer_serve(struct peer *peer, int fd, int index);

struct peer {
    int listen_fd;
    uint16_t port;
    peer_serve *serve;
    pthread_t thread;
    char url[64];
    atomic_int connections;
    atomic_int bodies;               /* complete request bodies read */
    char request[PEER_REQUEST_SIZE]; /* the last one; read it after peer_stop() */
};

void peer_start(struct peer *peer, peer_serve *serve);
/* The same on [::1]. False: this machine has no IPv6, and nothing was started. */
bool peer_start_ipv6(struct peer *peer, peer_serve *serve);
void peer_stop(struct peer *peer); /* when the connections have ended */

/* For peer_serve: reads one request with its body. False when the client left. */
bool peer_read(struct peer *peer, int fd);
void peer_answer(int fd, const char *text);
void peer_wait_for_leaving(int fd);

/* An exchange to be asked; the test sets what else it needs. */
struct http_exchange question(const char *method, const char *url, const char *body);
void run_until_idle(struct http_client *client);
void ask(struct http_client *client, struct http_exchange *exchange);
/* One question to a server that serves it so; `peer` is stopped when it returns. */
struct http_exchange ask_peer(
    struct peer *peer, peer_serve *serve, const char *method, int64_t timeout_ms);
/* A URL where nobody listens; `userinfo` is "" or "user:password@". */
void closed_url(char *url, size_t capacity, const char *userinfo);
