/*
 * test_attribute_watch.c - which attributes Brevo has is asked hourly, whatever it said, and told
 * when it changes.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/deliver/attribute_watch.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"
#include "tests/unit/hand_fixture.h"
#include "tests/unit/http_peer.h"

enum {
    SAID_SIZE = 4096,
    URL_SIZE = 128,
    LIST_SIZE = 256,
    ANSWER_SIZE = LIST_SIZE + 200,
};

static const int64_t hour_us = (int64_t)ATTRIBUTE_WATCH_EVERY_MS * US_PER_MS;
static const int64_t minute_us = INT64_C(60) * US_PER_S;

static struct flow flow;
static struct brevo_auth auth;
static struct attribute_watch watch;
static struct http_client *client;
static struct peer brevo;
static char url[URL_SIZE];
static const char *score_type; /* of CSAT_SCORE, as Brevo has it; NULL: it answers 503 */
static int64_t start_us;

/* ---- Brevo -------------------------------------------------------------------------------- */

static void
serve(struct peer *peer, int fd, int index)
{
    char list[LIST_SIZE];
    char answer[ANSWER_SIZE];

    (void)index;
    if (!peer_read(peer, fd)) {
        return;
    }
    if (score_type == NULL) {
        peer_answer(fd, "HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    const int size = snprintf(list, sizeof list,
        "{\"attributes\":[{\"name\":\"CSAT_SCORE\",\"category\":\"normal\","
        "\"type\":\"%s\"}]}",
        score_type);

    (void)snprintf(answer, sizeof answer,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
        "Connection: close\r\n\r\n%s",
        size, list);
    peer_answer(fd, answer);
}

/* ---- set up ------------------------------------------------------------------------------- */

static int
set_up_watch(void **state)
{
    static char key[] = "k";

    (void)set_up_hand(state);
    peer_start(&brevo, serve);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/v3", brevo.port);
    config.brevo_base_url = url;
    config.brevo_api_key = key;
    config.brevo_max_rps = 1000;
    config.brevo_rate_share = 1;
    config.rules.fields[0] = (struct rules_field){"last_csat_score", "CSAT_SCORE"};
    config.rules.field_count = 1;
    config.rules.sync_customers = true;
    brevo_auth_init(&auth, &config);
    flow_init(&flow, &config, FLOW_CLAIM_DEADLINE_MS);
    assert_int_equal(http_client_open(1, &client), 0);
    const struct call_tools tools = {
        .config = &config, .client = client, .flow = &flow, .hand = &hand, .auth = &auth};

    attribute_watch_init(&watch, &tools);
    start_us = clock_monotonic_us();
    hand_look(&hand, &flow.pause, start_us); /* nothing is known to be paused */
    return 0;
}

static int
tear_down_watch(void **state)
{
    http_client_close(&client);
    attribute_watch_done(&watch);
    brevo_auth_done(&auth);
    peer_stop(&brevo);
    return tear_down_hand(state);
}

/* As a worker does, which hears the answer in its next round; returns how often Brevo was asked. */
static int
asked_by(int64_t now_us)
{
    (void)usleep(2000); /* of two notes of one millisecond none is the later one */
    attribute_watch_run(&watch, now_us, false);
    run_until_idle(client);
    attribute_watch_run(&watch, now_us, false);
    return atomic_load(&brevo.connections);
}

/* What the watch logs until `now_us`, when it is asked for the `asked`-th time. */
static const char *
said_at(int64_t now_us, int asked)
{
    static char said[SAID_SIZE];
    FILE *file = tmpfile();
    const int real = dup(STDERR_FILENO);

    assert_true(file != NULL && real >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    const int found = asked_by(now_us);

    assert_true(dup2(real, STDERR_FILENO) >= 0);
    assert_int_equal(close(real), 0);
    const ssize_t size = pread(fileno(file), said, sizeof said - 1, 0);

    said[size > 0 ? size : 0] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_int_equal(found, asked);
    return said;
}

static int64_t
wrong_types(void)
{
    return counter_get(
        metrics_counter(METRIC_BREVO_ATTRIBUTES, "CSAT_SCORE", "wrong_type"));
}

static void
expect_note(const char *text)
{
    struct queue_note note;

    assert_int_equal(queue_note_last(queue, ATTRIBUTE_WATCH_NOTE, &note), QUEUE_OK);
    assert_string_equal(note.text, text);
}

/* ---- the tests ---------------------------------------------------------------------------- */

static void
asks_again_each_hour_and_tells_what_changed(void **state)
{
    (void)state;
    score_type = "float";
    assert_string_equal(said_at(start_us, 1), "");
    expect_note(ATTRIBUTE_WATCH_FINE);
    assert_string_equal(said_at(start_us + hour_us - minute_us, 1), "");

    score_type = "text"; /* somebody made it anew */
    assert_non_null(
        strstr(said_at(start_us + hour_us, 2), " attribute_wrong attribute=CSAT_SCORE "));
    assert_int_equal(wrong_types(), 1);
    expect_note("1 wrong: CSAT_SCORE wrong_type");
    assert_string_equal(said_at(start_us + 2 * hour_us, 3), ""); /* no news */

    score_type = "float";
    assert_non_null(strstr(
        said_at(start_us + 3 * hour_us, 4), " attribute_mended attribute=CSAT_SCORE"));
    assert_int_equal(wrong_types(), 0);
    expect_note(ATTRIBUTE_WATCH_FINE);
}

static void
an_hour_that_is_not_answered_is_followed_by_the_next(void **state)
{
    (void)state;
    score_type = "float";
    assert_int_equal(asked_by(start_us), 1);
    score_type = NULL;
    assert_non_null(
        strstr(said_at(start_us + hour_us, 2), " attributes_unread status=503 "));
    assert_string_equal(said_at(start_us + 2 * hour_us - minute_us, 2), "");
    assert_string_equal(said_at(start_us + 2 * hour_us, 3), ""); /* was said */
    score_type = "text";
    assert_non_null(strstr(said_at(start_us + 3 * hour_us, 4), " attribute_wrong "));
}

static void
the_first_answer_is_asked_for_with_less_patience(void **state)
{
    int64_t now_us = start_us;

    (void)state;
    score_type = NULL;
    for (int asked = 1; asked <= 5; asked++) {
        assert_int_equal(asked_by(now_us), asked);
        assert_int_equal(asked_by(watch.next_us - 1), asked);
        assert_true(watch.next_us - now_us < minute_us);
        now_us = watch.next_us;
    }
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_watch, tear_down_watch)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asks_again_each_hour_and_tells_what_changed),
        TEST(an_hour_that_is_not_answered_is_followed_by_the_next),
        TEST(the_first_answer_is_asked_for_with_less_patience),
    };

    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
