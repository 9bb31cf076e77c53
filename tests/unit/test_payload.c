/*
 * test_payload.c - three dialects become one shape, and routes become one payload.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "mapping/payload.h"
#include "tests/unit/json_of.h"

#define TASK "WT0123456789abcdef0123456789abcdef"
#define RESERVATION "WR0123456789abcdef0123456789abcdef"

static json_t *
parse(enum source source, const char *bytes)
{
    json_t *payload = NULL;

    assert_int_equal(payload_parse(source, slice_of(bytes), &payload), PAYLOAD_OK);
    assert_non_null(payload);
    return payload;
}

static void
refuses(enum source source, struct slice bytes)
{
    json_t *payload = NULL;

    assert_int_equal(payload_parse(source, bytes, &payload), PAYLOAD_E_UNPARSEABLE);
    assert_null(payload);
}

static void
turns_callback_names_to_snake_case(void **state)
{
    AUTO(payload_release)
    json_t *payload = parse(SOURCE_TASKROUTER,
        "EventType=task.created&TaskSid=" TASK
        "&TimestampMs=1767225600123&MessagingBinding.Address=x&TaskURL=u&SIDValue=v"
        "&already_snake=s&camelCase=c");

    (void)state;
    assert_string_equal(payload_text(payload, "event_type"), "task.created");
    assert_string_equal(payload_text(payload, "task_sid"), TASK);
    assert_string_equal(payload_text(payload, "timestamp_ms"), "1767225600123");
    assert_string_equal(payload_text(payload, "MessagingBinding.Address"), "x");
    assert_string_equal(payload_text(payload, "task_url"), "u");
    assert_string_equal(payload_text(payload, "sid_value"), "v");
    assert_string_equal(payload_text(payload, "already_snake"), "s");
    assert_string_equal(payload_text(payload, "camel_case"), "c");
}

static void
leaves_out_what_says_nothing(void **state)
{
    AUTO(payload_release)
    json_t *payload = parse(SOURCE_TASKROUTER,
        "EventType=task.created&TaskCanceledReason=&Bad=%ff&Nul=a%00b&%C3%A9=x&=y"
        "&NameThatIsMuchLongerThanAnyNameTwilioHasEverGivenToAnyOfItsFieldsAnywhere=z"
        "&Surrogate=%ED%A0%80&Overlong=%C0%AF&Cut=%E2%82&Good=%F0%9F%A6%A4");

    (void)state;
    assert_int_equal(json_object_size(payload), 2);
    assert_string_equal(payload_text(payload, "good"), "\xF0\x9F\xA6\xA4");
}

static void
keeps_the_first_of_two_equal_names(void **state)
{
    AUTO(payload_release)
    json_t *payload =
        parse(SOURCE_TASKROUTER, "EventType=task.created&Reason=first&Reason=second");

    (void)state;
    assert_string_equal(payload_text(payload, "reason"), "first");
}

static void
dates_an_event_by_the_best_time_it_carries(void **state)
{
    static const struct {
        const char *body;
        int64_t date_ms; /* -1: none */
    } cases[] = {
        {"EventType=a&TimestampMs=1767225600123&Timestamp=1767225000", 1767225600123},
        {"EventType=a&Timestamp=1767225600", 1767225600000},
        {"EventType=a&TimestampMs=soon&Timestamp=1767225600", 1767225600000},
        {"EventType=a&Timestamp=2026-01-01T00%3A00%3A00.500Z", 1767225600500},
        {"EventType=a&Timestamp=0", -1},
        {"EventType=a&TimestampMs=9223372036854775807", -1},
        {"EventType=a&date_ms=5", -1},
        {"EventType=a", -1},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(payload_release)
        json_t *payload = parse(SOURCE_TASKROUTER, cases[i].body);
        int64_t date_ms = -1;
        const bool dated = payload_integer(payload, "date_ms", &date_ms);

        assert_int_equal(dated, cases[i].date_ms >= 0);
        assert_int_equal(date_ms, cases[i].date_ms);
    }
}

static void
opens_attributes_sent_as_text_or_as_object(void **state)
{
    AUTO(payload_release)
    json_t *text = parse(SOURCE_TASKROUTER,
        "EventType=a&TaskAttributes=%7B%22email%22%3A%22ana%40example.com%22%7D"
        "&WorkerAttributes=%7B%22full_name%22%3A%22Mary%22%7D");
    AUTO(payload_release)
    json_t *object = parse(SOURCE_FLEX_PLUGIN,
        "{\"TaskSid\":\"" TASK "\",\"TaskAttributes\":{\"email\":\"ana@example.com\"}}");

    (void)state;
    assert_string_equal(
        payload_text_at(text, "task_attributes/email"), "ana@example.com");
    assert_string_equal(payload_text_at(text, "worker_attributes/full_name"), "Mary");
    assert_string_equal(
        payload_text_at(object, "task_attributes/email"), "ana@example.com");
    assert_null(json_object_get(text, "task_attributes_invalid"));
}

static void
opens_texts_inside_the_attributes(void **state)
{
    AUTO(payload_release)
    json_t *payload = parse(SOURCE_FLEX_PLUGIN,
        "{\"TaskSid\":\"" TASK "\",\"TaskAttributes\":{\"pre_engagement_data\":"
        "\"{\\\"email\\\":\\\"ana@example.com\\\"}\",\"customers\":\"Ana\"}}");

    (void)state;
    assert_string_equal(
        payload_text_at(payload, "task_attributes/pre_engagement_data/email"),
        "ana@example.com");
    assert_string_equal(payload_text_at(payload, "task_attributes/customers"), "Ana");
}

static void
keeps_the_event_when_its_attributes_are_no_object(void **state)
{
    static const char *const attributes[] = {
        "%7B%22a%22", "%5B%5D", "null", "7", "%22text%22", "%7B%22a%22%3A%22%5Cud83d%22"};

    (void)state;
    for (size_t i = 0; i < LENGTH(attributes); i++) {
        char body[128];

        (void)snprintf(body, sizeof(body), "EventType=task.created&TaskAttributes=%s",
            attributes[i]);
        AUTO(payload_release) json_t *payload = parse(SOURCE_TASKROUTER, body);

        assert_true(json_is_true(json_object_get(payload, "task_attributes_invalid")));
        assert_int_equal(
            json_object_size(json_object_get(payload, "task_attributes")), 0);
    }
}

static void
loses_half_an_emoji_and_not_the_event(void **state)
{
    AUTO(payload_release)
    json_t *survey = parse(SOURCE_SURVEY,
        "{\"TaskSid\":\"" TASK "\",\"Comment\":\"fine \\ud83d\",\"Score\":4}");
    AUTO(payload_release)
    json_t *task = parse(SOURCE_TASKROUTER,
        "EventType=task.created&TaskAttributes="
        "%7B%22email%22%3A%22ana@example.com%22%2C%22name%22%3A%22Ana%5Cud83d%22%7D");

    (void)state;
    assert_string_equal(payload_text(survey, "comment"), "fine \xEF\xBF\xBD");
    assert_string_equal(
        payload_text_at(task, "task_attributes/email"), "ana@example.com");
    assert_string_equal(payload_text_at(task, "task_attributes/name"), "Ana\xEF\xBF\xBD");
    assert_null(json_object_get(task, "task_attributes_invalid"));
}

static void
survives_integers_beyond_64_bits(void **state)
{
    AUTO(payload_release)
    json_t *payload = parse(SOURCE_FLEX_PLUGIN,
        "{\"TaskSid\":\"" TASK "\",\"Age\":912,\"Order\":123456789012345678901234}");
    int64_t age = 0;

    (void)state;
    assert_true(payload_integer(payload, "task_age", &age));
    assert_int_equal(age, 912);
}

#define CLOUD(type, data)                                \
    "{\"type\":\"com.twilio." type "\",\"id\":\"EZ01\"," \
    "\"time\":\"2026-01-01T00:00:00.250Z\",\"data\":" data "}"

static void
unwraps_cloud_events(void **state)
{
    static const char *const bodies[] = {
        CLOUD("taskrouter.task.created",
            "{\"account_sid\":\"AC01\",\"payload\":{\"sid\":\"EV01\",\"eventtype\":"
            "\"task.created\",\"task_sid\":\"" TASK "\",\"task_age\":0}}"),
        CLOUD("taskrouter.task.created",
            "\"{\\\"account_sid\\\":\\\"AC01\\\",\\\"sid\\\":\\\"EV01\\\",\\\"payload\\\":"
            "{\\\"task_sid\\\":\\\"" TASK "\\\"}}\""),
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        AUTO(payload_release) json_t *payload = parse(SOURCE_EVENT_STREAMS, bodies[i]);
        int64_t date_ms = 0;

        assert_string_equal(payload_text(payload, "event_type"), "task.created");
        assert_string_equal(payload_text(payload, "sid"), "EV01");
        assert_string_equal(payload_text(payload, "account_sid"), "AC01");
        assert_string_equal(payload_text(payload, "task_sid"), TASK);
        assert_true(payload_integer(payload, "date_ms", &date_ms));
        assert_int_equal(date_ms, 1767225600250);
    }
}

static void
names_a_conversation_by_the_state_it_is_in(void **state)
{
    AUTO(payload_release)
    json_t *closed = parse(SOURCE_EVENT_STREAMS,
        CLOUD("conversations.conversation-state.updated",
            "{\"ConversationSid\":\"CH01\",\"StateTo\":\"closed\",\"AccountSid\":\"AC01\","
            "\"StateUpdated\":\"2026-01-01T00:00:00.000Z\"}"));
    AUTO(payload_release)
    json_t *inactive = parse(SOURCE_EVENT_STREAMS,
        CLOUD("conversations.conversation-state.updated",
            "{\"ConversationSid\":\"CH01\",\"StateTo\":\"inactive\"}"));
    AUTO(payload_release)
    json_t *unknown = parse(SOURCE_EVENT_STREAMS,
        CLOUD("conversations.conversation-state.updated",
            "{\"ConversationSid\":\"CH01\",\"StateTo\":\"initializing\"}"));
    int64_t date_ms = 0;

    (void)state;
    assert_string_equal(payload_text(closed, "event_type"), "conversation.ended");
    assert_string_equal(payload_text(closed, "conversation_sid"), "CH01");
    assert_string_equal(payload_text(closed, "account_sid"), "AC01");
    assert_string_equal(payload_text(closed, "sid"), "EZ01");
    assert_true(payload_integer(closed, "date_ms", &date_ms));
    assert_int_equal(date_ms, 1767225600000);
    assert_string_equal(payload_text(inactive, "event_type"), "conversation.inactive");
    assert_string_equal(payload_text(unknown, "event_type"),
        "com.twilio.conversations.conversation-state.updated");
}

static void
reads_the_plugins_own_words(void **state)
{
    AUTO(payload_release)
    json_t *payload = parse(SOURCE_FLEX_PLUGIN,
        "{\"Token\":\"secret\",\"taskSid\":\"" TASK "\",\"sid\":\"" RESERVATION "\","
        "\"TaskQueueFriendlyName\":\"Support\",\"Age\":912,\"Reason\":\"done\","
        "\"attributes\":{\"a\":1},\"Timestamp\":\"1767225600\",\"EventType\":\"task.x\",\"time\":1767225600,"
        "\"StateUpdated\":\"2026-01-01T00:00:00Z\"}");
    int64_t number = 0;

    (void)state;
    assert_string_equal(payload_text(payload, "event_type"), "task.completed");
    assert_string_equal(payload_text(payload, "task_sid"), TASK);
    assert_string_equal(payload_text(payload, "reservation_sid"), RESERVATION);
    assert_string_equal(payload_text(payload, "task_queue_name"), "Support");
    assert_string_equal(payload_text(payload, "task_completed_reason"), "done");
    assert_true(payload_integer(payload, "task_age", &number));
    assert_int_equal(number, 912);
    assert_non_null(payload_at(payload, "task_attributes/a"));
    assert_null(json_object_get(payload, "token"));
    assert_null(json_object_get(payload, "date_ms"));
}

static void
takes_a_reservation_for_what_it_is_whatever_it_is_called(void **state)
{
    static const char *const bodies[] = {
        "{\"TaskSid\":\"" RESERVATION "\"}",
        "{\"sid\":\"" RESERVATION "\"}",
        "{\"ReservationSid\":\"" RESERVATION "\"}",
        "TaskSid=" RESERVATION "&Age=3",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        AUTO(payload_release) json_t *payload = parse(SOURCE_FLEX_PLUGIN, bodies[i]);

        assert_string_equal(payload_text(payload, "reservation_sid"), RESERVATION);
        assert_null(json_object_get(payload, "task_sid"));
    }
}

static void
refuses_what_cannot_be_read(void **state)
{
    static const struct {
        enum source source;
        const char *bytes;
    } cases[] = {
        {SOURCE_TASKROUTER, ""},
        {SOURCE_TASKROUTER, "TaskSid=" TASK},
        {SOURCE_TASKROUTER, "{\"EventType\":\"a\",\"EventType\":\"b\"}"},
        {SOURCE_FLEX_PLUGIN, "{\"TaskSid\":"},
        {SOURCE_FLEX_PLUGIN, "{\"a\":\"\\ud83d\""},
        {SOURCE_EVENT_STREAMS, ""},
        {SOURCE_EVENT_STREAMS, "EventType=task.created"},
        {SOURCE_EVENT_STREAMS, "[]"},
        {SOURCE_EVENT_STREAMS, "{}"},
        {SOURCE_EVENT_STREAMS, "{\"type\":\"com.twilio.x\",\"data\":7}"},
        {SOURCE_EVENT_STREAMS, "{\"type\":\"com.twilio.x\",\"data\":\"{\"}"},
        {SOURCE_EVENT_STREAMS, "{\"data\":{}}"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        refuses(cases[i].source, slice_of(cases[i].bytes));
    }
    refuses(SOURCE_EVENT_STREAMS, (struct slice){0});
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_callback_names_to_snake_case),
        cmocka_unit_test(leaves_out_what_says_nothing),
        cmocka_unit_test(keeps_the_first_of_two_equal_names),
        cmocka_unit_test(dates_an_event_by_the_best_time_it_carries),
        cmocka_unit_test(opens_attributes_sent_as_text_or_as_object),
        cmocka_unit_test(opens_texts_inside_the_attributes),
        cmocka_unit_test(keeps_the_event_when_its_attributes_are_no_object),
        cmocka_unit_test(loses_half_an_emoji_and_not_the_event),
        cmocka_unit_test(survives_integers_beyond_64_bits),
        cmocka_unit_test(unwraps_cloud_events),
        cmocka_unit_test(names_a_conversation_by_the_state_it_is_in),
        cmocka_unit_test(reads_the_plugins_own_words),
        cmocka_unit_test(takes_a_reservation_for_what_it_is_whatever_it_is_called),
        cmocka_unit_test(refuses_what_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
