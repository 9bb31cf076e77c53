/*
 * test_http_transfer.c - what is known of an exchange that failed: sent, not sent, answered.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/http_peer.h"
#include "tests/unit/unit.h"

static int done_count;

static void
count_done(struct http_exchange *exchange)
{
    (void)exchange;
    done_count++;
}

/* Answers the first request, reads the second one whole, and dies. */
static void
serve_once_then_die(struct peer *peer, int fd, int index)
{
    if (index > 0) { /* a repeat would come here and be counted */
        (void)peer_read(peer, fd);
        return;
    }
    if (peer_read(peer, fd)) {
        peer_answer(fd, "HTTP/1.1 204 No Content\r\n\r\n");
        (void)peer_read(peer, fd);
    }
}

static void
never_sends_a_body_twice_when_a_kept_connection_dies(void **state)
{
    AUTO(http_client_close) struct http_client *client = NULL;
    struct peer peer;

    (void)state;
    peer_start(&peer, serve_once_then_die);
    assert_int_equal(http_client_open(1, &client), 0);
    struct http_exchange first = question("POST", peer.url, "first");
    struct http_exchange second = question("POST", peer.url, "second");
    ask(client, &first);
    ask(client, &second);

    assert_int_equal(first.status, 204);
    assert_int_equal(second.result, HTTP_UNKNOWN);
    assert_true(second.error[0] != '\0');
    http_exchange_done(&first);
    http_exchange_done(&second);
    http_client_close(&client); /* so that a connection without a request ends too */
    peer_stop(&peer);
    assert_int_equal(peer.bodies, 2);
}

static void
nobody_listening_means_not_sent(void **state)
{
    AUTO(http_client_close) struct http_client *client = NULL;
    char url[64];

    (void)state;
    closed_url(url, sizeof(url), "");
    assert_int_equal(http_client_open(1, &client), 0);
    struct http_exchange exchange = question("POST", url, "x");
    ask(client, &exchange);
    assert_int_equal(exchange.result, HTTP_NOT_SENT);
    assert_int_equal(exchange.status, 0);
    http_exchange_done(&exchange);
}

static void
serve_nonsense(struct peer *peer, int fd, int index)
{
    char bytes[64];

    (void)peer;
    (void)index;
    (void)recv(fd, bytes, sizeof(bytes), 0);
    peer_answer(fd, "this is not TLS\r\n");
}

static void
failed_tls_means_not_sent(void **state)
{
    AUTO(http_client_close) struct http_client *client = NULL;
    struct peer peer;
    char url[64];

    (void)state;
    peer_start(&peer, serve_nonsense);
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/", peer.port);
    assert_int_equal(http_client_open(1, &client), 0);
    struct http_exchange exchange = question("POST", url, "x");
    ask(client, &exchange);
    assert_int_equal(exchange.result, HTTP_NOT_SENT);
    http_exchange_done(&exchange);
    peer_stop(&peer);
}

static void
serve_silence(struct peer *peer, int fd, int index)
{
    (void)index;
    if (peer_read(peer, fd)) {
        peer_wait_for_leaving(fd);
    }
}

static void
no_answer_in_time_means_unknown(void **state)
{
    struct peer peer;
    struct http_exchange exchange = ask_peer(&peer, serve_silence, "POST", 100);

    (void)state;
    assert_int_equal(exchange.result, HTTP_UNKNOWN);
    assert_true(exchange.elapsed_ms >= 90);
    http_exchange_done(&exchange);
}

static void
waiting_for_a_connection_in_vain_means_not_sent(void **state)
{
    AUTO(http_client_close) struct http_client *client = NULL;
    struct peer peer;

    (void)state;
    peer_start(&peer, serve_silence);
    assert_int_equal(http_client_open(1, &client), 0);
    struct http_exchange first = question("POST", peer.url, "x");
    struct http_exchange second = question("POST", peer.url, "y");
    first.timeout_ms = 1000;
    second.timeout_ms = 100;
    assert_int_equal(http_client_start(client, &first), 0);
    assert_int_equal(http_client_start(client, &second), 0);
    run_until_idle(client);
    assert_int_equal(first.result, HTTP_UNKNOWN);
    assert_int_equal(second.result, HTTP_NOT_SENT);
    http_exchange_done(&first);
    http_exchange_done(&second);
    peer_stop(&peer);
    assert_int_equal(peer.connections, 1);
}

static void
serve_partial(struct peer *peer, int fd, int index)
{
    (void)index;
    if (peer_read(peer, fd)) {
        peer_answer(fd, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\"");
    }
}

static void
a_status_counts_even_when_the_body_breaks_off(void **state)
{
    struct peer peer;
    struct http_exchange exchange = ask_peer(&peer, serve_partial, "POST", TIMEOUT_MS);

    (void)state;
    assert_int_equal(exchange.result, HTTP_ANSWERED);
    assert_int_equal(exchange.status, 201);
    assert_true(exchange.error[0] != '\0');
    http_exchange_done(&exchange);
}

static void
closing_hands_back_what_is_under_way_as_unknown(void **state)
{
    struct http_client *client = NULL;
    struct peer peer;

    (void)state;
    peer_start(&peer, serve_silence);
    assert_int_equal(http_client_open(2, &client), 0);
    struct http_exchange first = question("POST", peer.url, "x");
    struct http_exchange second = question("POST", peer.url, "y");
    first.done = count_done;
    second.done = count_done;
    assert_int_equal(http_client_start(client, &first), 0);
    assert_int_equal(http_client_start(client, &second), 0);
    http_client_run(client);
    http_client_close(&client);
    assert_int_equal(done_count, 2);
    assert_int_equal(first.result, HTTP_UNKNOWN);
    assert_int_equal(second.result, HTTP_UNKNOWN);
    assert_null(client);
    http_exchange_done(&first);
    http_exchange_done(&second);
    peer_stop(&peer);
}

static void
keeps_the_password_of_a_url_out_of_the_error(void **state)
{
    AUTO(http_client_close) struct http_client *client = NULL;
    char url[80];

    (void)state;
    closed_url(url, sizeof(url), "user:hunter2@");
    assert_int_equal(http_client_open(1, &client), 0);
    struct http_exchange exchange = question("GET", url, NULL);
    ask(client, &exchange);
    assert_true(exchange.error[0] != '\0');
    assert_null(strstr(exchange.error, "hunter2"));
    http_exchange_done(&exchange);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_sends_a_body_twice_when_a_kept_connection_dies),
        cmocka_unit_test(nobody_listening_means_not_sent),
        cmocka_unit_test(failed_tls_means_not_sent),
        cmocka_unit_test(no_answer_in_time_means_unknown),
        cmocka_unit_test(waiting_for_a_connection_in_vain_means_not_sent),
        cmocka_unit_test(a_status_counts_even_when_the_body_breaks_off),
        cmocka_unit_test(closing_hands_back_what_is_under_way_as_unknown),
        cmocka_unit_test(keeps_the_password_of_a_url_out_of_the_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
