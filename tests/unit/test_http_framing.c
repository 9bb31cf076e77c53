/*
 * test_http_framing.c - requests, byte for byte: what is understood, and what is refused.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/http_fixture.h"

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

/* Everything behind `text` is NEXT: whoever serves that has been fooled. */
struct hostile {
    const char *text;
    size_t size;
    unsigned status;
};

#define HOSTILE(status, text)                    \
    {                                            \
        text NEXT, sizeof(text NEXT) - 1, status \
    }

static void
assert_refused(const struct client *client, const struct hostile *hostile)
{
    char status[32];

    (void)snprintf(status, sizeof(status), "HTTP/1.1 %u ", hostile->status);
    if (strncmp(client->text, status, strlen(status)) != 0 ||
        strstr(client->text, "HTTP/1.1 2") != NULL) {
        fail_msg("not refused for good with %u: %s: %s", hostile->status, hostile->text,
            client->text);
    }
    assert_has(client, "Connection: close\r\n");
}

static void
send_hostile(
    struct fixture *fixture, struct client *client, const struct hostile *hostile)
{
    send_all(fixture, client, hostile->text, hostile->size);
    pump(fixture, client, has_ended, 0);
    assert_refused(client, hostile);
    assert_int_equal(fixture->handled, 0);
}

static const struct hostile two_ways[] = {
    /* how long is the body? */
    HOSTILE(400,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    HOSTILE(400,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST
                 "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\nhello"),
    HOSTILE(400,
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    HOSTILE(
        400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    HOSTILE(
        400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST
                 "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
                 "0\r\n\r\n"),
    HOSTILE(
        400, "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST "Content-Length : 5\r\n\r\nhello"),
    HOSTILE(
        400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    HOSTILE(400,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\nhello"),
    /* where does a line end? */
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\rContent-Length: 3\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\n" HOST "\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\nContent-Length: 3\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n\n"),
    HOSTILE(400, "GET / HTTP/1.1\n\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n Folded: a\r\n" HOST "\r\n"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n 0\r\n\r\nhello"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\t5\r\n\r\nhello"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST
                 "Transfer-Encoding:\r\n chunked\r\nContent-Length: 1\r\n\r\na"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n \r\n\r\n"),
    /* where does a text end? */
    HOSTILE(400, "GET /a\0b HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "GE\0T / HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\0\0Y: b\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\n\0b\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n\0Content-Length: 5\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n:b\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: \x01\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X(: a\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n"),
    /* who sends what? */
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "HOST: other.example.com\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\nX: y\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST
                 "X-Twilio-Signature: a\r\nx-twilio-signature: a\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST
                 "Authorization: Basic a\r\nAuthorization: Bearer b\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST
                 "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST
                 "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n\r\n"),
    /* what is asked for? */
    HOSTILE(505, "GET / HTTP/1.2\r\n" HOST "\r\n"),
    HOSTILE(400, "GET http://hooks.example.com/ HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "CONNECT hooks.example.com:443 HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "GET /a b HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "GET /a\x7f HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "GET /a\tb HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "GET  / HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "GET /  HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "get / HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "Get / HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "G@T / HTTP/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
    HOSTILE(417,
        "POST / HTTP/1.1\r\n" HOST "Expect: 200-maybe\r\nContent-Length: 1\r\n\r\na"),
};

static void
refuses_what_can_be_read_two_ways(void **state)
{
    for (size_t i = 0; i < LENGTH(two_ways); i++) {
        AUTO(client_close) struct client *client = client_open(*state);

        send_hostile(*state, client, &two_ways[i]);
        assert_int_equal(count_answers(client), 1);
        assert_has(client, "{\"error\":{\"code\":\"");
        assert_has(client, "Content-Type: application/json\r\n");
    }
}

/* What arrives byte by byte moves about in the library's memory. */
static void
refuses_the_same_when_it_dribbles_in(void **state)
{
    static const struct hostile cases[] = {
        HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\n\r\n"),
        HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"),
        HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"),
        HOSTILE(400,
            "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
    };

    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct fixture *fixture = *state;
        AUTO(client_close) struct client *client = client_open(fixture);

        for (size_t at = 0; at < cases[i].size; at++) {
            send_all(fixture, client, cases[i].text + at, 1);
        }
        pump(fixture, client, has_ended, 0);
        assert_refused(client, &cases[i]);
        assert_int_equal(fixture->handled, 0);
    }
}

static void
refuses_more_than_64_headers(void **state)
{
    AUTO(client_close) struct client *client = client_open(*state);
    AUTO(buffer_done) struct buffer text = {.max = ANSWER_MAX};

    buffer_add_text(&text, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 64; i++) {
        buffer_addf(&text, "X-%d: y\r\n", i);
    }
    buffer_add_text(&text, "\r\n" NEXT);
    const struct hostile hostile = {text.data, text.size, 431};

    send_hostile(*state, client, &hostile);
}

static const struct hostile broken[] = {
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nhello"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\nhello"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\nhello"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\nhello"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5 \r\n\r\nhello"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\nhello"),
    HOSTILE(413,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\nhello"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST
                 "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST
                 "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST
                 "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST
                 "Transfer-Encoding: chunked\r\n\r\n;a=b\r\nhello\r\n0\r\n\r\n"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST
                 "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n"),
    HOSTILE(400, "POST / HTTP/1.1\r\n" HOST
                 "Transfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n"),
    HOSTILE(413, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                 "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
    HOSTILE(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    HOSTILE(505, "GET / HTTP/0.9\r\n" HOST "\r\n"),
    HOSTILE(400, "GET /\r\n" HOST "\r\n"),
    HOSTILE(400, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
    HOSTILE(400, "GET / http/1.1\r\n" HOST "\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\0\r\n" HOST "\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\nno colon\r\n\r\n"),
    HOSTILE(400, "GET / HTTP/1.1\r\n" HOST "X\0Y: a\r\n\r\n"),
};

/*
 * What the library refuses by itself, in its own words (and for a Content-Length with its header
 * twice): but it must, and it must hang up.
 */
static void
ends_the_connection_on_broken_framing(void **state)
{
    for (size_t i = 0; i < LENGTH(broken); i++) {
        AUTO(client_close) struct client *client = client_open(*state);

        send_hostile(*state, client, &broken[i]);
    }
}

/* Two readers may cut these into chunks in two ways; nobody gets to use that. */
static void
serves_nothing_behind_a_chunked_body(void **state)
{
    static const char *const bodies[] = {
        "2\r\nab\r\n0\r\n\r\n",
        "2\nab\n0\n\n",
        "2;\nxx\r\n0\r\n\r\n",
        "2;a=\"\r\nxx\r\n0\r\n\r\n",
        "0\r\nContent-Length: 5\r\n\r\n",
        "0\r\nX: a\r\n folded\r\n\r\n",
        "000\r\n\r\n",
    };

    for (size_t i = 0; i < LENGTH(bodies); i++) {
        struct fixture *fixture = *state;
        AUTO(client_close) struct client *client = client_open(fixture);

        fixture->handled = 0;
        send_text(fixture, client,
            "POST /first HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
        send_text(fixture, client, bodies[i]);
        send_text(fixture, client, NEXT);
        pump(fixture, client, has_ended, 0);
        assert_has(client, "Connection: close\r\n");
        assert_null(strstr(client->text, "/next"));
        assert_int_equal(count_answers(client), 1);
        assert_int_equal(fixture->handled, 1);
    }
}

static void
hangs_up_on_what_is_no_http(void **state)
{
    static const char *const texts[] = {
        "GARBAGE\r\n\r\n", "\x16\x03\x01\x02\r\n", "EHLO\r\n"};

    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct fixture *fixture = *state;
        AUTO(client_close) struct client *client = client_open(fixture);

        send_text(fixture, client, texts[i]);
        send_text(fixture, client, NEXT);
        pump(fixture, client, has_ended, 0);
        assert_int_equal(fixture->handled, 0);
        assert_int_equal(client->size, 0);
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

int
main(void)
{
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
        WITH_SERVER(refuses_the_same_when_it_dribbles_in),
        WITH_SERVER(refuses_more_than_64_headers),
        WITH_SERVER(ends_the_connection_on_broken_framing),
        WITH_SERVER(serves_nothing_behind_a_chunked_body),
        WITH_SERVER(hangs_up_on_what_is_no_http),
        WITH_SERVER(takes_http_1_0_without_a_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
