/*
 * test_group_commit.c - puts for an event loop.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "queue/group_commit.h"
#include "tests/unit/queue_helpers.h"

enum {
    UNITS_MAX = 1000,
    PATIENCE_US = 5 * 1000 * 1000,
    TIMEOUT_MS = 300,
    NOT_DONE = 12345,
};

struct test_unit {
    struct commit_unit unit;
    struct queue_put put;
    char key[32];
    int status;
    int order; /* when it was done, from 1 */
};

static struct test_unit units[UNITS_MAX];
static int done_count;
static struct group_commit *commit;

static struct group_commit *
open_commit(const char *url, unsigned partitions)
{
    struct queue_options options = default_options(NULL);
    struct group_commit *opened = NULL;
    char error[QUEUE_ERROR_SIZE] = "";

    options.url = url;
    options.partitions = partitions;
    options.timeout_ms = TIMEOUT_MS;
    if (group_commit_open(&options, &opened, error) != QUEUE_OK) {
        fail_msg("%s", error);
    }
    return opened;
}

static int
set_up(void **state)
{
    (void)empty_redis(state);
    memset(units, 0, sizeof(units));
    done_count = 0;
    commit = open_commit(redis.url, 1);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    group_commit_close(&commit);
    return 0;
}

static void
on_done(struct commit_unit *unit, int status)
{
    struct test_unit *test = (struct test_unit *)unit;

    assert_int_equal(test->status, NOT_DONE);
    test->status = status;
    test->order = ++done_count;
}

static struct test_unit *
add(size_t index)
{
    struct test_unit *test = &units[index];

    (void)snprintf(test->key, sizeof(test->key), "task.completed/WT%zu", index);
    test->put = (struct queue_put){.key = slice_of(test->key),
        .subject = slice_of(test->key + strlen("task.completed/")),
        .route = slice_of("taskrouter"),
        .bytes = slice_of("signed")};
    test->unit =
        (struct commit_unit){.puts = &test->put, .put_count = 1, .done = on_done};
    test->status = NOT_DONE;
    group_commit_add(commit, &test->unit);
    return test;
}

/* One turn of an event loop. */
static void
turn(int wait_max_ms)
{
    const int timeout_ms = group_commit_timeout_ms(commit, redis_now_us());
    struct pollfd ready = {.fd = group_commit_fd(commit),
        .events = (short)(POLLIN | (group_commit_wants_write(commit) ? POLLOUT : 0))};

    (void)poll(
        &ready, 1, timeout_ms < 0 || timeout_ms > wait_max_ms ? wait_max_ms : timeout_ms);
    group_commit_run(commit, redis_now_us());
}

static void
run_until_done(void)
{
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    while (group_commit_waiting(commit) > 0) {
        turn(100);
        assert_true(redis_now_us() < end_us);
    }
}

static void
run_until_healthy(bool healthy)
{
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    while (group_commit_healthy(commit) != healthy) {
        turn(100);
        assert_true(redis_now_us() < end_us);
    }
}

static int64_t
stored(void)
{
    return REDIS_NUMBER(&redis, "XLEN", "fb:{0}:stream");
}

/* ---- batching ---------------------------------------------------------------------------- */

static void
many_units_take_few_calls(void **state)
{
    (void)state;
    run_until_healthy(true);
    const int64_t before = redis_fixture_calls(&redis, "evalsha");

    for (size_t i = 0; i < UNITS_MAX; i++) {
        (void)add(i);
    }
    run_until_done();
    for (size_t i = 0; i < UNITS_MAX; i++) {
        assert_int_equal(units[i].status, 0);
        assert_int_equal(units[i].put.result, QUEUE_PUT_NEW);
        assert_int_equal(units[i].order, i + 1);
    }
    assert_int_equal(stored(), UNITS_MAX);
    assert_int_equal(redis_fixture_calls(&redis, "evalsha") - before,
        (UNITS_MAX + GROUP_COMMIT_EVENTS_MAX - 1) / GROUP_COMMIT_EVENTS_MAX);
}

static void
what_gathers_during_a_call_goes_out_together(void **state)
{
    (void)state;
    run_until_healthy(true);
    const int64_t before = redis_fixture_calls(&redis, "evalsha");

    (void)add(0);
    group_commit_run(commit, redis_now_us()); /* sent */
    for (size_t i = 1; i <= 50; i++) {
        (void)add(i);
    }
    run_until_done();
    assert_int_equal(stored(), 51);
    assert_int_equal(redis_fixture_calls(&redis, "evalsha") - before, 2);
}

static void
keeps_the_order_of_puts(void **state)
{
    (void)state;
    for (size_t i = 0; i < 300; i++) {
        (void)add(i);
    }
    run_until_done();
    struct queue *worker = open_worker("worker-1");

    for (size_t i = 0; i < 300; i++) {
        struct queue_record *record = claim_one(worker);

        assert_string_equal(record->key, units[i].key);
        queue_record_free(&record);
    }
    queue_close(&worker);
}

static void
a_large_unit_is_done_when_all_of_it_is_stored(void **state)
{
    enum {
        COUNT = GROUP_COMMIT_EVENTS_MAX * 3 + 7,
    };
    static char keys[COUNT][16];
    static struct queue_put puts[COUNT];
    struct test_unit large = {
        .unit = {.puts = puts, .put_count = COUNT, .done = on_done}, .status = NOT_DONE};

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k/%zu", i);
        puts[i] = (struct queue_put){.key = slice_of(keys[i]),
            .bytes = slice_of("x"),
            .result = QUEUE_PUT_DUPLICATE};
    }
    (void)add(0);
    group_commit_add(commit, &large.unit);
    (void)add(1);
    run_until_done();
    assert_int_equal(large.status, 0);
    assert_int_equal(large.order, 2);
    assert_int_equal(units[1].order, 3);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(puts[i].result, QUEUE_PUT_NEW);
    }
    assert_int_equal(stored(), COUNT + 2);
}

static void
a_put_larger_than_a_round_goes_alone(void **state)
{
    static char bytes[GROUP_COMMIT_BYTES_MAX * 2];

    (void)state;
    run_until_healthy(true);
    const int64_t before = redis_fixture_calls(&redis, "evalsha");

    memset(bytes, 'x', sizeof(bytes));
    for (size_t i = 0; i < 3; i++) {
        add(i)->put.bytes = (struct slice){.data = bytes, .size = sizeof(bytes)};
    }
    run_until_done();
    assert_int_equal(stored(), 3);
    assert_int_equal(redis_fixture_calls(&redis, "evalsha") - before, 3);
    assert_int_equal(
        REDIS_NUMBER(&redis, "HSTRLEN", "fb:{0}:r:task.completed/WT1", "r:taskrouter"),
        sizeof(bytes));
}

static void
a_unit_without_puts_is_done(void **state)
{
    struct test_unit empty = {.unit = {.done = on_done}, .status = NOT_DONE};

    (void)state;
    (void)add(0);
    group_commit_add(commit, &empty.unit);
    (void)add(1);
    run_until_done();
    assert_int_equal(empty.status, 0);
    assert_int_equal(units[1].status, 0);
}

static void
tells_duplicates_and_merged_routes(void **state)
{
    (void)state;
    (void)add(0);
    (void)add(1);
    units[1].put.key = units[0].put.key;
    (void)add(2);
    units[2].put.key = units[0].put.key;
    units[2].put.route = slice_of("plugin");
    run_until_done();
    assert_int_equal(units[0].put.result, QUEUE_PUT_NEW);
    assert_int_equal(units[1].put.result, QUEUE_PUT_DUPLICATE);
    assert_int_equal(units[2].put.result, QUEUE_PUT_MERGED);
}

static void
spreads_over_sixteen_partitions(void **state)
{
    struct queue_options options = default_options(NULL);

    (void)state;
    group_commit_close(&commit);
    (void)empty_redis(NULL);
    commit = open_commit(redis.url, 16);
    for (size_t i = 0; i < 200; i++) {
        (void)add(i);
    }
    run_until_done();
    options.partitions = 16;
    struct queue *queue = open_queue(&options);

    assert_int_equal(balanced_stats(queue).accepted, 200);
    for (size_t i = 0; i < 200; i++) {
        char key[64];

        assert_int_equal(units[i].status, 0);
        (void)snprintf(key, sizeof(key), "fb:{%u}:r:%s",
            queue_partition(units[i].put.subject, 16), units[i].key);
        assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", key), 1);
    }
    queue_close(&queue);
}

/* ---- callbacks --------------------------------------------------------------------------- */

static void
add_another(struct commit_unit *unit, int status)
{
    on_done(unit, status);
    if (done_count < 5) {
        add((size_t)done_count)->unit.done = add_another;
    }
}

static void
done_may_add_units(void **state)
{
    (void)state;
    add(0)->unit.done = add_another;
    run_until_done();
    assert_int_equal(done_count, 5);
    assert_int_equal(stored(), 5);
}

/* A failure must not loop in done() calls that add and fail again at once. */
static void
done_may_add_units_when_redis_is_gone(void **state)
{
    (void)state;
    group_commit_close(&commit);
    commit = open_commit("unix:///tmp/fb-no-such.sock", 1);
    add(0)->unit.done = add_another;
    run_until_done();
    assert_int_equal(done_count, 5);
    assert_int_equal(units[4].status, -EIO);
}

static void
close_cancels_what_waits(void **state)
{
    (void)state;
    run_until_healthy(true);
    redis_fixture_signal(&redis, SIGSTOP);
    (void)add(0);
    group_commit_run(commit, redis_now_us()); /* under way */
    (void)add(1);
    group_commit_close(&commit);
    redis_fixture_signal(&redis, SIGCONT);
    assert_int_equal(units[0].status, -ECANCELED);
    assert_int_equal(units[1].status, -ECANCELED);
}

/* ---- faults ------------------------------------------------------------------------------ */

static void
a_hung_redis_fails_the_units_in_time(void **state)
{
    (void)state;
    run_until_healthy(true);
    redis_fixture_signal(&redis, SIGSTOP);
    const int64_t start_us = redis_now_us();

    for (size_t i = 0; i < 600; i++) { /* a round, and more than a round */
        (void)add(i);
    }
    run_until_done();
    const int64_t took_us = redis_now_us() - start_us;

    redis_fixture_signal(&redis, SIGCONT);
    assert_in_range(took_us, TIMEOUT_MS * 1000, 3 * TIMEOUT_MS * 1000);
    for (size_t i = 0; i < 600; i++) {
        assert_int_equal(units[i].status, -ETIMEDOUT);
    }
    assert_false(group_commit_healthy(commit));
    run_until_healthy(true);
    (void)add(700);
    run_until_done();
    assert_int_equal(units[700].status, 0);
}

static void
a_unit_that_comes_during_the_first_connect_may_wait(void **state)
{
    (void)state;
    redis_fixture_signal(&redis, SIGSTOP);
    (void)add(0);
    turn(0);
    assert_int_equal(units[0].status, NOT_DONE);
    redis_fixture_signal(&redis, SIGCONT);
    run_until_done();
    assert_int_equal(units[0].status, 0);
}

static void
units_fail_at_once_while_redis_is_known_to_be_away(void **state)
{
    (void)state;
    redis_fixture_signal(&redis, SIGSTOP);
    (void)add(0);
    run_until_done(); /* the greeting timed out */
    assert_int_equal(units[0].status, -ETIMEDOUT);
    for (size_t i = 1; i < 20; i++) {
        const int64_t start_us = redis_now_us();

        (void)add(i);
        assert_int_equal(group_commit_timeout_ms(commit, redis_now_us()), 0);
        group_commit_run(commit, redis_now_us());
        assert_int_equal(units[i].status, -ETIMEDOUT);
        assert_true(redis_now_us() - start_us < TIMEOUT_MS * 1000L);
    }
    redis_fixture_signal(&redis, SIGCONT);
    run_until_healthy(true);
}

static void
survives_kill_9_of_redis(void **state)
{
    struct redis_fixture durable;
    size_t acknowledged = 0;

    (void)state;
    redis_fixture_start(&durable, true);
    group_commit_close(&commit);
    commit = open_commit(durable.url, 1);
    (void)add(0);
    run_until_done();
    for (size_t i = 1; i < 500; i++) {
        (void)add(i);
        if (i % 50 == 0) {
            turn(10);
        }
    }
    redis_fixture_kill(&durable);
    run_until_done();
    assert_false(group_commit_healthy(commit));
    redis_fixture_restart(&durable, true);
    for (size_t i = 0; i < 500; i++) {
        char key[64];

        (void)snprintf(key, sizeof(key), "fb:{0}:r:%s", units[i].key);
        if (units[i].status == 0) {
            acknowledged++;
            assert_int_equal(REDIS_NUMBER(&durable, "EXISTS", key), 1);
        }
    }
    assert_in_range(acknowledged, 1, 499);
    run_until_healthy(true);
    (void)add(600);
    run_until_done();
    assert_int_equal(units[600].status, 0);
    group_commit_close(&commit);
    redis_fixture_stop(&durable);
}

static void
a_refusal_fails_the_round_and_readiness_comes_back_by_itself(void **state)
{
    (void)state;
    run_until_healthy(true);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    (void)add(0);
    run_until_done();
    assert_int_equal(units[0].status, QUEUE_E_REFUSED);
    assert_non_null(strstr(group_commit_error(commit), "OOM"));
    assert_false(group_commit_healthy(commit));
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    run_until_healthy(true);
    assert_int_equal(stored(), 0);
}

static void
notices_without_traffic_that_puts_would_be_refused(void **state)
{
    (void)state;
    run_until_healthy(true);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    run_until_healthy(false);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
}

static void
loads_forgotten_scripts_and_sends_again(void **state)
{
    (void)state;
    run_until_healthy(true);
    (void)REDIS_DO(&redis, "SCRIPT", "FLUSH");
    for (size_t i = 0; i < 200; i++) {
        (void)add(i);
    }
    run_until_done();
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(units[i].status, 0);
        assert_int_equal(units[i].put.result, QUEUE_PUT_NEW);
    }
    assert_int_equal(stored(), 200);
}

static void
sets_an_emptied_redis_up_again(void **state)
{
    (void)state;
    run_until_healthy(true);
    (void)REDIS_DO(&redis, "FLUSHALL");
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    while (REDIS_NUMBER(&redis, "HGET", "fb:meta", "partitions") != 1) {
        turn(100);
        assert_true(redis_now_us() < end_us);
    }
}

static void
another_partition_count_is_refused(void **state)
{
    (void)state;
    run_until_healthy(true);
    struct group_commit *first = commit;

    commit = open_commit(redis.url, 2);
    (void)add(0);
    run_until_done();
    assert_int_equal(units[0].status, QUEUE_E_PARTITIONS);
    assert_false(group_commit_healthy(commit));
    group_commit_close(&commit);
    commit = first;
}

/* The owner sees -1 after a loss, before a new descriptor that may have the same number. */
static void
a_lost_connection_shows_as_no_descriptor(void **state)
{
    (void)state;
    run_until_healthy(true);
    assert_true(group_commit_fd(commit) >= 0);
    (void)REDIS_DO(&redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    while (group_commit_fd(commit) >= 0) {
        turn(100);
        assert_true(redis_now_us() < end_us);
    }
    assert_int_equal(group_commit_timeout_ms(commit, redis_now_us()), 0);
    run_until_healthy(true);
    assert_true(group_commit_fd(commit) >= 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(many_units_take_few_calls),
        TEST(what_gathers_during_a_call_goes_out_together),
        TEST(keeps_the_order_of_puts),
        TEST(a_large_unit_is_done_when_all_of_it_is_stored),
        TEST(a_put_larger_than_a_round_goes_alone),
        TEST(a_unit_without_puts_is_done),
        TEST(tells_duplicates_and_merged_routes),
        TEST(spreads_over_sixteen_partitions),
        TEST(done_may_add_units),
        TEST(done_may_add_units_when_redis_is_gone),
        TEST(close_cancels_what_waits),
        TEST(a_hung_redis_fails_the_units_in_time),
        TEST(a_unit_that_comes_during_the_first_connect_may_wait),
        TEST(units_fail_at_once_while_redis_is_known_to_be_away),
        TEST(survives_kill_9_of_redis),
        TEST(a_refusal_fails_the_round_and_readiness_comes_back_by_itself),
        TEST(notices_without_traffic_that_puts_would_be_refused),
        TEST(loads_forgotten_scripts_and_sends_again),
        TEST(sets_an_emptied_redis_up_again),
        TEST(another_partition_count_is_refused),
        TEST(a_lost_connection_shows_as_no_descriptor),
    };

    return cmocka_run_group_tests_name("group_commit", tests, start_redis, stop_redis);
}
