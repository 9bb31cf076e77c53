/*
 * test_scan_text.c - what raw JSON strings say.
 */
#include <string.h>

#include "mapping/scan.h"
#include "tests/unit/unit.h"

static void
a_plain_string_is_its_inside(void **state)
{
    (void)state;
    assert_true(slice_is(scan_string(slice_of("\"WT1\"")), "WT1"));
    assert_non_null(scan_string(slice_of("\"\"")).data);
    assert_int_equal(scan_string(slice_of("\"\"")).size, 0);
    assert_null(scan_string(slice_of("\"a\\n\"")).data);
    assert_null(scan_string(slice_of("1")).data);
    assert_null(scan_string(slice_of("[\"a\"]")).data);
    assert_null(scan_string(slice_of("\"")).data);
    assert_null(scan_string((struct slice){0}).data);
}

static void
decodes_the_escapes_of_a_string(void **state)
{
    static const struct {
        const char *value;
        const char *text;
    } cases[] = {
        {"\"\"", ""},
        {"\"plain\"", "plain"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20AC\\uFFFF\"", "A\xC3\xA9\xE2\x82\xAC\xEF\xBF\xBF"},
        {"\"\\ud83d\\ude00\\uDBFF\\uDFFF\"", "\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF"},
        {"\"Zo\xC3\xAB\"", "Zo\xC3\xAB"},
    };
    char text[32];

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_true(scan_text(slice_of(cases[i].value), text, sizeof(text)));
        assert_string_equal(text, cases[i].text);
    }
}

static void
refuses_strings_that_cannot_be_decoded(void **state)
{
    static const char *const cases[] = {"", "1", "null", "\"", "\"\\\"", "\"\\x41\"",
        "\"\\u\"", "\"\\u12\"", "\"\\u123g\"", "\"\\u0000\"", "\"\\ud83d\"",
        "\"\\ud83dx\"", "\"\\ud83d\\n\"", "\"\\ud83d\\u0041\"", "\"\\ude00\"",
        "\"\\ude00\\ude00\"", "\"\\ud83d\\ud83d\"", "\"\\ud83d\\u\"", "\"\\u00e\""};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char text[32] = "old";

        assert_false(scan_text(slice_of(cases[i]), text, sizeof(text)));
        assert_string_equal(text, "");
    }
}

static void
refuses_a_nul_instead_of_truncating(void **state)
{
    static const char value[] = "\"a\0b\"";
    char text[32];

    (void)state;
    assert_false(scan_text((struct slice){value, sizeof(value) - 1}, text, sizeof(text)));
    assert_string_equal(text, "");
}

static void
decoding_never_writes_past_the_capacity(void **state)
{
    static const char *const cases[] = {"\"abcd\"", "\"ab\\u20ac\"", "\"abc\\n\"",
        "\"\\ud83d\\ude00\"", "\"abc\\u0041\""};
    char text[8];

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        memset(text, '#', sizeof(text));
        assert_false(scan_text(slice_of(cases[i]), text, 4));
        assert_int_equal(text[0], '\0');
        assert_int_equal(text[4], '#');
    }
    assert_true(scan_text(slice_of("\"abc\""), text, 4));
    assert_string_equal(text, "abc");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_string_is_its_inside),
        cmocka_unit_test(decodes_the_escapes_of_a_string),
        cmocka_unit_test(refuses_strings_that_cannot_be_decoded),
        cmocka_unit_test(refuses_a_nul_instead_of_truncating),
        cmocka_unit_test(decoding_never_writes_past_the_capacity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
