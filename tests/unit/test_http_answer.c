/*
 * test_http_answer.c - the answer headers we act on.
 */
#include <time.h>

#include "server/net/http_answer.h"
#include "tests/unit/unit.h"

static void
odd_header_values_count_as_absent(void **state)
{
    static const struct {
        const char *line;
        int64_t reset;
        int64_t retry_after_s;
    } cases[] = {
        {"x-sib-ratelimit-reset: 12\r\n", 12, -1},
        {"X-SIB-RateLimit-Reset:0.75\r\n", 0, -1},
        {"x-sib-ratelimit-reset: 1800000000000\r\n", 1800000000000, -1},
        {"x-sib-ratelimit-reset: -4\r\n", -1, -1},
        {"x-sib-ratelimit-reset: NaN\r\n", -1, -1},
        {"x-sib-ratelimit-reset: 99999999999999999999\r\n", -1, -1},
        {"x-sib-ratelimit-reset:\r\n", -1, -1},
        {"x-sib-ratelimit-reset\r\n", -1, -1},
        {"retry-after: 30\r\n", -1, 30},
        {"retry-after: soon\r\n", -1, -1},
        {"retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n", -1, 0},
        {"retry-after: Sun, 06 Nov 1994 08:49:37 GMT and more\r\n", -1, -1},
        {"\r\n", -1, -1},
        {"", -1, -1},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct http_exchange exchange = {0};

        http_answer_forget(&exchange);
        http_answer_line(&exchange, slice_of(cases[i].line));
        assert_int_equal(exchange.ratelimit_reset, cases[i].reset);
        assert_int_equal(exchange.retry_after_s, cases[i].retry_after_s);
    }
}

static void
a_retry_date_becomes_seconds_from_now(void **state)
{
    struct http_exchange exchange = {0};
    const time_t when = time(NULL) + 100;
    struct tm date;
    char line[80];

    (void)state;
    assert_non_null(gmtime_r(&when, &date));
    assert_true(strftime(line, sizeof(line), "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n",
                    &date) > 0);
    http_answer_line(&exchange, slice_of(line));
    assert_in_range(exchange.retry_after_s, 95, 100);
}

static void
tells_json_by_its_media_type(void **state)
{
    static const struct {
        const char *line;
        bool is_json;
    } cases[] = {
        {"Content-Type: application/json", true},
        {"content-type: Application/JSON ; charset=utf-8", true},
        {"content-type: application/problem+json", true},
        {"content-type: text/html", false},
        {"content-type: application/jsonp", false},
        {"content-type:", false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct http_exchange exchange = {0};

        http_answer_line(&exchange, slice_of(cases[i].line));
        assert_int_equal(exchange.is_json, cases[i].is_json);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_header_values_count_as_absent),
        cmocka_unit_test(a_retry_date_becomes_seconds_from_now),
        cmocka_unit_test(tells_json_by_its_media_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
