/*
 * test_customer.c - who an event is about, and who it never is.
 */
#include <jansson.h>
#include <string.h>

#include "mapping/address.h"
#include "mapping/customer.h"
#include "mapping/payload.h"
#include "tests/unit/json_of.h"

static const struct rules rules = {
    .own_numbers = {.items = {"+1 (555) 010-0000"}, .count = 1},
    .internal_domains = {.items = {"Example.net"}, .count = 1},
};

static int
read_by(const char *attributes, const struct rules *by, struct customer *customer)
{
    AUTO(payload_release)
    json_t *payload = json_pack("{s:o}", "task_attributes", json_of(attributes));

    *customer = (struct customer){.email = "untouched"};
    return customer_read(payload, by, customer);
}

static void
takes_the_first_good_address_of_each_kind(void **state)
{
    static const struct {
        const char *attributes;
        const char *email;
        const char *phone;
        const char *whatsapp;
    } cases[] = {
        {"{'email':'a@example.com','customers':{'email':'b@example.com'}}",
            "a@example.com", "", ""},
        {"{'customers':{'email':'b@example.com'},'customerEmail':'c@example.com'}",
            "b@example.com", "", ""},
        {"{'customerEmail':'c@example.com','customer_email':'d@example.com'}",
            "c@example.com", "", ""},
        {"{'customer_email':'d@example.com',"
         "'pre_engagement_data':{'email':'e@example.com'}}",
            "d@example.com", "", ""},
        {"{'pre_engagement_data':{'email':'e@example.com'}}", "e@example.com", "", ""},
        {"{'email':'not one','customers':{'email':'b@example.com'}}", "b@example.com", "",
            ""},
        {"{'customerAddress':'mail@example.com'}", "mail@example.com", "", ""},
        {"{'phone':'+34600000001','customers':{'phone':'+34600000002'}}", "",
            "+34600000001", ""},
        {"{'customers':{'phone':'+34600000002'},'customerAddress':'+34600000003'}", "",
            "+34600000002", ""},
        {"{'customerAddress':'whatsapp:+34600000003','from':'+34600000004'}", "",
            "+34600000004", "+34600000003"},
        {"{'caller':'+34600000005'}", "", "+34600000005", ""},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct customer customer;

        assert_int_equal(read_by(cases[i].attributes, &rules, &customer), CUSTOMER_OK);
        assert_string_equal(customer.email, cases[i].email);
        assert_string_equal(customer.phone, cases[i].phone);
        assert_string_equal(customer.whatsapp, cases[i].whatsapp);
    }
}

static void
lets_the_direction_decide_whose_number_it_is(void **state)
{
    static const char *const both = "'from':'+34600000001','to':'+34600000002'";
    struct customer customer;
    char attributes[256];

    (void)state;
    (void)snprintf(attributes, sizeof(attributes), "{'direction':'inbound',%s}", both);
    assert_int_equal(read_by(attributes, &rules, &customer), CUSTOMER_OK);
    assert_string_equal(customer.phone, "+34600000001");
    (void)snprintf(attributes, sizeof(attributes), "{'direction':'outbound',%s}", both);
    assert_int_equal(read_by(attributes, &rules, &customer), CUSTOMER_OK);
    assert_string_equal(customer.phone, "+34600000002");
    assert_int_equal(read_by("{'direction':'outbound','outbound_to':'+34600000003',"
                             "'to':'+34600000002'}",
                         &rules, &customer),
        CUSTOMER_OK);
    assert_string_equal(customer.phone, "+34600000003");
}

static void
follows_no_configured_path_to_the_business(void **state)
{
    static const struct rules mapped = {
        .fields = {{"attributes.from", "SMS"}, {"attributes.to", "WHATSAPP"}},
        .field_count = 2,
    };
    static const struct {
        const char *direction;
        const char *phone;
        const char *whatsapp;
    } cases[] = {
        {"inbound", "+34600000001", ""}, {"outbound", "+34600000002", "+34600000002"}};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct customer customer;
        char attributes[256];

        (void)snprintf(attributes, sizeof(attributes),
            "{'direction':'%s','from':'+34600000001','to':'+34600000002'}",
            cases[i].direction);
        assert_int_equal(read_by(attributes, &mapped, &customer), CUSTOMER_OK);
        assert_string_equal(customer.phone, cases[i].phone);
        assert_string_equal(customer.whatsapp, cases[i].whatsapp);
    }
}

static void
says_why_nobody_is_left(void **state)
{
    static const struct {
        const char *attributes;
        int result;
        const char *reason;
    } cases[] = {
        {"{}", CUSTOMER_E_NO_IDENTITY, "no_identity"},
        {"{'customerAddress':'9c1e6f3a','name':'Ana'}", CUSTOMER_E_NO_IDENTITY,
            "no_identity"},
        {"{'identity':'ana'}", CUSTOMER_E_NO_IDENTITY, "no_identity"},
        {"{'email':'34600111222@mailin-sms.com'}", CUSTOMER_E_INTERNAL,
            "internal_contact"},
        {"{'from':'+266696687'}", CUSTOMER_E_ANONYMOUS, "anonymous_caller"},
        {"{'from':'+15550100000'}", CUSTOMER_E_OWN_NUMBER, "own_number"},
        {"{'from':'anonymous','phone':'+15550100000'}", CUSTOMER_E_OWN_NUMBER,
            "own_number"},
        {"{'email':'bob@example.net'}", CUSTOMER_E_INTERNAL, "internal_contact"},
        {"{'email':'bob@desk.example.net','from':'anonymous'}", CUSTOMER_E_INTERNAL,
            "internal_contact"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct customer customer;
        const int r = read_by(cases[i].attributes, &rules, &customer);

        assert_int_equal(r, cases[i].result);
        assert_string_equal(customer_reason(r), cases[i].reason);
        assert_string_equal(customer.email, "untouched");
    }
}

static void
uses_a_good_identifier_beside_a_refused_one(void **state)
{
    static const struct {
        const char *attributes;
        const char *email;
        const char *phone;
    } cases[] = {
        {"{'from':'anonymous','email':'ana@example.com'}", "ana@example.com", ""},
        {"{'email':'bob@example.net','from':'+34600000001'}", "", "+34600000001"},
        {"{'phone':'+15550100000','from':'+34600000001'}", "", "+34600000001"},
        {"{'email':'bob@myexample.net'}", "bob@myexample.net", ""}, /* not a subdomain */
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct customer customer;

        assert_int_equal(read_by(cases[i].attributes, &rules, &customer), CUSTOMER_OK);
        assert_string_equal(customer.email, cases[i].email);
        assert_string_equal(customer.phone, cases[i].phone);
    }
}

static void
never_takes_the_worker_for_the_customer(void **state)
{
    static const char *const attributes[] = {
        "{'email':'Agent@example.com'}",
        "{'from':'client:agent_40example_2Ecom'}",
        "{'phone':'+34 600 999 999'}",
        "{'email':'agent%40example.com'}",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(attributes); i++) {
        AUTO(payload_release)
        json_t *payload = json_pack("{s:o, s:{s:s, s:s, s:s}}", "task_attributes",
            json_of(attributes[i]), "worker_attributes", "email", "agent@example.com",
            "contact_uri", "client:agent_40example_2Ecom", "phone", "+34600999999");
        struct customer customer;

        assert_int_equal(customer_read(payload, &rules, &customer), CUSTOMER_E_INTERNAL);
    }
}

static void
looks_first_where_configuration_says(void **state)
{
    const struct rules configured = {
        .fields =
            {
                {"attributes.crm.mail", "email"},
                {"attributes.crm.mobile", "SMS"},
                {"attributes.crm.city", "CITY"},
            },
        .field_count = 3,
    };
    struct customer customer;

    (void)state;
    assert_int_equal(read_by("{'email':'a@example.com','phone':'+34600000001','crm':{"
                             "'mail':'crm@example.com','mobile':'whatsapp:+34600000002',"
                             "'city':'other@example.com'}}",
                         &configured, &customer),
        CUSTOMER_OK);
    assert_string_equal(customer.email, "crm@example.com");
    assert_string_equal(customer.phone, "+34600000001");
    assert_string_equal(customer.whatsapp, "+34600000002");
}

static void
a_line_says_which_of_two_a_number_is(void **state)
{
    static const struct rules lines = {
        .fields = {{"attributes.whats", "WHATSAPP"}, {"attributes.phone", "SMS"}},
        .field_count = 2,
    };
    static const struct {
        const char *attributes;
        const char *phone;
        const char *whatsapp;
    } cases[] = {
        {"{'whats':'+34600111333','phone':'+34600999999'}", "+34600999999",
            "+34600111333"},
        {"{'whats':'whatsapp:+34600111333','phone':'+34600999999'}", "+34600999999",
            "+34600111333"},
        {"{'phone':'whatsapp:+34600999999'}", "", "+34600999999"},
        {"{'whats':'+34600111333'}", "", "+34600111333"},
        {"{'whats':'+34600111333','from':'+34600999999'}", "+34600999999",
            "+34600111333"},
        {"{'whats':'+34600111333','from':'whatsapp:+34600999999'}", "", "+34600111333"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct customer customer;

        assert_int_equal(read_by(cases[i].attributes, &lines, &customer), CUSTOMER_OK);
        assert_string_equal(customer.phone, cases[i].phone);
        assert_string_equal(customer.whatsapp, cases[i].whatsapp);
    }
}

static void
takes_an_ext_id_only_from_the_configured_path(void **state)
{
    const struct rules with = {.ext_id_from = "attributes.customers.external_id"};
    struct customer customer;

    (void)state;
    assert_int_equal(
        read_by("{'customers':{'external_id':'A-42'}}", &with, &customer), CUSTOMER_OK);
    assert_string_equal(customer.ext_id, "A-42");
    assert_int_equal(
        read_by("{'customers':{'external_id':42}}", &with, &customer), CUSTOMER_OK);
    assert_string_equal(customer.ext_id, "42");
    assert_int_equal(read_by("{'customers':{'external_id':'A-42'}}", &rules, &customer),
        CUSTOMER_E_NO_IDENTITY);
    assert_int_equal(read_by("{'customers':{'external_id':'A\\n42'}}", &with, &customer),
        CUSTOMER_E_NO_IDENTITY);
    assert_int_equal(read_by("{'customers':{'external_id':{'a':1}}}", &with, &customer),
        CUSTOMER_E_NO_IDENTITY);
}

static void
believes_the_trusted_route_before_a_better_named_field_of_another(void **state)
{
    AUTO(payload_release)
    json_t *twilio = json_pack(
        "{s:o}", "task_attributes", json_of("{'customers':{'email':'ana@example.com'}}"));
    AUTO(payload_release)
    json_t *plugin = json_pack("{s:o}", "task_attributes",
        json_of("{'email':'eva@example.com','phone':'+34600000001'}"));
    struct customer customer;

    (void)state;
    assert_int_equal(payload_merge(twilio, plugin), 0);
    assert_int_equal(customer_read(twilio, &rules, &customer), CUSTOMER_OK);
    assert_string_equal(customer.email, "ana@example.com");
    assert_string_equal(customer.phone, "+34600000001");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_first_good_address_of_each_kind),
        cmocka_unit_test(lets_the_direction_decide_whose_number_it_is),
        cmocka_unit_test(follows_no_configured_path_to_the_business),
        cmocka_unit_test(says_why_nobody_is_left),
        cmocka_unit_test(uses_a_good_identifier_beside_a_refused_one),
        cmocka_unit_test(never_takes_the_worker_for_the_customer),
        cmocka_unit_test(looks_first_where_configuration_says),
        cmocka_unit_test(a_line_says_which_of_two_a_number_is),
        cmocka_unit_test(takes_an_ext_id_only_from_the_configured_path),
        cmocka_unit_test(
            believes_the_trusted_route_before_a_better_named_field_of_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
