/*
 * test_timestamp.c - times as Twilio writes them, and as Brevo wants them.
 */
#include <string.h>

#include "mapping/timestamp.h"
#include "tests/unit/unit.h"

static void
reads_every_way_of_writing_a_time(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"0", 0},
        {"1767225600", 1767225600000},
        {"99999999999", 99999999999000},
        {"100000000000", 100000000000},
        {"1767225600123", 1767225600123},
        {"1970-01-01T00:00:00Z", 0},
        {"2026-01-01T00:00:00Z", 1767225600000},
        {"2026-01-01T00:00:00", 1767225600000},
        {"2026-01-01T00:00:00.1Z", 1767225600100},
        {"2026-01-01T00:00:00.123Z", 1767225600123},
        {"2026-01-01T00:00:00.123999999Z", 1767225600123},
        {"2026-01-01T00:00:00.000000000000000000000000001", 1767225600000},
        {"2026-01-01T02:00:00+02:00", 1767225600000},
        {"2025-12-31T18:30:00.5-05:30", 1767225600500},
        {"2024-02-29T12:00:00Z", 1709208000000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"1970-01-01T01:00:00+01:00", 0},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        int64_t ms = -1;

        assert_true(timestamp_parse(slice_of(cases[i].text), &ms));
        assert_true(ms == cases[i].ms);
    }
}

static void
refuses_what_is_no_time_and_leaves_the_output(void **state)
{
    static const char *const cases[] = {
        "",
        " 1767225600",
        "1767225600.5",
        "yesterday",
        "-1",
        "-9223372036854775808",
        "9223372036854775807",
        "99999999999999999999",
        "2026-01-01",
        "2026-01-01T00:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00ZZ",
        "2026-01-01T00:00:00Z ",
        "2026-01-01T00:00:00z",
        "2026-01-01T00:00:00+0200",
        "2026-01-01T00:00:00+02",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+02:60",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-12-99T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "26-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "Thu, 01 Jan 2026 00:00:00 +0000",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        int64_t ms = 42;

        assert_false(timestamp_parse(slice_of(cases[i]), &ms));
        assert_true(ms == 42);
    }
}

static void
a_number_tells_seconds_from_milliseconds_by_its_size(void **state)
{
    (void)state;
    assert_true(timestamp_from_number(1767225600) == 1767225600000);
    assert_true(timestamp_from_number(1767225600123) == 1767225600123);
    assert_true(timestamp_from_number(99999999999) == 99999999999000);
    assert_true(timestamp_from_number(100000000000) == 100000000000);
    assert_true(timestamp_from_number(INT64_MAX) == INT64_MAX);
    assert_true(timestamp_from_number(INT64_MIN) == INT64_MIN);
}

static void
writes_utc_with_milliseconds(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1767225600123, "2026-01-01T00:00:00.123Z"},
        {1767225599999, "2025-12-31T23:59:59.999Z"},
        {1709251199001, "2024-02-29T23:59:59.001Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
    };
    char text[TIMESTAMP_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        timestamp_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void
a_time_four_digits_cannot_say_becomes_the_nearest_one(void **state)
{
    char text[TIMESTAMP_TEXT_SIZE];

    (void)state;
    timestamp_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    timestamp_format(INT64_MIN, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
}

static void
every_day_of_four_centuries_survives_writing_and_reading(void **state)
{
    const int64_t day_ms = 86400000;
    const int64_t last_ms = 13601087999999; /* the calendar repeats after 400 years */
    char text[TIMESTAMP_TEXT_SIZE];
    char previous[TIMESTAMP_TEXT_SIZE] = "";

    (void)state;
    for (int64_t ms = 86399999; ms <= last_ms; ms += day_ms) {
        int64_t again = -1;

        timestamp_format(ms, text);
        assert_true(timestamp_parse(slice_of(text), &again));
        assert_true(again == ms);
        assert_true(strcmp(previous, text) < 0);
        memcpy(previous, text, sizeof(text));
    }
    assert_string_equal(text, "2400-12-31T23:59:59.999Z");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_way_of_writing_a_time),
        cmocka_unit_test(refuses_what_is_no_time_and_leaves_the_output),
        cmocka_unit_test(a_number_tells_seconds_from_milliseconds_by_its_size),
        cmocka_unit_test(writes_utc_with_milliseconds),
        cmocka_unit_test(a_time_four_digits_cannot_say_becomes_the_nearest_one),
        cmocka_unit_test(every_day_of_four_centuries_survives_writing_and_reading),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
