/*
 * test_http.c - the HTTP server over loopback, byte for byte.
 *
 * One thread: pump() runs the server and reads what it sends until a condition holds.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/net/http.h"
#include "server/ops/clock.h"
#include "tests/unit/unit.h"

enum {
    BODY_MAX = 200 * 1024,
    ANSWER_MAX = 64 * 1024,
    ERROR_SIZE = 200,
    WAIT_US = 10 * 1000000,
    POLL_MS = 20,
    WAITING_MAX = 8,
};

#define HOST "Host: hooks.example.com\r\n"
#define NEXT "GET /next HTTP/1.1\r\n" HOST "\r\n"

struct client {
    int fd;
    bool ended;
    char text[ANSWER_MAX]; /* all that was received */
    size_t size;
};

struct fixture {
    struct http_server *server;
    size_t handled;
    bool reply_later;
    int peer_family; /* of the last request */
    struct http_request *waiting[WAITING_MAX];
    size_t waiting_count;
};

/* ---- the server under test ---------------------------------------------------------------- */

/* Says what it saw: "POST /path?query 5 refused=0 token=..." */
static void
reply_with_view(struct http_request *request)
{
    AUTO(buffer_done) struct buffer text = {.max = ANSWER_MAX};
    const struct http_header headers[] = {{"Content-Type", "text/plain"}};
    size_t size = 0;
    const char *body = http_body(request, &size);
    unsigned sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum += (unsigned char)body[i];
    }
    buffer_add_slice(&text, http_method(request));
    buffer_add_text(&text, " ");
    buffer_add_slice(&text, http_target(request));
    buffer_add_text(&text, " path=");
    buffer_add_slice(&text, http_path(request));
    buffer_addf(&text, " size=%zu sum=%u refused=%d x=%zu:", size, sum,
        http_body_refused(request), http_header_count(request, "x-test"));
    buffer_add_slice(&text, http_header_value(request, "x-TEST"));
    buffer_add_text(&text, "\n");
    assert_false(text.failed);
    http_reply(request, 200, headers, LENGTH(headers), buffer_slice(&text));
}

static void
handle(void *context, struct http_request *request)
{
    struct fixture *fixture = context;

    struct sockaddr_storage peer;

    fixture->handled++;
    fixture->peer_family = http_peer(request, &peer) ? peer.ss_family : -1;
    if (!fixture->reply_later) {
        reply_with_view(request);
        return;
    }
    assert_true(fixture->waiting_count < WAITING_MAX);
    fixture->waiting[fixture->waiting_count++] = request;
}

static void
reply_all(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->waiting_count; i++) {
        reply_with_view(fixture->waiting[i]);
    }
    fixture->waiting_count = 0;
}

static int
open_at(struct fixture *fixture, const char *listen, char error[ERROR_SIZE])
{
    const struct http_server_options options = {
        .listen = listen,
        .body_max = BODY_MAX,
        .handler = handle,
        .context = fixture,
    };

    return http_server_open(&options, &fixture->server, error);
}

static int
setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char error[ERROR_SIZE] = "";

    assert_non_null(fixture);
    if (open_at(fixture, "127.0.0.1:0", error) < 0) {
        fail_msg("%s", error);
    }
    *state = fixture;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *fixture = *state;

    reply_all(fixture);
    http_server_close(&fixture->server);
    assert_null(fixture->server);
    free(fixture);
    return 0;
}

/* ---- clients ------------------------------------------------------------------------------ */

static struct client *
client_of(int fd)
{
    struct client *client = calloc(1, sizeof(*client));

    assert_non_null(client);
    client->fd = fd;
    return client;
}

static struct client *
client_open(const struct fixture *fixture)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(http_server_port(fixture->server)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return client_of(fd);
}

static void
client_close(struct client **client)
{
    if (*client != NULL) {
        (void)close((*client)->fd);
        free(*client);
        *client = NULL;
    }
}

static void
client_read(struct client *client)
{
    const ssize_t size = recv(client->fd, client->text + client->size,
        sizeof(client->text) - 1 - client->size, MSG_DONTWAIT);

    if (size > 0) {
        client->size += (size_t)size;
    } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
        client->ended = true;
    }
}

typedef bool condition(
    const struct fixture *fixture, const struct client *client, size_t n);

static bool
turn(struct fixture *fixture, struct client *client)
{
    struct pollfd fds[] = {
        {.fd = http_server_fd(fixture->server), .events = POLLIN},
        {.fd = client->ended ? -1 : client->fd, .events = POLLIN},
    };
    const int timeout_ms = http_server_timeout_ms(fixture->server);

    const int ready = poll(
        fds, LENGTH(fds), timeout_ms >= 0 && timeout_ms < POLL_MS ? timeout_ms : POLL_MS);

    http_server_run(fixture->server);
    if (!client->ended) {
        client_read(client);
    }
    return ready > 0;
}

static void
check_time(const struct client *client, int64_t deadline_us)
{
    if (clock_monotonic_us() > deadline_us) {
        fail_msg("nothing came of it; received so far: %s", client->text);
    }
}

static void
pump(struct fixture *fixture, struct client *client, condition *holds, size_t n)
{
    const int64_t deadline_us = clock_monotonic_us() + WAIT_US;

    while (!holds(fixture, client, n)) {
        check_time(client, deadline_us);
        (void)turn(fixture, client);
    }
}

/* Runs until nothing happens any more: for what must not happen. */
static void
settle(struct fixture *fixture, struct client *client)
{
    for (int quiet = 0; quiet < 2;) {
        quiet = turn(fixture, client) ? 0 : quiet + 1;
    }
}

static size_t
count_answers(const struct client *client)
{
    size_t count = 0;

    for (const char *at = client->text; (at = strstr(at, "HTTP/1.1 ")) != NULL; at++) {
        count++;
    }
    return count;
}

/* Bodies of our handler end with the only line feed that no carriage return precedes. */
static bool
has_answers(const struct fixture *fixture, const struct client *client, size_t n)
{
    (void)fixture;
    return count_answers(client) >= n && client->size > 1 &&
           client->text[client->size - 1] == '\n' &&
           client->text[client->size - 2] != '\r';
}

static bool
has_ended(const struct fixture *fixture, const struct client *client, size_t n)
{
    (void)fixture;
    (void)n;
    return client->ended;
}

static bool
has_handled(const struct fixture *fixture, const struct client *client, size_t n)
{
    (void)client;
    return fixture->handled >= n;
}

static bool
has_active(const struct fixture *fixture, const struct client *client, size_t n)
{
    (void)client;
    return http_server_active(fixture->server) == n;
}

/* Sends all, running the server meanwhile: a large body does not fit into the socket. */
static void
send_all(struct fixture *fixture, struct client *client, const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t sent = send(client->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (errno != EAGAIN) {
            return; /* refused on the way: the test looks at the answer */
        }
        (void)turn(fixture, client);
    }
}

static void
send_text(struct fixture *fixture, struct client *client, const char *text)
{
    send_all(fixture, client, text, strlen(text));
}

static void
assert_has(const struct client *client, const char *text)
{
    if (strstr(client->text, text) == NULL) {
        fail_msg("\"%s\" is not in: %s", text, client->text);
    }
}

/* ---- requests ----------------------------------------------------------------------------- */

static void
passes_on_the_target_as_it_was_on_the_wire(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);

    send_text(*state, client,
        "GET /a%2Fb%00c/?q=%41+%zz&'x'=y%27 HTTP/1.1\r\n" HOST "X-Test: v\r\n\r\n");
    pump(*state, client, has_answers, 1);
    assert_has(client, "GET /a%2Fb%00c/?q=%41+%zz&'x'=y%27 path=/a%2Fb%00c/ size=0");
    assert_has(client, "x=1:v\n");
}

static void
tells_headers_of_one_name_apart(void **state)
{
    struct fixture *fixture = *state;
    AUTO(client_close) struct client *client = client_open(fixture);

    fixture->reply_later = true;
    send_text(fixture, client,
        "GET / HTTP/1.1\r\n" HOST "X-Test: a\r\nOther: b\r\nx-test: c\r\n\r\n");
    pump(fixture, client, has_handled, 1);

    struct http_request *request = fixture->waiting[0];

    assert_true(slice_is(http_header_value_at(request, "X-Test", 0), "a"));
    assert_true(slice_is(http_header_value_at(request, "X-Test", 1), "c"));
    assert_null(http_header_value_at(request, "X-Test", 2).data);
    assert_int_equal(fixture->peer_family, AF_INET);
    reply_all(fixture);
    pump(fixture, client, has_answers, 1);
}

static void
keeps_a_connection_for_the_next_request(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);

    for (size_t i = 1; i <= 3; i++) {
        send_text(
            *state, client, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab");
        pump(*state, client, has_answers, i);
    }
    assert_false(client->ended);
    assert_has(client, "POST /x path=/x size=2 sum=195");
}

static void
answers_pipelined_requests_in_order(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);

    send_text(*state, client,
        "POST /1 HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\na"
        "POST /2 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab"
        "GET /3 HTTP/1.1\r\n" HOST "\r\n");
    pump(*state, client, has_answers, 3);
    const char *first = strstr(client->text, "POST /1 path=/1 size=1");
    const char *second = strstr(client->text, "POST /2 path=/2 size=2");
    const char *third = strstr(client->text, "GET /3 path=/3 size=0");

    assert_non_null(first);
    assert_true(second > first && third > second);
}

static void
joins_a_chunked_body(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);

    send_text(*state, client,
        "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n"
        "2\r\nab\r\n3;name=value\r\ncde\r\n0\r\n\r\n");
    pump(*state, client, has_answers, 1);
    assert_has(client, "size=5 sum=495 refused=0");
}

static void
takes_a_body_that_dribbles_in(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);
    static const char text[] =
        "POST /x HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabcde";

    for (size_t i = 0; text[i] != '\0'; i++) {
        send_all(*state, client, &text[i], 1);
    }
    pump(*state, client, has_answers, 1);
    assert_has(client, "size=5 sum=495");
}

static void
says_continue_to_those_who_wait_for_it(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);

    send_text(*state, client,
        "POST /x HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    while (count_answers(client) == 0) {
        (void)turn(*state, client);
    }
    assert_has(client, "HTTP/1.1 100 Continue");
    send_text(*state, client, "ab");
    pump(*state, client, has_answers, 2);
    assert_has(client, "size=2 sum=195");
}

static void
answers_a_client_that_has_closed_its_sending_side(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);

    send_text(*state, client, NEXT);
    assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
    pump(*state, client, has_answers, 1);
    assert_has(client, "GET /next");
}

static void
takes_7_kb_of_headers_in_40(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);
    AUTO(buffer_done) struct buffer text = {.max = ANSWER_MAX};

    buffer_add_text(&text,
        "POST /webhooks/flex/task-complete HTTP/1.1\r\n" HOST "Content-Length: 3\r\n");
    for (int i = 0; i < 37; i++) {
        buffer_addf(&text, "X-Header-%d: value\r\n", i);
    }
    buffer_add_text(&text, "X-Test: ");
    while (text.size < 7 * 1024 - 4) {
        buffer_add_text(&text, "t");
    }
    buffer_add_text(&text, "\r\n\r\nabc");
    send_all(*state, client, text.data, text.size);
    pump(*state, client, has_answers, 1);
    assert_has(client, "HTTP/1.1 200");
    assert_has(client, "size=3 sum=294 refused=0 x=1:tttt");
}

static void
refuses_more_headers_than_fit(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);
    struct fixture *fixture = *state;

    send_text(*state, client, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 400 && !client->ended; i++) {
        send_text(*state, client, "X-Filler: 0123456789012345678901234567890123\r\n");
    }
    send_text(*state, client, "\r\n");
    pump(*state, client, has_ended, 0);
    assert_int_equal(fixture->handled, 0);
}

/* ---- what two readers could read differently ----------------------------------------------- */

static void
assert_refused_once(const struct client *client, const char *request)
{
    if (strncmp(client->text, "HTTP/1.1 400 ", 13) != 0 || count_answers(client) != 1) {
        fail_msg("not refused once and for all: %s: %s", request, client->text);
    }
    assert_has(client, "{\"error\":{\"code\":\"bad_request\",\"message\":\"");
    assert_has(client, "Content-Type: application/json\r\n");
    assert_has(client, "Connection: close\r\n");
}

static void
refuses_what_can_be_read_two_ways(void **state)
{
    static const char *const heads[] = {
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Content-Length : 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\nhello",
        "GET / HTTP/1.1\r\n" HOST "X: a\rContent-Length: 3\r\n\r\n",
        "GET / HTTP/1.1\r\n Folded: a\r\n" HOST "\r\n",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n 0\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\t5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST
        "Transfer-Encoding:\r\n chunked\r\nContent-Length: 1\r\n\r\na",
        "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "X: a\r\n \r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST HOST "\r\n",
        "GET / HTTP/1.1\r\nX: y\r\n\r\n",
        "GET / HTTP/1.2\r\n" HOST "\r\n",
        "GET http://hooks.example.com/ HTTP/1.1\r\n" HOST "\r\n",
        "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
        "CONNECT hooks.example.com:443 HTTP/1.1\r\n" HOST "\r\n",
        "GET /a b HTTP/1.1\r\n" HOST "\r\n",
        "GET /a#b HTTP/1.1\r\n" HOST "\r\n",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < LENGTH(heads); i++) {
        AUTO(client_close) struct client *client = client_open(*state);

        send_text(*state, client, heads[i]);
        send_text(*state, client, NEXT);
        pump(*state, client, has_ended, 0);
        assert_refused_once(client, heads[i]);
        assert_int_equal(fixture->handled, 0);
    }
}

static void
refuses_a_nul_in_the_target(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);
    static const char text[] = "GET /a\0b HTTP/1.1\r\n" HOST "\r\n" NEXT;
    const struct fixture *fixture = *state;

    send_all(*state, client, text, sizeof(text) - 1);
    pump(*state, client, has_ended, 0);
    assert_has(client, "HTTP/1.1 400 ");
    assert_int_equal(count_answers(client), 1);
    assert_int_equal(fixture->handled, 0);
}

/* What the library refuses by itself, in its own words: but it must, and it must hang up. */
static void
ends_the_connection_on_broken_framing(void **state)
{
    static const char *const heads[] = {
        "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "GET / HTTP/2.0\r\n" HOST "\r\n",
        "GET /\r\n" HOST "\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
    };
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < LENGTH(heads); i++) {
        AUTO(client_close) struct client *client = client_open(*state);

        send_text(*state, client, heads[i]);
        send_text(*state, client, NEXT);
        pump(*state, client, has_ended, 0);
        assert_null(strstr(client->text, "HTTP/1.1 2"));
        assert_int_equal(fixture->handled, 0);
    }
}

static void
takes_http_1_0_without_a_host(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);

    send_text(*state, client, "GET /livez HTTP/1.0\r\n\r\n");
    pump(*state, client, has_ended, 0);
    assert_has(client, "HTTP/1.1 200");
}

/* ---- large bodies ------------------------------------------------------------------------- */

static void
send_filler(struct fixture *fixture, struct client *client, size_t size)
{
    static char filler[64 * 1024];

    memset(filler, 'a', sizeof(filler));
    while (size > 0 && !client->ended) {
        const size_t part = size < sizeof(filler) ? size : sizeof(filler);

        send_all(fixture, client, filler, part);
        size -= part;
    }
}

static void
keeps_a_body_of_just_the_limit(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);
    char expected[64];

    send_text(
        *state, client, "POST / HTTP/1.1\r\n" HOST "Content-Length: 204800\r\n\r\n");
    send_filler(*state, client, BODY_MAX);
    pump(*state, client, has_answers, 1);
    (void)snprintf(
        expected, sizeof(expected), "size=%d sum=%d refused=0", BODY_MAX, 'a' * BODY_MAX);
    assert_has(client, expected);
}

static void
reads_a_body_over_the_limit_away_and_goes_on(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);

    send_text(
        *state, client, "POST / HTTP/1.1\r\n" HOST "Content-Length: 204801\r\n\r\n");
    send_filler(*state, client, BODY_MAX + 1);
    send_text(*state, client, NEXT);
    pump(*state, client, has_answers, 2);
    assert_has(client, "size=0 sum=0 refused=1");
    assert_has(client, "GET /next");
}

static void
reads_a_chunked_body_over_the_limit_away(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);

    send_text(*state, client,
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n32001\r\n");
    send_filler(*state, client, BODY_MAX + 1);
    send_text(*state, client, "\r\n0\r\n\r\n");
    pump(*state, client, has_answers, 1);
    assert_has(client, "size=0 sum=0 refused=1");
}

static void
answers_an_announced_huge_body_without_reading_it(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);
    const struct fixture *fixture = *state;

    send_text(*state, client,
        "POST / HTTP/1.1\r\n" HOST
        "Expect: 100-continue\r\nContent-Length: 409601\r\n\r\n");
    pump(*state, client, has_ended, 0);
    assert_has(client, "HTTP/1.1 200");
    assert_has(client, "refused=1");
    assert_has(client, "Connection: close");
    assert_null(strstr(client->text, "100 Continue"));
    assert_int_equal(fixture->handled, 1);
}

static void
hangs_up_on_an_endless_chunked_body(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);
    const struct fixture *fixture = *state;

    send_text(*state, client,
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n");
    send_filler(*state, client, (size_t)4 * BODY_MAX);
    pump(*state, client, has_ended, 0);
    assert_int_equal(client->size, 0);
    assert_int_equal(fixture->handled, 0);
    pump(*state, client, has_active, 0);
}

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

/* ---- addresses ------------------------------------------------------------------------------ */

static struct client *
connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_true(
        slice_to_text(slice_of(path), address.sun_path, sizeof(address.sun_path)));
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return client_of(fd);
}

static void
listens_on_a_unix_socket_and_replaces_a_dead_one(void **state)
{
    char directory[] = "/tmp/flexbrevo-http-XXXXXX";
    char listen[64];
    char error[ERROR_SIZE] = "";
    struct stat status;

    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(listen, sizeof(listen), "unix:%s/s", directory);
    const char *path = listen + strlen("unix:");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int dead = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_true(
        slice_to_text(slice_of(path), address.sun_path, sizeof(address.sun_path)));
    assert_int_equal(bind(dead, (const struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(dead); /* bound, never listening: what a killed process leaves behind */

    struct fixture fixture = {0};
    struct fixture second = {0};

    assert_int_equal(open_at(&fixture, listen, error), 0);
    assert_int_equal(http_server_port(fixture.server), 0);
    AUTO(client_close) struct client *client = connect_unix(path);

    send_text(&fixture, client, NEXT);
    pump(&fixture, client, has_answers, 1);
    assert_int_equal(fixture.peer_family, AF_UNIX);
    assert_int_equal(open_at(&second, listen, error), -EADDRINUSE);
    assert_non_null(strstr(error, path));
    http_server_close(&fixture.server);
    assert_int_equal(lstat(path, &status), -1);
    assert_int_equal(rmdir(directory), 0);
}

static void
does_not_remove_a_file_that_is_no_socket(void **state)
{
    char path[] = "unix:/tmp/flexbrevo-http-XXXXXX";
    char *file = path + strlen("unix:");
    struct fixture fixture = {0};
    char error[ERROR_SIZE] = "";
    struct stat status;
    const int fd = mkstemp(file);

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(open_at(&fixture, path, error), -EADDRINUSE);
    assert_int_equal(lstat(file, &status), 0);
    (void)unlink(file);
}

static void
says_where_it_cannot_listen_and_what_to_do(void **state)
{
    struct fixture *fixture = *state;
    struct fixture second = {0};
    char listen[64];
    char error[ERROR_SIZE] = "";

    (void)snprintf(
        listen, sizeof(listen), "127.0.0.1:%u", http_server_port(fixture->server));
    assert_int_equal(open_at(&second, listen, error), -EADDRINUSE);
    assert_string_equal(strrchr(error, '('),
        "(stop the program that listens there, or choose another address)");
    assert_non_null(strstr(error, listen));
    assert_null(second.server);
}

static void
assert_no_address(const char *address)
{
    struct fixture fixture = {0};
    char error[ERROR_SIZE] = "";

    if (open_at(&fixture, address, error) >= 0 || error[0] == '\0') {
        fail_msg("accepted or not explained: %s", address);
    }
}

static void
refuses_addresses_that_are_none(void **state)
{
    static const char *const addresses[] = {"", "8080", "127.0.0.1",
        "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "127.0.0.1:-1", "::1:80", "[::1]",
        "unix:", "no.such.host.invalid:80"};
    char too_long[120] = "unix:/";

    (void)state;
    for (size_t i = 0; i < LENGTH(addresses); i++) {
        assert_no_address(addresses[i]);
    }
    memset(too_long + strlen(too_long), 'x', sizeof(too_long) - 1 - strlen(too_long));
    assert_no_address(too_long);
}

static void
listens_on_every_address_and_on_ipv6(void **state)
{
    static const char *const addresses[] = {":0", "localhost:0", "[::1]:0"};
    char error[ERROR_SIZE] = "";

    (void)state;
    for (size_t i = 0; i < LENGTH(addresses); i++) {
        struct fixture fixture = {0};
        const int r = open_at(&fixture, addresses[i], error);

        if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT) {
            assert_int_equal(i, 2); /* a machine without IPv6 */
            continue;
        }
        assert_int_equal(r, 0);
        assert_int_not_equal(http_server_port(fixture.server), 0);
        if (i == 0) {
            AUTO(client_close) struct client *client = client_open(&fixture);

            send_text(&fixture, client, NEXT);
            pump(&fixture, client, has_answers, 1);
        }
        http_server_close(&fixture.server);
    }
}

int
main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(passes_on_the_target_as_it_was_on_the_wire),
        WITH_SERVER(tells_headers_of_one_name_apart),
        WITH_SERVER(keeps_a_connection_for_the_next_request),
        WITH_SERVER(answers_pipelined_requests_in_order),
        WITH_SERVER(joins_a_chunked_body),
        WITH_SERVER(takes_a_body_that_dribbles_in),
        WITH_SERVER(says_continue_to_those_who_wait_for_it),
        WITH_SERVER(answers_a_client_that_has_closed_its_sending_side),
        WITH_SERVER(takes_7_kb_of_headers_in_40),
        WITH_SERVER(refuses_more_headers_than_fit),
        WITH_SERVER(refuses_what_can_be_read_two_ways),
        WITH_SERVER(refuses_a_nul_in_the_target),
        WITH_SERVER(ends_the_connection_on_broken_framing),
        WITH_SERVER(takes_http_1_0_without_a_host),
        WITH_SERVER(keeps_a_body_of_just_the_limit),
        WITH_SERVER(reads_a_body_over_the_limit_away_and_goes_on),
        WITH_SERVER(reads_a_chunked_body_over_the_limit_away),
        WITH_SERVER(answers_an_announced_huge_body_without_reading_it),
        WITH_SERVER(hangs_up_on_an_endless_chunked_body),
        WITH_SERVER(answers_later_when_asked_to_wait),
        WITH_SERVER(wants_to_run_at_once_after_a_later_answer),
        WITH_SERVER(answers_later_for_a_huge_body_it_does_not_read),
        WITH_SERVER(survives_clients_that_leave_while_they_wait),
        WITH_SERVER(forgets_clients_that_leave_in_the_middle_of_a_body),
        WITH_SERVER(finishes_what_is_under_way_when_quiesced),
        cmocka_unit_test(sends_the_answers_due_before_it_closes),
        cmocka_unit_test(says_errors_in_json),
        cmocka_unit_test(listens_on_a_unix_socket_and_replaces_a_dead_one),
        cmocka_unit_test(does_not_remove_a_file_that_is_no_socket),
        WITH_SERVER(says_where_it_cannot_listen_and_what_to_do),
        cmocka_unit_test(refuses_addresses_that_are_none),
        cmocka_unit_test(listens_on_every_address_and_on_ipv6),
    };
#undef WITH_SERVER

    return cmocka_run_group_tests(tests, NULL, NULL);
}
