/*
 * test_channel.c - which channel an event came through.
 */
#include <jansson.h>
#include <string.h>

#include "mapping/channel.h"
#include "mapping/direction.h"
#include "mapping/payload.h"
#include "tests/unit/json_of.h"

static enum channel
channel_of(const char *text)
{
    AUTO(payload_release) json_t *payload = json_of(text);

    return channel_read(payload);
}

static void
names_every_channel_and_reads_the_name_back(void **state)
{
    (void)state;
    for (int i = CHANNEL_UNKNOWN + 1; i < CHANNEL_COUNT; i++) {
        enum channel channel = CHANNEL_UNKNOWN;

        assert_true(channel_from_name(slice_of(channel_name((enum channel)i)), &channel));
        assert_int_equal(channel, i);
    }
    assert_null(channel_name(CHANNEL_UNKNOWN));
}

static void
takes_chat_and_web_for_webchat_and_refuses_strangers(void **state)
{
    enum channel channel = CHANNEL_VOICE;

    (void)state;
    assert_true(channel_from_name(slice_of("chat"), &channel));
    assert_int_equal(channel, CHANNEL_WEBCHAT);
    assert_true(channel_from_name(slice_of("Web"), &channel));
    assert_int_equal(channel, CHANNEL_WEBCHAT);
    channel = CHANNEL_VOICE;
    assert_false(channel_from_name(slice_of("pigeon"), &channel));
    assert_false(channel_from_name(slice_of(""), &channel));
    assert_int_equal(channel, CHANNEL_VOICE);
}

static void
asks_the_places_in_order(void **state)
{
    static const struct {
        const char *payload;
        enum channel channel;
    } cases[] = {
        {"{}", CHANNEL_UNKNOWN},
        {"{'task_channel_unique_name':'chat'}", CHANNEL_WEBCHAT},
        {"{'task_channel_unique_name':'default'}", CHANNEL_OTHER},
        {"{'task_channel_unique_name':'chat','media_channel_type':'sms'}", CHANNEL_SMS},
        {"{'media_channel_type':'sms','task_attributes':"
         "{'from':'whatsapp:+34600111222'}}",
            CHANNEL_WHATSAPP},
        {"{'task_attributes':{'channelType':'email',"
         "'from':'whatsapp:+34600111222'}}",
            CHANNEL_EMAIL},
        {"{'task_attributes':{'channelType':'carrier-pigeon'}}", CHANNEL_OTHER},
        {"{'task_attributes':{'channelType':''},"
         "'task_channel_unique_name':'voice'}",
            CHANNEL_VOICE},
        {"{'task_attributes':{'channelType':7}}", CHANNEL_UNKNOWN},
        {"{'task_attributes':{'customerAddress':'messenger:123'}}", CHANNEL_MESSENGER},
        {"{'task_attributes':{'from':'+34600111222'},"
         "'task_channel_unique_name':'sms'}",
            CHANNEL_SMS},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_int_equal(channel_of(cases[i].payload), cases[i].channel);
    }
}

static void
looks_at_the_called_address_of_an_outbound_task(void **state)
{
    (void)state;
    assert_int_equal(
        channel_of("{'task_attributes':{'direction':'outbound',"
                   "'from':'+15550100000','outbound_to':'whatsapp:+34600111222'}}"),
        CHANNEL_WHATSAPP);
}

static void
believes_any_place_that_says_outbound(void **state)
{
    static const struct {
        const char *attributes;
        enum event_direction direction;
    } cases[] = {
        {"{}", DIRECTION_UNKNOWN},
        {"{'direction':'inbound'}", DIRECTION_INBOUND},
        {"{'direction':'outbound-api'}", DIRECTION_OUTBOUND},
        {"{'direction':'Outbound'}", DIRECTION_OUTBOUND},
        {"{'conversations':{'initiated_by':'customer'}}", DIRECTION_INBOUND},
        {"{'initiatedBy':'agent'}", DIRECTION_OUTBOUND},
        {"{'direction':'inbound','conversations':{'initiated_by':'agent'}}",
            DIRECTION_OUTBOUND},
        {"{'direction':'sideways'}", DIRECTION_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(payload_release)
        json_t *payload =
            json_pack("{s:o}", "task_attributes", json_of(cases[i].attributes));

        assert_int_equal(direction_read(payload), cases[i].direction);
    }
    assert_null(direction_name(DIRECTION_UNKNOWN));
    assert_string_equal(direction_name(DIRECTION_INBOUND), "inbound");
    assert_string_equal(direction_name(DIRECTION_OUTBOUND), "outbound");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_channel_and_reads_the_name_back),
        cmocka_unit_test(takes_chat_and_web_for_webchat_and_refuses_strangers),
        cmocka_unit_test(asks_the_places_in_order),
        cmocka_unit_test(looks_at_the_called_address_of_an_outbound_task),
        cmocka_unit_test(believes_any_place_that_says_outbound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
