/*
 * test_key_routes.c - which records Conversations, Interactions, messaging, surveys and a sink's
 * test lead to.
 */
#include "tests/unit/key_check.h"

#define KD "KD99887766554433221100ffeeddccbbaa"
#define CA "CA0123456789abcdef0123456789abcdef"
#define FN "FN0123456789abcdef0123456789abcdef"
#define SM "SM0123456789abcdef0123456789abcdef"
#define MM "MM0123456789abcdef0123456789abcdef"
#define TIME "2026-01-01T00:16:00.250Z"
#define TIME_MS "1767226560250"

#define STATE(to)                                                                     \
    "EventType=onConversationStateUpdated&AccountSid=AC" HEX32                        \
    "&Source=API&RetryCount=0&ChatServiceSid=IS" HEX32 "&ConversationSid=" CH         \
    "&MessagingServiceSid=MG" HEX32 "&StateFrom=active&StateTo=" to                   \
    "&StateUpdated=2026-01-01T00%3A16%3A00.250Z&Reason=API&MessagingBinding.Address=" \
    "%2B15550100123"
#define STATE_STREAM(to)                                                                  \
    "{\"type\":\"com.twilio.conversations.conversation-state.updated\",\"id\":\"EZ" HEX32 \
    "\",\"data\":{\"ConversationSid\":\"" CH "\",\"StateFrom\":\"active\","               \
    "\"StateTo\":\"" to "\",\"StateUpdated\":\"" TIME "\",\"Reason\":\"API\"}}"
#define CHANNEL(sid, status)                                                       \
    "EventType=onChannelStatusUpdated&AccountSid=AC" HEX32 "&InstanceSid=GO" HEX32 \
    "&InteractionSid=" KD "&ChannelSid=UO" HEX32 "&MediaChannelSid=" sid           \
    "&ChannelStatus=" status "&MediaChannelType=sms"
#define STATUS(sid, status)                                                       \
    "AccountSid=AC" HEX32 "&ApiVersion=2010-04-01&MessageSid=" sid "&SmsSid=" sid \
    "&MessageStatus=" status "&SmsStatus=" status "&From=%2B15550100000&To=%2B1555"
#define STATUS_STREAM(status, upper)                                          \
    "{\"type\":\"com.twilio.messaging.message." status "\",\"id\":\"EZ" HEX32 \
    "\",\"data\":{\"messageSid\":\"" SM "\",\"messageStatus\":\"" upper "\"}}"
#define TEST(data)                                                                        \
    "{\"type\":\"com.twilio.eventstreams.test-event\",\"source\":\"Sink\",\"data\":" data \
    "}"

static void
conversations_are_keyed_by_the_state_they_come_to(void **state)
{
    static const struct key_case form[] = {
        {STATE("closed"), KEY_EVENT, "conversation.ended/" CH},
        {STATE("CLOSED"), KEY_EVENT, "conversation.ended/" CH},
        {STATE("initializing"), KEY_IGNORED, NULL},
        {STATE(""), KEY_RAW, NULL},
        {"EventType=onConversationStateUpdated&StateTo=closed", KEY_RAW, NULL},
        {"EventType=onConversationStateUpdated&State=closed&ConversationSid=" CH, KEY_RAW,
            NULL},
        {"EventType=onConversationStateUpdated&StateTo=closed&ConversationSid=" WT,
            KEY_RAW, NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(form); i++) {
        check_single(SOURCE_CONVERSATIONS, &form[i], false);
    }
}

static void
other_conversation_hooks_are_ignored(void **state)
{
    static const char *const types[] = {"onConversationAdd", "onConversationAdded",
        "onConversationUpdate", "onConversationUpdated", "onConversationRemove",
        "onConversationRemoved", "onMessageAdd", "onMessageAdded", "onMessageUpdated",
        "onMessageRemoved", "onParticipantAdded", "onParticipantRemoved",
        "onParticipantUpdated", "onDeliveryUpdated", "onUserAdded", "onUserUpdated"};

    (void)state;
    for (size_t i = 0; i < LENGTH(types); i++) {
        char body[256];

        (void)snprintf(body, sizeof(body),
            "EventType=%s&State=closed&StateTo=closed&ConversationSid=" CH, types[i]);
        const struct key_case expected = {body, KEY_IGNORED, NULL};

        check_single(SOURCE_CONVERSATIONS, &expected, false);
    }
}

static void
check_fact(enum source source, const char *body, const char *key)
{
    AUTO(keyed_events_done) struct keyed_events events = {0};

    assert_int_equal(key_events(source, slice_of(body), body[0] == '{', &events), KEY_OK);
    assert_int_equal(events.items[0].kind, KEY_FACT);
    assert_string_equal(events.items[0].key, key);
    assert_string_equal(events.items[0].subject, CH);
    assert_false(events.items[0].by_content);
}

static void
a_conversation_pauses_many_times_and_each_time_once(void **state)
{
    (void)state;
    check_fact(
        SOURCE_CONVERSATIONS, STATE("inactive"), "conversation.inactive/" CH "/" TIME_MS);
    check_fact(SOURCE_EVENT_STREAMS, STATE_STREAM("inactive"),
        "conversation.inactive/" CH "/" TIME_MS);
    check_fact(
        SOURCE_CONVERSATIONS, STATE("active"), "conversation.active/" CH "/" TIME_MS);
    check_fact(SOURCE_EVENT_STREAMS, STATE_STREAM("active"),
        "conversation.active/" CH "/" TIME_MS);
}

static void
a_pause_without_its_time_is_told_apart_by_its_bytes(void **state)
{
    static const char *const bodies[] = {
        "EventType=onConversationStateUpdated&StateTo=inactive&ConversationSid=" CH,
        "EventType=onConversationStateUpdated&StateTo=inactive&ConversationSid=" CH
        "&StateUpdated=yesterday",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        AUTO(keyed_events_done) struct keyed_events events = {0};

        assert_int_equal(
            key_events(SOURCE_CONVERSATIONS, slice_of(bodies[i]), false, &events),
            KEY_OK);
        assert_string_equal(events.items[0].key, "conversation.inactive/" CH);
        assert_true(events.items[0].by_content);
    }
}

static void
a_closed_channel_ends_the_conversation_or_the_call(void **state)
{
    static const struct key_case form[] = {
        {CHANNEL(CH, "closed"), KEY_EVENT, "conversation.ended/" CH},
        {CHANNEL("CF" HEX32, "closed"), KEY_EVENT, "conversation.ended/" KD},
        {CHANNEL("", "closed"), KEY_EVENT, "conversation.ended/" KD},
        {CHANNEL(CH, "active"), KEY_IGNORED, NULL},
        {CHANNEL(CH, "inactive"), KEY_IGNORED, NULL},
        {CHANNEL(CH, ""), KEY_RAW, NULL},
        {"EventType=onChannelStatusUpdated&ChannelStatus=closed", KEY_RAW, NULL},
        {"EventType=onChannelStatusUpdated&ChannelStatus=closed&InteractionSid=" CH,
            KEY_RAW, NULL},
        {"EventType=onInteractionCreated&InteractionSid=" KD, KEY_IGNORED, NULL},
        {"EventType=onChannelCreated&InteractionSid=" KD, KEY_IGNORED, NULL},
        {"EventType=onChannelCreateFailed&InteractionSid=" KD, KEY_IGNORED, NULL},
        {"EventType=onParticipantJoined&InteractionSid=" KD, KEY_IGNORED, NULL},
        {"EventType=onParticipantLeft&InteractionSid=" KD, KEY_IGNORED, NULL},
        {"EventType=onParticipantUpdated&InteractionSid=" KD, KEY_IGNORED, NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(form); i++) {
        check_single(SOURCE_INTERACTIONS, &form[i], false);
    }
}

static void
messages_are_keyed_by_how_they_ended(void **state)
{
    static const struct key_case form[] = {
        {STATUS(SM, "delivered"), KEY_EVENT, "message.delivered/" SM},
        {STATUS(MM, "undelivered"), KEY_EVENT, "message.undelivered/" MM},
        {STATUS(SM, "failed") "&ErrorCode=30006", KEY_EVENT, "message.failed/" SM},
        {STATUS(SM, "read") "&EventType=READ&ChannelPrefix=whatsapp", KEY_EVENT,
            "message.read/" SM},
        {STATUS(SM, "accepted"), KEY_IGNORED, NULL},
        {STATUS(SM, "scheduled"), KEY_IGNORED, NULL},
        {STATUS(SM, "queued"), KEY_IGNORED, NULL},
        {STATUS(SM, "sending"), KEY_IGNORED, NULL},
        {STATUS(SM, "sent"), KEY_IGNORED, NULL},
        {STATUS(SM, "canceled"), KEY_IGNORED, NULL},
        {STATUS(WT, "delivered"), KEY_RAW, NULL},
        {"MessageStatus=delivered", KEY_RAW, NULL},
        {"MessageSid=" SM "&SmsStatus=received&Body=Hello", KEY_IGNORED, NULL},
        {"MessageSid=" SM "&MessageStatus=&SmsStatus=delivered", KEY_EVENT,
            "message.delivered/" SM},
        {"MessageSid=" SM "&SmsStatus=sent&MessageStatus=delivered", KEY_EVENT,
            "message.delivered/" SM},
    };
    static const struct key_case stream[] = {
        {STATUS_STREAM("delivered", "DELIVERED"), KEY_EVENT, "message.delivered/" SM},
        {STATUS_STREAM("undelivered", "UNDELIVERED"), KEY_EVENT,
            "message.undelivered/" SM},
        {STATUS_STREAM("failed", "FAILED"), KEY_EVENT, "message.failed/" SM},
        {STATUS_STREAM("read", "READ"), KEY_EVENT, "message.read/" SM},
        {STATUS_STREAM("sent", "SENT"), KEY_IGNORED, NULL},
        {STATUS_STREAM("queued", "QUEUED"), KEY_IGNORED, NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(form); i++) {
        check_single(SOURCE_MESSAGING, &form[i], false);
    }
    for (size_t i = 0; i < LENGTH(stream); i++) {
        check_single(SOURCE_EVENT_STREAMS, &stream[i], true);
    }
}

static void
callbacks_that_do_not_name_their_type_are_unparseable(void **state)
{
    static const enum source sources[] = {
        SOURCE_CONVERSATIONS, SOURCE_INTERACTIONS, SOURCE_MESSAGING};

    (void)state;
    for (size_t i = 0; i < LENGTH(sources); i++) {
        check_unparseable(sources[i], "", false);
        check_unparseable(sources[i], "ConversationSid=" CH, false);
        check_unparseable(sources[i], "EventType=&MessageStatus=", false);
        check_unparseable(sources[i], STATE("closed"), true);
        check_unparseable(sources[i], "{\"EventType\":\"x\"}", true);
    }
    check_unparseable(SOURCE_MESSAGING, "EventType=READ&MessageSid=" SM, false);
}

static void
check_survey(const char *body, const char *subject)
{
    AUTO(keyed_events_done) struct keyed_events events = {0};

    if (key_events(SOURCE_SURVEY, slice_of(body), body[0] == '{', &events) != KEY_OK ||
        events.count != 1) {
        fail_msg("not one event: %s", body);
    }
    struct keyed_event *event = &events.items[0];
    char key[KEY_SIZE_MAX];

    assert_int_equal(event->kind, subject != NULL ? KEY_EVENT : KEY_RAW);
    assert_int_equal(event->by_content, subject != NULL);
    assert_true(slice_is(event->bytes, body));
    if (subject != NULL) {
        (void)snprintf(key, sizeof(key), "survey.completed/%s/" HEX32, subject);
        key[strlen(key) - KEY_CONTENT_DIGITS] = '\0';
        key_add_content(event, HEX32);
        assert_string_equal(event->key, key);
        assert_string_equal(event->subject, subject);
    }
}

static void
answers_are_keyed_by_the_best_subject_they_name(void **state)
{
    static const struct {
        const char *body;
        const char *subject;
    } cases[] = {
        {"TaskSid=" WT "&Score=4", WT},
        {"taskSid=" WT, WT},
        {"task_sid=" WT, WT},
        {"FlowExecutionSid=" FN "&CallSid=" CA "&ConversationSid=" CH "&TaskSid=" WT, WT},
        {"FlowExecutionSid=" FN "&CallSid=" CA "&ConversationSid=" CH "&TaskSid=", CH},
        {"ExecutionSid=" FN "&CallSid=" CA "&InteractionSid=" KD, KD},
        {"ExecutionSid=" FN "&CallSid=" CA, CA},
        {"ExecutionSid=" FN, FN},
        {"FlowExecutionSid=" FN, FN},
        {"Score=5", NULL},
        {"TaskSid=" WR "&Score=5", NULL},
        {"TaskSid=12345&Score=5", NULL},
        {"TASKSID=" WT, NULL},
        {"{\"conversationSid\":\"" CH "\",\"score\":4}", CH},
        {"{\"conversation_sid\":\"" CH "\",\"score\":4}", CH},
        {"{\"interaction_sid\":\"" KD "\"}", KD},
        {"{\"callSid\":\"" CA "\"}", CA},
        {"{\"flow_execution_sid\":\"" FN "\",\"TaskSid\":null}", FN},
        {"{\"executionSid\":\"\\u0046N" HEX32 "\"}", FN},
        {"{\"answer\":{\"TaskSid\":\"" WT "\"}}", NULL},
        {"{}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        check_survey(cases[i].body, cases[i].subject);
    }
}

static void
an_answer_that_is_no_document_is_unparseable(void **state)
{
    (void)state;
    check_unparseable(SOURCE_SURVEY, "", false);
    check_unparseable(SOURCE_SURVEY, "", true);
    check_unparseable(SOURCE_SURVEY, "{\"TaskSid\":\"" WT "\"", true);
    check_unparseable(SOURCE_SURVEY, "[{\"TaskSid\":\"" WT "\"}]", true);
    check_unparseable(SOURCE_SURVEY, "TaskSid=" WT, true);
}

static void
a_sinks_test_is_kept_under_its_own_id(void **state)
{
    static const struct key_case cases[] = {
        {TEST("{\"test_id\":\"4fbd2c58-7a2b-4a0e-9f3e-1d2c3b4a5f60\"}"), KEY_FACT,
            "sink.test/4fbd2c58-7a2b-4a0e-9f3e-1d2c3b4a5f60"},
        {TEST("\"{\\\"test_id\\\":\\\"4fbd2c58-7a2b\\\"}\""), KEY_FACT,
            "sink.test/4fbd2c58-7a2b"},
        {TEST("{\"test_id\":\"" HEX32 HEX32 "\"}"), KEY_FACT, "sink.test/" HEX32 HEX32},
        {TEST("{\"test_id\":\"" HEX32 HEX32 "0\"}"), KEY_IGNORED, NULL},
        {TEST("{\"test_id\":\"a/b\"}"), KEY_IGNORED, NULL},
        {TEST("{\"test_id\":\"a b\"}"), KEY_IGNORED, NULL},
        {TEST("{\"test_id\":\"\"}"), KEY_IGNORED, NULL},
        {TEST("{\"test_id\":7}"), KEY_IGNORED, NULL},
        {TEST("{}"), KEY_IGNORED, NULL},
        {TEST("\"not JSON\""), KEY_IGNORED, NULL},
        {TEST("null"), KEY_IGNORED, NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        check_single(SOURCE_EVENT_STREAMS, &cases[i], true);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations_are_keyed_by_the_state_they_come_to),
        cmocka_unit_test(other_conversation_hooks_are_ignored),
        cmocka_unit_test(a_conversation_pauses_many_times_and_each_time_once),
        cmocka_unit_test(a_pause_without_its_time_is_told_apart_by_its_bytes),
        cmocka_unit_test(a_closed_channel_ends_the_conversation_or_the_call),
        cmocka_unit_test(messages_are_keyed_by_how_they_ended),
        cmocka_unit_test(callbacks_that_do_not_name_their_type_are_unparseable),
        cmocka_unit_test(answers_are_keyed_by_the_best_subject_they_name),
        cmocka_unit_test(an_answer_that_is_no_document_is_unparseable),
        cmocka_unit_test(a_sinks_test_is_kept_under_its_own_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
