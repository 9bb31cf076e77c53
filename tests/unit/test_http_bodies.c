/*
 * test_http_bodies.c - bodies at, over and far over the limit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/net/upload.h"
#include "server/ops/clock.h"
#include "server/ops/metrics.h"
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

/* ---- room for bodies ----------------------------------------------------------------------- */

enum {
    HOLDERS = WAITING_MAX,
    HELD_MAX = HTTP_BODIES_MAX / HOLDERS,
    GRACE_US = 1000 * 1000,
};

#define WITH_ROOMY_SERVER(test) \
    cmocka_unit_test_setup_teardown(test, open_roomy, server_teardown)

static int
open_roomy(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char error[ERROR_SIZE] = "";
    const struct http_server_options options = {
        .listen = "127.0.0.1:0",
        .is_measured = true,
        .body_max = HELD_MAX,
        .handler = handle,
        .context = fixture,
    };

    assert_non_null(fixture);
    assert_int_equal(http_server_open(&options, &fixture->server, error), 0);
    *state = fixture;
    return 0;
}

static int64_t
count_evicted(void)
{
    return counter_get(metrics_counter(METRIC_CONNECTIONS_EVICTED, NULL, NULL));
}

/* A client that announces `announced` bytes of body and sends `size` of them. */
static struct client *
begin_body(struct fixture *fixture, size_t announced, size_t size)
{
    struct client *client = client_open(fixture);
    char head[128];

    (void)snprintf(head, sizeof(head),
        "POST / HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", announced);
    send_text(fixture, client, head);
    send_filler(fixture, client, size);
    settle(fixture, client);
    return client;
}

static void
begin_bodies(struct fixture *fixture, struct client *clients[], size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        clients[i] = begin_body(fixture, HELD_MAX, size);
    }
}

static void
close_all(struct client *clients[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        client_close(&clients[i]);
    }
}

static size_t
count_ended(struct fixture *fixture, struct client *clients[], size_t count)
{
    size_t ended = 0;

    for (size_t i = 0; i < count; i++) {
        settle(fixture, clients[i]);
        ended += clients[i]->ended ? 1 : 0;
    }
    return ended;
}

static bool
is_past(const struct fixture *fixture, const struct client *client, size_t until_us)
{
    (void)fixture;
    (void)client;
    return clock_monotonic_us() > (int64_t)until_us;
}

static void
outlast_the_grace(struct fixture *fixture, struct client *client)
{
    pump(fixture, client, is_past, (size_t)(clock_monotonic_us() + GRACE_US));
}

static void
assert_body_is_kept(struct fixture *fixture, struct client *client, size_t size)
{
    char expected[64];

    (void)snprintf(expected, sizeof(expected), "size=%zu sum=%u refused=0", size,
        (unsigned)(size * 'a'));
    pump(fixture, client, has_answers, 1);
    assert_has(client, expected);
}

static void
reserves_little_for_what_is_only_announced(void **state)
{
    static struct upload uploads[HTTP_CONNECTIONS_MAX];
    struct upload_budget budget = {.body_max = HELD_MAX, .total_max = HTTP_BODIES_MAX};

    (void)state;
    for (size_t i = 0; i < LENGTH(uploads); i++) {
        upload_begin(&uploads[i], &budget, HELD_MAX);
        upload_add(&uploads[i], "a", 1);
        assert_false(uploads[i].no_room);
    }
    for (size_t i = 0; i < LENGTH(uploads); i++) {
        upload_done(&uploads[i]);
    }
    assert_int_equal(budget.total, 0);
}

static void
takes_room_from_who_has_had_much_for_long(void **state)
{
    struct fixture *fixture = *state;
    struct client *holders[HOLDERS];
    const int64_t evicted = count_evicted();

    begin_bodies(fixture, holders, LENGTH(holders), HELD_MAX - 1);
    outlast_the_grace(fixture, holders[0]);
    AUTO(client_close) struct client *small = begin_body(fixture, 1300, 1300);
    AUTO(client_close) struct client *large = begin_body(fixture, HELD_MAX, HELD_MAX);

    assert_body_is_kept(fixture, small, 1300);
    assert_body_is_kept(fixture, large, HELD_MAX);
    assert_int_equal(count_evicted() - evicted, 1);
    assert_int_equal(count_ended(fixture, holders, LENGTH(holders)), 1);
    assert_true(holders[0]->ended);
    assert_int_equal(fixture->handled, 2);
    close_all(holders, LENGTH(holders));
}

static void
takes_no_room_from_who_has_little(void **state)
{
    struct fixture *fixture = *state;
    struct client *holders[HOLDERS];
    AUTO(client_close) struct client *modest = begin_body(fixture, HELD_MAX, 1000);

    begin_bodies(fixture, holders, LENGTH(holders), HELD_MAX - 1);
    outlast_the_grace(fixture, modest);
    AUTO(client_close) struct client *large = begin_body(fixture, HELD_MAX, HELD_MAX);

    assert_body_is_kept(fixture, large, HELD_MAX);
    assert_false(modest->ended);
    close_all(holders, LENGTH(holders));
}

static void
takes_no_room_from_a_complete_body(void **state)
{
    struct fixture *fixture = *state;
    struct client *holders[HOLDERS];
    const int64_t evicted = count_evicted();

    fixture->reply_later = true;
    begin_bodies(fixture, holders, LENGTH(holders), HELD_MAX);
    pump(fixture, holders[0], has_handled, LENGTH(holders));
    outlast_the_grace(fixture, holders[0]);
    fixture->reply_later = false;
    AUTO(client_close) struct client *late = begin_body(fixture, 1300, 1300);

    assert_body_is_kept(fixture, late, 0);
    assert_int_equal(count_evicted() - evicted, 0);
    reply_all(fixture);
    for (size_t i = 0; i < LENGTH(holders); i++) {
        assert_body_is_kept(fixture, holders[i], HELD_MAX);
    }
    close_all(holders, LENGTH(holders));
}

/* Or two who hold much would end each other in turn. */
static void
gives_who_has_had_much_for_longest_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct client *holders[HOLDERS];
    const int64_t evicted = count_evicted();
    AUTO(client_close) struct client *first = begin_body(fixture, HELD_MAX, HELD_MAX / 2);

    begin_bodies(fixture, holders, LENGTH(holders) - 1, HELD_MAX - 1);
    holders[HOLDERS - 1] = begin_body(fixture, HELD_MAX, HELD_MAX / 2);
    outlast_the_grace(fixture, first);
    send_filler(fixture, first, HELD_MAX / 2);
    assert_body_is_kept(fixture, first, 0);
    assert_int_equal(count_evicted() - evicted, 0);
    assert_int_equal(count_ended(fixture, holders, LENGTH(holders)), 0);
    close_all(holders, LENGTH(holders));
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
        cmocka_unit_test(reserves_little_for_what_is_only_announced),
        WITH_ROOMY_SERVER(takes_room_from_who_has_had_much_for_long),
        WITH_ROOMY_SERVER(takes_no_room_from_who_has_little),
        WITH_ROOMY_SERVER(takes_no_room_from_a_complete_body),
        WITH_ROOMY_SERVER(gives_who_has_had_much_for_longest_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
