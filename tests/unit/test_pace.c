/*
 * test_pace.c - how the bucket is asked and what answers teach, without a clock.
 */
#include <math.h>

#include "server/deliver/pace.h"
#include "tests/unit/unit.h"

static const int64_t second_us = 1000000;
static const int64_t ms_us = 1000;
static const int64_t now_unix_ms = 1780000000000;

static int64_t
learn(struct pace *pace, int64_t limit, int64_t remaining, int64_t reset)
{
    const struct pace_limits limits = {limit, remaining, reset};

    return pace_learn(pace, &limits, now_unix_ms);
}

static void
grant(struct pace *pace, int64_t granted, int64_t wait_ms, int64_t now_us)
{
    const struct queue_budget answer = {.granted = granted, .wait_ms = wait_ms};

    pace_grant(pace, &answer, now_us);
}

static void
assert_rate(const struct pace *pace, double rate)
{
    assert_true(fabs(pace_question(pace, 1).rate - rate) < 1e-9);
}

static void
starts_with_our_share_of_the_documented_rate(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0, 0.8);
    assert_rate(&pace, 8);
}

/* What is asked once in a minute never ends: a delivery's calls must fit into one claim. */
static void
is_never_slower_than_a_delivery_can_bear(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0.001, 1);
    assert_rate(&pace, 0.1);
    pace_init(&pace, 0, 0.01);
    assert_int_equal(learn(&pace, 1, 1, 1), 0);
    assert_rate(&pace, 0.1);
}

static void
nothing_starts_before_the_bucket_was_asked(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0, 1);
    assert_true(pace_wait_us(&pace, second_us) > 0);
    assert_true(pace_must_ask(&pace, second_us));
    grant(&pace, 2, 0, second_us);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pace_wait_us(&pace, second_us), 0);
        assert_false(pace_must_ask(&pace, second_us));
        pace_take(&pace);
    }
    assert_true(pace_wait_us(&pace, second_us) > 0);
    assert_true(pace_must_ask(&pace, second_us));
}

static void
an_empty_bucket_is_asked_again_when_it_said(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0, 1);
    grant(&pace, 0, 125, second_us);
    assert_int_equal(pace_wait_us(&pace, second_us), 125 * ms_us);
    assert_false(pace_must_ask(&pace, second_us + 124 * ms_us));
    assert_true(pace_must_ask(&pace, second_us + 125 * ms_us));
}

/* Kept, they would let a later second see more than its rate. */
static void
tokens_are_not_kept(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0, 1);
    grant(&pace, 1, 0, 0);
    assert_int_equal(pace_wait_us(&pace, second_us / 5), 0);
    assert_true(pace_wait_us(&pace, second_us / 2) > 0);
    assert_true(pace_must_ask(&pace, second_us / 2));
}

static void
a_slow_bucket_is_asked_for_what_is_needed_and_a_fast_one_for_more(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 10, 1);
    assert_int_equal(pace_question(&pace, 3).wanted, 3);
    assert_true(pace_question(&pace, 3).holds >= 1);
    pace_init(&pace, 0.5, 1);
    assert_true(pace_question(&pace, 1).holds >= 1);
    pace_init(&pace, 100000, 1);
    assert_int_equal(pace_question(&pace, 3).wanted, 2000);
}

static void
while_the_bucket_is_away_each_keeps_the_rate_by_itself(void **state)
{
    struct pace pace;
    int started = 0;

    (void)state;
    pace_init(&pace, 10, 1);
    for (int64_t now_us = 0; now_us < second_us; now_us += ms_us) {
        if (pace_must_ask(&pace, now_us)) {
            pace_alone(&pace, now_us);
        }
        while (pace_wait_us(&pace, now_us) == 0) {
            pace_take(&pace);
            started++;
        }
    }
    assert_int_equal(started, 10);
}

static void
follows_the_limit_of_a_second(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0, 0.5);
    assert_int_equal(learn(&pace, 60, 59, 1), 0);
    assert_rate(&pace, 30);
}

static void
a_configured_rate_ignores_the_limit(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 5, 0.5);
    assert_int_equal(learn(&pace, 60, 59, 1), 0);
    assert_rate(&pace, 5);
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

        pace_init(&pace, 0, 0.8);
        assert_int_equal(pace_learn(&pace, &cases[i], now_unix_ms), 0);
        assert_rate(&pace, 8);
    }
}

static void
nothing_left_waits_for_the_reset(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0, 1);
    assert_int_equal(learn(&pace, 10, 0, 2), 2000);
}

static void
a_block_is_never_shortened_and_takes_what_was_granted(void **state)
{
    struct pace pace;

    (void)state;
    pace_init(&pace, 0, 1);
    grant(&pace, 5, 0, 0);
    pace_block(&pace, 5000, 0);
    pace_block(&pace, 1000, 0);
    assert_int_equal(pace_wait_us(&pace, 0), 5 * second_us);
    assert_false(pace_must_ask(&pace, 4 * second_us));
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

/* What the bucket holds, and what flows into it within the hour. */
static void
an_hours_limit_holds_for_any_hour(void **state)
{
    const struct pace_limits limits = {.limit = 1000, .remaining = 999, .reset = 1};
    struct pace pace;

    (void)state;
    pace_init_hourly(&pace, 60, 40);
    assert_int_equal(pace_learn(&pace, &limits, 0), 0); /* nor by what answers say */
    const struct queue_budget question = pace_question(&pace, 1);

    assert_true(question.holds + question.rate * 3600 <= 60.001);
    assert_true(question.holds >= 40);
    assert_int_equal(question.wanted, 1);
}

/* An hour's window that is about to end looks like a second's, once. */
static void
a_limit_nobody_documents_is_by_the_hour_until_two_answers_tell_a_rate(void **state)
{
    static const struct {
        int64_t at_ms, limit, reset;
        double rate; /* 0: by the hour, 80 */
    } answers[] = {
        {0, 100, 3600, 0},
        {1000, 100, 2, 0},
        {1500, 100, 1, 0},         /* the same end */
        {3000, 100, 3600, 0},      /* it was one */
        {4000, 10, 1, 0},          /* is it a rate? */
        {4000 + 120000, 10, 1, 0}, /* it may be the end of an hour again */
        {4000 + 123000, 10, 1, 8},
        {4000 + 124000, 20, 1, 8},  /* not believed at once */
        {4000 + 127000, 20, 1, 12}, /* no more than is configured */
        {4000 + 128000, 100, 3000, 0},
    };
    struct pace pace;

    (void)state;
    pace_init_unknown(&pace, 80, 12, 0.8);
    for (size_t i = 0; i < LENGTH(answers); i++) {
        const struct pace_limits limits = {answers[i].limit, 1, answers[i].reset};

        assert_int_equal(pace_learn(&pace, &limits, now_unix_ms + answers[i].at_ms), 0);
        const struct queue_budget question = pace_question(&pace, 1);

        if (answers[i].rate > 0) {
            assert_true(fabs(question.rate - answers[i].rate) < 1e-9);
        } else {
            assert_true(fabs(question.holds + question.rate * 3600 - 80) < 1e-6);
        }
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

        pace_init(&pace, cases[i].max_rps, cases[i].share);
        assert_rate(&pace, PACE_RATE_DEFAULT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_with_our_share_of_the_documented_rate),
        cmocka_unit_test(is_never_slower_than_a_delivery_can_bear),
        cmocka_unit_test(nothing_starts_before_the_bucket_was_asked),
        cmocka_unit_test(an_empty_bucket_is_asked_again_when_it_said),
        cmocka_unit_test(tokens_are_not_kept),
        cmocka_unit_test(
            a_slow_bucket_is_asked_for_what_is_needed_and_a_fast_one_for_more),
        cmocka_unit_test(while_the_bucket_is_away_each_keeps_the_rate_by_itself),
        cmocka_unit_test(follows_the_limit_of_a_second),
        cmocka_unit_test(a_configured_rate_ignores_the_limit),
        cmocka_unit_test(limits_that_are_no_rate_per_second_change_nothing),
        cmocka_unit_test(nothing_left_waits_for_the_reset),
        cmocka_unit_test(a_block_is_never_shortened_and_takes_what_was_granted),
        cmocka_unit_test(reads_a_reset_in_any_unit_and_bounds_it),
        cmocka_unit_test(an_hours_limit_holds_for_any_hour),
        cmocka_unit_test(
            a_limit_nobody_documents_is_by_the_hour_until_two_answers_tell_a_rate),
        cmocka_unit_test(senseless_configuration_falls_back_to_the_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
