/*
 * test_http_bodies.c - bodies at, over and far over the limit.
 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/http_fixture.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(keeps_a_body_of_just_the_limit),
        WITH_SERVER(reads_a_body_over_the_limit_away_and_goes_on),
        WITH_SERVER(reads_a_chunked_body_over_the_limit_away),
        WITH_SERVER(answers_an_announced_huge_body_without_reading_it),
        WITH_SERVER(hangs_up_on_an_endless_chunked_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
