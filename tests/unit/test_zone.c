/*
 * test_zone.c - the offset of a zone at a time, by changes there were and by the rule for those to come.
 */
#include <stdio.h>
#include <string.h>

#include "mapping/timestamp.h"
#include "mapping/zone.h"
#include "tests/unit/unit.h"

enum {
    FILE_SIZE = 512,
    HOUR_S = 3600,
};

struct change {
    int64_t at_s;
    unsigned char type;
};

static void
add_number(struct buffer *file, int64_t number, size_t size)
{
    for (size_t i = size; i > 0; i--) {
        const char byte = (char)((uint64_t)number >> (8 * (i - 1)));

        buffer_add(file, &byte, 1);
    }
}

/* One of the two parts of a file: of UTC + 1 and UTC + 2, changing at the times given. */
static void
add_part(struct buffer *file, const struct change *changes, size_t count)
{
    buffer_add(file, "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    for (size_t i = 0; i < 3; i++) {
        add_number(file, 0, 4);
    }
    add_number(file, (int64_t)count, 4);
    add_number(file, 2, 4);
    add_number(file, 4, 4);
    for (size_t i = 0; i < count; i++) {
        add_number(file, changes[i].at_s, 8);
    }
    for (size_t i = 0; i < count; i++) {
        add_number(file, changes[i].type, 1);
    }
    for (size_t i = 0; i < 2; i++) {
        add_number(file, (int64_t)(i + 1) * HOUR_S, 4);
        add_number(file, 0, 2);
    }
    buffer_add(file, "abc\0", 4);
}

static void
write_file(
    struct buffer *file, const struct change *changes, size_t count, const char *rule)
{
    buffer_init(file, FILE_SIZE);
    add_part(file, changes, 0);
    add_part(file, changes, count);
    buffer_addf(file, "\n%s\n", rule);
    assert_false(file->failed);
}

static int64_t
time_of(const char *text)
{
    int64_t ms;

    assert_true(timestamp_parse(slice_of(text), &ms));
    return ms / MS_PER_S;
}

static bool
read_rule(const char *rule, struct zone *zone)
{
    struct buffer file;

    write_file(&file, NULL, 0, rule);
    const bool is_read = zone_read(buffer_slice(&file), zone);

    buffer_done(&file);
    return is_read;
}

/* Each second of a change belongs to what comes behind it. */
static void
a_rule_tells_the_offset_of_any_year(void **state)
{
    static const struct {
        const char *rule;
        const char *at;
        int offset_s;
    } cases[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-01-15T12:00:00Z", 3600},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z", 3600},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T00:59:59Z", 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00Z", 3600},
        {"EST5EDT,M3.2.0,M11.1.0", "2040-03-11T06:59:59Z", -18000},
        {"EST5EDT,M3.2.0,M11.1.0", "2040-03-11T07:00:00Z", -14400},
        {"EST5EDT,M3.2.0,M11.1.0", "2040-11-04T06:00:00Z", -18000},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T00:00:00Z", 39600},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-04-04T15:59:59Z", 39600},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-04-04T16:00:00Z", 36000},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-10-03T16:00:00Z", 39600},
        {"<+0545>-5:45", "2026-06-01T00:00:00Z", 20700},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", -7200},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3600},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-01-01T00:00:00Z", 39600},
        {"UTC0", "2026-01-01T00:00:00Z", 0},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct zone zone;

        assert_true(read_rule(cases[i].rule, &zone));
        const int offset_s = zone_offset_s(&zone, time_of(cases[i].at));

        if (offset_s != cases[i].offset_s) {
            fail_msg("%s at %s: %d", cases[i].rule, cases[i].at, offset_s);
        }
    }
}

static void
changes_tell_what_was_before_the_rule(void **state)
{
    static const struct change changes[] = {
        {-3600, 0}, {946684799, 1}, {1000000000, 0}, {1100000000, 1}};
    static const struct {
        int64_t at_s;
        int offset_s;
    } cases[] = {{946684800, 7200}, {999999999, 7200}, {1000000000, 3600},
        {1099999999, 3600}, {1100000000, 18000}};
    struct buffer file;
    struct zone zone;

    (void)state;
    write_file(&file, changes, LENGTH(changes), "ABC-5");
    assert_true(zone_read(buffer_slice(&file), &zone));
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_int_equal(zone_offset_s(&zone, cases[i].at_s), cases[i].offset_s);
    }
    buffer_done(&file);
    write_file(
        &file, changes, LENGTH(changes), ""); /* no rule: it stays as it was last */
    assert_true(zone_read(buffer_slice(&file), &zone));
    assert_int_equal(zone_offset_s(&zone, 1200000000), 7200);
    buffer_done(&file);
}

static void
zeroed_it_is_utc(void **state)
{
    (void)state;
    assert_int_equal(zone_offset_s(&(struct zone){0}, 1767225600), 0);
}

static void
what_is_no_zone_is_refused(void **state)
{
    static const char *const rules[] = {"CET", "C-1", "CET-1CEST", "CET-1CEST,J60,J300",
        "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.5.0", "CET-1CEST,M3.6.0,M10.5.0/3",
        "CET-1CEST,M3.5.0,M10.5.0/3x", "<CET-1", "CET-200"};
    struct buffer file;
    struct zone zone;

    (void)state;
    for (size_t i = 0; i < LENGTH(rules); i++) {
        if (read_rule(rules[i], &zone)) {
            fail_msg("%s", rules[i]);
        }
    }
    write_file(&file, &(struct change){0, 2}, 1, "UTC0"); /* there is no third type */
    assert_false(zone_read(buffer_slice(&file), &zone));
    buffer_done(&file);
    write_file(&file, &(struct change){0, 1}, 1, "UTC0");
    for (size_t size = 0; size < file.size; size++) {
        assert_false(zone_read((struct slice){file.data, size}, &zone));
    }
    assert_true(zone_read(buffer_slice(&file), &zone));
    buffer_done(&file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_tells_the_offset_of_any_year),
        cmocka_unit_test(changes_tell_what_was_before_the_rule),
        cmocka_unit_test(zeroed_it_is_utc),
        cmocka_unit_test(what_is_no_zone_is_refused),
    };

    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
