/*
 * http_peer.c - one thread, one connection at a time.
 */
#include "tests/unit/http_peer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static void *
peer_main(void *context)
{
    struct peer *peer = context;

    for (;;) {
        const int fd = accept4(peer->listen_fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0) {
            return NULL; /* shut down */
        }
        peer->serve(peer, fd, atomic_fetch_add(&peer->connections, 1));
        (void)close(fd);
    }
}

/* False: there is no such address. */
static bool
listen_on(struct peer *peer, const struct sockaddr *address, socklen_t size)
{
    peer->listen_fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return peer->listen_fd >= 0 && bind(peer->listen_fd, address, size) == 0 &&
           listen(peer->listen_fd, 16) == 0;
}

static void
serve_at(struct peer *peer, peer_serve *serve, const char *host)
{
    struct sockaddr_in6 address; /* the port is where IPv4 has it */
    socklen_t size = sizeof(address);

    assert_int_equal(getsockname(peer->listen_fd, (struct sockaddr *)&address, &size), 0);
    peer->serve = serve;
    peer->port = ntohs(address.sin6_port);
    (void)snprintf(peer->url, sizeof(peer->url), "http://%s:%u/x", host, peer->port);
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_main, peer), 0);
}

void
peer_start(struct peer *peer, peer_serve *serve)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    memset(peer, 0, sizeof(*peer));
    assert_true(listen_on(peer, (const struct sockaddr *)&address, sizeof(address)));
    serve_at(peer, serve, "127.0.0.1");
}

bool
peer_start_ipv6(struct peer *peer, peer_serve *serve)
{
    const struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    memset(peer, 0, sizeof(*peer));
    if (!listen_on(peer, (const struct sockaddr *)&address, sizeof(address))) {
        (void)close(peer->listen_fd);
        return false;
    }
    serve_at(peer, serve, "[::1]");
    return true;
}

void
peer_stop(struct peer *peer)
{
    (void)shutdown(peer->listen_fd, SHUT_RDWR);
    (void)pthread_join(peer->thread, NULL);
    (void)close(peer->listen_fd);
}

/* The head, and as much body as it announces. */
static bool
is_complete(const char *request, size_t size, bool *ret_has_body)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "Content-Length: ");
    int64_t body = 0;

    if (end == NULL) {
        return false;
    }
    if (length != NULL) {
        length += strlen("Content-Length: ");
        const struct slice digits = {length, strcspn(length, "\r")};

        assert_true(slice_to_int64(digits, &body));
    }
    *ret_has_body = body > 0;
    return size >= (size_t)(end + 4 - request) + (size_t)body;
}

bool
peer_read(struct peer *peer, int fd)
{
    bool has_body = false;
    size_t size = 0;

    memset(peer->request, 0, sizeof(peer->request));
    while (size + 1 < sizeof(peer->request)) {
        const ssize_t got =
            recv(fd, peer->request + size, sizeof(peer->request) - 1 - size, 0);

        if (got <= 0) {
            return false;
        }
        size += (size_t)got;
        if (is_complete(peer->request, size, &has_body)) {
            atomic_fetch_add(&peer->bodies, has_body ? 1 : 0);
            return true;
        }
    }
    return false;
}

void
peer_answer(int fd, const char *text)
{
    (void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

void
peer_wait_for_leaving(int fd)
{
    char byte = 0;

    while (recv(fd, &byte, 1, 0) > 0) {
    }
}

struct http_exchange
question(const char *method, const char *url, const char *body)
{
    return (struct http_exchange){
        .method = method,
        .url = url,
        .body = slice_of(body),
        .timeout_ms = TIMEOUT_MS,
    };
}

void
run_until_idle(struct http_client *client)
{
    while (http_client_active(client) > 0) {
        struct pollfd ready = {.fd = http_client_fd(client), .events = POLLIN};

        assert_true(poll(&ready, 1, 2 * TIMEOUT_MS) > 0);
        http_client_run(client);
    }
}

void
ask(struct http_client *client, struct http_exchange *exchange)
{
    assert_int_equal(http_client_start(client, exchange), 0);
    run_until_idle(client);
}

struct http_exchange
ask_peer(struct peer *peer, peer_serve *serve, const char *method, int64_t timeout_ms)
{
    AUTO(http_client_close) struct http_client *client = NULL;

    peer_start(peer, serve);
    assert_int_equal(http_client_open(1, &client), 0);
    struct http_exchange exchange = question(method, peer->url, "{\"a\":1}");
    exchange.headers[exchange.header_count++] = "api-key: k";
    exchange.timeout_ms = timeout_ms;
    ask(client, &exchange);
    http_client_close(&client);
    peer_stop(peer);
    return exchange;
}

void
closed_url(char *url, size_t capacity, const char *userinfo)
{
    struct peer peer;

    peer_start(&peer, NULL);
    (void)snprintf(url, capacity, "http://%s127.0.0.1:%u/x", userinfo, peer.port);
    peer_stop(&peer);
}
