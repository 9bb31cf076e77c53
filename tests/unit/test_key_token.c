/*
 * test_key_token.c - the Flex user token is found, and then gone.
 */
#include <jansson.h>
#include <string.h>

#include "tests/unit/key_check.h"

enum {
    TOKEN_SIZE = 9000,
};

#define PLUGIN_JSON(name, sid)                                               \
    "{\"Token\":\"eyJhbGciOiJkaXIifQ..QUJD.REVG\",\"" name "\":\"" sid "\"," \
    "\"TaskAttributes\":{\"email\":\"ana@example.com\",\"TaskSid\":\"no\"},\"Age\":912}"

static void
the_token_is_found_in_either_spelling(void **state)
{
    static const struct {
        const char *body;
        bool is_json;
        const char *token;
    } cases[] = {
        {PLUGIN_JSON("TaskSid", WT), true, "eyJhbGciOiJkaXIifQ..QUJD.REVG"},
        {"{\"TaskSid\":1,\"token\" : \"a.b\"}", true, "a.b"},
        {"{\"Token\":\"\",\"token\":\"b\"}", true, "b"},
        {"{\"Token\":\"a\\/b\"}", true, "a/b"},
        {"TaskSid=" WT "&Token=a.b%2Dc", false, "a.b-c"},
        {"token=x&Token=y", false, "y"},
    };
    char token[TOKEN_SIZE];

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_true(key_find_token(
            slice_of(cases[i].body), cases[i].is_json, token, sizeof(token)));
        assert_string_equal(token, cases[i].token);
    }
}

static void
no_token_is_no_token(void **state)
{
    static const struct {
        const char *body;
        bool is_json;
    } cases[] = {
        {"", true},
        {"{}", true},
        {"{\"Token\":7}", true},
        {"{\"Token\":{\"a\":\"b\"}}", true},
        {"{\"TOKEN\":\"a\"}", true},
        {"{\"a\":{\"Token\":\"b\"}}", true},
        {"{\"Token\":\"a\"", true},
        {"[{\"Token\":\"a\"}]", true},
        {"Token=a", true},
        {"", false},
        {"Token=", false},
        {"MyToken=a", false},
        {"Token=a%00b", false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char token[16] = "old";

        assert_false(key_find_token(
            slice_of(cases[i].body), cases[i].is_json, token, sizeof(token)));
        assert_string_equal(token, "");
    }
}

static void
a_token_that_does_not_fit_is_none(void **state)
{
    char token[4];

    (void)state;
    assert_true(key_find_token(slice_of("Token=abc"), false, token, sizeof(token)));
    assert_false(key_find_token(slice_of("Token=abcd"), false, token, sizeof(token)));
    assert_string_equal(token, "");
    assert_false(
        key_find_token(slice_of("{\"Token\":\"abcd\"}"), true, token, sizeof(token)));
}

static void
stripping_leaves_the_body_without_its_token(void **state)
{
    static const struct {
        const char *body;
        bool is_json;
        const char *stripped;
    } cases[] = {
        {"{\"Token\":\"eyJ.a\",\"TaskSid\":\"" WT "\"}", true,
            "{\"Token\":\"\",\"TaskSid\":\"" WT "\"}"},
        {"{\"a\":{\"token\":\"stays\"}, \"token\" : \"a\\\"}b\" }", true,
            "{\"a\":{\"token\":\"stays\"}, \"token\" : \"\" }"},
        {"{\"Token\":\"one\",\"x\":1,\"Token\":\"two\",\"token\":\"three\",\"y\":2}",
            true, "{\"Token\":\"\",\"x\":1,\"Token\":\"\",\"token\":\"\",\"y\":2}"},
        {"{\"\\u0054oken\":\"one\"}", true, "{\"\\u0054oken\":\"\"}"},
        {"{\"Token\":{\"value\":\"one\"}}", true, "{\"Token\":\"\"}"},
        {"{\"Token\":\"\",\"token\":7,\"Tokens\":\"x\"}", true,
            "{\"Token\":\"\",\"token\":7,\"Tokens\":\"x\"}"},
        {"[\"Token\"]", true, "[\"Token\"]"},
        {"Token=eyJ.a&TaskSid=" WT, false, "Token=&TaskSid=" WT},
        {"a=1&token=b=c&T%6Fken=d&Tokens=e", false, "a=1&token=&T%6Fken=&Tokens=e"},
        {"a=1&Token", false, "a=1&Token"},
        {"a=Token=1", false, "a=Token=1"},
        {"", false, ""},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char body[300];

        assert_true(slice_to_text(slice_of(cases[i].body), body, sizeof(body)));
        const struct slice stripped =
            key_strip_token(body, strlen(body), cases[i].is_json);

        assert_true(slice_is(stripped, cases[i].stripped));
    }
}

static void
a_body_that_is_no_object_is_not_touched(void **state)
{
    static const char *const cases[] = {"{\"Token\":\"abc\",\"x\":}",
        "{\"Token\":\"abc\"} x", "[{\"Token\":\"abc\"}]", "\"Token\"", ""};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char body[64];

        assert_true(slice_to_text(slice_of(cases[i]), body, sizeof(body)));
        assert_true(slice_is(key_strip_token(body, strlen(body), true), cases[i]));
        assert_string_equal(body, cases[i]);
    }
}

static void
stripping_a_real_token_changes_nothing_else(void **state)
{
    AUTO(buffer_done) struct buffer body = {0};

    (void)state;
    buffer_init(&body, 1 << 16);
    buffer_addf(
        &body, "{\"TaskSid\": \"" WT "\", \"Token\": \"%08000d\", \"Reason\": \"x\"}", 0);
    assert_false(body.failed);
    json_t *before = json_loadb(body.data, body.size, 0, NULL);
    const struct slice stripped = key_strip_token(body.data, body.size, true);
    json_t *after =
        json_loadb(stripped.data, stripped.size, JSON_REJECT_DUPLICATES, NULL);

    assert_int_equal(stripped.size, body.size - 8000);
    assert_non_null(after);
    assert_int_equal(json_object_set_new(before, "Token", json_string("")), 0);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_token_is_found_in_either_spelling),
        cmocka_unit_test(no_token_is_no_token),
        cmocka_unit_test(a_token_that_does_not_fit_is_none),
        cmocka_unit_test(stripping_leaves_the_body_without_its_token),
        cmocka_unit_test(a_body_that_is_no_object_is_not_touched),
        cmocka_unit_test(stripping_a_real_token_changes_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
