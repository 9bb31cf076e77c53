/*
 * test_http_lifecycle.c - answers now and later, waiting, limits, and the end.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/http_fixture.h"

/* ---- later answers ------------------------------------------------------------------------- */

static void
answers_later_when_asked_to_wait(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);
    struct fixture *fixture = *state;

    fixture->reply_later = true;
    send_text(
        fixture, client, "POST /1 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab" NEXT);
    pump(fixture, client, has_handled, 1);
    settle(fixture, client);
    assert_int_equal(client->size, 0);
    assert_int_equal(fixture->handled, 1); /* the second waits for the first's answer */
    reply_all(fixture);
    pump(fixture, client, has_answers, 1);
    assert_has(client, "POST /1 path=/1 size=2 sum=195");
    pump(fixture, client, has_handled, 2);
    reply_all(fixture);
    pump(fixture, client, has_answers, 2);
    assert_has(client, "GET /next");
}

/* The descriptor does not tell: an owner that trusted it alone would answer a second late. */
static void
wants_to_run_at_once_after_a_later_answer(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);
    struct fixture *fixture = *state;

    fixture->reply_later = true;
    send_text(fixture, client, NEXT);
    pump(fixture, client, has_handled, 1);
    settle(fixture, client);
    assert_int_not_equal(http_server_timeout_ms(fixture->server), 0);
    reply_all(fixture);
    assert_int_equal(http_server_timeout_ms(fixture->server), 0);
    http_server_run(fixture->server);
    client_read(client);
    assert_has(client, "HTTP/1.1 200");
}

static void
answers_later_for_a_huge_body_it_does_not_read(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);
    struct fixture *fixture = *state;

    fixture->reply_later = true;
    send_text(
        fixture, client, "POST / HTTP/1.1\r\n" HOST "Content-Length: 409601\r\n\r\n");
    pump(fixture, client, has_handled, 1);
    reply_all(fixture);
    pump(fixture, client, has_ended, 0);
    assert_has(client, "refused=1");
}

/* The library cannot finish such a chunk's first line, and calls itself busy for ever. */
static void
rests_while_a_client_has_filled_its_memory(void **state)
{
    AUTO(client_close) struct client *stuck = client_open(*state);
    AUTO(client_close) struct client *client = client_open(*state);
    static char extension[20 * 1024];
    struct fixture *fixture = *state;
    size_t runs = 0;

    memset(extension, 'a', sizeof(extension));
    send_text(fixture, stuck,
        "POST /1 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5;");
    send_all(fixture, stuck, extension, sizeof(extension));
    while (http_server_timeout_ms(fixture->server) == 0) {
        http_server_run(fixture->server);
        assert_in_range(++runs, 1, 100);
    }
    assert_in_range(http_server_timeout_ms(fixture->server), 1, 100);
    send_text(fixture, client, NEXT);
    pump(fixture, client, has_answers, 1);
    assert_has(client, "GET /next");
}

static void
survives_clients_that_leave_while_they_wait(void **state)
{
    struct fixture *fixture = *state;
    AUTO(client_close) struct client *stays = client_open(*state);

    fixture->reply_later = true;
    for (size_t i = 1; i <= 4; i++) {
        AUTO(client_close) struct client *client = client_open(*state);

        send_text(
            fixture, client, "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab");
        pump(fixture, client, has_handled, i);
    }
    settle(fixture, stays);
    assert_int_equal(http_server_active(fixture->server), 4);
    reply_all(fixture);
    pump(fixture, stays, has_active, 0);
    fixture->reply_later = false;
    send_text(fixture, stays, NEXT);
    pump(fixture, stays, has_answers, 1);
}

static void
forgets_clients_that_leave_in_the_middle_of_a_body(void **state)
{
    struct fixture *fixture = *state;
    AUTO(client_close) struct client *stays = client_open(*state);
    struct client *client = client_open(*state);

    send_text(fixture, client, "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nab");
    pump(fixture, client, has_active, 1);
    client_close(&client);
    pump(fixture, stays, has_active, 0);
    assert_int_equal(fixture->handled, 0);
}

static void
finishes_what_is_under_way_when_quiesced(void **state)
{
    struct fixture *fixture = *state;
    AUTO(client_close) struct client *waits = client_open(*state);
    AUTO(client_close) struct client *idle = client_open(*state);
    const uint16_t port = http_server_port(fixture->server);
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    send_text(fixture, idle, NEXT);
    pump(fixture, idle, has_answers, 1);
    fixture->reply_later = true;
    send_text(
        fixture, waits, "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab" NEXT);
    pump(fixture, waits, has_handled, 2);
    http_server_quiesce(fixture->server);
    pump(fixture, idle, has_ended, 0);

    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), -1);
    assert_int_equal(errno, ECONNREFUSED);
    (void)close(fd);
    assert_int_equal(http_server_active(fixture->server), 1);
    reply_all(fixture);
    pump(fixture, waits, has_ended, 0);
    assert_has(waits, "HTTP/1.1 200");
    assert_has(waits, "Connection: close");
    assert_int_equal(count_answers(waits), 1); /* what was pipelined is not begun */
    assert_int_equal(http_server_active(fixture->server), 0);
}

static void
sends_the_answers_due_before_it_closes(void **state)
{
    struct fixture fixture = {.reply_later = true};
    char error[ERROR_SIZE] = "";

    (void)state;
    assert_int_equal(open_at(&fixture, "127.0.0.1:0", error), 0);
    AUTO(client_close) struct client *client = client_open(&fixture);

    send_text(&fixture, client, NEXT);
    pump(&fixture, client, has_handled, 1);
    reply_all(&fixture);
    http_server_close(&fixture.server);
    while (!client->ended) {
        client_read(client);
    }
    assert_has(client, "HTTP/1.1 200");
}

/* ---- answers ------------------------------------------------------------------------------- */

static void
handle_error(void *context, struct http_request *request)
{
    const struct http_error error = {
        .code = "no_way", .message = "This is no way. Go back."};
    const struct http_header headers[] = {{"Allow", "POST"}};

    (void)context;
    http_reply_error(request, 405, &error, headers, LENGTH(headers));
}

static void
says_errors_in_json(void **state)
{
    struct fixture fixture = {0};
    char error[ERROR_SIZE] = "";
    const struct http_server_options options = {
        .listen = "127.0.0.1:0", .body_max = BODY_MAX, .handler = handle_error};

    (void)state;
    assert_int_equal(http_server_open(&options, &fixture.server, error), 0);
    AUTO(client_close) struct client *client = client_open(&fixture);

    send_text(&fixture, client, NEXT);
    pump(&fixture, client, has_answers, 1);
    assert_has(client, "HTTP/1.1 405 ");
    assert_has(client, "Allow: POST\r\n");
    assert_has(client, "Content-Type: application/json\r\n");
    assert_has(client,
        "\r\n\r\n{\"error\":{\"code\":\"no_way\",\"message\":\"This is no way. Go "
        "back.\"}}\n");
    http_server_close(&fixture.server);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(answers_later_when_asked_to_wait),
        WITH_SERVER(wants_to_run_at_once_after_a_later_answer),
        WITH_SERVER(answers_later_for_a_huge_body_it_does_not_read),
        WITH_SERVER(rests_while_a_client_has_filled_its_memory),
        WITH_SERVER(survives_clients_that_leave_while_they_wait),
        WITH_SERVER(forgets_clients_that_leave_in_the_middle_of_a_body),
        WITH_SERVER(finishes_what_is_under_way_when_quiesced),
        cmocka_unit_test(sends_the_answers_due_before_it_closes),
        cmocka_unit_test(says_errors_in_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
