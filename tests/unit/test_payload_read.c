/*
 * test_payload_read.c - routes become one payload, and values are read out of it.
 */
#include "mapping/payload.h"
#include "tests/unit/json_of.h"

static void
merges_member_by_member_and_never_overwrites(void **state)
{
    AUTO(payload_release)
    json_t *payload =
        json_of("{'task_sid':'WT1','queue':'','empty':null,"
                "'task_attributes':{'email':'a','customers':{'name':'A'}}}");
    AUTO(payload_release)
    json_t *other = json_of("{'task_sid':'WT2','queue':'Q','empty':1,'none':null,"
                            "'task_attributes':{'email':'b','x':1,"
                            "'customers':{'name':'B','zip':'2'}}}");
    AUTO(payload_release)
    json_t *wanted = json_of("{'task_sid':'WT1','queue':'Q','empty':1,'task_attributes':"
                             "{'email':'a','customers':{'name':'A','zip':'2'},'x':1},"
                             "'trusted':{'task_attributes':{'email':'a',"
                             "'customers':{'name':'A'}}}}");

    (void)state;
    assert_int_equal(payload_merge(payload, other), 0);
    assert_true(json_equal(payload, wanted));
}

static void
leaves_the_other_payload_alone_when_a_third_is_merged(void **state)
{
    AUTO(payload_release) json_t *first = json_of("{}");
    AUTO(payload_release) json_t *second = json_of("{'task_attributes':{'a':1}}");
    AUTO(payload_release) json_t *third = json_of("{'task_attributes':{'b':2}}");
    AUTO(payload_release) json_t *before = json_deep_copy(second);

    (void)state;
    assert_int_equal(payload_merge(first, second), 0);
    assert_int_equal(payload_merge(first, third), 0);
    assert_non_null(payload_at(first, "task_attributes/b"));
    assert_true(json_equal(second, before));
}

static void
reads_values_by_path(void **state)
{
    AUTO(payload_release)
    json_t *payload = json_of("{'a.b':{'c':'x'},'n':'12','real':3.0,'half':3.5,'t':'',"
                              "'task_attributes':{'customers':{'email':'e'},'x.y':'z'}}");
    int64_t number = -7;
    char text[4];

    (void)state;
    assert_string_equal(payload_text_at(payload, "a.b/c"), "x");
    assert_null(payload_text_at(payload, "a/b/c"));
    assert_null(payload_text(payload, "t"));
    assert_true(payload_integer(payload, "n", &number));
    assert_int_equal(number, 12);
    assert_true(payload_integer(payload, "real", &number));
    assert_int_equal(number, 3);
    assert_false(payload_integer(payload, "half", &number));
    assert_false(payload_integer(payload, "missing", &number));
    assert_int_equal(number, 3);
    assert_non_null(payload_attribute(payload, "customers.email"));
    assert_non_null(payload_attribute(payload, "x.y"));
    assert_null(payload_attribute(payload, "customers.email.more"));
    assert_null(payload_attribute(NULL, "customers.email"));
    assert_true(payload_scalar(json_object_get(payload, "real"), text, sizeof(text)));
    assert_string_equal(text, "3");
    assert_false(payload_scalar(json_object_get(payload, "half"), text, sizeof(text)));
    assert_false(payload_scalar(NULL, text, sizeof(text)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_member_by_member_and_never_overwrites),
        cmocka_unit_test(leaves_the_other_payload_alone_when_a_third_is_merged),
        cmocka_unit_test(reads_values_by_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
