/*
 * test_form.c - form bodies decoded without losing a byte.
 */
#include <stdlib.h>
#include <string.h>

#include "mapping/form.h"
#include "tests/unit/unit.h"

#define BYTES(literal)                                 \
    {                                                  \
        .data = (literal), .size = sizeof(literal) - 1 \
    }

enum {
    CASE_FIELDS_MAX = 4,
};

struct form_case {
    struct slice body;
    size_t count;
    struct form_field fields[CASE_FIELDS_MAX];
};

static void
check_cases(const struct form_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(form_done) struct form form = {0};

        assert_int_equal(form_parse(cases[i].body, &form), FORM_OK);
        assert_int_equal(form.count, cases[i].count);
        for (size_t j = 0; j < form.count; j++) {
            assert_true(slice_equal(form.fields[j].name, cases[i].fields[j].name));
            assert_true(slice_equal(form.fields[j].value, cases[i].fields[j].value));
        }
    }
}

static void
decodes_plus_and_escapes_to_bytes(void **state)
{
    static const struct form_case cases[] = {
        {BYTES("a=b+c"), 1, {{BYTES("a"), BYTES("b c")}}},
        {BYTES("a+b=%2B1555"), 1, {{BYTES("a b"), BYTES("+1555")}}},
        {BYTES("n=Zo%C3%ab"), 1, {{BYTES("n"), BYTES("Zo\xC3\xAB")}}},
        {BYTES("a%00b=c%00"), 1, {{BYTES("a\0b"), BYTES("c\0")}}},
        {BYTES("x=%26%3d%25"), 1, {{BYTES("x"), BYTES("&=%")}}},
        {BYTES("\xFF=\x80\xFE"), 1, {{BYTES("\xFF"), BYTES("\x80\xFE")}}},
    };

    (void)state;
    check_cases(cases, LENGTH(cases));
}

static void
leaves_a_broken_escape_as_it_is(void **state)
{
    static const struct form_case cases[] = {
        {BYTES("a=%zz"), 1, {{BYTES("a"), BYTES("%zz")}}},
        {BYTES("a=%4"), 1, {{BYTES("a"), BYTES("%4")}}},
        {BYTES("a=%"), 1, {{BYTES("a"), BYTES("%")}}},
        {BYTES("%=%%41"), 1, {{BYTES("%"), BYTES("%A")}}},
        {BYTES("a=%4&1=b"), 2, {{BYTES("a"), BYTES("%4")}, {BYTES("1"), BYTES("b")}}},
        {BYTES("a=%G0%0g%@1%1`"), 1, {{BYTES("a"), BYTES("%G0%0g%@1%1`")}}},
    };

    (void)state;
    check_cases(cases, LENGTH(cases));
}

static void
keeps_empty_names_and_values_but_not_empty_segments(void **state)
{
    static const struct form_case cases[] = {
        {BYTES(""), 0, {{{0}, {0}}}},
        {BYTES("&&&"), 0, {{{0}, {0}}}},
        {BYTES("a"), 1, {{BYTES("a"), BYTES("")}}},
        {BYTES("a="), 1, {{BYTES("a"), BYTES("")}}},
        {BYTES("=b"), 1, {{BYTES(""), BYTES("b")}}},
        {BYTES("="), 1, {{BYTES(""), BYTES("")}}},
        {BYTES("a=b=c"), 1, {{BYTES("a"), BYTES("b=c")}}},
        {BYTES("&a&&b=&"), 2, {{BYTES("a"), BYTES("")}, {BYTES("b"), BYTES("")}}},
    };

    (void)state;
    check_cases(cases, LENGTH(cases));
}

static void
keeps_duplicates_blanks_and_the_order(void **state)
{
    static const struct form_case cases[] = {
        {BYTES("b=2&a=1&b=2"), 3,
            {{BYTES("b"), BYTES("2")}, {BYTES("a"), BYTES("1")},
                {BYTES("b"), BYTES("2")}}},
        {BYTES(" a =  1 \n"), 1, {{BYTES(" a "), BYTES("  1 \n")}}},
    };

    (void)state;
    check_cases(cases, LENGTH(cases));
}

static void
fields_outlive_the_body(void **state)
{
    AUTO(form_done) struct form form = {0};
    char body[] = "TaskSid=WT1&EventType=task.created";

    (void)state;
    assert_int_equal(form_parse(slice_of(body), &form), FORM_OK);
    memset(body, 'x', sizeof(body));
    assert_true(slice_is(form_get(&form, "EventType"), "task.created"));
}

static void
get_returns_the_first_of_exactly_that_name(void **state)
{
    AUTO(form_done) struct form form = {0};

    (void)state;
    assert_int_equal(
        form_parse(slice_of("callsid=1&CallSid=2&CallSid=3&e="), &form), FORM_OK);
    assert_true(slice_is(form_get(&form, "CallSid"), "2"));
    assert_non_null(form_get(&form, "e").data);
    assert_null(form_get(&form, "CALLSID").data);
    assert_null(form_get(&form, "Call").data);
}

static void
takes_the_maximum_of_fields_and_not_one_more(void **state)
{
    char body[2 * (FORM_FIELDS_MAX + 1)];
    AUTO(form_done) struct form form = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(body); i += 2) {
        body[i] = 'a';
        body[i + 1] = '&';
    }
    body[sizeof(body) - 2] = 'b';
    const struct slice most = {.data = body, .size = sizeof(body) - 2};
    const struct slice more = {.data = body, .size = sizeof(body)};

    assert_int_equal(form_parse(most, &form), FORM_OK);
    assert_int_equal(form.count, FORM_FIELDS_MAX);
    form_done(&form);
    assert_int_equal(form_parse(more, &form), FORM_E_TOO_MANY_FIELDS);
    assert_null(form_find(more, "b").data);
    assert_non_null(form_find(slice_skip(more, 2), "b").data);
    assert_null(form.fields);
    assert_int_equal(form.count, 0);
}

static void
finds_a_field_without_parsing_the_rest(void **state)
{
    const struct slice body = slice_of("a=1&T%6fken=e%2Ey&Token=2&Empty=&b");
    char text[8];

    (void)state;
    assert_true(slice_is(form_find(body, "Token"), "e%2Ey"));
    assert_true(form_decode(form_find(body, "Token"), text, sizeof(text)));
    assert_string_equal(text, "e.y");
    assert_non_null(form_find(body, "Empty").data);
    assert_true(slice_is(form_find(body, "b"), ""));
    assert_null(form_find(body, "Tok").data);
    assert_null(form_find(body, "Tokens").data);
    assert_null(form_find((struct slice){0}, "a").data);
}

static void
decoding_refuses_what_does_not_fit_or_holds_a_nul(void **state)
{
    char text[4] = "old";

    (void)state;
    assert_true(form_decode(slice_of("%41%42%43"), text, sizeof(text)));
    assert_string_equal(text, "ABC");
    assert_false(form_decode(slice_of("abcd"), text, sizeof(text)));
    assert_string_equal(text, "");
    assert_false(form_decode(slice_of("a%00"), text, sizeof(text)));
    assert_string_equal(text, "");
    assert_false(form_decode(slice_of("a%00b"), text, sizeof(text)));
    assert_string_equal(text, "");
    assert_true(form_decode((struct slice){0}, text, sizeof(text)));
    assert_string_equal(text, "");
}

static void
a_form_may_be_released_twice(void **state)
{
    struct form form = {0};

    (void)state;
    form_done(&form);
    assert_int_equal(form_parse(slice_of("a=1"), &form), FORM_OK);
    form_done(&form);
    form_done(&form);
    assert_int_equal(form.count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_plus_and_escapes_to_bytes),
        cmocka_unit_test(leaves_a_broken_escape_as_it_is),
        cmocka_unit_test(keeps_empty_names_and_values_but_not_empty_segments),
        cmocka_unit_test(keeps_duplicates_blanks_and_the_order),
        cmocka_unit_test(fields_outlive_the_body),
        cmocka_unit_test(get_returns_the_first_of_exactly_that_name),
        cmocka_unit_test(takes_the_maximum_of_fields_and_not_one_more),
        cmocka_unit_test(finds_a_field_without_parsing_the_rest),
        cmocka_unit_test(decoding_refuses_what_does_not_fit_or_holds_a_nul),
        cmocka_unit_test(a_form_may_be_released_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
