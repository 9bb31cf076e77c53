/*
 * test_group_commit.c - puts for an event loop: batches, order, callbacks.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/commit_fixture.h"

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
    struct test_unit large = {.unit = {.puts = puts,
                                  .put_count = COUNT,
                                  .done = on_done,
                                  .deadline_us = INT64_MAX},
        .status = NOT_DONE};

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
        prepare(i)->put.bytes = (struct slice){.data = bytes, .size = sizeof(bytes)};
        group_commit_add(commit, &units[i].unit);
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
    struct test_unit empty = {
        .unit = {.done = on_done, .deadline_us = INT64_MAX}, .status = NOT_DONE};

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

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, commit_set_up, commit_tear_down)
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
    };

    return cmocka_run_group_tests_name("group_commit", tests, start_redis, stop_redis);
}
