/*
 * sample_product.c - what Twilio's products beside TaskRouter say, in their own words.
 *
 * Conversations and Interactions write PascalCase, also inside JSON; Messaging writes camelCase
 * and its states in capitals inside JSON. Sources:
 * https://www.twilio.com/docs/conversations-classic/conversations-webhooks,
 * https://www.twilio.com/docs/flex/developer/conversations/register-interactions-webhooks,
 * https://www.twilio.com/docs/messaging/guides/track-outbound-message-status,
 * https://www.twilio.com/docs/events/event-types.
 */
#include <stdio.h>
#include <string.h>

#include "mapping/timestamp.h"
#include "server/cli/sample_event.h"

enum {
    ADDRESS_SIZE = 64,
    STATUS_SIZE = 16,
    DONE_DATE_SIZE = 11, /* "YYMMDDhhmm" and the NUL */
    SCORE = 4,
    SCORE_MAX = 5,
};

static const char default_phone[] = "+15550100";
static const char own_phone[] = "+15550199";
static const char failed_code[] = "30003"; /* unreachable destination handset */

json_t *
sample_conversation(const struct sample *sample, const struct sample_sids *sids)
{
    char time[TIMESTAMP_TEXT_SIZE];

    timestamp_format(sample->now_ms, time);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}",
        "EventType", "onConversationStateUpdated", "AccountSid", sids->account, "Source",
        "API", "RetryCount", "0", "ChatServiceSid", sids->chat_service, "ConversationSid",
        sids->conversation, "MessagingServiceSid", sids->messaging_service, "StateFrom",
        "active", "StateTo", "closed", "StateUpdated", time, "Reason", "API");
}

json_t *
sample_conversation_data(const struct sample *sample, const struct sample_sids *sids)
{
    char time[TIMESTAMP_TEXT_SIZE];

    timestamp_format(sample->now_ms, time);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "AccountSid",
        sids->account, "ChatServiceSid", sids->chat_service, "ConversationSid",
        sids->conversation, "MessagingServiceSid", sids->messaging_service,
        "StateUpdated", time, "StateFrom", "active", "StateTo", "closed", "Reason",
        "API");
}

json_t *
sample_interaction(const struct sample *sample, const struct sample_sids *sids)
{
    const bool is_call = sample->channel == CHANNEL_VOICE;

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "EventType",
        "onChannelStatusUpdated", "AccountSid", sids->account, "InstanceSid",
        sids->flex_instance, "InteractionSid", sids->interaction, "ChannelSid",
        sids->interaction_channel, "MediaChannelSid",
        is_call ? sids->conference : sids->conversation, "MediaChannelType",
        sample_channel_type(sample), "ChannelStatus", "closed");
}

/* ---- messages --------------------------------------------------------------------------------- */

static bool
has_failed(const struct sample *sample)
{
    return strcmp(sample->kind->status, "failed") == 0;
}

/* Between the customer and us, on the message's channel. */
static void
write_address(const struct sample *sample, const char *phone, char text[ADDRESS_SIZE])
{
    (void)snprintf(text, ADDRESS_SIZE, "%s%s", sample_address_prefix(sample), phone);
}

/* "2026-01-31T14:05:..." -> "2601311405" */
static void
write_done_date(const struct sample *sample, char text[DONE_DATE_SIZE])
{
    char time[TIMESTAMP_TEXT_SIZE];

    timestamp_format(sample->now_ms, time);
    (void)snprintf(text, DONE_DATE_SIZE, "%.2s%.2s%.2s%.2s%.2s", time + strlen("20"),
        time + strlen("2026-"), time + strlen("2026-01-"), time + strlen("2026-01-31T"),
        time + strlen("2026-01-31T14:"));
}

/* Of a text of small letters. */
static void
write_capitals(const char *small, char text[STATUS_SIZE])
{
    size_t size = 0;

    while (size + 1 < STATUS_SIZE && small[size] != '\0') {
        text[size] = (char)(small[size] - 'a' + 'A');
        size++;
    }
    text[size] = '\0';
}

json_t *
sample_message(const struct sample *sample, const struct sample_sids *sids)
{
    const char *status = sample->kind->status;
    char from[ADDRESS_SIZE];
    char to[ADDRESS_SIZE];
    char done_date[DONE_DATE_SIZE];

    write_address(sample, own_phone, from);
    write_address(sample, sample->phone != NULL ? sample->phone : default_phone, to);
    write_done_date(sample, done_date);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s*, s:s*}",
        "AccountSid", sids->account, "ApiVersion", "2010-04-01", "MessageSid",
        sids->message, "SmsSid", sids->message, "MessageStatus", status, "SmsStatus",
        status, "From", from, "To", to, "MessagingServiceSid", sids->messaging_service,
        "ErrorCode", has_failed(sample) ? failed_code : NULL, "RawDlrDoneDate",
        has_failed(sample) ? NULL : done_date);
}

json_t *
sample_message_data(const struct sample *sample, const struct sample_sids *sids)
{
    char status[STATUS_SIZE];
    char time[TIMESTAMP_TEXT_SIZE];
    char from[ADDRESS_SIZE];
    char to[ADDRESS_SIZE];
    char done_date[DONE_DATE_SIZE];

    write_capitals(sample->kind->status, status);
    timestamp_format(sample->now_ms, time);
    write_address(sample, own_phone, from);
    write_address(sample, sample->phone != NULL ? sample->phone : default_phone, to);
    write_done_date(sample, done_date);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s*, s:s*}", "messageSid",
        sids->message, "timestamp", time, "accountSid", sids->account, "messageStatus",
        status, "from", from, "to", to, "numberOfSegments", 1, "messagingServiceSid",
        sids->messaging_service, "errorCode", has_failed(sample) ? failed_code : NULL,
        "rawDlrDoneDate", has_failed(sample) ? NULL : done_date);
}

/* ---- survey, sink ------------------------------------------------------------------------------ */

json_t *
sample_survey(const struct sample *sample, const struct sample_sids *sids)
{
    const bool is_call = sample->channel == CHANNEL_VOICE;

    return json_pack("{s:s, s:s*, s:i, s:i, s:s, s:s, s:s*, s:s*, s:s*}", "TaskSid",
        sids->task, "ConversationSid", is_call ? NULL : sids->conversation, "Score",
        SCORE, "ScoreMax", SCORE_MAX, "SurveyId", "after-support", "Comment",
        "Quick and friendly", "Email", sample->email, "Phone", sample->phone, "Channel",
        channel_name(sample->channel));
}

json_t *
sample_sink_test(const struct sample *sample, const struct sample_sids *sids)
{
    (void)sample;
    return json_pack("{s:s}", "test_id", sids->test_id);
}
