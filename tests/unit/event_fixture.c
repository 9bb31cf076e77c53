/*
 * event_fixture.c - an ordinary event, and rules under which it is delivered.
 */
#include "tests/unit/event_fixture.h"

#include "tests/unit/json_of.h"

const int64_t received_ms = 1767230000000;

const struct rules rules = {
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
    .abandoned_reasons = {{"hangup", "hung up"}, 2},
    .unserved_reasons = {{"ttl exceeded", "workflow timeout"}, 2},
    .callback_kinds = {{"callback"}, 1},
    .voicemail_kinds = {{"voicemail"}, 1},
    .filter_tests = true,
};

json_t *
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
    };

    assert_int_equal(json_object_update(payload, over), 0);
    event_read(payload, by, &context, reading);
    return payload;
}
