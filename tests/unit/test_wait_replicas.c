/*
 * test_wait_replicas.c - with wait_replicas only what replicas have is acknowledged.
 */
#include <signal.h>
#include <string.h>

#include "queue/witness.h"
#include "tests/unit/failover_fixture.h"

#define WAIT "?wait_replicas=1"

static void
wait_until_in_step(void)
{
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    become_replica(&other, redis_port);
    while (REDIS_NUMBER(&redis, "WAIT", "1", "100") < 1) {
        assert_true(redis_now_us() < end_us);
    }
}

static void
what_a_replica_has_is_acknowledged(void **state)
{
    (void)state;
    wait_until_in_step();
    commit = open_patient_commit(WAIT);
    (void)add(0);
    run_until_done();
    assert_int_equal(units[0].status, 0);
    assert_int_equal(REDIS_NUMBER(&other, "XLEN", "fb:{0}:stream"), 1);
}

static void
what_no_replica_has_is_not_and_a_copy_of_it_neither(void **state)
{
    (void)state;
    wait_until_in_step();
    commit = open_commit(sentinel_url("", WAIT), 1); /* waits for 150 ms */
    run_until_healthy(true);
    redis_fixture_signal(&other, SIGSTOP);
    for (int i = 0; i < 2;
         i++) { /* the second is there already, but not at the replica */
        (void)add(0);
        run_until_done();
        assert_int_equal(units[0].status, QUEUE_E_REFUSED);
        assert_non_null(strstr(group_commit_error(commit), "too few replicas"));
        assert_false(group_commit_healthy(commit));
        assert_int_equal(stored(), 1);
    }
    redis_fixture_signal(&other, SIGCONT);
    run_until_healthy(true);
    (void)add(0);
    run_until_done();
    assert_int_equal(units[0].status, 0);
    assert_int_equal(units[0].put.result, QUEUE_PUT_DUPLICATE);
}

static void
without_a_replica_it_is_noticed_without_traffic(void **state)
{
    (void)state;
    commit = open_commit(sentinel_url("", WAIT), 1);
    run_until_healthy(true); /* as far as the greeting can tell */
    run_until_healthy(false);
}

static void
calls_that_put_wait_too(void **state)
{
    struct queue_put put = {.key = slice_of("a/b"),
        .subject = slice_of("b"),
        .route = slice_of("r"),
        .bytes = slice_of("x")};
    struct queue *queue = open_via_sentinels(WAIT);

    (void)state;
    assert_int_equal(queue_put(queue, &put, 1), QUEUE_E_REFUSED);
    assert_non_null(strstr(queue_error(queue), "too few replicas"));
    wait_until_in_step();
    assert_int_equal(queue_put(queue, &put, 1), QUEUE_OK);
    assert_int_equal(put.result, QUEUE_PUT_DUPLICATE);
    assert_int_equal(queue_ping(queue), QUEUE_OK);
    queue_close(&queue);
}

/* A master that was cut off stores, and acknowledges nothing: its successor lacks nothing. */
static void
a_witness_counts_only_what_replicas_have(void **state)
{
    struct queue_witness witness = {.name = "00000000000000aa"};
    struct queue_look look;
    struct queue_put put = {.key = slice_of("a/b"),
        .subject = slice_of("b"),
        .route = slice_of("r"),
        .bytes = slice_of("x")};
    struct queue_options options = default_options(NULL);

    (void)state;
    wait_until_in_step();
    options.url = sentinel_url("", WAIT);
    options.timeout_ms = 300;
    struct queue *queue = open_queue(&options);

    while (queue_put(queue, &put, 1) != QUEUE_OK) {
        /* a busy machine */
    }
    do {
        assert_int_equal(queue_witness_look(queue, &witness, &look), QUEUE_OK);
    } while (witness.marks[0] == 0);
    redis_fixture_signal(&other, SIGSTOP);
    put.key = slice_of("c/b");
    assert_int_not_equal(queue_put(queue, &put, 1), QUEUE_OK);
    assert_int_equal(queue_witness_look(queue, &witness, &look), QUEUE_OK);
    assert_int_equal(look.sight, QUEUE_SIGHT_FINE);
    assert_int_equal(witness.marks[0], 1);
    /* what went back is seen all the same */
    (void)REDIS_DO(&redis, "HSET", "fb:{0}:stats", "accepted", "0");
    (void)REDIS_DO(&redis, "DEL", "fb:{0}:witnesses");
    assert_int_equal(queue_witness_look(queue, &witness, &look), QUEUE_OK);
    assert_int_equal(look.sight, QUEUE_SIGHT_WENT_BACK);
    assert_int_equal(witness.marks[0], 0);
    redis_fixture_signal(&other, SIGCONT);
    queue_close(&queue);
}

static void
forgotten_scripts_are_loaded_all_the_same(void **state)
{
    (void)state;
    wait_until_in_step();
    commit = open_patient_commit(WAIT);
    run_until_healthy(true);
    (void)REDIS_DO(&redis, "SCRIPT", "FLUSH");
    (void)add(0);
    run_until_done();
    assert_int_equal(units[0].status, 0);
    assert_int_equal(units[0].put.result, QUEUE_PUT_NEW);
}

int
main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, failover_set_up, commit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_a_replica_has_is_acknowledged),
        TEST(what_no_replica_has_is_not_and_a_copy_of_it_neither),
        TEST(without_a_replica_it_is_noticed_without_traffic),
        TEST(calls_that_put_wait_too),
        TEST(a_witness_counts_only_what_replicas_have),
        TEST(forgotten_scripts_are_loaded_all_the_same),
    };

    return cmocka_run_group_tests_name(
        "wait_replicas", tests, failover_start, failover_stop);
}
