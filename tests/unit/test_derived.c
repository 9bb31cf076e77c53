/*
 * test_derived.c - what a record tells beside its own event, and what that is read as.
 */
#include <stdio.h>
#include <string.h>

#include "mapping/derived.h"
#include "tests/unit/event_fixture.h"
#include "tests/unit/json_of.h"

#define VOICE \
    "'task_channel_unique_name':'voice','task_attributes':{'email':'ana@example.com'"
#define ENDED "conversation.ended/" TASK

static const struct {
    const char *changes;
    const char *derived; /* the key; "" none */
} cases[] = {
    {"{" VOICE "}}", ENDED},
    {"{" VOICE "},'event_type':'task.canceled'}", ENDED},
    {"{" VOICE ",'email':'nobody'}}", ENDED}, /* the ticket may know who it was */
    {"{" VOICE "},'event_type':'task.created'}", ""},
    {"{" VOICE "},'event_type':'task.deleted'}", ""},
    {"{" VOICE "},'event_type':'conversation.ended'}", ""},
    {"{" VOICE ",'channelType':'sms'}}", ""},
    {"{" VOICE ",'conversations':{'kind':'Survey'}}}", ""},
    {"{" VOICE "},'account_sid':'AC02'}", ""},
    {"{" VOICE "},'flexbrevo_test':'1'}", ""},
};

/* The first derived record's key of an event that is read by `by`. */
static void
derive(const char *changes, const struct rules *by, char key[KEY_SIZE_MAX])
{
    enum event_type types[DERIVED_MAX];
    struct event_reading reading;
    json_t *payload = read_changed(changes, by, "task.completed/" TASK, &reading);
    const size_t count = event_derived(&reading, by, types);

    key[0] = '\0';
    assert_in_range(count, 0, 1);
    if (count > 0) {
        assert_true(event_derived_key(&reading, types[0], key));
    }
    json_decref(payload);
}

static struct rules
rules_of_calls(void)
{
    struct rules by = rules;

    by.ticket_voice_end_ms = 120000;
    by.channels[CHANNEL_VOICE] = true;
    return by;
}

static void
the_end_of_a_calls_task_tells_the_end_of_the_call(void **state)
{
    const struct rules by = rules_of_calls();
    char key[KEY_SIZE_MAX];

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        derive(cases[i].changes, &by, key);
        if (strcmp(key, cases[i].derived) != 0) {
            fail_msg("%s: \"%s\"", cases[i].changes, key);
        }
    }
}

static void
nothing_is_derived_that_nobody_wants(void **state)
{
    struct rules off[4];
    char key[KEY_SIZE_MAX];

    (void)state;
    for (size_t i = 0; i < LENGTH(off); i++) {
        off[i] = rules_of_calls();
    }
    off[0].ticket_voice_end_ms = 0;
    off[1].event_names[EVENT_CONVERSATION_ENDED] = NULL;
    off[2].sync_conversations = false;
    off[3].channels[CHANNEL_VOICE] = false;
    for (size_t i = 0; i < LENGTH(off); i++) {
        derive(cases[0].changes, &off[i], key);
        assert_string_equal(key, "");
    }
}

static void
a_wait_is_derived_only_where_it_has_a_name(void **state)
{
    static const struct {
        const char *changes;
        bool is_derived;
    } created[] = {
        {"{'event_type':'task.created'}", true},
        {"{'event_type':'task.created','task_attributes':{}}", true},
        {"{'event_type':'task.created','task_attributes':{'direction':'outbound'}}",
            false},
        {"{'event_type':'task.created','task_attributes':{'channelType':'email'}}",
            false},
        {"{'event_type':'task.completed'}", false},
    };
    struct rules by = rules;
    char key[KEY_SIZE_MAX];

    (void)state;
    derive(created[0].changes, &by, key);
    assert_string_equal(key, "");
    by.event_names[EVENT_TASK_WAITING] = "SUPPORT_WAITING";
    by.wait_notify_ms = 120000;
    for (size_t i = 0; i < LENGTH(created); i++) {
        derive(created[i].changes, &by, key);
        assert_string_equal(key, created[i].is_derived ? "task.waiting/" TASK : "");
    }
}

static void
a_wait_is_of_when_it_was_long_enough(void **state)
{
    struct rules by = rules;
    struct event_reading reading;

    (void)state;
    by.event_names[EVENT_TASK_WAITING] = "SUPPORT_WAITING";
    by.wait_notify_ms = 120000;
    json_t *payload = read_changed(
        "{'event_type':'task.waiting'}", &by, "task.waiting/" TASK, &reading);

    assert_int_equal(reading.verdict, EVENT_DELIVER);
    assert_string_equal(reading.event.effect_key, "waiting/" TASK);
    assert_int_equal(reading.event.date_ms, 1767225600123 + 120000);
    json_decref(payload);
}

static void
a_calls_end_is_one_with_what_interactions_tell(void **state)
{
    static const struct {
        const char *attributes;
        bool per_task;
        const char *effect;
    } effects[] = {
        {"", false, "ended/" TASK},
        {",'flexInteractionSid':'" INTERACTION "'", false, "ended/" INTERACTION},
        {",'flexInteractionSid':'" INTERACTION "'", true, "ended/" INTERACTION},
        {",'conversations':{'conversation_id':'mine'}", false, "ended/mine"},
        {",'conversations':{'conversation_id':'mine'}", true, "ended/mine"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(effects); i++) {
        struct rules by = rules_of_calls();
        struct event_reading reading;
        char changes[256];

        by.ticket_per_task = effects[i].per_task;
        (void)snprintf(changes, sizeof changes,
            "{'event_type':'conversation.ended','task_completed_reason':'done'," VOICE
            "%s}}",
            effects[i].attributes);
        json_t *payload = read_changed(changes, &by, ENDED, &reading);

        assert_int_equal(reading.verdict, EVENT_DELIVER);
        assert_true(reading.event.is_call);
        assert_string_equal(reading.event.effect_key, effects[i].effect);
        assert_string_equal(reading.event.reason, "done");
        json_decref(payload);
    }
}

static void
a_record_is_what_its_key_says(void **state)
{
    static const char *const keys[][2] = {
        {ENDED, "conversation.ended"},
        {"task.completed/" TASK, "task.completed"},
        {"reservation.accepted/WR1", "task.completed"}, /* no event: as it was */
        {"raw/taskrouter/0", "task.completed"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(keys); i++) {
        json_t *payload = json_of("{'event_type':'task.completed'}");

        assert_int_equal(payload_name(payload, slice_of(keys[i][0])), 0);
        assert_string_equal(payload_text(payload, "event_type"), keys[i][1]);
        json_decref(payload);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_a_calls_task_tells_the_end_of_the_call),
        cmocka_unit_test(nothing_is_derived_that_nobody_wants),
        cmocka_unit_test(a_wait_is_derived_only_where_it_has_a_name),
        cmocka_unit_test(a_wait_is_of_when_it_was_long_enough),
        cmocka_unit_test(a_calls_end_is_one_with_what_interactions_tell),
        cmocka_unit_test(a_record_is_what_its_key_says),
    };

    return cmocka_run_group_tests_name("derived", tests, NULL, NULL);
}
