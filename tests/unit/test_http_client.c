/*
 * test_http_client.c - what is sent and what is read, against a server of our own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/http_peer.h"
#include "tests/unit/unit.h"

static void
serve_limits(struct peer *peer, int fd, int index)
{
    (void)index;
    if (peer_read(peer, fd)) {
        peer_answer(fd, "HTTP/1.1 429 Too Many\r\nX-Sib-RateLimit-Limit: 10\r\n"
                        "x-sib-ratelimit-remaining: 0\r\nx-sib-ratelimit-reset: 2\r\n"
                        "Retry-After: 7\r\nsib-request-id: abc-1\r\n"
                        "Content-Type: application/json; charset=utf-8\r\n"
                        "Content-Length: 13\r\n\r\n{\"code\":\"x\"}\n");
    }
}

static void
reads_status_headers_and_body(void **state)
{
    struct peer peer;
    struct http_exchange exchange = ask_peer(&peer, serve_limits, "POST", TIMEOUT_MS);

    (void)state;

    assert_int_equal(exchange.result, HTTP_ANSWERED);
    assert_int_equal(exchange.status, 429);
    assert_int_equal(exchange.ratelimit_limit, 10);
    assert_int_equal(exchange.ratelimit_remaining, 0);
    assert_int_equal(exchange.ratelimit_reset, 2);
    assert_int_equal(exchange.retry_after_s, 7);
    assert_string_equal(exchange.request_id, "abc-1");
    assert_true(exchange.is_json);
    assert_string_equal(exchange.answer.data, "{\"code\":\"x\"}\n");
    assert_string_equal(exchange.error, "");
    http_exchange_done(&exchange);
}

static void
sends_method_headers_and_body_and_nothing_surprising(void **state)
{
    struct peer peer;
    struct http_exchange exchange = ask_peer(&peer, serve_limits, "POST", TIMEOUT_MS);

    (void)state;
    http_exchange_done(&exchange);

    assert_non_null(strstr(peer.request, "POST /x HTTP/1.1\r\n"));
    assert_non_null(strstr(peer.request, "\r\napi-key: k\r\n"));
    assert_non_null(strstr(peer.request, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strstr(peer.request, "\r\nUser-Agent: flexbrevo/"));
    assert_non_null(strstr(peer.request, "\r\n\r\n{\"a\":1}"));
    assert_null(strcasestr(peer.request, "Expect:"));
}

static void
serve_too_much(struct peer *peer, int fd, int index)
{
    static char much[100 * 1024 + 1];
    char head[80];

    (void)index;
    if (!peer_read(peer, fd)) {
        return;
    }
    memset(much, 'x', sizeof(much) - 1);
    (void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
        sizeof(much) - 1);
    peer_answer(fd, head);
    peer_answer(fd, much);
}

static void
keeps_the_beginning_of_an_endless_answer(void **state)
{
    struct peer peer;
    struct http_exchange exchange = ask_peer(&peer, serve_too_much, "GET", TIMEOUT_MS);

    (void)state;
    assert_int_equal(exchange.status, 200);
    assert_true(exchange.answer.failed);
    assert_true(exchange.answer.size <= HTTP_CLIENT_BODY_MAX);
    assert_string_equal(exchange.error, "");
    http_exchange_done(&exchange);
}

static void
serve_redirect(struct peer *peer, int fd, int index)
{
    (void)index;
    if (peer_read(peer, fd)) {
        peer_answer(fd,
            "HTTP/1.1 103 Early Hints\r\nRetry-After: 5\r\n\r\n"
            "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    }
}

static void
follows_no_redirect_and_forgets_interim_headers(void **state)
{
    struct peer peer;
    struct http_exchange exchange = ask_peer(&peer, serve_redirect, "GET", TIMEOUT_MS);

    (void)state;
    assert_int_equal(exchange.status, 302);
    assert_int_equal(exchange.retry_after_s, -1);
    http_exchange_done(&exchange);
    assert_non_null(strstr(peer.request, "GET /x HTTP/1.1"));
}

static void
refuses_what_is_no_http_url(void **state)
{
    static const char *const urls[] = {"", "http://", "ftp://127.0.0.1/",
        "file:///etc/passwd", "127.0.0.1/x", "http://[::1/"};
    AUTO(http_client_close) struct http_client *client = NULL;

    (void)state;
    assert_int_equal(http_client_open(1, &client), 0);
    for (size_t i = 0; i < LENGTH(urls); i++) {
        struct http_exchange exchange = question("GET", urls[i], NULL);

        assert_int_equal(http_client_start(client, &exchange), -EINVAL);
    }
    assert_int_equal(http_client_active(client), 0);
}

static void
serve_keep_alive(struct peer *peer, int fd, int index)
{
    (void)index;
    while (peer_read(peer, fd)) {
        peer_answer(fd, "HTTP/1.1 204 No Content\r\n\r\n");
    }
}

static void
reuses_its_connections(void **state)
{
    AUTO(http_client_close) struct http_client *client = NULL;
    struct http_exchange exchanges[10];
    struct peer peer;

    (void)state;
    peer_start(&peer, serve_keep_alive);
    assert_int_equal(http_client_open(1, &client), 0);
    for (size_t i = 0; i < LENGTH(exchanges); i++) {
        exchanges[i] = question("POST", peer.url, "x");
        assert_int_equal(http_client_start(client, &exchanges[i]), 0);
    }
    run_until_idle(client);
    for (size_t i = 0; i < LENGTH(exchanges); i++) {
        assert_int_equal(exchanges[i].status, 204);
        http_exchange_done(&exchanges[i]);
    }
    http_client_close(&client);
    peer_stop(&peer);
    assert_int_equal(peer.connections, 1);
    assert_int_equal(peer.bodies, 10);
}

static void
a_blocking_call_needs_no_client(void **state)
{
    struct peer peer;

    (void)state;
    peer_start(&peer, serve_limits);
    struct http_exchange exchange = question("POST", peer.url, "x");
    exchange.done = NULL;
    assert_int_equal(http_client_call(&exchange), 0);
    assert_int_equal(exchange.status, 429);
    http_exchange_done(&exchange);
    peer_stop(&peer);
}

static void
ipv4_only_reaches_no_ipv6_address(void **state)
{
    struct peer peer;

    (void)state;
    if (!peer_start_ipv6(&peer, serve_limits)) {
        skip();
    }
    for (int only = 0; only <= 1; only++) {
        struct http_exchange exchange = question("GET", peer.url, NULL);

        exchange.done = NULL;
        exchange.is_ipv4_only = only != 0;
        assert_int_equal(http_client_call(&exchange), 0);
        assert_int_equal(exchange.result, only ? HTTP_NOT_SENT : HTTP_ANSWERED);
        http_exchange_done(&exchange);
    }
    peer_stop(&peer);
    assert_int_equal(peer.connections, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_status_headers_and_body),
        cmocka_unit_test(sends_method_headers_and_body_and_nothing_surprising),
        cmocka_unit_test(keeps_the_beginning_of_an_endless_answer),
        cmocka_unit_test(follows_no_redirect_and_forgets_interim_headers),
        cmocka_unit_test(refuses_what_is_no_http_url),
        cmocka_unit_test(reuses_its_connections),
        cmocka_unit_test(a_blocking_call_needs_no_client),
        cmocka_unit_test(ipv4_only_reaches_no_ipv6_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
