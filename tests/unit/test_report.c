/*
 * test_report.c - the arithmetic of what was counted, and what Prometheus is shown of it.
 */
#include <stdio.h>
#include <string.h>

#include "queue/tally.h"
#include "server/deliver/report.h"
#include "server/service/report_metrics.h"
#include "tests/unit/queue_fixture.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_report, tear_down_report)
#define DAY "2026-11-29"
#define OTHER_DAY "2026-11-30"

static struct report report;
static struct buffer text;

static int
set_up_report(void **state)
{
    report = (struct report){0};
    buffer_init(&text, 64 * 1024);
    return set_up(state);
}

static int
tear_down_report(void **state)
{
    report_done(&report);
    buffer_done(&text);
    return tear_down(state);
}

static void
have(const char *day, const char *name, const char *value)
{
    char key[64];

    (void)snprintf(key, sizeof(key), "fb:{0}:n:%s", day);
    (void)REDIS_DO(&redis, "HSET", key, name, value);
}

static void
make(void)
{
    assert_int_equal(report_add(&report, queue, DAY), QUEUE_OK);
    assert_int_equal(report_add(&report, queue, OTHER_DAY), QUEUE_OK);
    assert_int_equal(report_add_names(&report, queue), QUEUE_OK);
    assert_int_equal(report_make(&report), 0);
}

static void
near(double is, double expected)
{
    if (is < expected - 1e-9 || is > expected + 1e-9) {
        fail_msg("is %f, not %f", is, expected);
    }
}

static void
days_are_summed_queue_by_queue(void **state)
{
    (void)state;
    have(DAY, "handled voice inbound Support ES", "3");
    have(OTHER_DAY, "handled voice inbound Support ES", "4");
    have(OTHER_DAY, "abandoned voice inbound Support ES", "2");
    have(OTHER_DAY, "handled sms inbound Billing", "1");
    have(OTHER_DAY, "handled voice outbound Support ES", "5");
    have(OTHER_DAY, "made up by somebody", "7");
    have(OTHER_DAY, "unserved voice inbound Support ES", "no number");
    have(OTHER_DAY, QUEUE_TALLY_LEFT_OUT, "6");
    make();
    assert_int_equal(report.queue_count, 3);
    assert_string_equal(report.queues[0].queue, "Billing");
    assert_string_equal(report.queues[1].direction, "inbound");
    assert_int_equal(report.queues[1].counts[ANALYTICS_HANDLED], 7);
    assert_int_equal(report.queues[1].counts[ANALYTICS_ABANDONED], 2);
    assert_string_equal(report.queues[2].direction, "outbound");
    assert_int_equal(report.left_out, 6);
}

static void
shares_and_averages_are_of_what_is_known(void **state)
{
    (void)state;
    have(DAY, "handled voice inbound A", "6");
    have(DAY, "abandoned voice inbound A", "2");
    have(DAY, "short voice inbound A", "9");
    have(DAY, "unserved voice inbound A", "2");
    have(DAY, "canceled voice inbound A", "9");
    have(DAY, "wait_5 voice inbound A", "2");
    have(DAY, "wait_20 voice inbound A", "1");
    have(DAY, "wait_30 voice inbound A", "1");
    have(DAY, "wait_ms voice inbound A", "48000");
    have(DAY, "handle voice inbound A", "4");
    have(DAY, "handle_ms voice inbound A", "10000");
    make();
    const struct report_queue *queue_a = &report.queues[0];

    near(report_abandonment_share(queue_a), 0.2);
    near(report_answered_share(queue_a), 0.75);
    near(report_average_wait_s(queue_a), 12);
    near(report_average_s(queue_a, ANALYTICS_HANDLE), 2.5);
    assert_true(report_average_s(queue_a, ANALYTICS_WRAPUP) < 0);
    assert_int_equal(report_waits(queue_a), 4);
}

static void
a_percentile_is_the_bound_of_the_range_it_falls_into(void **state)
{
    static const struct {
        const char *counts[3]; /* up to 5 s, up to 60 s, longer than all ranges */
        int64_t p50;
        int64_t p90;
    } cases[] = {
        {{"0", "0", "0"}, -1, -1},
        {{"1", "0", "0"}, 5, 5},
        {{"5", "5", "0"}, 5, 60},
        {{"49", "51", "0"}, 60, 60},
        {{"9", "1", "0"}, 5, 5},
        {{"89", "11", "0"}, 5, 60},
        {{"1", "0", "1"}, 5, INT64_MAX},
        {{"0", "0", "1"}, INT64_MAX, INT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        report_done(&report);
        have(DAY, "wait_5 voice inbound A", cases[i].counts[0]);
        have(DAY, "wait_60 voice inbound A", cases[i].counts[1]);
        have(DAY, "wait_longer voice inbound A", cases[i].counts[2]);
        make();
        assert_int_equal(report_wait_at_most_s(&report.queues[0], 50), cases[i].p50);
        assert_int_equal(report_wait_at_most_s(&report.queues[0], 90), cases[i].p90);
    }
}

static void
of_nothing_there_is_no_share(void **state)
{
    static const struct report_queue nothing = {.direction = "inbound"};
    static const struct report_queue outbound = {
        .direction = "outbound", .counts = {[ANALYTICS_HANDLED] = 1}};

    (void)state;
    assert_true(report_abandonment_share(&nothing) < 0);
    assert_true(report_abandonment_share(&outbound) < 0);
    assert_true(report_answered_share(&nothing) < 0);
    assert_true(report_average_wait_s(&nothing) < 0);
    make();
    assert_int_equal(report.queue_count + report.agent_count, 0);
}

static void
agents_have_their_times_and_the_name_that_was_kept(void **state)
{
    (void)state;
    have(DAY, "activity_ms WK2 On a break", "1500");
    have(OTHER_DAY, "activity_ms WK2 On a break", "500");
    have(OTHER_DAY, "activity_ms WK1 Available", "7");
    have(QUEUE_TALLY_NAMES, "WK2", "Mary Smith");
    make();
    assert_int_equal(report.agent_count, 2);
    assert_null(report.agents[0].name);
    assert_string_equal(report.agents[1].agent, "WK2");
    assert_string_equal(report.agents[1].activity, "On a break");
    assert_string_equal(report.agents[1].name, "Mary Smith");
    assert_int_equal(report.agents[1].time_ms, 2000);
}

/* ---- as Prometheus has it ------------------------------------------------------------------ */

#define LABELS "queue=\"A \\\"b\\\"\",channel=\"voice\",direction=\"inbound\""

static void
metrics_are_the_sums_of_all_days(void **state)
{
    static const char *const lines[] = {
        "# TYPE flexbrevo_queue_tasks_total counter\n",
        "flexbrevo_queue_tasks_total{" LABELS ",outcome=\"handled\"} 6\n",
        "flexbrevo_queue_tasks_total{" LABELS ",outcome=\"abandoned\"} 0\n",
        "# TYPE flexbrevo_queue_wait_seconds histogram\n",
        "flexbrevo_queue_wait_seconds_bucket{" LABELS ",le=\"5\"} 2\n",
        "flexbrevo_queue_wait_seconds_bucket{" LABELS ",le=\"1800\"} 2\n",
        "flexbrevo_queue_wait_seconds_bucket{" LABELS ",le=\"+Inf\"} 3\n",
        "flexbrevo_queue_wait_seconds_sum{" LABELS "} 2004.050\n",
        "flexbrevo_queue_wait_seconds_count{" LABELS "} 3\n",
        "activity_seconds_total{agent=\"WK1\",activity=\"Available\"} 1.007\n",
        "flexbrevo_analytics_left_out_total 2\n",
        "flexbrevo_analytics_hidden 0\n",
    };

    (void)state;
    have(QUEUE_TALLY_ALL, "handled voice inbound A \"b\"", "6");
    have(QUEUE_TALLY_ALL, "wait_5 voice inbound A \"b\"", "2");
    have(QUEUE_TALLY_ALL, "wait_longer voice inbound A \"b\"", "1");
    have(QUEUE_TALLY_ALL, "wait_ms voice inbound A \"b\"", "2004050");
    have(QUEUE_TALLY_ALL, "activity_ms WK1 Available", "1007");
    have(QUEUE_TALLY_ALL, QUEUE_TALLY_LEFT_OUT, "2");
    have(QUEUE_TALLY_NAMES, "WK1", "Mary Smith");
    assert_int_equal(report_metrics_write(queue, &text), QUEUE_OK);
    for (size_t i = 0; i < LENGTH(lines); i++) {
        if (strstr(text.data, lines[i]) == NULL) {
            fail_msg("%s is not in\n%s", lines[i], text.data);
        }
    }
    assert_null(strstr(text.data, "Mary"));
    assert_null(strstr(text.data, "flexbrevo_queue_handle_seconds_sum"));
}

static void
many_queues_are_shown_up_to_a_bound_and_the_others_said(void **state)
{
    (void)state;
    (void)REDIS_DO(&redis, "EVAL",
        "for i = 1, 150 do redis.call('HSET', 'fb:{0}:n:all', "
        "'handled voice inbound Q' .. i, i) end",
        "0");
    text.max = 1024 * 1024;
    assert_int_equal(report_metrics_write(queue, &text), QUEUE_OK);
    assert_false(text.failed);
    assert_non_null(strstr(text.data, "flexbrevo_analytics_hidden 50\n"));
}

static void
where_nothing_was_counted_nothing_is_said(void **state)
{
    (void)state;
    assert_int_equal(report_metrics_write(queue, &text), QUEUE_OK);
    assert_int_equal(text.size, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(days_are_summed_queue_by_queue),
        TEST(shares_and_averages_are_of_what_is_known),
        TEST(a_percentile_is_the_bound_of_the_range_it_falls_into),
        TEST(of_nothing_there_is_no_share),
        TEST(agents_have_their_times_and_the_name_that_was_kept),
        TEST(metrics_are_the_sums_of_all_days),
        TEST(many_queues_are_shown_up_to_a_bound_and_the_others_said),
        TEST(where_nothing_was_counted_nothing_is_said),
    };

    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
