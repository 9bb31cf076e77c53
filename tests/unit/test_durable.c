/*
 * test_durable.c - a loop's units: in Redis, in the spool when Redis is away, and back.
 */
#include <errno.h>

#include "server/ops/clock.h"
#include "server/ops/metrics.h"
#include "tests/unit/durable_fixture.h"

/* ---- with Redis ---------------------------------------------------------------------------- */

static void
with_redis_there_the_spool_is_not_used(void **state)
{
    (void)state;
    for (size_t i = 0; i < 300; i++) {
        add(i);
    }
    run_until_done();
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(statuses[i], 0);
        assert_int_equal(results[i], QUEUE_PUT_NEW);
    }
    assert_stored_in_order(300);
    assert_true(durable_ready(durable));
}

/* ---- away and back ------------------------------------------------------------------------- */

static void
what_a_hanging_redis_does_not_answer_is_spooled_in_time_and_in_order(void **state)
{
    size_t next = 300;

    (void)state;
    add(0);
    run_until_done();
    away();
    const int64_t start_us = clock_monotonic_us();

    for (size_t i = 1; i < 200; i++) { /* more than one call takes */
        add(i);
    }
    run_until_done();
    assert_true(clock_monotonic_us() - start_us < BUDGET_US);
    for (size_t i = 200; i < 300; i++) {
        add(i);
        turn();
    }
    run_until_done();
    for (size_t i = 1; i < 300; i++) {
        assert_int_equal(statuses[i], 0);
        assert_int_equal(results[i], QUEUE_PUT_SPOOLED);
    }
    assert_int_equal(spooler_waiting(spooler), 299);
    assert_true(durable_ready(durable));
    back();
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_stored_in_order(next);
}

static void
units_added_while_it_drains_do_not_overtake(void **state)
{
    size_t next = 200;

    (void)state;
    add(0);
    run_until_done();
    away();
    for (size_t i = 1; i < 200; i++) {
        add(i);
    }
    run_until_done();
    back();
    while (spooler_waiting(spooler) > 0 && next < UNITS_MAX - 50) {
        add(next++);
        turn();
    }
    run_until_done();
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_stored_in_order(next);
}

static void
a_refusal_is_spooled_and_the_same_event_again_is_a_duplicate(void **state)
{
    size_t next = 2;

    (void)state;
    add(0);
    run_until_done();
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    add(1);
    run_until_done();
    add(1);
    run_until_done();
    assert_int_equal(statuses[1], 0);
    assert_int_equal(results[1], QUEUE_PUT_DUPLICATE);
    assert_int_equal(spooler_waiting(spooler), 1);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_stored_in_order(next);
}

/* It answers, and is left alone all the same: what is left of it is for the workers. */
static void
a_redis_that_is_nearly_full_is_spared_until_it_has_room(void **state)
{
    size_t next = 0;

    (void)state;
    add_until_passed(&next);
    run_until_drained();
    const size_t first = next;

    atomic_store(&redis_is_full, true);
    for (; next < first + 20; next++) {
        add_for(next, PATIENCE_US);
        run_until_done();
        assert_int_equal(statuses[next], 0);
        assert_int_equal(results[next], QUEUE_PUT_SPOOLED);
    }
    const int64_t end_us = clock_monotonic_us() + 200 * 1000;

    while (clock_monotonic_us() < end_us) { /* nor is anything drained into it */
        turn();
    }
    assert_int_equal(spooler_waiting(spooler), 20);
    assert_stored_in_order(first);
    assert_true(durable_ready(durable));
    atomic_store(&redis_is_full, false);
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_stored_in_order(next);
}

static void
what_waits_behind_a_refusal_does_not_overtake_it(void **state)
{
    (void)state;
    add(0);
    run_until_done();
    (void)REDIS_DO(&redis, "SET", "fb:{0}:r:task.completed/WT0001", "in the way");
    add(1);
    turn();
    add(2); /* while the first is on its way */
    run_until_done();
    (void)REDIS_DO(&redis, "DEL", "fb:{0}:r:task.completed/WT0001");
    run_until_drained();
    assert_stored_in_order(3);
}

/* Its key was overwritten by somebody: Redis refuses it, and whatever is in the same call. */
static void
what_redis_refuses_for_good_does_not_hold_up_the_rest(void **state)
{
    size_t next = 10;

    (void)state;
    add(0);
    run_until_done();
    (void)REDIS_DO(&redis, "SET", "fb:{0}:r:task.completed/WT0005", "in the way");
    for (size_t i = 1; i < 10; i++) {
        add(i);
    }
    run_until_done();
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_int_equal(REDIS_NUMBER(&redis, "XLEN", "fb:{0}:stream"), next - 1);
    (void)REDIS_DO(&redis, "DEL", "fb:{0}:r:task.completed/WT0005");
    reopen();
    const int64_t end_us = clock_monotonic_us() + PATIENCE_US;

    while (REDIS_NUMBER(&redis, "XLEN", "fb:{0}:stream") < (int64_t)next) {
        assert_int_equal(spooler_waiting(spooler), 0); /* it is in nobody's way */
        turn();
        assert_true(clock_monotonic_us() < end_us);
    }
}

/* What is refused is not the event: nothing is set aside, and the order is kept. */
static void
a_redis_that_refuses_every_event_sets_none_aside(void **state)
{
    const struct counter *aside = metrics_counter(METRIC_SPOOL_ASIDE, NULL, NULL);
    const int64_t errors = counter_get(metrics_counter(METRIC_SPOOL_ERRORS, NULL, NULL));
    size_t next = 4;

    (void)state;
    add(0);
    run_until_done();
    (void)REDIS_DO(&redis, "RENAME", "fb:{0}:stream", "kept");
    (void)REDIS_DO(&redis, "SET", "fb:{0}:stream", "in the way");
    for (size_t i = 1; i < next; i++) {
        add(i);
    }
    run_until_done();
    const int64_t end_us = clock_monotonic_us() + 6 * 1000 * 1000;

    while (clock_monotonic_us() <
           end_us) { /* the first is passed over, and all the others */
        turn();
    }
    assert_int_equal(spooler_waiting(spooler), next - 1);
    assert_int_equal(counter_get(aside), 0);
    (void)REDIS_DO(&redis, "DEL", "fb:{0}:stream");
    (void)REDIS_DO(&redis, "RENAME", "kept", "fb:{0}:stream");
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_int_equal(REDIS_NUMBER(&redis, "XLEN", "fb:{0}:stream"), next);
    assert_int_equal(counter_get(aside), 0);
    assert_int_equal(
        counter_get(metrics_counter(METRIC_SPOOL_ERRORS, NULL, NULL)), errors);
}

/* Redis closes the connection on a put that is too large for it. */
static void
what_breaks_the_connection_each_time_does_not_hold_up_the_rest(void **state)
{
    size_t next = 4;

    (void)state;
    add(0);
    run_until_done();
    (void)REDIS_DO(&redis, "CONFIG", "SET", "proto-max-bulk-len", "1mb");
    add(1);
    add_bytes(2, filled(2 * 1024 * 1024), BUDGET_US);
    add(3);
    run_until_done();
    run_until_drained();
    add_until_passed(&next);
    run_until_drained();
    assert_int_equal(REDIS_NUMBER(&redis, "XLEN", "fb:{0}:stream"), next - 1);
    assert_int_equal(counter_get(metrics_counter(METRIC_SPOOL_ASIDE, NULL, NULL)), 1);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "proto-max-bulk-len", "512mb");
}

static void
without_a_spool_a_failure_is_told(void **state)
{
    (void)state;
    durable_close(&durable);
    durable = open_durable(NULL);
    add(0);
    run_until_done();
    assert_int_equal(statuses[0], 0);
    away();
    add(1);
    run_until_done();
    assert_int_equal(statuses[1], -ETIMEDOUT);
    assert_false(durable_ready(durable));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(with_redis_there_the_spool_is_not_used),
        TEST(what_a_hanging_redis_does_not_answer_is_spooled_in_time_and_in_order),
        TEST(units_added_while_it_drains_do_not_overtake),
        TEST(a_refusal_is_spooled_and_the_same_event_again_is_a_duplicate),
        TEST(a_redis_that_is_nearly_full_is_spared_until_it_has_room),
        TEST(what_waits_behind_a_refusal_does_not_overtake_it),
        TEST(what_redis_refuses_for_good_does_not_hold_up_the_rest),
        TEST(a_redis_that_refuses_every_event_sets_none_aside),
        TEST(what_breaks_the_connection_each_time_does_not_hold_up_the_rest),
        TEST(without_a_spool_a_failure_is_told),
    };

    return cmocka_run_group_tests_name("durable", tests, stand_between, stop_redis);
}
