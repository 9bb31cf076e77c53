/*
 * test_payload_route.c - Conversations, Interactions, messaging, surveys and a sink's test in the
 * one shape.
 */
#include <jansson.h>

#include "mapping/payload.h"
#include "tests/unit/unit.h"

#define CH "CH5566778899aabbccddeeff0011223344"
#define WT "WT8a1b2c3d4e5f60718293a4b5c6d7e8f9"
#define KD "KD99887766554433221100ffeeddccbbaa"

static json_t *
parse(enum source source, const char *bytes)
{
    json_t *payload = NULL;

    assert_int_equal(payload_parse(source, slice_of(bytes), &payload), PAYLOAD_OK);
    return payload;
}

static void
has_date(const json_t *payload, int64_t expected)
{
    int64_t date_ms = 0;

    assert_true(payload_integer(payload, "date_ms", &date_ms));
    assert_int_equal(date_ms, expected);
}

static void
reads_a_conversation_of_both_routes_alike(void **state)
{
    static const struct {
        enum source source;
        const char *bytes;
    } cases[] = {
        {SOURCE_CONVERSATIONS,
            "EventType=onConversationStateUpdated&AccountSid=AC01&ConversationSid=" CH
            "&StateFrom=active&StateTo=closed&StateUpdated=2026-01-01T00%3A16%3A00.250Z"
            "&Reason=TIMER&MessagingBinding.Address=%2B15550100123"},
        {SOURCE_EVENT_STREAMS,
            "{\"type\":\"com.twilio.conversations.conversation-state.updated\","
            "\"id\":\"EZ01\",\"time\":\"2026-01-01T00:16:09.000Z\",\"data\":{"
            "\"AccountSid\":\"AC01\",\"ConversationSid\":\"" CH "\",\"StateFrom\":"
            "\"active\",\"StateTo\":\"closed\",\"StateUpdated\":"
            "\"2026-01-01T00:16:00.250Z\",\"Reason\":\"TIMER\","
            "\"MessagingBinding.Address\":\"+15550100123\"}}"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(payload_release) json_t *payload = parse(cases[i].source, cases[i].bytes);

        assert_string_equal(payload_text(payload, "event_type"), "conversation.ended");
        assert_string_equal(payload_text(payload, "account_sid"), "AC01");
        assert_string_equal(payload_text(payload, "conversation_sid"), CH);
        assert_string_equal(payload_text(payload, "state_to"), "closed");
        assert_string_equal(payload_text(payload, "reason"), "TIMER");
        assert_string_equal(
            payload_text(payload, "MessagingBinding.Address"), "+15550100123");
        has_date(payload, 1767226560250);
    }
}

static void
names_conversation_types_outside_the_vocabulary_as_twilio_does(void **state)
{
    static const char *const bodies[] = {
        "EventType=onConversationStateUpdated&StateTo=initializing",
        "EventType=onConversationStateUpdated&State=closed",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        AUTO(payload_release) json_t *payload = parse(SOURCE_CONVERSATIONS, bodies[i]);

        assert_string_equal(
            payload_text(payload, "event_type"), "onConversationStateUpdated");
    }
}

#define CHANNEL(media, type)                                            \
    "EventType=onChannelStatusUpdated&AccountSid=AC01&InstanceSid=GO01" \
    "&InteractionSid=" KD "&ChannelSid=UO01&MediaChannelSid=" media     \
    "&ChannelStatus=closed&MediaChannelType=" type

static void
knows_an_interactions_conversation_where_it_has_one(void **state)
{
    AUTO(payload_release)
    json_t *chat = parse(SOURCE_INTERACTIONS, CHANNEL(CH, "whatsapp"));
    AUTO(payload_release)
    json_t *call = parse(
        SOURCE_INTERACTIONS, CHANNEL("CF0123456789abcdef0123456789abcdef", "voice"));

    (void)state;
    assert_string_equal(payload_text(chat, "event_type"), "conversation.ended");
    assert_string_equal(payload_text(chat, "conversation_sid"), CH);
    assert_string_equal(payload_text(chat, "interaction_sid"), KD);
    assert_string_equal(payload_text(chat, "media_channel_type"), "whatsapp");
    assert_string_equal(payload_text(call, "event_type"), "conversation.ended");
    assert_null(payload_text(call, "conversation_sid"));
    assert_string_equal(payload_text(call, "interaction_sid"), KD);
    assert_null(json_object_get(call, "date_ms"));
}

static void
reads_a_message_of_both_routes_alike(void **state)
{
    AUTO(payload_release)
    json_t *callback = parse(SOURCE_MESSAGING,
        "AccountSid=AC01&MessageSid=SM01&MessageStatus=undelivered&EventType=UNDELIVERED"
        "&To=whatsapp%3A%2B34600111222&From=whatsapp%3A%2B15550100000&ErrorCode=30006");
    AUTO(payload_release)
    json_t *stream = parse(SOURCE_EVENT_STREAMS,
        "{\"type\":\"com.twilio.messaging.message.undelivered\",\"id\":\"EZ01\","
        "\"data\":{\"accountSid\":\"AC01\",\"messageSid\":\"SM01\",\"messageStatus\":"
        "\"UNDELIVERED\",\"to\":\"whatsapp:+34600111222\",\"from\":"
        "\"whatsapp:+15550100000\",\"errorCode\":30006,\"timestamp\":"
        "\"2026-01-01T00:16:00.000Z\"}}");
    AUTO(payload_release)
    json_t *old = parse(SOURCE_MESSAGING, "MessageSid=SM01&SmsStatus=undelivered");
    const json_t *const both[] = {callback, stream};

    (void)state;
    assert_string_equal(payload_text(old, "event_type"), "message.undelivered");
    for (size_t i = 0; i < LENGTH(both); i++) {
        int64_t error = 0;

        assert_string_equal(payload_text(both[i], "event_type"), "message.undelivered");
        assert_string_equal(payload_text(both[i], "account_sid"), "AC01");
        assert_string_equal(payload_text(both[i], "message_sid"), "SM01");
        assert_string_equal(payload_text(both[i], "to"), "whatsapp:+34600111222");
        assert_string_equal(payload_text(both[i], "from"), "whatsapp:+15550100000");
        assert_true(payload_integer(both[i], "error_code", &error));
        assert_int_equal(error, 30006);
    }
    has_date(stream, 1767226560000);
    assert_null(json_object_get(callback, "date_ms"));
}

static void
reads_an_answer_in_any_spelling(void **state)
{
    static const char *const bodies[] = {
        "TaskSid=" WT "&Score=4&ScoreMax=10&SurveyId=csat&Question=q1&Comment=ok"
        "&Email=ana%40example.com&Phone=%2B34600111222&Channel=whatsapp"
        "&EventType=task.completed&DateMs=7&Trusted=1",
        "{\"taskSid\":\"" WT "\",\"score\":4,\"scoreMax\":\"10\",\"surveyId\":\"csat\","
        "\"question\":\"q1\",\"comment\":\"ok\",\"email\":\"ana@example.com\","
        "\"phone\":\"+34600111222\",\"channel\":\"whatsapp\",\"eventType\":\"x\"}",
        "{\"task_sid\":\"" WT "\",\"score\":\"4\",\"score_max\":10,\"survey_id\":"
        "\"csat\",\"question\":\"q1\",\"comment\":\"ok\",\"task_attributes\":"
        "\"{\\\"email\\\":\\\"someone@example.net\\\"}\",\"email\":\"ana@example.com\","
        "\"phone\":\"+34600111222\",\"channel\":\"whatsapp\"}",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        AUTO(payload_release) json_t *payload = parse(SOURCE_SURVEY, bodies[i]);
        int64_t number = 0;

        assert_string_equal(payload_text(payload, "event_type"), "survey.completed");
        assert_string_equal(payload_text(payload, "task_sid"), WT);
        assert_true(payload_integer(payload, "score", &number));
        assert_int_equal(number, 4);
        assert_true(payload_integer(payload, "score_max", &number));
        assert_int_equal(number, 10);
        assert_string_equal(payload_text(payload, "survey_id"), "csat");
        assert_string_equal(payload_text(payload, "question"), "q1");
        assert_string_equal(payload_text(payload, "comment"), "ok");
        assert_string_equal(
            payload_text_at(payload, "task_attributes/email"), "ana@example.com");
        assert_string_equal(
            payload_text_at(payload, "task_attributes/phone"), "+34600111222");
        assert_string_equal(
            payload_text_at(payload, "task_attributes/channelType"), "whatsapp");
        assert_null(json_object_get(payload, "date_ms"));
        assert_null(json_object_get(payload, "trusted"));
    }
}

static void
keeps_a_survey_readable_whatever_its_attributes_are(void **state)
{
    static const char *const bodies[] = {
        "{\"email\":\"ana@example.com\",\"attributes\":[1]}",
        "{\"email\":\"ana@example.com\",\"attributes\":7}",
        "email=ana%40example.com&attributes=no+JSON",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        AUTO(payload_release) json_t *payload = parse(SOURCE_SURVEY, bodies[i]);

        assert_string_equal(
            payload_text_at(payload, "task_attributes/email"), "ana@example.com");
        assert_non_null(json_object_get(payload, "task_attributes_invalid"));
    }
}

static void
finds_the_id_of_a_sinks_test(void **state)
{
    static const char *const bodies[] = {
        "{\"type\":\"com.twilio.eventstreams.test-event\",\"source\":\"Sink\",\"id\":"
        "\"AC01\",\"time\":\"2026-01-01T00:16:00.000Z\",\"data\":{\"test_id\":\"4fbd\"}}",
        "{\"type\":\"com.twilio.eventstreams.test-event\",\"source\":\"Sink\",\"id\":"
        "\"AC01\",\"time\":\"2026-01-01T00:16:00.000Z\",\"data\":"
        "\"{\\\"test_id\\\":\\\"4fbd\\\"}\"}",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        AUTO(payload_release) json_t *payload = parse(SOURCE_EVENT_STREAMS, bodies[i]);

        assert_string_equal(payload_text(payload, "event_type"), "sink.test");
        assert_string_equal(payload_text(payload, "test_id"), "4fbd");
        has_date(payload, 1767226560000);
    }
}

static void
refuses_callbacks_without_a_type(void **state)
{
    static const enum source sources[] = {
        SOURCE_CONVERSATIONS, SOURCE_INTERACTIONS, SOURCE_MESSAGING};

    (void)state;
    for (size_t i = 0; i < LENGTH(sources); i++) {
        json_t *payload = NULL;

        assert_int_equal(
            payload_parse(sources[i], slice_of("ConversationSid=" CH), &payload),
            PAYLOAD_E_UNPARSEABLE);
        assert_null(payload);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_conversation_of_both_routes_alike),
        cmocka_unit_test(names_conversation_types_outside_the_vocabulary_as_twilio_does),
        cmocka_unit_test(knows_an_interactions_conversation_where_it_has_one),
        cmocka_unit_test(reads_a_message_of_both_routes_alike),
        cmocka_unit_test(reads_an_answer_in_any_spelling),
        cmocka_unit_test(keeps_a_survey_readable_whatever_its_attributes_are),
        cmocka_unit_test(finds_the_id_of_a_sinks_test),
        cmocka_unit_test(refuses_callbacks_without_a_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
