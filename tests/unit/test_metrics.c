/*
 * test_metrics.c - counters that add up and text Prometheus reads.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "server/ops/metrics.h"
#include "tests/unit/unit.h"

enum {
    TEXT_MAX = 1024 * 1024,
    THREADS = 4,
    ROUNDS = 2000,
};

static struct buffer
written(void)
{
    struct buffer text = {.max = TEXT_MAX};

    metrics_write(&text);
    assert_false(text.failed);
    return text;
}

static void
expect_line(const char *line)
{
    AUTO(buffer_done) struct buffer text = written();
    char expected[1024];

    (void)snprintf(expected, sizeof(expected), "\n%s\n", line);
    if (strstr(text.data, expected) == NULL) {
        fail_msg("no line %s in:\n%s", line, text.data);
    }
}

static void
counts_per_label(void **state)
{
    struct counter *plugin = metrics_counter(METRIC_EVENTS_ACCEPTED, "flex-plugin", NULL);

    (void)state;
    counter_add(plugin, 2);
    counter_add(metrics_counter(METRIC_EVENTS_ACCEPTED, "taskrouter", NULL), 5);
    counter_add(metrics_counter(METRIC_EVENTS_ACCEPTED, "flex-plugin", NULL), 1);
    assert_ptr_equal(
        plugin, metrics_counter(METRIC_EVENTS_ACCEPTED, "flex-plugin", NULL));
    assert_int_equal(counter_get(plugin), 3);
    expect_line("flexbrevo_events_accepted_total{source=\"flex-plugin\"} 3");
    expect_line("flexbrevo_events_accepted_total{source=\"taskrouter\"} 5");
}

static void
writes_a_metric_without_labels_bare(void **state)
{
    (void)state;
    counter_set(metrics_counter(METRIC_CONNECTIONS, NULL, NULL), 7);
    expect_line("flexbrevo_connections 7");
}

static void
keeps_metrics_with_the_same_label_apart(void **state)
{
    (void)state;
    counter_add(metrics_counter(METRIC_EVENTS_FILTERED, "no_identity", NULL), 1);
    counter_add(metrics_counter(METRIC_EVENTS_PARKED, "no_identity", NULL), 2);
    expect_line("flexbrevo_events_filtered_total{reason=\"no_identity\"} 1");
    expect_line("flexbrevo_events_parked_total{reason=\"no_identity\"} 2");
}

static void
writes_two_labels_in_their_order(void **state)
{
    (void)state;
    counter_add(
        metrics_counter(METRIC_REQUESTS_REJECTED, "taskrouter", "no_signature"), 4);
    counter_add(metrics_counter(METRIC_BREVO_REQUESTS, "events", "204"), 6);
    expect_line("flexbrevo_requests_rejected_total"
                "{source=\"taskrouter\",reason=\"no_signature\"} 4");
    expect_line("flexbrevo_brevo_requests_total{endpoint=\"events\",status=\"204\"} 6");
}

static void
says_what_each_metric_is(void **state)
{
    (void)state;
    expect_line("# HELP flexbrevo_events_delivered_total Events Brevo has accepted.\n"
                "# TYPE flexbrevo_events_delivered_total counter");
    expect_line("# TYPE flexbrevo_brevo_paused gauge");
    expect_line("# TYPE flexbrevo_ingest_seconds histogram");
}

static void
sets_gauges(void **state)
{
    struct counter *paused = metrics_counter(METRIC_BREVO_PAUSED, "unauthorized", NULL);

    (void)state;
    counter_set(paused, 1);
    expect_line("flexbrevo_brevo_paused{cause=\"unauthorized\"} 1");
    counter_set(paused, 0);
    expect_line("flexbrevo_brevo_paused{cause=\"unauthorized\"} 0");
}

static void
escapes_label_values(void **state)
{
    (void)state;
    counter_add(metrics_counter(METRIC_EVENTS_DELIVERED, "a\"b\\c\nd", NULL), 1);
    expect_line("flexbrevo_events_delivered_total{event=\"a\\\"b\\\\c\\nd\"} 1");
}

static void
keeps_the_longest_event_name_whole(void **state)
{
    char name[256];
    char line[512];

    (void)state;
    memset(name, 'E', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    counter_add(metrics_counter(METRIC_EVENTS_DELIVERED, name, NULL), 1);
    (void)snprintf(
        line, sizeof(line), "flexbrevo_events_delivered_total{event=\"%s\"} 1", name);
    expect_line(line);
}

static void
observes_into_cumulative_buckets(void **state)
{
    (void)state;
    metrics_observe(HISTOGRAM_INGEST, 1000); /* a bound belongs to its bucket */
    metrics_observe(HISTOGRAM_INGEST, 1001);
    metrics_observe(HISTOGRAM_INGEST, 60000000);
    metrics_observe(HISTOGRAM_INGEST, -5); /* a clock that was set back */
    expect_line("flexbrevo_ingest_seconds_bucket{le=\"0.0005\"} 1");
    expect_line("flexbrevo_ingest_seconds_bucket{le=\"0.001\"} 2");
    expect_line("flexbrevo_ingest_seconds_bucket{le=\"0.0025\"} 3");
    expect_line("flexbrevo_ingest_seconds_bucket{le=\"5\"} 3");
    expect_line("flexbrevo_ingest_seconds_bucket{le=\"+Inf\"} 4");
    expect_line("flexbrevo_ingest_seconds_sum 60.002001");
    expect_line("flexbrevo_ingest_seconds_count 4");
    metrics_observe(HISTOGRAM_DELIVERY, INT64_C(7200) * 1000000);
    expect_line("flexbrevo_delivery_seconds_bucket{le=\"3600\"} 0");
    expect_line("flexbrevo_delivery_seconds_bucket{le=\"21600\"} 1");
}

static void
writes_gauges_kept_elsewhere(void **state)
{
    AUTO(buffer_done) struct buffer text = {.max = TEXT_MAX};

    (void)state;
    metrics_write_gauge(&text, "flexbrevo_queue_pending", "Records waiting.", -1);
    assert_string_equal(text.data, "# HELP flexbrevo_queue_pending Records waiting.\n"
                                   "# TYPE flexbrevo_queue_pending gauge\n"
                                   "flexbrevo_queue_pending -1\n");
}

/* Adds to an old series and to new ones that the other threads make as well. */
static void *
count_many(void *context)
{
    char label[32];

    (void)context;
    for (int i = 0; i < ROUNDS; i++) {
        (void)snprintf(label, sizeof(label), "shared-%d", i % 20);
        counter_add(metrics_counter(METRIC_EVENTS_DUPLICATE, label, NULL), 1);
        metrics_observe(HISTOGRAM_DELIVERY, i);
    }
    return NULL;
}

static void *
write_many(void *context)
{
    (void)context;
    for (int i = 0; i < ROUNDS / 50; i++) {
        AUTO(buffer_done) struct buffer text = written();

        assert_true(text.size > 0);
    }
    return NULL;
}

static void
loses_no_count_between_threads(void **state)
{
    pthread_t threads[THREADS + 1];
    int64_t total = 0;

    (void)state;
    for (size_t i = 0; i <= THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL,
                             i < THREADS ? count_many : write_many, NULL),
            0);
    }
    for (size_t i = 0; i <= THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < 20; i++) {
        char label[32];

        (void)snprintf(label, sizeof(label), "shared-%d", i);
        total += counter_get(metrics_counter(METRIC_EVENTS_DUPLICATE, label, NULL));
    }
    assert_int_equal(total, THREADS * ROUNDS);
}

/* Fills the table: keep it the last. */
static void
folds_labels_past_the_maximum_into_one_series(void **state)
{
    char label[32];

    (void)state;
    for (int i = 0; i < METRICS_SERIES_MAX + 10; i++) {
        (void)snprintf(label, sizeof(label), "type-%d", i);
        counter_add(metrics_counter(METRIC_EVENTS_IGNORED, label, NULL), 1);
    }
    expect_line("flexbrevo_events_ignored_total{source=\"type-0\"} 1");
    struct counter *other = metrics_counter(METRIC_EVENTS_IGNORED, "one more", NULL);

    assert_ptr_equal(other, metrics_counter(METRIC_EVENTS_IGNORED, "another", NULL));
    assert_ptr_not_equal(other, metrics_counter(METRIC_EVENTS_PARKED, "new", NULL));
    assert_true(counter_get(other) >= 10);
    AUTO(buffer_done) struct buffer text = written();

    assert_non_null(
        strstr(text.data, "\nflexbrevo_events_ignored_total{source=\"other\"} "));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_per_label),
        cmocka_unit_test(writes_a_metric_without_labels_bare),
        cmocka_unit_test(keeps_metrics_with_the_same_label_apart),
        cmocka_unit_test(writes_two_labels_in_their_order),
        cmocka_unit_test(says_what_each_metric_is),
        cmocka_unit_test(sets_gauges),
        cmocka_unit_test(escapes_label_values),
        cmocka_unit_test(keeps_the_longest_event_name_whole),
        cmocka_unit_test(observes_into_cumulative_buckets),
        cmocka_unit_test(writes_gauges_kept_elsewhere),
        cmocka_unit_test(loses_no_count_between_threads),
        cmocka_unit_test(folds_labels_past_the_maximum_into_one_series),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
