/*
 * test_request_contact.c - the contact Brevo is given, and what is left of one it knows.
 */
#include <stdlib.h>

#include "mapping/request.h"
#include "tests/unit/json_of.h"

static const struct rules rules = {
    .event_names = {[EVENT_TASK_COMPLETED] = "SUPPORT_RESOLVED",
        [EVENT_CONVERSATION_ENDED] = "CONVERSATION_ENDED"},
    .fields =
        {
            {"identity", "FLEX_IDENTITY"},
            {"friendly_name", "FIRSTNAME"},
            {"attributes.email", "email"},
            {"attributes.email", "EMAIL"},
            {"attributes.phone", "SMS"},
            {"total_conversations", "SUPPORT_TICKET_COUNT"},
            {"customer_tier", "VIP_TIER"},
            {"account_id", "ACCOUNT_ID"},
            {"attributes.crm.score", "SCORE"},
            {"attributes.crm.score", "lower case"},
        },
    .field_count = 10,
    .sync_customers = true,
    .list_support_contacts = 32,
    .list_csat_respondents = 33,
};

static void
contact_is(const char *attributes, const struct customer *customer,
    const struct rules *by, const char *wanted)
{
    AUTO(payload_release)
    json_t *payload = json_pack("{s:o}", "task_attributes", json_of(attributes));
    const struct event event = {
        .type = EVENT_TASK_COMPLETED, .payload = payload, .customer = *customer};
    AUTO(payload_release) json_t *contact = request_contact(&event, by);

    assert_json(contact, wanted);
}

static void
composes_a_contact_from_identity_and_profile(void **state)
{
    (void)state;
    contact_is("{'identity':'ana','customerName':'Ana Ruiz','email':'a@example.com',"
               "'customers':{'category':'VIP','external_id':42},'crm':{'score':1.5}}",
        &(struct customer){"a@example.com", "", "+34600000001", "+34600000002"}, &rules,
        "{'updateEnabled':true,'email':'a@example.com','attributes':"
        "{'SMS':'+34600000001','WHATSAPP':'+34600000002','FLEX_IDENTITY':'ana',"
        "'FIRSTNAME':'Ana','VIP_TIER':'VIP','ACCOUNT_ID':'42','SCORE':1.5},"
        "'listIds':[32]}");
}

/* What stands in for a name may stand in a better place than a name does. */
static void
the_first_source_that_has_a_name_gives_it(void **state)
{
    static const struct {
        const char *attributes;
        const char *wanted;
    } cases[] = {
        {"{'customerName':'+34600111222','name':'Ana Ruiz'}",
            ",'attributes':{'FIRSTNAME':'Ana'}"},
        {"{'customerName':'Customer','name':'Ana'}", ",'attributes':{'FIRSTNAME':'Ana'}"},
        {"{'customers':{'name':'ana@example.com'},'customerName':34600111222,'name':'Ana'}",
            ",'attributes':{'FIRSTNAME':'Ana'}"},
        {"{'customerName':'Eva','name':'Ana'}", ",'attributes':{'FIRSTNAME':'Eva'}"},
        {"{'customerName':'Customer','name':'+34600111222'}", ""},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char wanted[256];

        (void)snprintf(wanted, sizeof wanted,
            "{'updateEnabled':true,'email':'a@example.com'%s,'listIds':[32]}",
            cases[i].wanted);
        contact_is(cases[i].attributes, &(struct customer){.email = "a@example.com"},
            &rules, wanted);
    }
}

static void
sends_only_the_identifier_when_customers_are_switched_off(void **state)
{
    struct rules off = rules;

    (void)state;
    off.sync_customers = false;
    off.list_support_contacts = 0;
    contact_is("{'customerName':'Ana Ruiz'}",
        &(struct customer){"a@example.com", "", "+34600000001", ""}, &off,
        "{'updateEnabled':true,'email':'a@example.com'}");
    contact_is("{'customerName':'Ana Ruiz'}", &(struct customer){.phone = "+34600000001"},
        &off, "{'updateEnabled':true,'attributes':{'SMS':'+34600000001'}}");
    contact_is("{}", &(struct customer){.whatsapp = "+34600000001"}, &off,
        "{'updateEnabled':true,'attributes':{'WHATSAPP':'+34600000001'}}");
}

static void
sends_no_phone_beside_an_email_that_nothing_maps(void **state)
{
    struct rules unmapped = rules;

    (void)state;
    unmapped.field_count = 0;
    contact_is("{}",
        &(struct customer){"a@example.com", "", "+34600000001", "+34600000002"},
        &unmapped, "{'updateEnabled':true,'email':'a@example.com','listIds':[32]}");
}

/* Whatever is mapped to: flags that change consent, or merge, and identifiers in disguise. */
static void
says_nothing_but_who_and_what(void **state)
{
    static const char *const written[] = {
        "updateEnabled", "email", "ext_id", "attributes", "listIds"};
    const struct rules hostile = {
        .fields = {{"attributes.x", "emailBlacklisted"},
            {"attributes.x", "smsBlacklisted"}, {"attributes.x", "forceMerge"},
            {"attributes.x", "EMAIL"}, {"attributes.x", "EXT_ID"},
            {"attributes.x", "LANDLINE_NUMBER"}, {"attributes.x", "Vip Tier"},
            {"attributes.x", "VIP.TIER"}, {"attributes.phone", "SMS"},
            {"attributes.x", "VIP_TIER"}},
        .field_count = 10,
        .sync_customers = true,
        .list_support_contacts = 32,
    };
    AUTO(payload_release) json_t *payload = json_of("{'task_attributes':{'x':'x'}}");
    const struct event event = {
        .type = EVENT_TASK_COMPLETED,
        .payload = payload,
        .customer = {"a@example.com", "x", "+34600000001", "+34600000002"},
    };
    AUTO(payload_release) json_t *contact = request_contact(&event, &hostile);
    const char *name;
    json_t *value;
    size_t known = 0;

    (void)state;
    json_object_foreach(contact, name, value)
    {
        for (size_t i = 0; i < LENGTH(written); i++) {
            known += strcmp(name, written[i]) == 0;
        }
    }
    assert_int_equal(known, json_object_size(contact));
    assert_json(json_object_get(contact, "attributes"),
        "{'SMS':'+34600000001','WHATSAPP':'+34600000002','VIP_TIER':'x'}");
}

static void
greets_nobody_by_a_number_an_address_or_a_stand_in(void **state)
{
    static const struct {
        const char *name;
        const char *first; /* NULL: none */
    } cases[] = {
        {"Ana Ruiz", "Ana"},
        {"  José  Ángel ", "José"},
        {"Ruiz, Ana", "Ana"},
        {"O'Hara", "O'Hara"},
        {"客服", "客服"},
        {"+34600111222", NULL},
        {"(555) 010-0000", NULL},
        {"ana@example.com", NULL},
        {"whatsapp:+34600111222", NULL},
        {"Customer", NULL},
        {"ANONYMOUS", NULL},
        {"Ruiz,", NULL},
        {"   ", NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(payload_release)
        json_t *payload =
            json_pack("{s:{s:s}}", "task_attributes", "name", cases[i].name);
        const struct event event = {.type = EVENT_CONVERSATION_ENDED,
            .payload = payload,
            .customer = {.email = "a@example.com"}};
        AUTO(payload_release) json_t *contact = request_contact(&event, &rules);
        const char *first = payload_text_at(contact, "attributes/FIRSTNAME");

        if (cases[i].first == NULL) {
            assert_null(json_object_get(contact, "attributes"));
        } else {
            assert_non_null(first);
            assert_string_equal(first, cases[i].first);
        }
    }
}

static void
the_end_of_a_conversation_is_support_as_well(void **state)
{
    AUTO(payload_release) json_t *payload = json_object();
    const struct event event = {.type = EVENT_CONVERSATION_ENDED,
        .payload = payload,
        .customer = {.email = "a@example.com"}};
    AUTO(payload_release) json_t *contact = request_contact(&event, &rules);

    (void)state;
    assert_json(contact, "{'updateEnabled':true,'email':'a@example.com','listIds':[32]}");
}

static void
whoever_answers_a_survey_joins_the_respondents(void **state)
{
    AUTO(payload_release) json_t *payload = json_object();
    const struct event event = {.type = EVENT_SURVEY_COMPLETED,
        .payload = payload,
        .customer = {.email = "a@example.com"}};
    AUTO(payload_release) json_t *contact = request_contact(&event, &rules);

    (void)state;
    assert_json(contact, "{'updateEnabled':true,'email':'a@example.com','listIds':[33]}");
}

static const struct {
    const char *contact;
    const char *existing;
    bool left;
    const char *reduced;
} reductions[] = {
    /* everything known: digits are the same phone */
    {"{'updateEnabled':true,'email':'a@example.com',"
     "'attributes':{'SMS':'+34600000001','FIRSTNAME':'Ana'},'listIds':[32]}",
        "{'email':'A@example.com','listIds':[7,32],"
        "'attributes':{'SMS':'34600000001','FIRSTNAME':'Anita'}}",
        false, "{'updateEnabled':true,'email':'a@example.com'}"},
    /* empty ones are filled, others stay */
    {"{'updateEnabled':true,'email':'a@example.com',"
     "'attributes':{'SMS':'+34600000001','FIRSTNAME':'Ana','X':1}}",
        "{'email':'a@example.com','attributes':{'SMS':'','FIRSTNAME':null,'X':0}}", true,
        "{'updateEnabled':true,'email':'a@example.com',"
        "'attributes':{'SMS':'+34600000001','FIRSTNAME':'Ana'}}"},
    /* a list once left is not joined again */
    {"{'updateEnabled':true,'email':'a@example.com','listIds':[32]}",
        "{'email':'a@example.com','listIds':[7],'listUnsubscribed':[32]}", false,
        "{'updateEnabled':true,'email':'a@example.com'}"},
    {"{'updateEnabled':true,'email':'a@example.com','listIds':[32]}",
        "{'email':'a@example.com','listIds':[7],'listUnsubscribed':null}", true,
        "{'updateEnabled':true,'email':'a@example.com','listIds':[32]}"},
    /* a phone that identifies stays, and is no news by itself */
    {"{'updateEnabled':true,'attributes':{'SMS':'+34600000001'},'listIds':[32]}",
        "{'attributes':{'SMS':'34600000001'},'listIds':[32]}", false,
        "{'updateEnabled':true,'attributes':{'SMS':'+34600000001'}}"},
    {"{'updateEnabled':true,'attributes':{'SMS':'+34600000001','FIRSTNAME':'Ana'}}",
        "{'attributes':{'SMS':'34600000001'}}", true,
        "{'updateEnabled':true,'attributes':"
        "{'SMS':'+34600000001','FIRSTNAME':'Ana'}}"},
    {"{'updateEnabled':true,'attributes':{'WHATSAPP':'+34600000001'}}",
        "{'attributes':{'WHATSAPP':'34600000001'}}", false,
        "{'updateEnabled':true,'attributes':{'WHATSAPP':'+34600000001'}}"},
    /* another address than the contact's is news */
    {"{'updateEnabled':true,'email':'a@example.com'}",
        "{'email':'34600000001@mailin-sms.com','attributes':{}}", true,
        "{'updateEnabled':true,'email':'a@example.com'}"},
    /* an ext_id beside an e-mail is filled in once */
    {"{'updateEnabled':true,'email':'a@example.com','ext_id':'x'}",
        "{'email':'a@example.com','attributes':{'EXT_ID':'x'}}", false,
        "{'updateEnabled':true,'email':'a@example.com'}"},
    {"{'updateEnabled':true,'email':'a@example.com','ext_id':'x'}",
        "{'email':'a@example.com'}", true,
        "{'updateEnabled':true,'email':'a@example.com','ext_id':'x'}"},
    {"{'updateEnabled':true,'ext_id':'x'}", "{'ext_id':'x'}", false,
        "{'updateEnabled':true,'ext_id':'x'}"},
};

static void
keeps_only_what_brevo_does_not_have(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(reductions); i++) {
        AUTO(payload_release) json_t *contact = json_of(reductions[i].contact);
        AUTO(payload_release) json_t *existing = json_of(reductions[i].existing);

        assert_int_equal(request_contact_reduce(contact, existing), reductions[i].left);
        assert_json(contact, reductions[i].reduced);
    }
}

static void
says_everything_to_a_brevo_that_knows_nothing(void **state)
{
    static const char *const text =
        "{'updateEnabled':true,'email':'a@example.com','listIds':[32]}";
    AUTO(payload_release) json_t *contact = json_of(text);

    (void)state;
    assert_true(request_contact_reduce(contact, NULL));
    assert_json(contact, text);
}

static void
drops_what_is_refused_and_never_the_best_identifier(void **state)
{
    static const char everything[] =
        "{'email':'a@example.com','ext_id':'x','attributes':"
        "{'SMS':'+34600000001','WHATSAPP':'+34600000002','FIRSTNAME':'Ana'}}";
    static const struct {
        const char *contact;
        unsigned refused;
        unsigned dropped;
        const char *left;
    } cases[] = {
        {everything, REQUEST_SMS, REQUEST_SMS,
            "{'email':'a@example.com','ext_id':'x','attributes':"
            "{'WHATSAPP':'+34600000002','FIRSTNAME':'Ana'}}"},
        {everything, REQUEST_PHONES, REQUEST_PHONES,
            "{'email':'a@example.com','ext_id':'x','attributes':{'FIRSTNAME':'Ana'}}"},
        {everything, REQUEST_OPTIONAL, REQUEST_OPTIONAL,
            "{'email':'a@example.com','attributes':{'FIRSTNAME':'Ana'}}"},
        {everything, 0, 0, everything},
        {"{'ext_id':'x','attributes':{'WHATSAPP':'+34600000002'}}", REQUEST_OPTIONAL,
            REQUEST_WHATSAPP, "{'ext_id':'x'}"},
        {"{'attributes':{'SMS':'+34600000001','FIRSTNAME':'Ana'}}", REQUEST_OPTIONAL, 0,
            "{'attributes':{'SMS':'+34600000001','FIRSTNAME':'Ana'}}"},
        {"{'email':'a@example.com'}", REQUEST_OPTIONAL, 0, "{'email':'a@example.com'}"},
        {"{'ext_id':'x'}", REQUEST_OPTIONAL, 0, "{'ext_id':'x'}"},
        {"{'attributes':{'SMS':'+34600000001','WHATSAPP':'+34600000001'}}",
            REQUEST_OPTIONAL, REQUEST_WHATSAPP, "{'attributes':{'SMS':'+34600000001'}}"},
        {"{'attributes':{'WHATSAPP':'+34600000001'}}", REQUEST_OPTIONAL, 0,
            "{'attributes':{'WHATSAPP':'+34600000001'}}"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(payload_release) json_t *contact = json_of(cases[i].contact);

        assert_int_equal(
            request_contact_drop(contact, cases[i].refused), cases[i].dropped);
        assert_json(contact, cases[i].left);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(composes_a_contact_from_identity_and_profile),
        cmocka_unit_test(the_first_source_that_has_a_name_gives_it),
        cmocka_unit_test(sends_only_the_identifier_when_customers_are_switched_off),
        cmocka_unit_test(sends_no_phone_beside_an_email_that_nothing_maps),
        cmocka_unit_test(says_nothing_but_who_and_what),
        cmocka_unit_test(greets_nobody_by_a_number_an_address_or_a_stand_in),
        cmocka_unit_test(the_end_of_a_conversation_is_support_as_well),
        cmocka_unit_test(whoever_answers_a_survey_joins_the_respondents),
        cmocka_unit_test(keeps_only_what_brevo_does_not_have),
        cmocka_unit_test(says_everything_to_a_brevo_that_knows_nothing),
        cmocka_unit_test(drops_what_is_refused_and_never_the_best_identifier),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
