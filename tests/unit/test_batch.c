/*
 * test_batch.c - what an answer to many events says of each, and when they go together at all.
 */
#include <stdio.h>
#include <string.h>

#include "server/deliver/batch.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"
#include "tests/unit/http_peer.h"
#include "tests/unit/unit.h"

enum {
    COUNT = 4, /* in the batch */
    BREVO_BYTES_MAX = 512 * 1000,
    LARGE = 45 * 1000,
    TOO_LARGE = 51 * 1000, /* its properties may have 50 KB, and it is more than those */
};

static struct config config;
static struct hand hand;
static struct flow flow;
static struct batch batch;
static struct brevo_auth auth;
static struct http_client *client;
static struct queue_record records[HAND_JOBS_MAX];

static void
let_go(void)
{
    for (size_t i = 0; i < hand.count; i++) {
        json_decref(hand.pool[i].event);
    }
    hand.count = 0;
}

/* So many in hand, of which all wait for nothing but a token. */
static void
hold(size_t count)
{
    let_go();
    for (size_t i = 0; i < count; i++) {
        records[i] =
            (struct queue_record){.key = (char[]){"task.completed/WT1"}, .attempts = 1};
        hand.pool[i] = (struct job){.record = &records[i],
            .stage = JOB_READY,
            .next = BREVO_EVENT,
            .event = json_pack("{s:{}}", "contact_properties")};
        hand.jobs[i] = &hand.pool[i];
    }
    hand.count = count;
}

static int
set_up(void **state)
{
    static char url[] = "http://127.0.0.1:1/v3", key[] = "k";

    (void)state;
    log_set_level(LOG_ERROR);
    config =
        (struct config){.brevo_batch = true, .brevo_base_url = url, .brevo_api_key = key};
    brevo_auth_init(&auth, &config);
    hand = (struct hand){0};
    flow_init(&flow, &config, FLOW_CLAIM_DEADLINE_MS);
    assert_int_equal(http_client_open(1, &client), 0);
    const struct call_tools tools = {
        .config = &config, .client = client, .flow = &flow, .hand = &hand, .auth = &auth};

    batch_init(&batch, &tools);
    hold(COUNT);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    http_client_close(&client);
    let_go();
    batch_done(&batch);
    return 0;
}

static struct http_exchange
answer_of(long status, const char *body)
{
    struct http_exchange exchange = {.result = HTTP_ANSWERED,
        .status = status,
        .is_json = true,
        .ratelimit_limit = -1,
        .ratelimit_remaining = -1,
        .ratelimit_reset = -1,
        .retry_after_s = -1};

    buffer_init(&exchange.answer, HTTP_CLIENT_BODY_MAX);
    buffer_add_text(&exchange.answer, body);
    return exchange;
}

/* ---- read --------------------------------------------------------------------------------- */

#define PARTLY(failed, errors)                                                     \
    "{\"status\":\"partiallyQueued\",\"total_events\":4,\"failed_events\":" failed \
    ",\"errors\":[" errors "]}"
#define AT(indexes) "{\"eventIndex\":[" indexes "],\"message\":\"undefined event_name\"}"

static void
whom_it_names_was_refused_and_all_others_only_if_it_adds_up(void **state)
{
    static const struct {
        long status;
        const char *body;
        bool is_clear;
        const char *refused; /* of each, '1' or '0' */
    } cases[] = {
        {202, "{\"message\":\"queued\",\"count\":4}", true, "0000"},
        {202, "", true, "0000"},
        {200, "<html>", true, "0000"},
        {207, PARTLY("1", AT("2")), true, "0010"},
        {207, PARTLY("3", AT("0,3") "," AT("1")), true, "1101"},
        {207, PARTLY("2", AT("0,3") "," AT("3,0")), true,
            "1001"}, /* both for two reasons */
        {207, PARTLY("4", AT("0,1,2,3")), true, "1111"},
        {207, "{\"errors\":[" AT("1") "]}", true, "0100"},
        {207, PARTLY("0", ""), true, "0000"},
        {202, PARTLY("1", AT("2")), true, "0010"}, /* whatever it calls itself */
        /* one thing and another */
        {207, PARTLY("2", AT("2")), false, "0010"},
        {207, PARTLY("1", AT("2") "," AT("")), false, "0010"},
        {207, PARTLY("1", AT("4")), false, "0000"},
        {207, PARTLY("1", AT("-1")), false, "0000"},
        {207, PARTLY("2", AT("2,9223372036854775807")), false, "0010"},
        {207, PARTLY("1", AT("\"2\"")), false, "0000"},
        {207, PARTLY("1", AT("2.0")), false, "0000"},
        {207, PARTLY("1", "{\"eventIndex\":2}"), false, "0000"},
        {207, PARTLY("1", "null"), false, "0000"},
        {207, PARTLY("\"1\"", AT("2")), false, "0010"},
        {207, "{\"total_events\":5,\"errors\":[" AT("1") "]}", false, "0100"},
        {207, "{\"successful_events\":4,\"errors\":[" AT("1") "]}", false, "0100"},
        {207, "{\"status\":\"partiallyQueued\"}", false, "0000"},
        {207, "{\"errors\":{\"eventIndex\":[1]}}", false, "0000"},
        {207, "[]", false, "0000"},
        {207, "not json", false, "0000"},
        {207, "", false, "0000"},
        {202, "{\"errors\":null}", false, "0000"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct http_exchange exchange = answer_of(cases[i].status, cases[i].body);
        bool refused[HAND_BATCH_MAX] = {false};
        const bool is_clear = batch_read(&exchange, COUNT, refused);
        char found[COUNT + 1] = "";

        for (size_t at = 0; at < COUNT; at++) {
            found[at] = refused[at] ? '1' : '0';
        }
        if (is_clear != cases[i].is_clear || strcmp(found, cases[i].refused) != 0) {
            fail_msg("%s: %s, clear %d", cases[i].body, found, is_clear);
        }
        http_exchange_done(&exchange);
    }
}

/* ---- shared out --------------------------------------------------------------------------- */

static void
answer_batch(long status, const char *body)
{
    for (size_t i = 0; i < COUNT; i++) {
        hand.pool[i].goes_alone = false;
        hand.pool[i].is_sent = false;
        hand.pool[i].settlement = (struct queue_settlement){0};
        batch.jobs[i] = &hand.pool[i];
        job_batch(batch.jobs[i]);
    }
    batch.count = COUNT;
    http_exchange_done(&batch.exchange);
    batch.exchange = answer_of(status, body);
    batch.is_answered = true;
    batch_take(&batch, 0);
    assert_int_equal(batch.count, 0);
}

/* 'd' delivered, 'a' by itself, 'w' waits again, 'r' a retry that counts, 's' shelved. */
static char
fate(const struct job *job)
{
    if (job->stage == JOB_READY) {
        return job->goes_alone ? 'a' : 'w';
    }
    assert_int_equal(job->stage, JOB_FINISHED);
    if (job->settlement.outcome == QUEUE_DELIVERED) {
        return 'd';
    }
    assert_int_equal(job->settlement.outcome, QUEUE_DELAYED);
    return job->settlement.free_attempt ? 's' : 'r';
}

static void
every_event_of_it_goes_on_or_ends_by_itself(void **state)
{
    static const struct {
        long status;
        const char *body;
        const char *fates;
        int64_t rest_ms; /* at least, before the next batch */
    } cases[] = {
        {202, "{\"count\":4}", "dddd", 0},
        {207, PARTLY("1", AT("2")), "ddad", 0},
        {400, PARTLY("4", AT("0,1,2,3")), "aaaa", BATCH_REST_MIN_MS},
        {400, "{\"code\":\"bad_request\"}", "aaaa", BATCH_REST_MIN_MS},
        {413, "<html>", "aaaa", BATCH_REST_MIN_MS},
        {207, PARTLY("2", AT("2")), "rrar", BATCH_REST_MIN_MS},
        {503, "", "rrrr", BATCH_REST_MIN_MS},
        {403, "{}", "wwww", BREVO_FORBIDDEN_MS},
        {404, "{}", "wwww", BREVO_FORBIDDEN_MS},
        {401, "{}", "ssss", 0},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char fates[COUNT + 1] = "";

        batch.rest_ms = 0;
        flow_init(&flow, &config, FLOW_CLAIM_DEADLINE_MS);
        answer_batch(cases[i].status, cases[i].body);
        for (size_t at = 0; at < COUNT; at++) {
            fates[at] = fate(&hand.pool[at]);
        }
        assert_string_equal(fates, cases[i].fates);
        assert_true(
            flow_wait_us(&flow, BREVO_EVENT_BATCH, 0) >= cases[i].rest_ms * US_PER_MS);
        assert_true(flow_wait_us(&flow, BREVO_EVENT, 0) <= 1); /* whatever it is */
    }
}

static void
one_whose_token_ran_out_costs_its_events_nothing(void **state)
{
    (void)state;
    config.brevo_api_key = NULL;
    brevo_auth_init(&auth, &config);
    auth.token = (struct brevo_token){.header = "x", .number = 1, .end_us = INT64_MAX};
    batch.auth_number = 1;
    answer_batch(401, "{}");
    for (size_t at = 0; at < COUNT; at++) {
        assert_int_equal(fate(&hand.pool[at]), 'w');
    }
    assert_int_equal(batch.rest_ms, 0);
    assert_false(flow.pause.met[0]);
    assert_true(brevo_auth_wait_us(&auth, 0) > 0); /* for the next token */
}

static void
what_may_have_come_through_is_in_doubt_and_said_so(void **state)
{
    (void)state;
    hand.pool[1].lookup_after_ms = 1000;
    answer_batch(502, "<html>");
    assert_true(hand.pool[1].settlement.is_doubted);
    assert_non_null(strstr(
        hand.pool[1].detail, "endpoint=events_batch status=502 maybe_duplicate=yes"));
}

static void
the_more_come_to_nothing_the_longer_none_is_tried(void **state)
{
    int64_t last_ms = 0;

    (void)state;
    for (int i = 0; i < 3; i++) {
        answer_batch(503, "");
        assert_true(batch.rest_ms > last_ms && batch.rest_ms <= BATCH_REST_MAX_MS);
        last_ms = batch.rest_ms;
    }
    answer_batch(202, "");
    assert_int_equal(batch.rest_ms, 0);
}

static void
is_one_request_for_the_metrics(void **state)
{
    struct counter *counter =
        metrics_counter(METRIC_BREVO_REQUESTS, "events_batch", "202");
    const int64_t before = counter_get(counter);

    (void)state;
    answer_batch(202, "");
    assert_int_equal(counter_get(counter), before + 1);
}

/* ---- room --------------------------------------------------------------------------------- */

static const int64_t ms_us = 1000;

/* As the worker does, every 100 ms: it starts nothing, as more seem to come. */
static void
wait_until(int64_t from_ms, int64_t to_ms)
{
    for (int64_t ms = from_ms; ms <= to_ms; ms += 100) {
        batch_run(&batch, true, ms * ms_us);
    }
}

static void
more_are_claimed_only_when_events_have_waited_for_a_second(void **state)
{
    (void)state;
    hold(HAND_LIVE_MAX);
    wait_until(1, 901);
    assert_int_equal(batch_room(&batch, 901 * ms_us), 0);
    wait_until(1001, 1101);
    assert_int_equal(batch_room(&batch, 1101 * ms_us), HAND_LIVE_MAX);
    hand.pool[0].stage = JOB_CALLING; /* on its way, as ever */
    hand.pool[1].next = BREVO_CONTACT_LOOKUP;
    assert_int_equal(batch_room(&batch, 1101 * ms_us), HAND_LIVE_MAX - 2);
}

static void
no_more_are_claimed_for_a_batch_that_may_not_go(void **state)
{
    (void)state;
    hold(HAND_LIVE_MAX);
    wait_until(1, 1201);
    assert_true(batch_room(&batch, 1201 * ms_us) > 0);
    flow_rest(&flow, BREVO_EVENT_BATCH, BATCH_REST_MIN_MS, 1201 * ms_us);
    assert_int_equal(batch_room(&batch, 1201 * ms_us), 0);
    flow_init(&flow, &config, FLOW_CLAIM_DEADLINE_MS);
    config.brevo_batch = false;
    assert_int_equal(batch_room(&batch, 1201 * ms_us), 0);
}

static void
who_cannot_join_takes_up_room_as_ever(void **state)
{
    (void)state;
    hold(5);
    wait_until(1, 1201);
    assert_int_equal(batch_room(&batch, 1201 * ms_us), HAND_LIVE_MAX);
    hand.pool[0].goes_alone = true;
    hand.pool[1].is_probe = true;
    records[2].lost_claims = JOB_LOST_SUSPECT;
    assert_int_equal(
        json_object_set_new(json_object_get(hand.pool[3].event, "contact_properties"),
            "VIP", json_true()),
        0);
    hand.pool[4].is_shadow = true;
    assert_int_equal(batch_room(&batch, 1201 * ms_us), HAND_LIVE_MAX - 5);
}

static void
the_hand_is_never_overfilled(void **state)
{
    (void)state;
    hold(HAND_JOBS_MAX - 3);
    wait_until(1, 1201);
    assert_int_equal(batch_room(&batch, 1201 * ms_us), 3);
}

/* ---- packed ------------------------------------------------------------------------------- */

static void
enlarge(size_t index, size_t size)
{
    AUTO(buffer_done) struct buffer text = {.max = TOO_LARGE};

    for (size_t i = 0; i < size; i++) {
        buffer_add_text(&text, "x");
    }
    assert_int_equal(json_object_set_new(hand.pool[index].event, "event_properties",
                         json_pack("{s:s%}", "text", text.data, text.size)),
        0);
}

/* Of what has waited for a second; Brevo is not where it is sent. Returns the batch's events. */
static json_t *
send_batch(void)
{
    wait_until(1, 1201);
    pace_alone(&flow.paces[BREVO_CLASS_BATCHES], 1201 * ms_us);
    batch_run(&batch, false, 1201 * ms_us);
    assert_true(batch.count >= BATCH_MIN);
    AUTO(payload_release)
    json_t *body = json_loadb(batch.body.data, batch.body.size, 0, NULL);

    assert_int_equal(json_object_size(body), 1);
    return json_incref(json_object_get(body, "events"));
}

static void
a_batch_is_no_larger_than_brevo_takes_and_what_is_left_waits_for_the_next(void **state)
{
    (void)state;
    hold(HAND_BATCH_MAX);
    for (size_t i = 0; i < HAND_BATCH_MAX; i++) {
        enlarge(i, LARGE);
    }
    AUTO(payload_release) json_t *events = send_batch();

    assert_true(batch.body.size <= BREVO_BYTES_MAX);
    assert_true(batch.body.size > BREVO_BYTES_MAX - 2 * LARGE); /* as many as go */
    assert_int_equal(json_array_size(events), batch.count);
    for (size_t i = 0; i < HAND_BATCH_MAX; i++) {
        assert_int_equal(hand.pool[i].stage, i < batch.count ? JOB_CALLING : JOB_READY);
        assert_false(hand.pool[i].goes_alone);
    }
}

static void
an_event_too_large_for_one_goes_by_itself(void **state)
{
    (void)state;
    hold(BATCH_MIN + 2);
    enlarge(0, TOO_LARGE);
    enlarge(5, TOO_LARGE);
    AUTO(payload_release) json_t *events = send_batch();

    assert_int_equal(json_array_size(events), BATCH_MIN);
    assert_int_equal(fate(&hand.pool[0]), 'a');
    assert_int_equal(fate(&hand.pool[5]), 'a');
}

static void
serve(struct peer *peer, int fd, int index)
{
    (void)index;
    if (peer_read(peer, fd)) {
        peer_answer(fd, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    }
}

static void
with_ipv4_only_a_batch_reaches_no_ipv6_address(void **state)
{
    struct peer peer;

    (void)state;
    if (!peer_start_ipv6(&peer, serve)) {
        skip();
    }
    config.brevo_base_url = peer.url;
    for (int only = 0; only <= 1; only++) {
        hold(BATCH_MIN);
        config.brevo_ipv4_only = only != 0;
        json_decref(send_batch());
        run_until_idle(client);
        assert_int_equal(batch.exchange.result, only ? HTTP_NOT_SENT : HTTP_ANSWERED);
        batch_take(&batch, 1201 * ms_us);
    }
    peer_stop(&peer);
    assert_int_equal(peer.connections, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whom_it_names_was_refused_and_all_others_only_if_it_adds_up),
        TEST(every_event_of_it_goes_on_or_ends_by_itself),
        TEST(one_whose_token_ran_out_costs_its_events_nothing),
        TEST(what_may_have_come_through_is_in_doubt_and_said_so),
        TEST(the_more_come_to_nothing_the_longer_none_is_tried),
        TEST(is_one_request_for_the_metrics),
        TEST(more_are_claimed_only_when_events_have_waited_for_a_second),
        TEST(no_more_are_claimed_for_a_batch_that_may_not_go),
        TEST(who_cannot_join_takes_up_room_as_ever),
        TEST(the_hand_is_never_overfilled),
        TEST(a_batch_is_no_larger_than_brevo_takes_and_what_is_left_waits_for_the_next),
        TEST(an_event_too_large_for_one_goes_by_itself),
        TEST(with_ipv4_only_a_batch_reaches_no_ipv6_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
