/*
 * test_key.c - which record a callback or a plugin post leads to.
 */
#include "tests/unit/key_check.h"

#define CALLBACK_HEAD                                                                     \
    "Sid=EV3f0c6f0d2a7e4b7f9c1d2e3f4a5b6c01&AccountSid=AC" HEX32                          \
    "&WorkspaceSid=WS" HEX32                                                              \
    "&WorkspaceName=Flex+Task+Assignment&Timestamp=1767225600&TimestampMs=1767225600123"  \
    "&TaskAttributes=%7B%22direction%22%3A%22inbound%22%2C%22from%22%3A%22%2B15550100123" \
    "%22%2C%22TaskSid%22%3A%22no%22%7D&TaskAge=912&TaskPriority=0"

#define PLUGIN_JSON(name, sid)                                               \
    "{\"Token\":\"eyJhbGciOiJkaXIifQ..QUJD.REVG\",\"" name "\":\"" sid "\"," \
    "\"TaskAttributes\":{\"email\":\"ana@example.com\",\"TaskSid\":\"no\"},\"Age\":912}"

static void
routes_are_known_by_both_names(void **state)
{
    static const char *const names[] = {"flex-plugin", "taskrouter", "event-streams",
        "conversations", "interactions", "survey", "messaging"};
    static const char *const routes[] = {"plugin", "taskrouter", "event_streams",
        "conversations", "interactions", "survey", "messaging"};

    (void)state;
    assert_int_equal(LENGTH(names), SOURCE_COUNT);
    for (size_t i = 0; i < SOURCE_COUNT; i++) {
        enum source source = SOURCE_COUNT;

        assert_string_equal(source_name((enum source)i), names[i]);
        assert_string_equal(source_route((enum source)i), routes[i]);
        assert_true(source_from_name(slice_of(names[i]), &source));
        assert_int_equal(source, i);
    }
}

static void
every_source_has_a_rank_of_trust_and_the_browser_the_last(void **state)
{
    bool seen[SOURCE_COUNT] = {false};

    (void)state;
    for (size_t i = 0; i < SOURCE_COUNT; i++) {
        assert_false(seen[source_by_trust(i)]);
        seen[source_by_trust(i)] = true;
    }
    assert_int_equal(source_by_trust(0), SOURCE_TASKROUTER);
    assert_int_equal(source_by_trust(SOURCE_COUNT - 1), SOURCE_FLEX_PLUGIN);
}

static void
unknown_sources_are_refused(void **state)
{
    enum source source = SOURCE_TASKROUTER;

    (void)state;
    assert_false(source_from_name(slice_of("event_streams"), &source));
    assert_false(source_from_name(slice_of("Taskrouter"), &source));
    assert_false(source_from_name((struct slice){0}, &source));
    assert_int_equal(source, SOURCE_TASKROUTER);
}

static void
callbacks_are_keyed_by_type_and_subject(void **state)
{
    static const struct key_case cases[] = {
        {CALLBACK_HEAD "&EventType=task.created&TaskSid=" WT, KEY_EVENT,
            "task.created/" WT},
        {"EventType=task.completed&" CALLBACK_HEAD "&TaskSid=" WT, KEY_EVENT,
            "task.completed/" WT},
        {"TaskSid=" WT "&" CALLBACK_HEAD "&EventType=task.canceled", KEY_EVENT,
            "task.canceled/" WT},
        {CALLBACK_HEAD "&EventType=reservation.accepted&TaskSid=" WT
                       "&ReservationSid=" WR,
            KEY_FACT, "reservation.accepted/" WR},
        {CALLBACK_HEAD "&EventType=reservation.completed&ReservationSid=" WR, KEY_FACT,
            "reservation.completed/" WR},
        {"Event%54ype=task%2Ecreated&Task%53id=%57T" HEX32, KEY_EVENT,
            "task.created/WT" HEX32},
        {"EventType=task.created&EventType=task.canceled&TaskSid=" WT "&TaskSid=WT1",
            KEY_EVENT, "task.created/" WT},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        check_single(SOURCE_TASKROUTER, &cases[i], false);
    }
}

static void
callbacks_outside_our_vocabulary_are_ignored(void **state)
{
    static const struct key_case cases[] = {
        {CALLBACK_HEAD "&EventType=workflow.entered&TaskSid=" WT, KEY_IGNORED, NULL},
        {"EventType=worker.attributes.update", KEY_IGNORED, NULL},
        {"EventType=sink.test&TaskSid=" WT, KEY_IGNORED, NULL},
        {"EventType=reservation.created&ReservationSid=" WR, KEY_IGNORED, NULL},
        {"EventType=task-queue.expression.updated", KEY_IGNORED, NULL},
        {"EventType=Task.Created&TaskSid=" WT, KEY_IGNORED, NULL},
        {"EventType=task.created+&TaskSid=" WT, KEY_IGNORED, NULL},
        {"EventType=task.created%00&TaskSid=" WT, KEY_IGNORED, NULL},
        {"EventType=conversation.ended&ConversationSid=" CH, KEY_IGNORED, NULL},
        {"EventType=com.twilio.taskrouter.task.created&TaskSid=" WT, KEY_IGNORED, NULL},
        {"EventType=" HEX32 HEX32 HEX32 HEX32, KEY_IGNORED, NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        check_single(SOURCE_TASKROUTER, &cases[i], false);
    }
}

static void
callbacks_without_their_subject_are_kept_raw(void **state)
{
    static const struct key_case cases[] = {
        {CALLBACK_HEAD "&EventType=task.created", KEY_RAW, NULL},
        {"EventType=task.created&TaskSid=", KEY_RAW, NULL},
        {"EventType=task.created&TaskSid=" WR, KEY_RAW, NULL},
        {"EventType=task.created&TaskSid=wt" HEX32, KEY_RAW, NULL},
        {"EventType=task.created&TaskSid=" WT "0", KEY_RAW, NULL},
        {"EventType=task.created&TaskSid=WT0123456789abcdef0123456789abcde", KEY_RAW,
            NULL},
        {"EventType=task.created&TaskSid=WT0123456789abcdef0123456789abcdeg", KEY_RAW,
            NULL},
        {"EventType=task.created&TaskSid=" WT "%00", KEY_RAW, NULL},
        {"EventType=task.created&TaskSid=" WT HEX32 HEX32 HEX32, KEY_RAW, NULL},
        {"EventType=reservation.accepted&TaskSid=" WT, KEY_RAW, NULL},
        {CALLBACK_HEAD "&EventType=task.updated", KEY_RAW, NULL},
        {CALLBACK_HEAD "&EventType=worker.activity.update&TaskSid=" WT, KEY_RAW, NULL},
        {"EventType=reservation.accepted&ReservationSid=" WT, KEY_RAW, NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        check_single(SOURCE_TASKROUTER, &cases[i], false);
    }
}

static void
a_callback_without_a_type_is_unparseable(void **state)
{
    (void)state;
    check_unparseable(SOURCE_TASKROUTER, "", false);
    check_unparseable(SOURCE_TASKROUTER, CALLBACK_HEAD "&TaskSid=" WT, false);
    check_unparseable(SOURCE_TASKROUTER, "EventType=&TaskSid=" WT, false);
    check_unparseable(SOURCE_TASKROUTER, "EventType&TaskSid=" WT, false);
    check_unparseable(SOURCE_TASKROUTER, "eventtype=task.created&TaskSid=" WT, false);
    check_unparseable(SOURCE_TASKROUTER,
        "{\"EventType\":\"task.created\",\"TaskSid\":\"" WT "\"}", true);
    check_unparseable(SOURCE_TASKROUTER, "EventType=task.created&TaskSid=" WT, true);
}

static void
plugin_posts_always_complete_a_task(void **state)
{
    static const struct key_case json[] = {
        {PLUGIN_JSON("TaskSid", WT), KEY_EVENT, "task.completed/" WT},
        {PLUGIN_JSON("taskSid", WT), KEY_EVENT, "task.completed/" WT},
        {PLUGIN_JSON("task_sid", WT), KEY_EVENT, "task.completed/" WT},
        {PLUGIN_JSON("Sid", WT), KEY_EVENT, "task.completed/" WT},
        {"{\"Sid\":\"" WR "\",\"TaskSid\":\"" WT "\"}", KEY_EVENT, "task.completed/" WT},
        {"{\"TaskSid\":\"" WR "\",\"taskSid\":\"" WT "\"}", KEY_EVENT,
            "task.completed/" WT},
        {"{\"TaskSid\":null,\"Sid\":\"" WT "\"}", KEY_EVENT, "task.completed/" WT},
        {"{\"TaskSid\":\"\\u0057T" HEX32 "\",\"EventType\":\"task.created\"}", KEY_EVENT,
            "task.completed/WT" HEX32},
    };
    static const struct key_case form[] = {
        {"Token=eyJ&TaskSid=" WT "&TaskAttributes=%7B%7D", KEY_EVENT,
            "task.completed/" WT},
        {"taskSid=%57T" HEX32, KEY_EVENT, "task.completed/WT" HEX32},
        {"TaskSid=&Sid=" WT, KEY_EVENT, "task.completed/" WT},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(json); i++) {
        check_single(SOURCE_FLEX_PLUGIN, &json[i], true);
    }
    for (size_t i = 0; i < LENGTH(form); i++) {
        check_single(SOURCE_FLEX_PLUGIN, &form[i], false);
    }
}

static void
a_reservation_in_a_task_sid_is_keyed_as_such(void **state)
{
    static const struct key_case json[] = {
        {PLUGIN_JSON("TaskSid", WR), KEY_EVENT, "task.completed/" WR},
        {PLUGIN_JSON("sid", WR), KEY_EVENT, "task.completed/" WR},
        {PLUGIN_JSON("ReservationSid", WR), KEY_EVENT, "task.completed/" WR},
    };
    static const struct key_case form = {"TaskSid=" WR, KEY_EVENT, "task.completed/" WR};

    (void)state;
    for (size_t i = 0; i < LENGTH(json); i++) {
        check_single(SOURCE_FLEX_PLUGIN, &json[i], true);
    }
    check_single(SOURCE_FLEX_PLUGIN, &form, false);
}

static void
a_plugin_post_without_a_task_is_unparseable(void **state)
{
    static const char *const json[] = {"", "{}", "[]", "[{\"TaskSid\":\"" WT "\"}]",
        "null", "{\"TaskSid\":\"" CH "\"}", "{\"TaskSid\":\"WT1\"}",
        "{\"TaskSid\":\"" WT "\"", "{\"TaskSid\":[\"" WT "\"]}",
        "{\"task\":{\"TaskSid\":\"" WT "\"}}"};
    static const char *const form[] = {"", "TaskSid", "TaskSid=WT1", "tasksid=" WT,
        "TaskSid=" CH, "{\"TaskSid\":\"" WT "\"}"};

    (void)state;
    for (size_t i = 0; i < LENGTH(json); i++) {
        check_unparseable(SOURCE_FLEX_PLUGIN, json[i], true);
    }
    check_unparseable(SOURCE_FLEX_PLUGIN, "TaskSid=" WT, true);
    for (size_t i = 0; i < LENGTH(form); i++) {
        check_unparseable(SOURCE_FLEX_PLUGIN, form[i], false);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_are_known_by_both_names),
        cmocka_unit_test(every_source_has_a_rank_of_trust_and_the_browser_the_last),
        cmocka_unit_test(unknown_sources_are_refused),
        cmocka_unit_test(callbacks_are_keyed_by_type_and_subject),
        cmocka_unit_test(callbacks_outside_our_vocabulary_are_ignored),
        cmocka_unit_test(callbacks_without_their_subject_are_kept_raw),
        cmocka_unit_test(a_callback_without_a_type_is_unparseable),
        cmocka_unit_test(plugin_posts_always_complete_a_task),
        cmocka_unit_test(a_reservation_in_a_task_sid_is_keyed_as_such),
        cmocka_unit_test(a_plugin_post_without_a_task_is_unparseable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
