/*
 * test_participants.c - who of a conversation's participants is the customer, if anybody is.
 */
#include "mapping/participants.h"
#include "mapping/payload.h"
#include "tests/unit/event_fixture.h"
#include "tests/unit/json_of.h"

#define BOUND(type, address)                                                      \
    "{'identity':null,'messaging_binding':{'type':'" type "','address':'" address \
    "','proxy_address':'+15550001111'}}"
#define KNOWN_AS(identity) "{'identity':'" identity "','messaging_binding':null}"

static const struct {
    const char *participants;
    const char *found; /* the address; "" nobody */
} cases[] = {
    {"", ""},
    {BOUND("sms", "+34600000001"), "+34600000001"},
    {BOUND("whatsapp", "whatsapp:+34600000001"), "+34600000001"},
    {BOUND("sms", "+34600000001") "," KNOWN_AS("agent_40example_2Ecom"), "+34600000001"},
    {KNOWN_AS("agent_40example_2Ecom"), ""},
    {KNOWN_AS("Ana@Example.com"), "ana@example.com"},
    {KNOWN_AS("agent@staff.example.com"), ""}, /* of the business */
    {KNOWN_AS("bob@example.org"), ""},         /* the task's worker */
    {BOUND("sms", "+15550100000"), ""},        /* the business's own */
    {BOUND("sms", "+34600000001") "," BOUND("sms", "+34600000001"), "+34600000001"},
    {BOUND("sms", "+34600000001") "," BOUND("sms", "+34600000002"), ""}, /* which one? */
    {"7,null,{},{'messaging_binding':'x'}", ""},
};

static void
the_only_one_with_a_customers_address_is_the_customer(void **state)
{
    struct rules by = rules;
    json_t *payload = json_of("{'worker_attributes':{'email':'bob@example.org'}}");

    (void)state;
    by.own_numbers = (struct rules_texts){{"+15550100000"}, 1};
    by.internal_domains = (struct rules_texts){{"staff.example.com"}, 1};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct customer customer = {0};
        char text[1024];

        (void)snprintf(text, sizeof text, "{'participants':[%s]}", cases[i].participants);
        json_t *list = json_of(text);
        const int found = participants_customer(list, payload, &by, &customer);
        const char *address = customer.email[0] != '\0'   ? customer.email
                              : customer.phone[0] != '\0' ? customer.phone
                                                          : customer.whatsapp;

        if (strcmp(address, cases[i].found) != 0) {
            fail_msg("%s: \"%s\"", cases[i].participants, address);
        }
        assert_int_equal(found, cases[i].found[0] != '\0');
        json_decref(list);
    }
    json_decref(payload);
}

static void
what_is_no_list_names_nobody(void **state)
{
    static const char *const texts[] = {"[]", "{}", "{'participants':{}}"};
    struct customer customer;

    (void)state;
    for (size_t i = 0; i < LENGTH(texts); i++) {
        json_t *list = json_of(texts[i]);

        assert_int_equal(participants_customer(list, NULL, &rules, &customer), 0);
        json_decref(list);
    }
    assert_int_equal(participants_customer(NULL, NULL, &rules, &customer), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_only_one_with_a_customers_address_is_the_customer),
        cmocka_unit_test(what_is_no_list_names_nobody),
    };

    return cmocka_run_group_tests_name("participants", tests, NULL, NULL);
}
