/*
 * test_attribute.c - attributes that Brevo would drop in silence are found.
 */
#include <stdio.h>

#include "mapping/attribute.h"
#include "mapping/payload.h"
#include "mapping/profile.h"
#include "tests/unit/json_of.h"

static const struct rules rules = {
    .fields =
        {
            {"identity", "FLEX_IDENTITY"},
            {"attributes.email", "email"},
            {"attributes.phone", "SMS"},
            {"attributes.mobile", "WHATSAPP"},
            {"last_conversation_date", "LAST_SUPPORT_DATE"},
            {"last_csat_score", "CSAT_SCORE"},
            {"customer_tier", "VIP_TIER"},
            {"attributes.crm.flag", "FLAG"},
            {"attributes.crm.flag2", "FLAG"},
        },
    .field_count = 9,
    .sync_customers = true,
};

#define IDENTITY "{'name':'FLEX_IDENTITY','category':'normal','type':'text'}"
#define DATE "{'name':'LAST_SUPPORT_DATE','category':'normal','type':'date'}"
#define SCORE "{'name':'CSAT_SCORE','category':'normal','type':'float'}"
#define TIER "{'name':'VIP_TIER','category':'category','enumeration':[]}"
#define FLAG "{'name':'FLAG','category':'normal','type':'boolean'}"
#define LIST(items) "{'attributes':[" items "]}"

static const char *
summary_of(const struct rules *by, const char *list)
{
    static char text[512];
    static struct attribute_findings findings;
    AUTO(payload_release) json_t *answer = json_of(list);

    assert_true(attribute_compare(by, answer, &findings));
    attribute_summary(&findings, text, sizeof(text));
    assert_int_equal(attribute_wrong_count(&findings) == 0, text[0] == '\0');
    return text;
}

static void
a_complete_account_is_fine(void **state)
{
    (void)state;
    assert_string_equal(
        summary_of(&rules, LIST(IDENTITY "," DATE "," SCORE "," TIER "," FLAG)), "");
}

static void
finds_what_brevo_would_drop_in_silence(void **state)
{
    static const struct {
        const char *list;
        const char *summary;
    } cases[] = {
        {LIST(IDENTITY "," DATE "," SCORE "," TIER), "FLAG missing"},
        {LIST(IDENTITY "," DATE "," TIER "," FLAG
                       ",{'name':'CSAT_SCORE','category':'normal','type':'text'}"),
            "CSAT_SCORE wrong_type"},
        {LIST(IDENTITY "," SCORE "," TIER "," FLAG
                       ",{'name':'LAST_SUPPORT_DATE','category':'normal','type':'text'}"),
            "LAST_SUPPORT_DATE wrong_type"},
        {LIST(DATE "," SCORE "," TIER "," FLAG
                   ",{'name':'Flex_Identity','category':'normal','type':'text'}"),
            "FLEX_IDENTITY wrong_case"},
        {LIST(DATE
             "," SCORE "," TIER "," FLAG
             ",{'name':'Flex_Identity','category':'normal','type':'text'}," IDENTITY),
            ""},
        {LIST(IDENTITY "," DATE "," SCORE "," TIER
                       ",{'name':'FLAG','category':'calculated'}"),
            "FLAG wrong_type"},
        {LIST(IDENTITY "," DATE "," SCORE "," TIER
                       ",{'name':'FLAG','category':'transactional','type':'text'}"),
            "FLAG missing"},
        {LIST("{'name':42},null,'x'"),
            "FLEX_IDENTITY missing, LAST_SUPPORT_DATE missing, CSAT_SCORE missing, "
            "VIP_TIER missing, FLAG missing"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_string_equal(summary_of(&rules, cases[i].list), cases[i].summary);
    }
}

static void
what_is_never_written_is_not_looked_for(void **state)
{
    struct rules off = rules;

    (void)state;
    off.sync_customers = false;
    assert_string_equal(summary_of(&off, LIST("")), "");
}

static void
no_list_says_nothing(void **state)
{
    static const char *const bodies[] = {"{}", "[]", "{'attributes':{}}"};
    static struct attribute_findings findings;

    (void)state;
    assert_false(attribute_compare(&rules, NULL, &findings));
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        AUTO(payload_release) json_t *answer = json_of(bodies[i]);

        assert_false(attribute_compare(&rules, answer, &findings));
    }
}

static void
says_what_brevo_has_and_nothing_that_breaks_a_line(void **state)
{
    static const struct {
        const char *type;
        const char *found;
    } cases[] = {{"text", "text"}, {"multiple-choice", "multiple-choice"},
        {"x\\n2026 error", ""}, {"a\\\"b", ""}};
    static struct attribute_findings findings;
    const struct rules one = {
        .fields = {{"last_csat_score", "X"}}, .field_count = 1, .sync_customers = true};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char list[128];

        (void)snprintf(list, sizeof(list),
            LIST("{'name':'X','category':'normal','type':'%s'}"), cases[i].type);
        AUTO(payload_release) json_t *answer = json_of(list);

        assert_true(attribute_compare(&one, answer, &findings));
        assert_string_equal(findings.items[0].found, cases[i].found);
    }
}

static void
a_summary_is_cut_between_findings(void **state)
{
    static struct attribute_findings findings;
    AUTO(payload_release) json_t *answer = json_of(LIST(""));
    char text[48];

    (void)state;
    assert_true(attribute_compare(&rules, answer, &findings));
    attribute_summary(&findings, text, sizeof(text));
    assert_string_equal(text, "FLEX_IDENTITY missing");
}

/* So that a path cannot be forgotten here. */
static void
the_type_of_every_computed_field_is_known(void **state)
{
    static const char *const paths[] = {"identity", "friendly_name", "customer_tier",
        "account_id", "preferred_channel", "last_conversation_date",
        "total_conversations", "avg_wait_time", "last_csat_score"};

    (void)state;
    for (size_t i = 0; i < LENGTH(paths); i++) {
        const struct rules one = {
            .fields = {{paths[i], "X"}}, .field_count = 1, .sync_customers = true};

        assert_true(profile_path_is_known(paths[i]));
        assert_string_equal(
            summary_of(&one, LIST("{'name':'X','category':'normal','type':'boolean'}")),
            "X wrong_type");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_complete_account_is_fine),
        cmocka_unit_test(finds_what_brevo_would_drop_in_silence),
        cmocka_unit_test(what_is_never_written_is_not_looked_for),
        cmocka_unit_test(no_list_says_nothing),
        cmocka_unit_test(says_what_brevo_has_and_nothing_that_breaks_a_line),
        cmocka_unit_test(a_summary_is_cut_between_findings),
        cmocka_unit_test(the_type_of_every_computed_field_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
