/*
 * test_request.c - the event Brevo is given.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/request.h"
#include "tests/unit/json_of.h"

static const struct rules rules = {
    .event_names = {[EVENT_TASK_COMPLETED] = "SUPPORT_RESOLVED",
        [EVENT_CONVERSATION_ENDED] = "CONVERSATION_ENDED"},
};

static void
gives_the_best_identifier_and_only_that(void **state)
{
    static const struct {
        struct customer customer;
        const char *type;
        const char *value;
    } cases[] = {
        {{"a@example.com", "x", "+34600000001", "+34600000002"}, "email_id",
            "a@example.com"},
        {{"", "x", "+34600000001", "+34600000002"}, "ext_id", "x"},
        {{"", "", "+34600000001", "+34600000002"}, "phone_id", "+34600000001"},
        {{"", "", "", "+34600000002"}, "whatsapp_id", "+34600000002"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct request_identifier who = request_identify(&cases[i].customer);

        assert_string_equal(who.type, cases[i].type);
        assert_string_equal(who.value, cases[i].value);
    }
}

static void
composes_an_event_of_what_is_known(void **state)
{
    const struct event event = {
        .type = EVENT_TASK_COMPLETED,
        .date_ms = 1767225600123,
        .source_event_id = "EV01",
        .ticket = "KD01",
        .task_sid = "WT01",
        .channel = CHANNEL_SMS,
        .direction = DIRECTION_INBOUND,
        .queue = "Support",
        .duration_s = 912,
        .handling_s = 30,
        .wrapup_s = -1,
        .wait_s = 20,
        .priority = -1,
        .score = -1,
        .score_max = -1,
        .customer = {.phone = "+34600000001", .whatsapp = "+34600000002"},
    };
    AUTO(payload_release) json_t *request = request_event(&event, &rules);

    (void)state;
    assert_json(request,
        "{'event_name':'SUPPORT_RESOLVED','event_date':'2026-01-01T00:00:00.123Z',"
        "'identifiers':{'phone_id':'+34600000001'},'event_properties':{"
        "'source_event_id':'EV01','ticket':'KD01','task_sid':'WT01','channel':'sms',"
        "'direction':'inbound','queue':'Support','duration_s':912,'handling_s':30,"
        "'wait_s':20}}");
}

/* Letters, digits, _ and -, at most 255; a value is never null. */
static bool
is_legal(const char *name)
{
    return *name != '\0' && strlen(name) <= 255 &&
           strspn(name,
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
               strlen(name);
}

static void
names_and_keys_are_legal_and_no_value_is_null(void **state)
{
    const struct event event = {
        .type = EVENT_CONVERSATION_ENDED,
        .source_event_id = "EV 1.2",
        .ticket = "a.b",
        .task_sid = "c d",
        .conversation_sid = "e",
        .interaction_sid = "f",
        .channel = CHANNEL_VOICE,
        .direction = DIRECTION_INBOUND,
        .queue = "g.h i",
        .workflow = "j",
        .agent = "k",
        .reason = "l",
        .outcome = "m",
        .content = "o",
        .survey_id = "n",
        .duration_s = 1,
        .priority = 2,
        .score = 3,
        .score_max = 4,
        .handling_s = 5,
        .wrapup_s = 6,
        .customer = {.email = "a@example.com"},
    };
    AUTO(payload_release) json_t *request = request_event(&event, &rules);
    json_t *properties = json_object_get(request, "event_properties");
    const char *name;
    json_t *value;

    (void)state;
    assert_true(is_legal(json_string_value(json_object_get(request, "event_name"))));
    assert_true(json_object_size(properties) >= 20);
    json_object_foreach(properties, name, value)
    {
        assert_true(is_legal(name));
        assert_true(json_is_string(value) || json_is_integer(value));
    }
}

static void
stays_under_brevos_limit_however_long_the_texts(void **state)
{
    enum {
        HUGE = 1 << 20
    };
    char *text = malloc(HUGE);

    (void)state;
    assert_non_null(text);
    memset(text, '\x01', HUGE - 1); /* six bytes each in JSON */
    text[HUGE - 1] = '\0';
    const struct event event = {
        .type = EVENT_TASK_COMPLETED,
        .source_event_id = text,
        .ticket = text,
        .task_sid = text,
        .conversation_sid = text,
        .interaction_sid = text,
        .queue = text,
        .workflow = text,
        .agent = text,
        .reason = text,
        .outcome = text,
        .content = text,
        .duration_s = INT64_MAX,
        .handling_s = INT64_MAX,
        .wrapup_s = INT64_MAX,
        .wait_s = INT64_MAX,
        .priority = INT64_MAX,
        .customer = {.email = "a@example.com"},
    };
    AUTO(payload_release) json_t *request = request_event(&event, &rules);
    json_t *properties = json_object_get(request, "event_properties");
    char *dumped = json_dumps(properties, JSON_COMPACT);

    assert_non_null(dumped);
    assert_true(strlen(dumped) <= REQUEST_PROPERTIES_MAX);
    assert_true(json_is_true(json_object_get(properties, "truncated")));
    free(dumped);
    free(text);
}

static void
cuts_a_text_between_characters(void **state)
{
    char text[REQUEST_TEXT_MAX + 3];

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text + REQUEST_TEXT_MAX - 1, "\xC3\xB1", 2); /* ends one past the limit */
    text[REQUEST_TEXT_MAX + 1] = '\0';
    const struct event event = {.type = EVENT_TASK_COMPLETED,
        .queue = text,
        .duration_s = -1,
        .wait_s = -1,
        .priority = -1,
        .score = -1,
        .score_max = -1,
        .customer = {.email = "a@example.com"}};
    AUTO(payload_release) json_t *request = request_event(&event, &rules);
    const char *queue = payload_text_at(request, "event_properties/queue");

    assert_non_null(queue);
    assert_int_equal(strlen(queue), REQUEST_TEXT_MAX - 1);
}

static void
carries(const char *contact, bool is_carried, const char *wanted)
{
    AUTO(payload_release) json_t *body = json_of(contact);
    AUTO(payload_release) json_t *event = json_of("{'event_name':'SUPPORT_RESOLVED'}");

    assert_int_equal(request_event_carry(event, body), is_carried);
    assert_json(event, wanted);
}

/* An identifier changes whom an event is about, and Brevo's schema has no fractions there. */
static void
carries_what_a_contact_becomes_but_neither_identifiers_nor_fractions(void **state)
{
    (void)state;
    carries("{'email':'a@example.com','attributes':{'SMS':'+34600000001','TICKETS':7,"
            "'LAST':'2026-01-02','VIP':true}}",
        true,
        "{'event_name':'SUPPORT_RESOLVED','contact_properties':"
        "{'TICKETS':7,'LAST':'2026-01-02','VIP':true}}");
    carries("{'attributes':{'TICKETS':7,'SCORE':4.5}}", false,
        "{'event_name':'SUPPORT_RESOLVED'}");
    carries("{'attributes':{'TAGS':['a']}}", false, "{'event_name':'SUPPORT_RESOLVED'}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_best_identifier_and_only_that),
        cmocka_unit_test(composes_an_event_of_what_is_known),
        cmocka_unit_test(names_and_keys_are_legal_and_no_value_is_null),
        cmocka_unit_test(stays_under_brevos_limit_however_long_the_texts),
        cmocka_unit_test(cuts_a_text_between_characters),
        cmocka_unit_test(
            carries_what_a_contact_becomes_but_neither_identifiers_nor_fractions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
