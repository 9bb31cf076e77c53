/*
 * test_key_stream.c - which records a batch of CloudEvents leads to.
 */
#include "tests/unit/key_check.h"

#define TASKROUTER "com.twilio.taskrouter."
#define STATE_UPDATED "com.twilio.conversations.conversation-state.updated"

#define ENVELOPE(type, data)                                                \
    "{\"specversion\":\"1.0\",\"type\":\"" type                             \
    "\",\"source\":\"/v1/Workspaces/WS" HEX32 "/Events\",\"id\":\"EZ" HEX32 \
    "\",\"datacontenttype\":\"application/json\","                          \
    "\"time\":\"2026-01-01T00:00:00.123Z\",\"data\":" data "}"
#define PAYLOAD(members)                                                                           \
    "{\"sid\":\"EV" HEX32 "\",\"account_sid\":\"AC" HEX32 "\",\"group\":\"task\","                 \
    "\"payload\":{\"task_age\":912,\"task_attributes\":\"{\\\"task_sid\\\":\\\"no\\\"}\"," members \
    "}}"
#define STATE(members) "{\"AccountSid\":\"AC" HEX32 "\"," members "}"

static void
cloud_events_are_keyed_like_callbacks(void **state)
{
    static const struct key_case cases[] = {
        {ENVELOPE(TASKROUTER "task.created", PAYLOAD("\"task_sid\":\"" WT "\"")),
            KEY_EVENT, "task.created/" WT},
        {ENVELOPE(TASKROUTER "task.completed", PAYLOAD("\"task_sid\":\"" WT "\"")),
            KEY_EVENT, "task.completed/" WT},
        {ENVELOPE(TASKROUTER "task.canceled", PAYLOAD("\"task_sid\":\"" WT "\"")),
            KEY_EVENT, "task.canceled/" WT},
        {ENVELOPE(TASKROUTER "reservation.accepted",
             PAYLOAD("\"task_sid\":\"" WT "\",\"reservation_sid\":\"" WR "\"")),
            KEY_FACT, "reservation.accepted/" WR},
        {ENVELOPE(TASKROUTER "reservation.completed",
             PAYLOAD("\"reservation_sid\":\"" WR "\"")),
            KEY_FACT, "reservation.completed/" WR},
        {ENVELOPE(STATE_UPDATED, STATE("\"ConversationSid\":\"" CH "\",\"StateFrom\":"
                                       "\"active\",\"StateTo\":\"closed\"")),
            KEY_EVENT, "conversation.ended/" CH},
        {"{\"data\":{\"payload\":{\"task_sid\":\"" WT "\"}},\"type\":\"" TASKROUTER
         "task\\u002ecreated\"}",
            KEY_EVENT, "task.created/" WT},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        check_single(SOURCE_EVENT_STREAMS, &cases[i], true);
    }
}

static void
cloud_events_outside_our_vocabulary_are_ignored(void **state)
{
    static const struct key_case cases[] = {
        {ENVELOPE(TASKROUTER "workflow.entered", PAYLOAD("\"task_sid\":\"" WT "\"")),
            KEY_IGNORED, NULL},
        {ENVELOPE("task.created", PAYLOAD("\"task_sid\":\"" WT "\"")), KEY_IGNORED, NULL},
        {ENVELOPE(STATE_UPDATED, STATE("\"ConversationSid\":\"" CH "\",\"StateTo\":"
                                       "\"initializing\"")),
            KEY_IGNORED, NULL},
        {"{\"type\":\"" HEX32 HEX32 HEX32 HEX32 "\"}", KEY_IGNORED, NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        check_single(SOURCE_EVENT_STREAMS, &cases[i], true);
    }
}

static void
cloud_events_without_what_their_type_needs_are_kept_raw(void **state)
{
    static const struct key_case cases[] = {
        {"{}", KEY_RAW, NULL},
        {ENVELOPE("", "{}"), KEY_RAW, NULL},
        {"{\"type\":7,\"data\":{}}", KEY_RAW, NULL},
        {"{\"type\":null}", KEY_RAW, NULL},
        {"{\"type\":[\"" TASKROUTER "task.created\"]}", KEY_RAW, NULL},
        {"{\"type\":\"com.twilio\\ud800\"}", KEY_RAW, NULL},
        {"{\"type\":\"" TASKROUTER "task.created\"}", KEY_RAW, NULL},
        {ENVELOPE(TASKROUTER "task.created", "{}"), KEY_RAW, NULL},
        {ENVELOPE(TASKROUTER "task.created", "null"), KEY_RAW, NULL},
        {ENVELOPE(TASKROUTER "task.created", PAYLOAD("\"task_sid\":\"" WR "\"")), KEY_RAW,
            NULL},
        {ENVELOPE(TASKROUTER "task.created", PAYLOAD("\"task_sid\":5")), KEY_RAW, NULL},
        {ENVELOPE(TASKROUTER "reservation.accepted", PAYLOAD("\"task_sid\":\"" WT "\"")),
            KEY_RAW, NULL},
        {ENVELOPE(STATE_UPDATED, STATE("\"StateTo\":\"closed\"")), KEY_RAW, NULL},
        {ENVELOPE(STATE_UPDATED, STATE("\"ConversationSid\":\"" CH "\"")), KEY_RAW, NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        check_single(SOURCE_EVENT_STREAMS, &cases[i], true);
    }
}

static void
data_may_be_json_inside_a_string(void **state)
{
    static const struct key_case cases[] = {
        {ENVELOPE(TASKROUTER "task.completed",
             "\"{\\\"payload\\\":{\\\"task_attributes\\\":\\\"{\\\\\\\"a\\\\\\\":1}\\\","
             "\\\"task_sid\\\":\\\"" WT "\\\"}}\""),
            KEY_EVENT, "task.completed/" WT},
        {ENVELOPE(STATE_UPDATED,
             "\"{\\\"StateTo\\\":\\\"closed\\\",\\\"ConversationSid\\\":\\\"" CH
             "\\\"}\""),
            KEY_EVENT, "conversation.ended/" CH},
        {ENVELOPE(STATE_UPDATED, "\"{\\\"StateTo\\\":\\\"initializing\\\"}\""),
            KEY_IGNORED, NULL},
        {ENVELOPE(TASKROUTER "workflow.entered", "\"not JSON\""), KEY_IGNORED, NULL},
        {ENVELOPE(TASKROUTER "task.completed", "\"not JSON\""), KEY_RAW, NULL},
        {ENVELOPE(TASKROUTER "task.completed", "\"\""), KEY_RAW, NULL},
        {ENVELOPE(TASKROUTER "task.completed", "\"{\\\"payload\\\":\\ud800}\""), KEY_RAW,
            NULL},
        {ENVELOPE(TASKROUTER "task.completed", "\"{\\\"payload\\\":{}}\""), KEY_RAW,
            NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        check_single(SOURCE_EVENT_STREAMS, &cases[i], true);
    }
}

static void
data_in_a_string_is_decoded_up_to_a_limit(void **state)
{
    AUTO(buffer_done) struct buffer body = {0};
    AUTO(keyed_events_done) struct keyed_events events = {0};

    (void)state;
    buffer_init(&body, 1 << 20);
    for (int round = 0; round < 2; round++) {
        const int padding = round == 0 ? 200000 : 300000;

        buffer_clear(&body);
        buffer_addf(&body,
            "{\"type\":\"" TASKROUTER
            "task.created\",\"data\":\"{\\\"pad\\\":\\\"%*s\\\","
            "\\\"payload\\\":{\\\"task_sid\\\":\\\"" WT "\\\"}}\"}",
            padding, "");
        assert_int_equal(
            key_events(SOURCE_EVENT_STREAMS, buffer_slice(&body), true, &events), KEY_OK);
        assert_int_equal(events.items[0].kind, round == 0 ? KEY_EVENT : KEY_RAW);
        keyed_events_done(&events);
    }
}

static void
one_bad_element_leaves_its_neighbours_unharmed(void **state)
{
    static const char body[] = " [ " ENVELOPE(TASKROUTER "task.created",
        PAYLOAD(
            "\"task_sid\":\"" WT
            "\"")) ",\n 5, "
                   "\"text\", [], {\"type\":\"" TASKROUTER
                   "task.canceled\"}, " ENVELOPE(TASKROUTER "worker.created",
                       "{}") " , " ENVELOPE(TASKROUTER "task.completed",
                       PAYLOAD("\"reason\":\"\xFF\\q\",\"task_sid\":\"" WT "\"")) "]\n";
    static const enum key_kind kinds[] = {
        KEY_EVENT, KEY_RAW, KEY_RAW, KEY_RAW, KEY_RAW, KEY_IGNORED, KEY_EVENT};
    AUTO(keyed_events_done) struct keyed_events events = {0};

    (void)state;
    assert_int_equal(
        key_events(SOURCE_EVENT_STREAMS, slice_of(body), true, &events), KEY_OK);
    assert_int_equal(events.count, LENGTH(kinds));
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        assert_int_equal(events.items[i].kind, kinds[i]);
    }
    assert_true(slice_is(events.items[1].bytes, "5"));
    assert_true(slice_is(events.items[2].bytes, "\"text\""));
    assert_true(slice_is(events.items[5].type, TASKROUTER "worker.created"));
    assert_string_equal(events.items[6].key, "task.completed/" WT);
    assert_true(
        events.items[6].bytes.data > body &&
        events.items[6].bytes.data + events.items[6].bytes.size < body + sizeof(body));
}

static void
an_empty_batch_is_no_events(void **state)
{
    struct keyed_events events = {.count = 42};

    (void)state;
    assert_int_equal(
        key_events(SOURCE_EVENT_STREAMS, slice_of(" [] "), true, &events), KEY_OK);
    assert_int_equal(events.count, 0);
    keyed_events_done(&events);
}

static void
a_batch_broken_anywhere_is_unparseable_as_a_whole(void **state)
{
    static const char *const cases[] = {"", "[", "[{}", "[{},]", "[{}] x", "{}{}", "5",
        "null", "\"[]\"", "[{\"type\":\"com.twilio.taskrouter.task.created\"}", "a=b"};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        check_unparseable(SOURCE_EVENT_STREAMS, cases[i], true);
    }
    check_unparseable(SOURCE_EVENT_STREAMS, "[]", false);
}

static int
key_batch_of(size_t count, struct keyed_events *ret_events)
{
    AUTO(buffer_done) struct buffer body = {0};

    buffer_init(&body, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        buffer_add_text(&body, i == 0 ? "[{}" : ",{}");
    }
    buffer_add_text(&body, "]");
    assert_false(body.failed);
    return key_events(SOURCE_EVENT_STREAMS, buffer_slice(&body), true, ret_events);
}

static void
takes_the_maximum_of_events_and_not_one_more(void **state)
{
    struct keyed_events events = {0};

    (void)state;
    assert_int_equal(key_batch_of(KEY_EVENTS_MAX, &events), KEY_OK);
    assert_int_equal(events.count, KEY_EVENTS_MAX);
    keyed_events_done(&events);
    assert_int_equal(key_batch_of(KEY_EVENTS_MAX + 1, &events), KEY_E_TOO_MANY);
    assert_int_equal(events.count, 0);
    keyed_events_done(&events);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cloud_events_are_keyed_like_callbacks),
        cmocka_unit_test(cloud_events_outside_our_vocabulary_are_ignored),
        cmocka_unit_test(cloud_events_without_what_their_type_needs_are_kept_raw),
        cmocka_unit_test(data_may_be_json_inside_a_string),
        cmocka_unit_test(data_in_a_string_is_decoded_up_to_a_limit),
        cmocka_unit_test(one_bad_element_leaves_its_neighbours_unharmed),
        cmocka_unit_test(an_empty_batch_is_no_events),
        cmocka_unit_test(a_batch_broken_anywhere_is_unparseable_as_a_whole),
        cmocka_unit_test(takes_the_maximum_of_events_and_not_one_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
