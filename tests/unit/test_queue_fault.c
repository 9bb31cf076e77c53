/*
 * test_queue_fault.c - Redis full, hung, dead, locked or forgetful.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queue/handle.h"
#include "tests/unit/queue_fixture.h"

enum {
    HASTY_US = 100 * 1000,
};

/* ---- full -------------------------------------------------------------------------------- */

static void
put_many(struct queue *target, int count)
{
    for (int i = 0; i < count; i++) {
        char key[32];

        (void)snprintf(key, sizeof(key), "task.completed/WT%d", i);
        (void)put_one(target, key, "taskrouter", "signed");
    }
}

static void
over_maxmemory_puts_are_refused_whole(void **state)
{
    const struct slice bytes = slice_of("x");
    struct queue_put puts[] = {
        {.key = slice_of("old/WT1"), .route = slice_of("a"), .bytes = bytes},
        {.key = slice_of("new/WT1"), .route = slice_of("a"), .bytes = bytes},
    };

    (void)state;
    assert_int_equal(queue_put(queue, puts, 1), QUEUE_OK);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    assert_int_equal(queue_put(queue, puts, 2), QUEUE_E_REFUSED);
    assert_non_null(strstr(queue_error(queue), "OOM"));
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(balanced_stats(queue).accepted, 1);
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", "fb:{0}:r:new/WT1"), 0);
}

static void
over_maxmemory_workers_still_drain(void **state)
{
    static const enum queue_outcome outcomes[] = {QUEUE_DELIVERED, QUEUE_FILTERED,
        QUEUE_DELAYED, QUEUE_RELEASED, QUEUE_PARKED, QUEUE_DELIVERED};

    (void)state;
    put_many(queue, (int)LENGTH(outcomes) - 1);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    struct queue *restarted = open_worker("worker-1"); /* connects anew, too */

    for (size_t i = 0; i < LENGTH(outcomes); i++) {
        struct queue_record *record = claim_later(restarted);
        struct queue_effect effect = {.key = record->key};
        struct queue_settlement settlement = {.record = record,
            .outcome = outcomes[i],
            .reason = "why",
            .effect_key = record->key};

        assert_int_equal(queue_effect_claim(restarted, record, &effect), QUEUE_OK);
        assert_int_equal(effect.result, QUEUE_EFFECT_CLAIMED);
        assert_int_equal(queue_settle(restarted, &settlement, 1), QUEUE_OK);
        assert_int_equal(settlement.result, QUEUE_SETTLED);
        queue_record_free(&record);
    }
    assert_int_equal(balanced_stats(restarted).delivered, 2);
    (void)REDIS_DO(&redis, "XGROUP", "DESTROY", "fb:{0}:stream", "workers");
    struct queue_record *record = claim_later(restarted); /* the group is made again */

    queue_record_free(&record);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    queue_close(&restarted);
}

/* ---- hung and dead ----------------------------------------------------------------------- */

static void
a_hung_redis_costs_no_more_than_the_timeout(void **state)
{
    (void)state;
    const int64_t timeout_us = queue->session.timeout_us;

    assert_int_equal(queue_ping(queue), QUEUE_OK);
    redis_fixture_signal(&redis, SIGSTOP);
    queue->session.timeout_us = HASTY_US;
    for (int i = 0; i < 2; i++) { /* the second cannot even greet */
        const int64_t start_us = redis_now_us();

        assert_int_equal(queue_ping(queue), -ETIMEDOUT);
        assert_in_range(redis_now_us() - start_us, HASTY_US, 10 * HASTY_US);
        assert_non_null(strstr(queue_error(queue), "in time"));
    }
    queue->session.timeout_us = timeout_us;
    redis_fixture_signal(&redis, SIGCONT);
    assert_int_equal(queue_ping(queue), QUEUE_OK);
}

/* Else a claim could be run when nobody waits for its answer any more. */
static void
a_call_given_up_is_not_sent_on(void **state)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct queue_options options = default_options(NULL);
    socklen_t size = sizeof(address);
    char url[64];
    char byte = 0;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(url, sizeof(url), "redis://127.0.0.1:%u", ntohs(address.sin_port));
    options.url = url;
    options.timeout_ms = 50;
    struct queue *hasty = open_queue(&options);

    assert_int_equal(queue_ping(hasty), -ETIMEDOUT);
    const int peer = accept(listener, NULL, NULL);

    ssize_t got = 0;

    do { /* what was sent before */
        got = recv(peer, &byte, 1, 0);
    } while (got > 0);
    assert_int_equal(got, -1);
    assert_int_equal(errno, ECONNRESET);
    (void)close(peer);
    (void)close(listener);
    queue_close(&hasty);
}

/* An answer that comes after its call was given up must not answer the next call. */
static void
a_late_answer_meets_nobody(void **state)
{
    char to[32] = "";

    (void)state;
    const int64_t timeout_us = queue->session.timeout_us;

    assert_int_equal(queue_link_put(queue, "WR1", "one"), QUEUE_OK);
    assert_int_equal(queue_link_put(queue, "WR2", "two"), QUEUE_OK);
    redis_fixture_signal(&redis, SIGSTOP);
    queue->session.timeout_us = HASTY_US;
    assert_int_equal(queue_link_get(queue, "WR1", to, sizeof(to)), -ETIMEDOUT);
    queue->session.timeout_us = timeout_us;
    redis_fixture_signal(&redis, SIGCONT);
    assert_int_equal(queue_link_get(queue, "WR2", to, sizeof(to)), QUEUE_OK);
    assert_string_equal(to, "two");
}

static void
what_was_put_survives_kill_9(void **state)
{
    struct redis_fixture durable;

    (void)state;
    redis_fixture_start(&durable, true);
    struct queue_options options = default_options("worker-1");

    options.url = durable.url;
    struct queue *survivor = open_queue(&options);

    assert_int_equal(queue_prepare(survivor), QUEUE_OK);
    put_many(survivor, 20);
    assert_int_equal(
        settle_one(survivor, claim_one(survivor), QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    redis_fixture_kill(&durable);
    assert_int_equal(queue_ping(survivor), -EIO);
    redis_fixture_restart(&durable, true);
    const struct queue_stats stats = balanced_stats(survivor);

    assert_int_equal(stats.accepted, 20);
    assert_int_equal(stats.delivered, 1);
    queue_close(&survivor);
    redis_fixture_stop(&durable);
}

static void
a_connection_that_died_between_calls_is_replaced(void **state)
{
    (void)state;
    (void)REDIS_DO(&redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    assert_int_equal(queue_ping(queue), QUEUE_OK);
}

static void
nobody_listening_is_an_io_error(void **state)
{
    static const char *const urls[] = {
        "unix:///tmp/fb-no-such.sock", "redis://127.0.0.1:1"};

    (void)state;
    for (size_t i = 0; i < LENGTH(urls); i++) {
        struct queue_options options = default_options(NULL);

        options.url = urls[i];
        struct queue *none = open_queue(&options);

        assert_int_equal(queue_ping(none), -EIO);
        assert_true(strlen(queue_error(none)) > 20);
        queue_close(&none);
    }
}

/* ---- forgetful and locked ---------------------------------------------------------------- */

static void
forgotten_scripts_are_loaded_again(void **state)
{
    (void)state;
    (void)REDIS_DO(&redis, "SCRIPT", "FLUSH");
    (void)put_one(queue, TASK, "taskrouter", "signed");
    (void)REDIS_DO(&redis, "SCRIPT", "FLUSH");
    struct queue_record *record = claim_one(queue);

    assert_non_null(record);
    (void)REDIS_DO(&redis, "SCRIPT", "FLUSH");
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    (void)REDIS_DO(&redis, "SCRIPT", "FLUSH");
    assert_int_equal(balanced_stats(queue).delivered, 1);
}

static void
logs_in_and_never_shows_the_password(void **state)
{
    static const struct {
        const char *login;
        int expected;
    } cases[] = {
        {"?password=s3cret%2Fword", QUEUE_OK},
        {"?user=events&password=s3cret%2Fword&db=3", QUEUE_OK},
        {"?password=wr0ng", QUEUE_E_REFUSED},
        {"", QUEUE_E_REFUSED},
    };

    (void)state;
    (void)REDIS_DO(
        &redis, "ACL", "SETUSER", "events", "on", ">s3cret/word", "~*", "+@all");
    (void)REDIS_DO(&redis, "CONFIG", "SET", "requirepass", "s3cret/word");
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char url[200];
        struct queue_options options = default_options(NULL);

        (void)snprintf(url, sizeof(url), "%s%s", redis.url, cases[i].login);
        options.url = url;
        struct queue *locked = open_queue(&options);

        assert_int_equal(queue_ping(locked), cases[i].expected);
        assert_null(strstr(queue_error(locked), "s3cret"));
        assert_null(strstr(queue_error(locked), "wr0ng"));
        queue_close(&locked);
    }
    (void)REDIS_DO(&redis, "CONFIG", "SET", "requirepass", "");
    (void)REDIS_DO(&redis, "SELECT", "3");
    assert_int_equal(REDIS_NUMBER(&redis, "HGET", "fb:meta", "partitions"), 1);
    (void)REDIS_DO(&redis, "SELECT", "0");
}

static void
refuses_options_that_make_no_sense(void **state)
{
    static const struct {
        const char *consumer;
        const char *url;
        unsigned partitions;
        int expected;
    } cases[] = {
        {"a/b", "redis://h", 1, -EINVAL},
        {"a b", "redis://h", 1, -EINVAL},
        {"", "redis://h", 1, -EINVAL},
        {"a", "redis://h", 0, -EINVAL},
        {"a", "redis://h", QUEUE_PARTITIONS_MAX + 1, -EINVAL},
        {"a", "http://h", 1, QUEUE_E_URL},
        {"a", "redis://h", QUEUE_PARTITIONS_MAX, QUEUE_OK},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct queue_options options = default_options(cases[i].consumer);
        struct queue *opened = NULL;
        char error[QUEUE_ERROR_SIZE] = "";

        options.partitions = cases[i].partitions;
        options.url = cases[i].url;
        assert_int_equal(queue_open(&options, &opened, error), cases[i].expected);
        assert_int_equal(opened != NULL, cases[i].expected == QUEUE_OK);
        assert_int_equal(error[0] == '\0', cases[i].expected == QUEUE_OK);
        queue_close(&opened);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(over_maxmemory_puts_are_refused_whole),
        TEST(over_maxmemory_workers_still_drain),
        TEST(a_hung_redis_costs_no_more_than_the_timeout),
        TEST(a_call_given_up_is_not_sent_on),
        TEST(a_late_answer_meets_nobody),
        TEST(what_was_put_survives_kill_9),
        TEST(a_connection_that_died_between_calls_is_replaced),
        TEST(nobody_listening_is_an_io_error),
        TEST(forgotten_scripts_are_loaded_again),
        TEST(logs_in_and_never_shows_the_password),
        TEST(refuses_options_that_make_no_sense),
    };

    return cmocka_run_group_tests_name("queue_fault", tests, start_redis, stop_redis);
}
