/*
 * test_event_filter.c - which events are left out, and for which reason.
 */
#include <jansson.h>
#include <string.h>

#include "mapping/ticket.h"
#include "tests/unit/event_fixture.h"
#include "tests/unit/json_of.h"

static void
judges(const char *changes, enum event_verdict verdict, const char *reason)
{
    struct event_reading reading;
    AUTO(payload_release)
    json_t *payload = read_changed(changes, &rules, "task.completed/" TASK, &reading);

    assert_int_equal(reading.verdict, verdict);
    if (reason == NULL) {
        assert_null(reading.reason);
    } else {
        assert_non_null(reading.reason);
        assert_string_equal(reading.reason, reason);
    }
    assert_non_null(payload);
}

static void
gives_every_verdict_its_reason(void **state)
{
    static const struct {
        const char *changes;
        enum event_verdict verdict;
        const char *reason;
    } cases[] = {
        {"{}", EVENT_DELIVER, NULL},
        {"{'account_sid':'AC02'}", EVENT_FILTERED, "foreign_account"},
        {"{'workspace_sid':'WS02'}", EVENT_FILTERED, "foreign_account"},
        {"{'account_sid':null,'workspace_sid':null}", EVENT_DELIVER, NULL},
        {"{'event_type':'reservation.accepted'}", EVENT_FILTERED, "facts"},
        {"{'event_type':'task.updated'}", EVENT_FILTERED, "facts"},
        {"{'event_type':'worker.activity.update'}", EVENT_FILTERED, "facts"},
        {"{'event_type':'conversation.inactive'}", EVENT_FILTERED, "facts"},
        {"{'event_type':'sink.test'}", EVENT_FILTERED, "facts"},
        {"{'event_type':'message.delivered',"
         "'message_sid':'SM0123456789abcdef0123456789abcdef'}",
            EVENT_FILTERED, "not_mapped"},
        {"{'event_type':'workflow.entered'}", EVENT_FILTERED, "not_mapped"},
        {"{'event_type':'survey.completed','score':4}", EVENT_FILTERED, "not_mapped"},
        {"{'event_type':null}", EVENT_FILTERED, "not_mapped"},
        {"{'event_type':'conversation.ended'}", EVENT_PARKED, "unparseable"},
        {"{'flexbrevo_test':'1'}", EVENT_FILTERED, "test_event"},
        {"{'flexbrevo_test':true}", EVENT_FILTERED, "test_event"},
        {"{'flexbrevo_test':1}", EVENT_FILTERED, "test_event"},
        {"{'flexbrevo_test':'deliver'}", EVENT_DELIVER, NULL},
        {"{'flexbrevo_test':'0'}", EVENT_DELIVER, NULL},
        {"{'task_attributes':{'email':'ana@example.com','flexbrevo_test':true}}",
            EVENT_FILTERED, "test_event"},
        {"{'task_channel_unique_name':'email'}", EVENT_FILTERED, "channel_off"},
        {"{'task_channel_unique_name':'pigeon'}", EVENT_FILTERED, "channel_off"},
        {"{'task_channel_unique_name':null}", EVENT_DELIVER, NULL},
        {"{'event_type':'task.created','task_attributes':"
         "{'email':'ana@example.com','direction':'outbound'}}",
            EVENT_FILTERED, "outbound"},
        {"{'event_type':'task.canceled','task_attributes':"
         "{'email':'ana@example.com','initiatedBy':'agent'}}",
            EVENT_FILTERED, "outbound"},
        {"{'task_attributes':{'email':'ana@example.com','direction':'outbound'}}",
            EVENT_DELIVER, NULL},
        {"{'event_type':'task.canceled','task_attributes':"
         "{'email':'ana@example.com','conversations':{'kind':'Survey'}}}",
            EVENT_FILTERED, "survey_task"},
        {"{'task_attributes':{'email':'ana@example.com',"
         "'conversations':{'kind':'Conversation'}}}",
            EVENT_DELIVER, NULL},
        {"{'task_attributes':{}}", EVENT_FILTERED, "no_identity"},
        {"{'task_attributes':{'from':'anonymous'}}", EVENT_FILTERED, "anonymous_caller"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        judges(cases[i].changes, cases[i].verdict, cases[i].reason);
    }
}

/* It is about a message, which goes out by its nature, and not about who began a ticket. */
static void
a_messages_status_is_told_whatever_becomes_of_outbound_tickets(void **state)
{
    static const enum rules_outbound settings[] = {
        RULES_OUTBOUND_IGNORE, RULES_OUTBOUND_RESOLVED, RULES_OUTBOUND_ALL};

    (void)state;
    for (size_t i = 0; i < LENGTH(settings); i++) {
        struct rules by = rules;
        struct event_reading reading;

        by.event_names[EVENT_MESSAGE_FAILED] = "MESSAGE_FAILED";
        by.outbound = settings[i];
        AUTO(payload_release)
        json_t *payload = read_changed(
            "{'event_type':'message.failed','task_sid':null,"
            "'message_sid':'SM0123456789abcdef0123456789abcdef',"
            "'task_attributes':{'direction':'outbound','email':'ana@example.com'}}",
            &by, "message.failed/SM0123456789abcdef0123456789abcdef", &reading);

        ticket_judge_alone(&reading, payload, &by, received_ms);
        assert_int_equal(reading.event.direction, DIRECTION_OUTBOUND);
        assert_int_equal(reading.verdict, EVENT_DELIVER);
    }
}

static void
reports_the_first_reason_in_the_documented_order(void **state)
{
    static const char *const order[] = {
        "foreign_account", "test_event", "channel_off", "outbound", "no_identity"};
    static const char *const changes[] = {
        "'account_sid':'AC02'",
        "'flexbrevo_test':'1'",
        "'task_channel_unique_name':'email'",
        "'task_attributes':{'direction':'outbound'}",
        "'task_attributes':{}",
    };

    (void)state;
    for (size_t first = 0; first < LENGTH(order); first++) {
        char text[512] = "{'event_type':'task.created'";

        for (size_t i = LENGTH(order); i-- > first;) {
            (void)strncat(text, ",", sizeof(text) - strlen(text) - 1);
            (void)strncat(text, changes[i], sizeof(text) - strlen(text) - 1);
        }
        (void)strncat(text, "}", sizeof(text) - strlen(text) - 1);
        judges(text, EVENT_FILTERED, order[first]);
    }
}

static void
honours_switches_and_missing_names(void **state)
{
    struct rules changed = rules;
    struct event_reading reading;
    json_t *payload;

    (void)state;
    changed.sync_tasks = false;
    payload = read_changed("{}", &changed, "task.completed/" TASK, &reading);
    assert_string_equal(reading.reason, "switched_off");
    json_decref(payload);

    changed.sync_conversations = false;
    payload = read_changed(
        "{'event_type':'conversation.ended','conversation_sid':'" CONVERSATION "'}",
        &changed, "conversation.ended/" CONVERSATION, &reading);
    assert_string_equal(reading.reason, "switched_off");
    json_decref(payload);

    changed = rules;
    changed.event_names[EVENT_TASK_COMPLETED] = NULL;
    payload = read_changed("{}", &changed, "task.completed/" TASK, &reading);
    assert_string_equal(reading.reason, "not_mapped");
    json_decref(payload);

    changed = rules;
    changed.filter_tests = false;
    payload = read_changed(
        "{'flexbrevo_test':'1'}", &changed, "task.completed/" TASK, &reading);
    assert_int_equal(reading.verdict, EVENT_DELIVER);
    json_decref(payload);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_every_verdict_its_reason),
        cmocka_unit_test(a_messages_status_is_told_whatever_becomes_of_outbound_tickets),
        cmocka_unit_test(reports_the_first_reason_in_the_documented_order),
        cmocka_unit_test(honours_switches_and_missing_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
