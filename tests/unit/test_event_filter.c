/*
 * test_event_filter.c - which events are left out, and for which reason.
 */
#include <jansson.h>
#include <string.h>

#include "mapping/event.h"
#include "tests/unit/json_of.h"

#define TASK "WT0123456789abcdef0123456789abcdef"
#define CONVERSATION "CH0123456789abcdef0123456789abcdef"

static const int64_t received_ms = 1767230000000;

static const struct rules rules = {
    .account_sid = "AC01",
    .workspace_sid = "WS01",
    .event_names =
        {
            [EVENT_TASK_CREATED] = "SUPPORT_REQUESTED",
            [EVENT_TASK_COMPLETED] = "SUPPORT_RESOLVED",
            [EVENT_TASK_CANCELED] = "SUPPORT_ABANDONED",
            [EVENT_CONVERSATION_ENDED] = "CONVERSATION_ENDED",
        },
    .channels = {[CHANNEL_SMS] = true, [CHANNEL_VOICE] = true},
    .sync_conversations = true,
    .sync_tasks = true,
    .sync_customers = true,
    .max_event_age_ms = 86400000,
    .filter_tests = true,
};

/* An ordinary event with `changes` written over it. The caller owns the payload. */
static json_t *
read_changed(const char *changes, const struct rules *by, const char *key,
    struct event_reading *reading)
{
    json_t *payload =
        json_of("{'event_type':'task.completed','task_sid':'" TASK
                "','sid':'EV01','account_sid':'AC01','workspace_sid':'WS01',"
                "'task_channel_unique_name':'sms','task_age':'912',"
                "'task_priority':5,'date_ms':1767225600123,"
                "'task_attributes':{'email':'ana@example.com'}}");
    AUTO(payload_release) json_t *over = json_of(changes);
    const struct event_context context = {
        .record_key = slice_of(key),
        .received_ms = received_ms,
        .now_ms = received_ms,
    };

    assert_int_equal(json_object_update(payload, over), 0);
    event_read(payload, by, &context, reading);
    return payload;
}

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
        {"{'event_type':'task.updated'}", EVENT_FILTERED, "not_mapped"},
        {"{'event_type':'survey.completed'}", EVENT_FILTERED, "not_mapped"},
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
        cmocka_unit_test(reports_the_first_reason_in_the_documented_order),
        cmocka_unit_test(honours_switches_and_missing_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
