/*
 * test_bench_loader.c - the benchmark's own instruments: latencies, answers, request files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/ingest/answer.h"
#include "tests/bench/ingest/histogram.h"
#include "tests/bench/ingest/request_file.h"
#include "tests/unit/unit.h"

static void
a_latency_is_counted_within_a_64th_of_itself(void **state)
{
    (void)state;
    for (int64_t us = 0; us < 60 * US_PER_S; us += 1 + us / 50) {
        const size_t bucket = histogram_bucket(us);

        assert_true(histogram_bound(bucket) >= us);
        assert_true(histogram_bound(bucket) - us <= us / 64);
        assert_int_equal(histogram_bucket(histogram_bound(bucket)), bucket);
        assert_int_equal(histogram_bucket(histogram_bound(bucket) + 1), bucket + 1);
    }
    assert_int_equal(histogram_bucket(INT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void
a_quantile_is_the_least_value_that_many_do_not_exceed(void **state)
{
    static struct histogram histogram;

    (void)state;
    assert_int_equal(histogram_quantile(&histogram, 500), 0);
    for (int64_t us = 1; us <= 100; us++) {
        histogram_add(&histogram, us);
    }
    assert_int_equal(histogram_quantile(&histogram, 500), 50);
    assert_int_equal(histogram_quantile(&histogram, 990), 99);
    assert_int_equal(histogram_quantile(&histogram, 999), 100);
    histogram_add(&histogram, 5000);
    assert_int_equal(histogram_quantile(&histogram, 1000), 5000);
}

static void
an_answer_is_read_to_its_end_and_no_further(void **state)
{
    static const struct {
        const char *bytes;
        enum answer_result result;
        struct answer answer;
    } rows[] = {
        {"HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n", ANSWER_OK, {.class = 2}},
        {"HTTP/1.1 204 No Content\r\nDate: x\r\n", ANSWER_CUT, {0}},
        {"", ANSWER_CUT, {0}},
        {"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nConnection: close\r\n\r\nno",
            ANSWER_OK, {.class = 4, .closes = true}},
        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nn", ANSWER_CUT, {0}},
        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nnow", ANSWER_BAD, {0}},
        {"HTTP/1.1 200 OK\r\n\r\n", ANSWER_BAD, {0}},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ANSWER_BAD, {0}},
        {"HTTP/1.1 904 Odd\r\n\r\n", ANSWER_BAD, {0}},
        {"HTTP/1.0 204 No Content\r\n\r\n", ANSWER_BAD, {0}},
        {"\r\n\r\n", ANSWER_BAD, {0}},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(rows); i++) {
        struct answer answer = {0};

        assert_int_equal(answer_parse(slice_of(rows[i].bytes), &answer), rows[i].result);
        assert_int_equal(answer.class, rows[i].answer.class);
        assert_int_equal(answer.closes, rows[i].answer.closes);
    }
}

/* Each size is 32 bits, little endian, as the machine's own. */
static void
requests_come_in_their_order_once_or_over_and_over(void **state)
{
    static const char bytes[] = "\2\0\0\0ab\1\0\0\0c\7\0\0\0cut";
    const size_t whole = 11;
    const struct slice data = {.data = bytes, .size = whole};
    struct request_file file = {.bytes = data};
    struct slice request;

    (void)state;
    assert_true(request_file_next(&file, &request) && slice_is(request, "ab"));
    assert_true(request_file_next(&file, &request) && slice_is(request, "c"));
    assert_false(request_file_has_next(&file));
    file.repeats = true;
    assert_true(request_file_has_next(&file));
    assert_true(request_file_next(&file, &request) && slice_is(request, "ab"));

    for (size_t size = 1; size < sizeof(bytes) - 1 - whole; size++) {
        file = (struct request_file){.bytes = {.data = bytes + whole, .size = size}};
        assert_false(request_file_next(&file, &request));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_latency_is_counted_within_a_64th_of_itself),
        cmocka_unit_test(a_quantile_is_the_least_value_that_many_do_not_exceed),
        cmocka_unit_test(an_answer_is_read_to_its_end_and_no_further),
        cmocka_unit_test(requests_come_in_their_order_once_or_over_and_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
