/*
 * test_http_lifecycle.c - answers now and later, waiting, limits, and the end.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/ops/metrics.h"
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

/* What has arrived when the end begins is under way, although nobody has looked at it. */
static void
begins_what_has_arrived_when_quiesced(void **state)
{
    struct fixture *fixture = *state;
    AUTO(client_close) struct client *kept = client_open(fixture);
    AUTO(client_close) struct client *queued = NULL;

    send_text(fixture, kept, NEXT);
    pump(fixture, kept, has_answers, 1);
    queued = client_open(fixture); /* not even accepted yet */
    assert_int_equal(send(kept->fd, NEXT, strlen(NEXT), 0), strlen(NEXT));
    assert_int_equal(send(queued->fd, NEXT, strlen(NEXT), 0), strlen(NEXT));
    http_server_quiesce(fixture->server);
    pump(fixture, kept, has_ended, 0);
    pump(fixture, queued, has_ended, 0);
    assert_int_equal(count_answers(kept), 2);
    assert_int_equal(count_answers(queued), 1);
    assert_int_equal(fixture->handled, 3);
}

static void
gives_who_has_just_come_a_moment_when_quiesced(void **state)
{
    struct fixture *fixture = *state;
    AUTO(client_close) struct client *early = client_open(fixture);
    AUTO(client_close) struct client *silent = client_open(fixture);

    settle(fixture, early);
    http_server_quiesce(fixture->server);
    assert_int_equal(http_server_active(fixture->server), 2);
    send_text(fixture, early, NEXT);
    pump(fixture, early, has_ended, 0);
    assert_has(early, "HTTP/1.1 200");
    pump(fixture, silent, has_ended, 0);
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

/* ---- too many ------------------------------------------------------------------------------ */

enum {
    SHARE = 1 << 20, /* so many share that each gets the least */
    SPARE = HTTP_CONNECTIONS_MIN / 4,
};

static void
open_small(struct fixture *fixture)
{
    char error[ERROR_SIZE] = "";
    const struct http_server_options options = {
        .listen = "127.0.0.1:0",
        .share = SHARE,
        .is_measured = true,
        .body_max = BODY_MAX,
        .handler = handle,
        .context = fixture,
    };

    if (http_server_open(&options, &fixture->server, error) < 0) {
        fail_msg("%s", error);
    }
}

static int64_t
count_evicted(void)
{
    return counter_get(metrics_counter(METRIC_CONNECTIONS_EVICTED, NULL, NULL));
}

static int64_t
count_open(void)
{
    return counter_get(metrics_counter(METRIC_CONNECTIONS, NULL, NULL));
}

static void
ends_the_longest_idle_to_let_others_in(void **state)
{
    struct fixture fixture = {0};
    struct client *clients[3 * HTTP_CONNECTIONS_MIN];
    const int64_t evicted = count_evicted();

    (void)state;
    open_small(&fixture);
    for (size_t i = 0; i < LENGTH(clients); i++) {
        clients[i] = client_open(&fixture);
        settle(&fixture, clients[i]);
        assert_true(count_open() <= HTTP_CONNECTIONS_MIN);
    }
    size_t gone = 0; /* the oldest */

    for (size_t i = 0; i < LENGTH(clients); i++) {
        settle(&fixture, clients[i]);
        assert_true(!clients[i]->ended || gone == i);
        gone += clients[i]->ended ? 1 : 0;
        client_close(&clients[i]);
    }
    assert_int_equal(count_evicted() - evicted, gone);
    assert_in_range(gone, LENGTH(clients) - HTTP_CONNECTIONS_MIN,
        LENGTH(clients) - HTTP_CONNECTIONS_MIN + SPARE);
    http_server_close(&fixture.server);
    assert_int_equal(count_open(), 0);
}

static void
ends_no_request_that_is_under_way_and_lets_others_wait(void **state)
{
    struct fixture fixture = {.reply_later = true};
    struct client *clients[HTTP_CONNECTIONS_MIN];
    const int64_t evicted = count_evicted();

    (void)state;
    open_small(&fixture);
    for (size_t i = 0; i < LENGTH(clients); i++) {
        clients[i] = client_open(&fixture);
        send_text(&fixture, clients[i], NEXT);
        pump(&fixture, clients[i], has_handled, i + 1);
    }
    AUTO(client_close) struct client *late = client_open(&fixture);

    send_text(&fixture, late, NEXT);
    settle(&fixture, late);
    assert_int_equal(fixture.handled, LENGTH(clients));
    assert_true(http_server_timeout_ms(fixture.server) > 0); /* it does not spin */
    reply_all(&fixture);
    fixture.reply_later = false;
    pump(&fixture, late, has_answers, 1);
    assert_has(late, "GET /next");
    for (size_t i = 0; i < LENGTH(clients); i++) {
        pump(&fixture, clients[i], has_answers, 1);
        client_close(&clients[i]);
    }
    assert_true(count_evicted() - evicted <= SPARE + 1); /* idle again by then */
    http_server_close(&fixture.server);
}

/* ---- who has left --------------------------------------------------------------------------- */

static bool
is_empty(const struct fixture *fixture, const struct client *client, size_t n)
{
    (void)fixture;
    (void)client;
    (void)n;
    return count_open() == 0;
}

/* The end has come with the last data: the library hears of both at once, and reads only one. */
static void
notices_an_end_behind_unread_data(void **state)
{
    static const char *const sent[] = {
        "POST / HT",
        "POST / HTTP/1.1\r\n" HOST,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        NEXT,
    };
    struct fixture fixture = {0};

    (void)state;
    open_small(&fixture);
    for (size_t i = 0; i < LENGTH(sent); i++) {
        AUTO(client_close) struct client *client = client_open(&fixture);

        assert_int_equal(
            send(client->fd, sent[i], strlen(sent[i]), 0), (ssize_t)strlen(sent[i]));
        assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
        settle(&fixture, client); /* accepted */
        pump(&fixture, client, is_empty, 0);
    }
    assert_int_equal(fixture.handled, 1);
    http_server_close(&fixture.server);
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

/* Equal answers are made once; there is room for some, and a long one has none. */
static void
mixes_up_no_answers_however_many_there_are(void **state)
{
    struct fixture *fixture = *state;
    char target[1024];
    char request[2048];

    for (int i = 0; i < 100; i++) {
        AUTO(client_close) struct client *client = client_open(fixture);

        memset(target, 'x', sizeof(target) - 1);
        target[i < 90 ? 0 : (int)sizeof(target) - 1] = '\0';
        for (int time = 1; time <= 2; time++) {
            (void)snprintf(request, sizeof(request), "GET /%s%d HTTP/1.1\r\n" HOST "\r\n",
                target, i);
            send_text(fixture, client, request);
            pump(fixture, client, has_answers, (size_t)time);
        }
        (void)snprintf(request, sizeof(request), "GET /%s%d path", target, i);
        const char *first = strstr(client->text, request);

        assert_non_null(first);
        assert_non_null(strstr(first + 1, request));
    }
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
        WITH_SERVER(begins_what_has_arrived_when_quiesced),
        WITH_SERVER(gives_who_has_just_come_a_moment_when_quiesced),
        cmocka_unit_test(sends_the_answers_due_before_it_closes),
        cmocka_unit_test(ends_the_longest_idle_to_let_others_in),
        cmocka_unit_test(ends_no_request_that_is_under_way_and_lets_others_wait),
        cmocka_unit_test(notices_an_end_behind_unread_data),
        cmocka_unit_test(says_errors_in_json),
        WITH_SERVER(mixes_up_no_answers_however_many_there_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
