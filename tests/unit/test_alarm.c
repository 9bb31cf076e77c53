/*
 * test_alarm.c - when mismatches become an alarm, and what ends it.
 */
#include <pthread.h>

#include "server/ops/log.h"
#include "server/ops/metrics.h"
#include "server/proof/alarm.h"
#include "tests/unit/unit.h"

enum {
    THREADS = 4,
    ROUNDS = 20000,
};

/* The alarm is the process's, so each test goes on where the last one ended. */
static int64_t now_us = US_PER_S;

static int64_t
gauge(void)
{
    return counter_get(metrics_counter(METRIC_SIGNATURES_FAILING, NULL, NULL));
}

static void
pass(int64_t seconds)
{
    now_us += seconds * US_PER_S;
}

static void
mismatch(int times)
{
    for (int i = 0; i < times; i++) {
        alarm_mismatch(now_us);
    }
}

/* First: there never was a right signature. */
static void
alarms_when_none_has_ever_verified(void **state)
{
    (void)state;
    alarm_open();
    mismatch(ALARM_MISMATCHES - 1);
    assert_int_equal(gauge(), 0);
    mismatch(1);
    assert_int_equal(gauge(), 1);
    mismatch(1000);
    assert_int_equal(gauge(), 1);
}

static void
a_right_signature_ends_it(void **state)
{
    (void)state;
    mismatch(ALARM_MISMATCHES);
    alarm_verified(now_us);
    assert_int_equal(gauge(), 0);
}

static void
cannot_be_raised_while_others_verify(void **state)
{
    (void)state;
    alarm_verified(now_us);
    for (int i = 0; i < 100; i++) {
        pass(ALARM_QUIET_S);
        mismatch(1000);
        assert_int_equal(gauge(), 0);
        alarm_verified(now_us);
    }
}

static void
needs_both_the_number_and_the_silence(void **state)
{
    (void)state;
    alarm_verified(now_us);
    mismatch(1000);
    assert_int_equal(gauge(), 0);
    pass(ALARM_QUIET_S);
    mismatch(1);
    assert_int_equal(gauge(), 0);
    pass(1);
    mismatch(1);
    assert_int_equal(gauge(), 1);

    alarm_verified(now_us);
    pass(2 * ALARM_QUIET_S);
    mismatch(ALARM_MISMATCHES - 1);
    assert_int_equal(gauge(), 0);
    mismatch(1);
    assert_int_equal(gauge(), 1);
    alarm_verified(now_us);
}

static void *
call_both(void *context)
{
    (void)context;
    for (int i = 0; i < ROUNDS; i++) {
        alarm_mismatch(now_us + (int64_t)i * US_PER_S);
        if (i % 50 == 0) {
            alarm_verified(now_us + (int64_t)i * US_PER_S);
        }
    }
    return NULL;
}

static void
stays_consistent_between_loops(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    log_set_level(LOG_ERROR);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, call_both, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    pass(2 * ROUNDS);
    alarm_mismatch(now_us);
    alarm_verified(now_us);
    assert_int_equal(gauge(), 0);
    mismatch(1000);
    assert_int_equal(gauge(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alarms_when_none_has_ever_verified),
        cmocka_unit_test(a_right_signature_ends_it),
        cmocka_unit_test(cannot_be_raised_while_others_verify),
        cmocka_unit_test(needs_both_the_number_and_the_silence),
        cmocka_unit_test(stays_consistent_between_loops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
