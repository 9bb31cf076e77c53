/*
 * test_scan.c - what the scanner accepts and finds.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "mapping/scan.h"
#include "tests/unit/unit.h"

#define BYTES(literal) ((struct slice){.data = (literal), .size = sizeof(literal) - 1})

enum {
    JOINED_SIZE = 200,
    VALUES_MAX = 8,
};

static void
accepts_every_kind_of_value(void **state)
{
    static const char *const cases[] = {"{}", "[]", "null", "true", "false", "\"\"", "0",
        "-0", "10", "-1.5", "0.0", "1e5", "1E+05", "1.25e-7", " \t\r\n1 \t\r\n",
        "[1,[2,{\"a\":[]}]]", "{\"a\" : 1 , \"b\" : { } }", "[ ]", "[ [ ] , { } ]",
        "\"12345678\"", "\"1234567\\\"\"", "\"\\\\\"", "\"\\\"\"", "[\"\",\"\"]",
        "\"\x7F\xC3\xAB\""};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_int_equal(scan_check(slice_of(cases[i])), SCAN_OK);
    }
}

static void
check_refused(struct slice text)
{
    if (scan_check(text) != SCAN_E_SYNTAX) {
        fail_msg("accepted: %.*s", (int)text.size, text.data);
    }
}

static void
refuses_what_is_not_one_complete_value(void **state)
{
    static const char *const cases[] = {"", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]",
        "[,1]", "[,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}",
        "{\"a\":1 \"b\":2}", "{a:1}", "{1:1}", "{\"a\"=1}", "{'a':1}", "[}", "{]", "[1}",
        "{\"a\":1]", "1 2", "{}{}", "[]]", "{}x", "nul", "nulll", "True", "TRUE",
        "truefalse", "NaN", "Infinity", "undefined", "01", "-", "-a", "+1", "1.", ".5",
        "1.e5", "1e", "1e+", "1e+-5", "1e5.5", "--1", "0x10", "1_0", "\"", "\"abc",
        "\"abc\\\"", "\"\\", "\"abc\\\\\\\"", "//x\n1", "/**/1", "[1]\v",
        "\xEF\xBB\xBF[]", "\xA0 1"};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        check_refused(slice_of(cases[i]));
    }
    assert_int_equal(scan_check((struct slice){0}), SCAN_E_SYNTAX);
    check_refused(BYTES("1\0"));
    check_refused(BYTES("[1\0]"));
}

static void
refuses_control_characters_anywhere_in_a_string(void **state)
{
    (void)state;
    for (size_t at = 1; at < 20; at++) {
        for (int c = 0; c < 0x20; c++) {
            char text[] = "\"abcdefghijklmnopqrst\"";

            text[at] = (char)c;
            assert_int_equal(scan_check(BYTES(text)), SCAN_E_SYNTAX);
            text[at - 1] = at > 1 ? '\\' : '"';
            assert_int_equal(scan_check(BYTES(text)), SCAN_E_SYNTAX);
        }
    }
}

static void
a_string_ends_at_its_first_bare_quote(void **state)
{
    (void)state;
    for (size_t at = 1; at < 20; at++) {
        char text[] = "\"abcdefghijklmnopqrst\"";

        text[at] = '"';
        assert_int_equal(scan_check(BYTES(text)), SCAN_E_SYNTAX);
        assert_int_equal(scan_check((struct slice){text, at + 1}), SCAN_OK);
        text[at] = '\\';
        assert_int_equal(scan_check(BYTES(text)), SCAN_OK);
    }
}

static void
string_contents_are_left_to_the_worker(void **state)
{
    static const char *const cases[] = {"\"\\q\"", "\"\\u12\"", "\"\\ud800\"",
        "\"\xFF\xC0\"", "1e999", "{\"a\":1,\"a\":2}"};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct slice text = slice_of(cases[i]);

        assert_int_equal(scan_check(text), SCAN_OK);
        assert_null(json_loadb(
            text.data, text.size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL));
    }
}

static int
check_nested(size_t depth, const char *open, const char *inside, const char *close)
{
    AUTO(buffer_done) struct buffer text = {0};

    buffer_init(&text, 1 << 16);
    for (size_t i = 0; i < depth; i++) {
        buffer_add_text(&text, open);
    }
    buffer_add_text(&text, inside);
    for (size_t i = 0; i < depth; i++) {
        buffer_add_text(&text, close);
    }
    assert_false(text.failed);
    return scan_check(buffer_slice(&text));
}

static void
nesting_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(check_nested(SCAN_DEPTH_MAX, "[", "", "]"), SCAN_OK);
    assert_int_equal(check_nested(SCAN_DEPTH_MAX + 1, "[", "", "]"), SCAN_E_SYNTAX);
    assert_int_equal(check_nested(SCAN_DEPTH_MAX, "{\"a\":", "1", "}"), SCAN_OK);
    assert_int_equal(
        check_nested(SCAN_DEPTH_MAX + 1, "{\"a\":", "1", "}"), SCAN_E_SYNTAX);
    assert_int_equal(check_nested(10000, "[", "", "]"), SCAN_E_SYNTAX);
}

struct joined {
    char text[JOINED_SIZE]; /* each value in angle brackets */
    size_t left;            /* values until it stops */
};

static bool
join(void *context, struct slice element)
{
    struct joined *joined = context;
    const size_t used = strlen(joined->text);

    (void)snprintf(joined->text + used, sizeof(joined->text) - used, "<%.*s>",
        (int)element.size, element.data);
    return joined->left-- > 1;
}

static bool
join_member(void *context, struct slice name, struct slice value)
{
    return join(context, name) && join(context, value);
}

static void
hands_out_elements_without_their_blanks(void **state)
{
    static const struct {
        const char *text;
        const char *elements;
    } cases[] = {
        {"[]", ""},
        {" [ ] ", ""},
        {"[1]", "<1>"},
        {"[ {\"a\": [1, 2]} ,\n\"x, y\"\t, null,[ ],-1.5e3 ]\n",
            "<{\"a\": [1, 2]}><\"x, y\">"
            "<null><[ ]><-1.5e3>"},
        {" {\"a\":1} ", "<{\"a\":1}>"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct joined joined = {.left = VALUES_MAX};

        assert_int_equal(
            scan_elements(slice_of(cases[i].text), NULL, 0, join, &joined), SCAN_OK);
        assert_string_equal(joined.text, cases[i].elements);
    }
}

struct found {
    struct scan_field fields[2];
    char text[JOINED_SIZE];
};

static bool
note_found(void *context, struct slice element)
{
    struct found *found = context;
    const size_t size = strlen(found->text);

    (void)snprintf(found->text + size, sizeof(found->text) - size, "%zu:%.*s,%.*s ",
        element.size, (int)found->fields[0].value.size,
        found->fields[0].value.size > 0 ? found->fields[0].value.data : "",
        (int)found->fields[1].value.size,
        found->fields[1].value.size > 0 ? found->fields[1].value.data : "");
    return true;
}

static void
finds_fields_in_each_element_and_in_it_alone(void **state)
{
    static const struct {
        const char *text;
        const char *found;
    } cases[] = {
        {"[{\"a\":1,\"b\":{\"c\":2}},{},{\"b\":{\"c\":3}}]", "19:1,2 2:, 13:,3 "},
        {"[{\"b\":{\"c\":2}},7,[{\"a\":1}],{\"b\":{}}, {\"a\":4}]",
            "13:,2 1:, 9:, 8:, 7:4, "},
        {" {\"b\":{\"x\":{\"c\":1},\"c\":[2]},\"a\":null} ", "36:null,[2] "},
        {"[]", ""},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct found found = {.fields = {{.path = "a"}, {.path = "b/c"}}};

        assert_int_equal(
            scan_elements(slice_of(cases[i].text), found.fields, 2, note_found, &found),
            SCAN_OK);
        assert_string_equal(found.text, cases[i].found);
    }
}

static void
only_arrays_and_objects_have_elements(void **state)
{
    static const char *const cases[] = {
        "", "1", "\"[]\"", "null", "{} {}", "{\"a\":1", "x[]", "{\"a\":[1 2]}", "{[1]"};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct joined joined = {.left = VALUES_MAX};

        assert_int_equal(
            scan_elements(slice_of(cases[i]), NULL, 0, join, &joined), SCAN_E_SYNTAX);
        assert_string_equal(joined.text, "");
    }
}

static void
elements_before_an_error_were_handed_out(void **state)
{
    struct joined joined = {.left = VALUES_MAX};

    (void)state;
    assert_int_equal(
        scan_elements(slice_of("[1,2,[3,]"), NULL, 0, join, &joined), SCAN_E_SYNTAX);
    assert_string_equal(joined.text, "<1><2>");
    assert_int_equal(
        scan_elements(slice_of("[4],"), NULL, 0, join, &joined), SCAN_E_SYNTAX);
    assert_string_equal(joined.text, "<1><2><4>");
}

static void
the_callback_can_stop_the_scan(void **state)
{
    struct joined elements = {.left = 2};
    struct joined single = {.left = 1};
    struct joined members = {.left = 2};

    (void)state;
    assert_int_equal(
        scan_elements(slice_of("[1,2,3]"), NULL, 0, join, &elements), SCAN_E_STOPPED);
    assert_string_equal(elements.text, "<1><2>");
    assert_int_equal(
        scan_elements(slice_of("{}"), NULL, 0, join, &single), SCAN_E_STOPPED);
    assert_int_equal(scan_members(slice_of("{\"a\":1,\"b\":2}"), join_member, &members),
        SCAN_E_STOPPED);
    assert_string_equal(members.text, "<\"a\"><1>");
}

static void
hands_out_the_members_of_the_outer_object(void **state)
{
    struct joined joined = {.left = VALUES_MAX};
    const struct slice object =
        slice_of("{ \"a\" : {\"b\":1} , \"\" :\"c\\\"\",\"a\":2 }");

    (void)state;
    assert_int_equal(scan_members(object, join_member, &joined), SCAN_OK);
    assert_string_equal(joined.text, "<\"a\"><{\"b\":1}><\"\"><\"c\\\"\"><\"a\"><2>");
}

static void
only_objects_have_members(void **state)
{
    static const char *const cases[] = {
        "", "[1]", "\"a\"", "1", "{\"a\":1", "{} {}", "{\"a\"}"};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct joined joined = {.left = VALUES_MAX};

        assert_int_equal(
            scan_members(slice_of(cases[i]), join_member, &joined), SCAN_E_SYNTAX);
    }
}

static void
finds_values_along_paths(void **state)
{
    static const char *const paths[] = {"type", "data/payload/task_sid", "data/StateTo",
        "data/payload", "data/payload/x/y", "none", "data/none"};
    static const struct {
        const char *text;
        const char *values[LENGTH(paths)]; /* NULL: absent */
    } cases[] = {
        {"{}", {0}},
        {"{\"type\":\"t\"}", {"\"t\""}},
        {"{\"data\":{\"payload\":{\"task_sid\":\"W\",\"z\":1},\"StateTo\":null},\"type\":7}",
            {"7", "\"W\"", "null", "{\"task_sid\":\"W\",\"z\":1}"}},
        {"{\"data\":{\"StateTo\":[ 1 ] , \"payload\" : { } },\"z\":{\"type\":1}}",
            {NULL, NULL, "[ 1 ]", "{ }"}},
        {"{\"data\":{\"payload\":{\"x\":{\"y\":true}}},\"type\":\"t\"}",
            {"\"t\"", NULL, NULL, "{\"x\":{\"y\":true}}", "true"}},
        {"{\"data\":\"payload\",\"payload\":{\"task_sid\":1},\"task_sid\":2}", {0}},
        {"{\"data\":[{\"StateTo\":1}]}", {0}},
        {"{\"data/StateTo\":1,\"data\":{\"payload/task_sid\":2}}", {0}},
        {"{\"dat\":{\"StateTo\":1},\"dataa\":{\"StateTo\":2},\"typ\":3,\"types\":4}",
            {0}},
        {"{\"\":{\"\":1},\"data\":{\"\":2}}", {0}},
        {"{\"typ\\u0065\":1}", {0}},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct scan_field fields[LENGTH(paths)];

        for (size_t j = 0; j < LENGTH(paths); j++) {
            fields[j] = (struct scan_field){.path = paths[j], .value = slice_of("old")};
        }
        assert_int_equal(
            scan_fields(slice_of(cases[i].text), fields, LENGTH(fields)), SCAN_OK);
        for (size_t j = 0; j < LENGTH(paths); j++) {
            const char *expected = cases[i].values[j];

            assert_int_equal(fields[j].value.data != NULL, expected != NULL);
            assert_true(slice_equal(fields[j].value, slice_of(expected)));
        }
    }
}

static void
the_first_match_wins(void **state)
{
    struct scan_field fields[] = {{.path = "a"}, {.path = "b/c"}};

    (void)state;
    assert_int_equal(
        scan_fields(slice_of("{\"b\":{\"d\":0},\"a\":1,\"b\":{\"c\":2,\"c\":3},\"a\":4,"
                             "\"b\":{\"c\":5}}"),
            fields, LENGTH(fields)),
        SCAN_OK);
    assert_true(slice_is(fields[0].value, "1"));
    assert_true(slice_is(fields[1].value, "2"));
}

static void
a_document_broken_behind_the_match_yields_nothing(void **state)
{
    static const char *const cases[] = {"{\"a\":1,\"b\":2", "{\"a\":1,}", "{\"a\":1} x",
        "[{\"a\":1}]", "\"a\"", "", "{\"a\":1,\"b\":{\"c\":tru}}"};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct scan_field fields[] = {{.path = "a"}, {.path = "b/c"}};

        assert_int_equal(
            scan_fields(slice_of(cases[i]), fields, LENGTH(fields)), SCAN_E_SYNTAX);
        assert_null(fields[0].value.data);
        assert_null(fields[1].value.data);
    }
}

static void
depth_is_bounded_along_a_path_too(void **state)
{
    AUTO(buffer_done) struct buffer text = {0};
    struct scan_field fields[] = {{.path = "a/b"}};

    (void)state;
    buffer_init(&text, 1024);
    buffer_add_text(&text, "{\"a\":{\"b\":");
    for (int i = 0; i < SCAN_DEPTH_MAX - 1; i++) {
        buffer_add_text(&text, "[");
    }
    for (int i = 0; i < SCAN_DEPTH_MAX - 1; i++) {
        buffer_add_text(&text, "]");
    }
    buffer_add_text(&text, "}}");
    assert_false(text.failed);
    assert_int_equal(scan_fields(buffer_slice(&text), fields, 1), SCAN_E_SYNTAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_every_kind_of_value),
        cmocka_unit_test(refuses_what_is_not_one_complete_value),
        cmocka_unit_test(refuses_control_characters_anywhere_in_a_string),
        cmocka_unit_test(a_string_ends_at_its_first_bare_quote),
        cmocka_unit_test(string_contents_are_left_to_the_worker),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(hands_out_elements_without_their_blanks),
        cmocka_unit_test(finds_fields_in_each_element_and_in_it_alone),
        cmocka_unit_test(only_arrays_and_objects_have_elements),
        cmocka_unit_test(elements_before_an_error_were_handed_out),
        cmocka_unit_test(the_callback_can_stop_the_scan),
        cmocka_unit_test(hands_out_the_members_of_the_outer_object),
        cmocka_unit_test(only_objects_have_members),
        cmocka_unit_test(finds_values_along_paths),
        cmocka_unit_test(the_first_match_wins),
        cmocka_unit_test(a_document_broken_behind_the_match_yields_nothing),
        cmocka_unit_test(depth_is_bounded_along_a_path_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
