/*
 * options.c - every configuration key, and finding one by its name.
 */
#include "server/config/options.h"

#include <assert.h>
#include <string.h>

#include "server/config/shape.h"

#define AT(member) .offset = offsetof(struct config, member)
#define NEEDED_BY(who) .used_by = (who), .needed_by = (who)

/* A route's keys are alike; not every route has all. */
#define ROUTE(name, source, key, member)                          \
    "server.routes." name "." key, NULL,                          \
        .offset = offsetof(struct config, routes[source].member), \
        .used_by = BY_TWILIO_SIDE
#define ROUTE_PUBLIC_URL(name, source)                                         \
    {                                                                          \
        ROUTE(name, source, "public_url", public_urls),                        \
            .type = OPTION_URLS, .shape = &shape_public_url,                   \
            .explain = shape_explain_public_url, .max = CONFIG_PUBLIC_URLS_MAX \
    }
#define ROUTE_ALLOW_FROM(name, source)                                       \
    {                                                                        \
        ROUTE(name, source, "allow_from", allow_from), .type = OPTION_TEXTS, \
                                                       .shape = &shape_proxy \
    }
#define ROUTE_BASIC_AUTH(name, source)                                             \
    {                                                                              \
        ROUTE(name, source, "basic_auth", basic_auth),                             \
            .type = OPTION_TEXT, .shape = &shape_user_password, .is_secret = true, \
            .must_resolve = true, .is_reloaded = true                              \
    }

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (SECOND_MS * 60)
#define DAY_MS (MINUTE_MS * 60 * 24)
#define YEAR_MS (DAY_MS * 366)

#define DEFAULT_FIELDS                                                      \
    "identity=FLEX_IDENTITY,friendly_name=FIRSTNAME,"                       \
    "attributes.email=email,attributes.phone=SMS,"                          \
    "last_conversation_date=LAST_SUPPORT_DATE,"                             \
    "total_conversations=SUPPORT_TICKET_COUNT,avg_wait_time=AVG_WAIT_TIME," \
    "last_csat_score=CSAT_SCORE,preferred_channel=PREFERRED_CHANNEL,"       \
    "customer_tier=VIP_TIER,account_id=ACCOUNT_ID"

#define DEFAULT_EVENTS                                                       \
    "task.created=SUPPORT_REQUESTED,task.completed=SUPPORT_RESOLVED,"        \
    "task.canceled=SUPPORT_ABANDONED,conversation.ended=CONVERSATION_ENDED," \
    "survey.completed=CSAT_SUBMITTED"

/* "=" begins an extractor. This is how Flex's template for surveys after the task tells the answer. */
#define DEFAULT_EXTRACTORS                        \
    "=,"                                          \
    "in=survey_task,"                             \
    "attribute=conversations.kind=Survey,"        \
    "score=conversations.conversation_measure_1," \
    "scale=5"

const struct config_option config_options[] = {
    {OPTION_ENABLED, NULL, OPTION_BOOL, AT(enabled), .initial = "true"},
    {OPTION_FLEX("account_sid"), "TWILIO_ACCOUNT_SID", OPTION_TEXT, AT(account_sid),
        .shape = &shape_account_sid, .used_by = BY_SERVICES, .needed_by = BY_TWILIO_SIDE,
        .remedy = "set TWILIO_ACCOUNT_SID to the AC... of the Twilio console"},
    {OPTION_FLEX("flex_flow_sid"), "TWILIO_FLEX_FLOW_SID", OPTION_TEXT, AT(flex_flow_sid),
        .shape = &shape_flow_sid, .used_by = BY_SERVICES},
    {OPTION_FLEX("workspace_sid"), "TWILIO_WORKSPACE_SID", OPTION_TEXT, AT(workspace_sid),
        .shape = &shape_workspace_sid, .used_by = BY_SERVICES},
    {OPTION_AUTH_TOKEN, "TWILIO_AUTH_TOKEN", OPTION_TEXT, AT(auth_token),
        .shape = &shape_secret, .used_by = BY_TWILIO_SIDE | BY_TOOL, .is_secret = true,
        .is_reloaded = true},
    {OPTION_FLEX("auth_tokens"), "TWILIO_AUTH_TOKENS", OPTION_TEXTS, AT(auth_tokens),
        .shape = &shape_secret, .max = CONFIG_AUTH_TOKENS_MAX,
        .used_by = BY_TWILIO_SIDE | BY_TOOL, .is_secret = true, .is_reloaded = true},
    {OPTION_FLEX("api_key_sid"), "TWILIO_API_KEY_SID", OPTION_TEXT, AT(api_key_sid),
        .shape = &shape_key_sid, NEEDED_BY(BY_SERVICES), .proof = PROOF_BY_TWILIO_KEY,
        .remedy = "set TWILIO_API_KEY_SID, or leave api_key_secret out, too"},
    {OPTION_FLEX("api_key_secret"), "TWILIO_API_KEY_SECRET", OPTION_TEXT,
        AT(api_key_secret), .shape = &shape_secret, NEEDED_BY(BY_SERVICES),
        .proof = PROOF_BY_TWILIO_KEY, .is_secret = true,
        .remedy = "set TWILIO_API_KEY_SECRET or TWILIO_API_KEY_SECRET_FILE, or leave "
                  "api_key_sid out, too"},
    {OPTION_FLEX("iam_url"), "TWILIO_IAM_URL", OPTION_URL, AT(iam_url),
        .initial = "https://iam.twilio.com", .shape = &shape_url,
        .used_by = BY_TWILIO_SIDE},
    {OPTION_FLEX("conversations_url"), "TWILIO_CONVERSATIONS_URL", OPTION_URL,
        AT(conversations_url), .initial = "https://conversations.twilio.com",
        .shape = &shape_url, .used_by = BY_BREVO_SIDE},
    {OPTION_FLEX("cors_origins"), NULL, OPTION_TEXTS, AT(cors_origins),
        .initial = "https://flex.twilio.com", .shape = &shape_origin,
        .used_by = BY_TWILIO_SIDE},
    {OPTION_FLEX("survey_token"), NULL, OPTION_TEXT, AT(survey_token),
        .shape = &shape_secret, .used_by = BY_TWILIO_SIDE, .is_secret = true,
        .is_reloaded = true},
    {OPTION_FLEX("sync.conversations"), NULL, OPTION_BOOL, AT(rules.sync_conversations),
        .initial = "true"},
    {OPTION_FLEX("sync.tasks"), NULL, OPTION_BOOL, AT(rules.sync_tasks),
        .initial = "true"},
    {OPTION_FLEX("sync.customers"), NULL, OPTION_BOOL, AT(rules.sync_customers),
        .initial = "true"},
    {OPTION_FLEX("sync.csat"), NULL, OPTION_BOOL, AT(rules.sync_csat), .initial = "true"},
    {OPTION_FLEX("sync.agent_activity"), NULL, OPTION_BOOL, AT(sync_agent_activity),
        .initial = "false"},
    {OPTION_FLEX("lists.support_contacts"), NULL, OPTION_INTEGER,
        AT(rules.list_support_contacts), .initial = "0", .min = 0, .max = INT32_MAX},
    {OPTION_FLEX("lists.csat_respondents"), NULL, OPTION_INTEGER,
        AT(rules.list_csat_respondents), .initial = "0", .min = 0, .max = INT32_MAX},
    {OPTION_FLEX("channels"), NULL, OPTION_CHANNELS, AT(rules.channels),
        .initial = "voice,sms,whatsapp,webchat"},
    {OPTION_FLEX("field_mapping"), NULL, OPTION_FIELD_MAP, AT(rules),
        .initial = DEFAULT_FIELDS, .shape = &shape_attribute},
    {OPTION_FLEX("event_mapping"), NULL, OPTION_EVENT_MAP, AT(rules.event_names),
        .initial = DEFAULT_EVENTS, .shape = &shape_event_name},
    {OPTION_FLEX("debug"), NULL, OPTION_BOOL, AT(debug), .initial = "false"},
    {OPTION_FLEX("log_level"), "FLEXBREVO_LOG_LEVEL", OPTION_LOG_LEVEL, AT(log_level),
        .initial = "info"},
    {OPTION_FLEX("log_api_calls"), NULL, OPTION_BOOL, AT(log_api_calls),
        .initial = "false"},

    {"brevo.api_key", "BREVO_API_KEY", OPTION_TEXT, AT(brevo_api_key),
        .shape = &shape_secret, NEEDED_BY(BY_BREVO_SIDE), .proof = PROOF_BY_KEY,
        .is_secret = true,
        .remedy = "set BREVO_API_KEY or BREVO_API_KEY_FILE, or use brevo.oauth"},
    {"brevo.oauth.client_id", "BREVO_CLIENT_ID", OPTION_TEXT, AT(brevo_client_id),
        .shape = &shape_client_id, NEEDED_BY(BY_BREVO_SIDE), .proof = PROOF_BY_TOKEN,
        .remedy = "set BREVO_CLIENT_ID to the id of the Brevo app"},
    {"brevo.oauth.client_secret", "BREVO_CLIENT_SECRET", OPTION_TEXT,
        AT(brevo_client_secret), .shape = &shape_secret, NEEDED_BY(BY_BREVO_SIDE),
        .proof = PROOF_BY_TOKEN, .is_secret = true,
        .remedy = "set BREVO_CLIENT_SECRET or BREVO_CLIENT_SECRET_FILE"},
    {"brevo.oauth.scope", "BREVO_OAUTH_SCOPE", OPTION_TEXT, AT(brevo_oauth_scope),
        .shape = &shape_scope, NEEDED_BY(BY_BREVO_SIDE), .proof = PROOF_BY_TOKEN,
        .remedy =
            "set BREVO_OAUTH_SCOPE to what the app was granted of contacts and events; "
            "docs/config.md"},
    {"brevo.oauth.token_url", "BREVO_OAUTH_TOKEN_URL", OPTION_URL, AT(brevo_token_url),
        .initial = "https://api.brevo.com/realms/partner/oauth/token",
        .shape = &shape_url, .used_by = BY_BREVO_SIDE},
    {"brevo.base_url", "BREVO_BASE_URL", OPTION_URL, AT(brevo_base_url),
        .initial = "https://api.brevo.com/v3", .shape = &shape_brevo_url,
        .explain = shape_explain_brevo_url, .used_by = BY_BREVO_SIDE},
    {"brevo.mode", NULL, OPTION_TEXT, AT(brevo_mode), .initial = "live",
        .shape = &shape_brevo_mode},
    {"brevo.only_contacts", NULL, OPTION_RULES_TEXTS, AT(rules.only_contacts),
        .shape = &shape_contact},
    {"brevo.ipv4_only", NULL, OPTION_BOOL, AT(brevo_ipv4_only), .initial = "false",
        .used_by = BY_BREVO_SIDE},
    {"brevo.max_rps", "BREVO_MAX_RPS", OPTION_RATE, AT(brevo_max_rps), .initial = "auto",
        .used_by = BY_BREVO_SIDE},
    {"brevo.rate_share", NULL, OPTION_SHARE, AT(brevo_rate_share), .initial = "0.8",
        .used_by = BY_BREVO_SIDE},
    {"brevo.max_event_age", NULL, OPTION_DURATION, AT(rules.max_event_age_ms),
        .initial = "24h", .min = SECOND_MS, .max = YEAR_MS * 10},
    {"brevo.contact_properties", NULL, OPTION_BOOL, AT(rules.contact_properties),
        .initial = "true", .used_by = BY_BREVO_SIDE},
    {"brevo.remember_contacts", NULL, OPTION_DURATION, AT(brevo_remember_ms),
        .initial = "15m", .max = DAY_MS, .used_by = BY_BREVO_SIDE},
    {"brevo.lookup_after", NULL, OPTION_DURATION, AT(brevo_lookup_after_ms),
        .initial = "3m", .min = 0, .max = MINUTE_MS * 60, .used_by = BY_BREVO_SIDE},
    {"brevo.batch", NULL, OPTION_BOOL, AT(brevo_batch), .initial = "true",
        .used_by = BY_BREVO_SIDE},
    {"brevo.agent", NULL, OPTION_AGENT, AT(rules.agent), .initial = "none"},
    {"contacts.create", NULL, OPTION_TEXT, AT(contacts_create), .initial = "always",
        .shape = &shape_create, .used_by = BY_BREVO_SIDE},
    {"contacts.recreate", NULL, OPTION_BOOL, AT(contacts_recreate), .initial = "false",
        .used_by = BY_BREVO_SIDE},

    {"redis.url", "REDIS_URL", OPTION_TEXT, AT(redis_url), .shape = &shape_redis_url,
        .explain = shape_explain_redis_url, .needed_by = BY_SERVE | BY_WORK,
        .has_file = true,
        .remedy = "set REDIS_URL, or use `run`, which starts its own Redis"},
    {"redis.require", NULL, OPTION_TEXT, AT(redis_require), .initial = "everysec",
        .shape = &shape_redis_require, .used_by = BY_SERVICES},

    {"server.listen", "FLEXBREVO_LISTEN", OPTION_TEXT, AT(listen),
        .initial = "127.0.0.1:8080", .shape = &shape_listen, .used_by = BY_TWILIO_SIDE},
    {"server.public_url", "FLEXBREVO_PUBLIC_URL", OPTION_URLS, AT(public_urls),
        .shape = &shape_public_url, .explain = shape_explain_public_url,
        .max = CONFIG_PUBLIC_URLS_MAX, .used_by = BY_TWILIO_SIDE,
        .needed_by = BY_TWILIO_SIDE,
        .remedy = "set FLEXBREVO_PUBLIC_URL to what Twilio calls, "
                  "like https://hooks.example.com"},
    {"server.trusted_proxies", NULL, OPTION_TEXTS, AT(trusted_proxies),
        .shape = &shape_proxy, .used_by = BY_TWILIO_SIDE},
    ROUTE_PUBLIC_URL("flex-plugin", SOURCE_FLEX_PLUGIN),
    ROUTE_PUBLIC_URL("taskrouter", SOURCE_TASKROUTER),
    ROUTE_ALLOW_FROM("taskrouter", SOURCE_TASKROUTER),
    ROUTE_BASIC_AUTH("taskrouter", SOURCE_TASKROUTER),
    ROUTE_PUBLIC_URL("event-streams", SOURCE_EVENT_STREAMS),
    ROUTE_ALLOW_FROM("event-streams", SOURCE_EVENT_STREAMS),
    ROUTE_BASIC_AUTH("event-streams", SOURCE_EVENT_STREAMS),
    ROUTE_PUBLIC_URL("conversations", SOURCE_CONVERSATIONS),
    ROUTE_ALLOW_FROM("conversations", SOURCE_CONVERSATIONS),
    ROUTE_BASIC_AUTH("conversations", SOURCE_CONVERSATIONS),
    ROUTE_PUBLIC_URL("interactions", SOURCE_INTERACTIONS),
    ROUTE_ALLOW_FROM("interactions", SOURCE_INTERACTIONS),
    ROUTE_BASIC_AUTH("interactions", SOURCE_INTERACTIONS),
    ROUTE_PUBLIC_URL("survey", SOURCE_SURVEY),
    ROUTE_ALLOW_FROM("survey", SOURCE_SURVEY),
    ROUTE_PUBLIC_URL("messaging", SOURCE_MESSAGING),
    ROUTE_ALLOW_FROM("messaging", SOURCE_MESSAGING),
    ROUTE_BASIC_AUTH("messaging", SOURCE_MESSAGING),
    {"server.loops", NULL, OPTION_INTEGER, AT(loops), .initial = "1", .min = 1,
        .max = CONFIG_LOOPS_MAX, .used_by = BY_TWILIO_SIDE},
    {"server.hold_unverified", NULL, OPTION_BOOL, AT(hold_unverified), .initial = "false",
        .used_by = BY_TWILIO_SIDE},

    {"admin.listen", "FLEXBREVO_ADMIN_LISTEN", OPTION_TEXT, AT(admin_listen),
        .initial = "127.0.0.1:9090", .shape = &shape_listen, .used_by = BY_SERVICES},

    {"queue.dedupe_window", NULL, OPTION_DURATION, AT(dedupe_window_ms), .initial = "31d",
        .min = SECOND_MS, .max = YEAR_MS},
    {"queue.plugin_wait", NULL, OPTION_DURATION, AT(plugin_wait_ms), .initial = "3s",
        .min = 1, .max = MINUTE_MS},
    {"queue.keep_bodies", NULL, OPTION_DURATION, AT(keep_bodies_ms), .initial = "0",
        .min = 0, .max = YEAR_MS},
    {"queue.spool_max", NULL, OPTION_SIZE, AT(spool_max), .initial = "1GiB", .min = 0,
        .max = INT64_C(1) << 40, .used_by = BY_TWILIO_SIDE},

    {"ticket.per_task", NULL, OPTION_BOOL, AT(rules.ticket_per_task), .initial = "false"},
    {"ticket.settle", NULL, OPTION_DURATION, AT(rules.ticket_settle_ms), .initial = "5s",
        .min = 0, .max = MINUTE_MS},
    {"ticket.abandoned_after", NULL, OPTION_DURATION, AT(rules.ticket_abandoned_after_ms),
        .initial = "2m", .min = 0, .max = MINUTE_MS * 60},
    {"ticket.min_wait", NULL, OPTION_DURATION, AT(rules.ticket_min_wait_ms),
        .initial = "5s", .min = 0, .max = MINUTE_MS * 60},
    {"ticket.join_wait", NULL, OPTION_DURATION, AT(rules.ticket_join_wait_ms),
        .initial = "5m", .min = 0, .max = MINUTE_MS * 60 * 24},
    {"ticket.voice_end", NULL, OPTION_DURATION, AT(rules.ticket_voice_end_ms),
        .initial = "2m", .min = 0, .max = MINUTE_MS * 60},
    {"ticket.abandoned_reasons", NULL, OPTION_RULES_TEXTS, AT(rules.abandoned_reasons),
        .initial = "hangup,hung up", .shape = &shape_reason},
    {"ticket.unserved_reasons", NULL, OPTION_RULES_TEXTS, AT(rules.unserved_reasons),
        .initial = "ttl exceeded,assignment count exceeded,workflow timeout,"
                   "workflow timed out",
        .shape = &shape_reason},
    {"ticket.callback_kinds", NULL, OPTION_RULES_TEXTS, AT(rules.callback_kinds),
        .initial = "callback", .shape = &shape_reason},
    {"ticket.voicemail_kinds", NULL, OPTION_RULES_TEXTS, AT(rules.voicemail_kinds),
        .initial = "voicemail", .shape = &shape_reason},
    {"outbound", NULL, OPTION_OUTBOUND, AT(rules.outbound), .initial = "resolved"},

    {"timezone", NULL, OPTION_TEXT, AT(timezone), .initial = "UTC",
        .shape = &shape_timezone},
    {"wait.notify_after", NULL, OPTION_DURATION, AT(rules.wait_notify_ms),
        .initial = "2m", .min = SECOND_MS, .max = DAY_MS},
    {"wait.max", NULL, OPTION_DURATION, AT(rules.wait_max_ms), .initial = "4h",
        .min = SECOND_MS, .max = DAY_MS * 31},
    {"csat.scale", NULL, OPTION_INTEGER, AT(rules.csat_scale), .initial = "5", .min = 1,
        .max = 1000},
    {"csat.settle", NULL, OPTION_DURATION, AT(rules.csat_settle_ms), .initial = "10m",
        .min = 0, .max = MINUTE_MS * 60},
    {"csat.queue_wait", NULL, OPTION_DURATION, AT(rules.csat_queue_wait_ms),
        .initial = "1m", .min = 0, .max = MINUTE_MS},
    {"csat.extractors", NULL, OPTION_EXTRACTORS, AT(rules),
        .initial = DEFAULT_EXTRACTORS},
    {"facts.retention", NULL, OPTION_DURATION, AT(facts_retention_ms), .initial = "760d",
        .min = DAY_MS, .max = YEAR_MS * 10},
    {"analytics.retention", NULL, OPTION_DURATION, AT(analytics_retention_ms),
        .initial = "92d", .min = 0, .max = YEAR_MS * 10},

    {"identity.wait", NULL, OPTION_DURATION, AT(rules.identity_wait_ms), .initial = "15m",
        .min = 0, .max = DAY_MS},
    {"identity.ask_twilio", NULL, OPTION_BOOL, AT(identity_asks_twilio),
        .initial = "true", .used_by = BY_BREVO_SIDE},
    {"identity.own_numbers", NULL, OPTION_RULES_TEXTS, AT(rules.own_numbers),
        .shape = &shape_phone},
    {"identity.internal_domains", NULL, OPTION_RULES_TEXTS, AT(rules.internal_domains),
        .shape = &shape_domain},
    {"identity.ext_id_from", NULL, OPTION_TEXT, AT(rules.ext_id_from),
        .shape = &shape_identifier, .explain = shape_explain_identifier},

    {"state_dir", "FLEXBREVO_STATE_DIR", OPTION_TEXT, AT(state_dir),
        .initial = "/var/lib/flexbrevo", .shape = &shape_path},
};

const size_t config_option_count = LENGTH(config_options);
static_assert(LENGTH(config_options) <= CONFIG_OPTIONS_MAX, "raise CONFIG_OPTIONS_MAX");

void *
option_field(const struct config_option *option, struct config *config)
{
    return (char *)config + option->offset;
}

bool
option_has_file_form(const struct config_option *option)
{
    return option->is_secret || option->has_file;
}

const struct config_option *
option_find(const char *key, bool *ret_is_file)
{
    for (size_t i = 0; i < config_option_count; i++) {
        const struct config_option *option = &config_options[i];
        const size_t size = strlen(option->key);

        if (strncmp(key, option->key, size) != 0) {
            continue;
        }
        const bool is_file =
            option_has_file_form(option) && strcmp(key + size, OPTION_FILE_SUFFIX) == 0;

        if (is_file || key[size] == '\0') {
            *ret_is_file = is_file;
            return option;
        }
    }
    return NULL;
}

bool
option_is_section(const char *key)
{
    const size_t size = strlen(key);

    for (size_t i = 0; i < config_option_count; i++) {
        if (size == 0 || (strncmp(config_options[i].key, key, size) == 0 &&
                             config_options[i].key[size] == '.')) {
            return true;
        }
    }
    return false;
}
