/*
 * test_pace.c - the token bucket, without a clock.
 */
#include <math.h>

#include "server/deliver/pace.h"
#include "tests/unit/unit.h"

static const int64_t second_us = 1000000;
static const int64_t ms_us = 1000;
static const int64_t now_unix_ms = 1780000000000;

/* Requests that may start from `from_us` on, within `duration_us`, asked every millisecond. */
static int
count_starts(struct pace *pace, int64_t from_us, int64_t duration_us)
{
    int count = 0;

    for (int64_t now_us = from_us; now_us < from_us + duration_us; now_us += ms_us) {
        while (pace_wait_us(pace, now_us) == 0) {
            pace_take(pace, now_us);
            count++;
        }
    }
    return count;
}

static void
learn(struct pace *pace, int64_t limit, int64_t remaining, int64_t reset, int64_t now_us)
{
    const struct pace_limits limits = {limit, remaining, reset};

    pace_learn(pace, &limits, now_us, now_unix_ms);
}

static void
starts_with_our_share_of_the_documented_rate(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0, 0.8, 0);
    assert_in_range(count_starts(&pace, 0, 10 * second_us), 79, 81);
}

/* What is asked once in a minute never ends: a delivery's calls must fit into one claim. */
static void
is_never_slower_than_a_delivery_can_bear(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0.001, 1, 0);
    assert_in_range(count_starts(&pace, 0, 100 * second_us), 10, 11);
    pace_init(&pace, 0, 0.01, 0);
    learn(&pace, 1, 1, 1, 0);
    assert_in_range(count_starts(&pace, 0, 100 * second_us), 10, 11);
}

static void
no_second_sees_more_than_the_whole_limit(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0, 0.8, 0);
    for (int64_t idle_s = 1; idle_s < 50; idle_s += 7) {
        const int64_t from_us = idle_s * idle_s * second_us;

        assert_true(count_starts(&pace, from_us, second_us) <= PACE_RATE_DEFAULT);
    }
}

static void
the_first_request_never_waits(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0.2, 0.8, 5 * second_us);
    assert_int_equal(pace_wait_us(&pace, 5 * second_us), 0);
    pace_take(&pace, 5 * second_us);
    assert_in_range(pace_wait_us(&pace, 5 * second_us), 5 * second_us, 6 * second_us);
}

static void
follows_the_limit_of_a_second(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0, 0.5, 0);
    learn(&pace, 60, 59, 1, 0);
    assert_in_range(count_starts(&pace, 0, 10 * second_us), 299, 310);
}

static void
a_configured_rate_ignores_the_limit(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 5, 0.5, 0);
    learn(&pace, 60, 59, 1, 0);
    assert_in_range(count_starts(&pace, 0, 10 * second_us), 50, 52);
}

static void
limits_that_are_no_rate_per_second_change_nothing(void **state)
{
    static const struct pace_limits cases[] = {
        {36000, 35000, 1800}, /* an hour's */
        {100, 99, 3600},
        {10, 9, 45},
        {1000000, 999999, 1},
        {0, 5, 1},
        {-1, 5, 1},
        {60, 59, -1},
        {INT64_MAX, INT64_MAX, INT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct pace pace;

        pace_init(&pace, 0, 0.8, 0);
        pace_learn(&pace, &cases[i], 0, now_unix_ms);
        assert_in_range(count_starts(&pace, 0, 10 * second_us), 79, 81);
    }
}

static void
nothing_left_waits_for_the_reset(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0, 1, 0);
    learn(&pace, 10, 0, 2, second_us);
    assert_int_equal(pace_wait_us(&pace, second_us), 2 * second_us);
    assert_int_equal(count_starts(&pace, second_us, 2 * second_us), 0);
    assert_in_range(count_starts(&pace, 3 * second_us, second_us), 9, 10);
}

static void
a_block_is_never_shortened(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0, 1, 0);
    pace_block(&pace, 5000, 0);
    pace_block(&pace, 1000, 0);
    assert_int_equal(pace_wait_us(&pace, 0), 5 * second_us);
}

static void
reads_a_reset_in_any_unit_and_bounds_it(void **state)
{
    static const struct {
        int64_t reset;
        int64_t wait_ms;
    } cases[] = {
        {-1, -1},
        {0, PACE_WAIT_MIN_MS},
        {1, 1000},
        {45, 45000},
        {60, 60000},
        {3600, PACE_WAIT_MAX_MS},
        {3601, 3601}, /* milliseconds from here */
        {59000, 59000},
        {1000000000, PACE_WAIT_MAX_MS},
        {1780000007, 7000}, /* Unix time */
        {1780000000, PACE_WAIT_MIN_MS},
        {1770000000, PACE_WAIT_MIN_MS},
        {1900000000, PACE_WAIT_MAX_MS},
        {1780000000250, 250}, /* Unix time in ms */
        {INT64_MAX, PACE_WAIT_MAX_MS},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_int_equal(pace_reset_ms(cases[i].reset, now_unix_ms), cases[i].wait_ms);
    }
}

static void
senseless_configuration_falls_back_to_the_default(void **state)
{
    const struct {
        double max_rps;
        double share;
    } cases[] = {
        {nan(""), nan("")}, {-1, -1}, {HUGE_VAL, 2}, {0, 0}, {-HUGE_VAL, HUGE_VAL}};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct pace pace;

        pace_init(&pace, cases[i].max_rps, cases[i].share, 0);
        assert_in_range(count_starts(&pace, 0, 10 * second_us), 100, 103);
    }
}

static void
a_clock_that_stands_still_gives_no_tokens(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 4, 1, second_us);
    pace_take(&pace, second_us);
    assert_true(pace_wait_us(&pace, second_us) > 0);
    assert_true(pace_wait_us(&pace, 0) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_with_our_share_of_the_documented_rate),
        cmocka_unit_test(is_never_slower_than_a_delivery_can_bear),
        cmocka_unit_test(no_second_sees_more_than_the_whole_limit),
        cmocka_unit_test(the_first_request_never_waits),
        cmocka_unit_test(follows_the_limit_of_a_second),
        cmocka_unit_test(a_configured_rate_ignores_the_limit),
        cmocka_unit_test(limits_that_are_no_rate_per_second_change_nothing),
        cmocka_unit_test(nothing_left_waits_for_the_reset),
        cmocka_unit_test(a_block_is_never_shortened),
        cmocka_unit_test(reads_a_reset_in_any_unit_and_bounds_it),
        cmocka_unit_test(senseless_configuration_falls_back_to_the_default),
        cmocka_unit_test(a_clock_that_stands_still_gives_no_tokens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
