/*
 * golden_rules.c - the configuration by which captured bodies are read.
 */
#include "tests/golden/golden_rules.h"

static const char account[] = "AC0123456789abcdef0123456789abcdef";
static const char workspace[] = "WS0123456789abcdef0123456789abcdef";

const struct rules golden_rules = {
    .account_sid = account,
    .workspace_sid = workspace,
    .event_names =
        {
            [EVENT_TASK_CREATED] = "SUPPORT_REQUESTED",
            [EVENT_TASK_COMPLETED] = "SUPPORT_RESOLVED",
            [EVENT_TASK_CANCELED] = "SUPPORT_ABANDONED",
            [EVENT_CONVERSATION_ENDED] = "CONVERSATION_ENDED",
            [EVENT_SURVEY_COMPLETED] = "CSAT_SUBMITTED",
            [EVENT_MESSAGE_DELIVERED] = "MESSAGE_DELIVERED",
            [EVENT_MESSAGE_FAILED] = "MESSAGE_FAILED",
            [EVENT_MESSAGE_READ] = "MESSAGE_READ",
        },
    .fields =
        {
            {"identity", "FLEX_IDENTITY"},
            {"friendly_name", "FIRSTNAME"},
            {"attributes.email", "email"},
            {"attributes.phone", "SMS"},
            {"last_conversation_date", "LAST_SUPPORT_DATE"},
            {"total_conversations", "SUPPORT_TICKET_COUNT"},
            {"avg_wait_time", "AVG_WAIT_TIME"},
            {"last_csat_score", "CSAT_SCORE"},
            {"preferred_channel", "PREFERRED_CHANNEL"},
            {"customer_tier", "VIP_TIER"},
            {"account_id", "ACCOUNT_ID"},
        },
    .field_count = 11,
    .channels =
        {
            [CHANNEL_VOICE] = true,
            [CHANNEL_SMS] = true,
            [CHANNEL_WHATSAPP] = true,
            [CHANNEL_WEBCHAT] = true,
            [CHANNEL_EMAIL] = true,
            [CHANNEL_MESSENGER] = true,
            [CHANNEL_OTHER] = true,
        },
    .abandoned_reasons = {{"hangup", "hung up"}, 2},
    .unserved_reasons = {{"ttl exceeded", "workflow timeout"}, 2},
    .callback_kinds = {{"callback"}, 1},
    .voicemail_kinds = {{"voicemail"}, 1},
    .sync_conversations = true,
    .sync_tasks = true,
    .sync_customers = true,
    .sync_csat = true,
    .list_support_contacts = 32,
    .list_csat_respondents = 33,
    .max_event_age_ms = 86400000,
    .own_numbers = {.items = {"+15550100000"}, .count = 1},
    .internal_domains = {.items = {"staff.example.com"}, .count = 1},
    .agent = RULES_AGENT_SID,
    .wait_max_ms = 14400000,
    .csat_scale = 5,
    .extractors =
        {
            {.in = RULES_IN_SURVEY_TASK,
                .attribute = "conversations.kind",
                .attribute_value = "Survey",
                .score = "conversations.conversation_measure_1",
                .score_max = 5},
            {.in = RULES_IN_SURVEY_TASK,
                .queue = "After-call survey",
                .score = "csat.score",
                .score_min = 1,
                .score_max = 10,
                .comment = "csat.comment",
                .survey_id = "after-call"},
            {.in = RULES_IN_SUPPORT_TASK,
                .score = "rating.nps",
                .survey_id = "nps",
                .kind = "nps"},
            {.in = RULES_IN_POST,
                .attribute = "form",
                .attribute_value = "short",
                .score = "stars",
                .comment = "text"},
        },
    .extractor_count = 4,
    .filter_tests = true,
};
