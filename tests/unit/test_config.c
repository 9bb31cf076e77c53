/*
 * test_config.c - what is read, and what wins.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/config_fixture.h"

static void
runs_with_the_environment_alone(void **state)
{
    (void)state;
    AUTO(config_done) struct config config = load(NULL);

    assert_true(config.enabled);
    assert_string_equal(config.account_sid, ACCOUNT);
    assert_string_equal(config.auth_token, "token-from-environment");
    assert_string_equal(config.brevo_api_key, "key-from-environment");
    assert_string_equal(config.public_urls.items[0], "https://hooks.example.com");
    assert_string_equal(config.listen, "127.0.0.1:8080");
    assert_string_equal(config.admin_listen, "127.0.0.1:9090");
    assert_string_equal(config.state_dir, "/var/lib/flexbrevo");
    assert_string_equal(config.iam_url, "https://iam.twilio.com");
    assert_string_equal(config.brevo_base_url, "https://api.brevo.com/v3");
    assert_int_equal(config.cors_origins.count, 1);
    assert_string_equal(config.cors_origins.items[0], "https://flex.twilio.com");
    assert_null(config.redis_url);
    assert_true(config.brevo_max_rps == 0);
    assert_true(config.brevo_rate_share > 0.79 && config.brevo_rate_share < 0.81);
    assert_int_equal(config.dedupe_window_ms, INT64_C(31) * 24 * 60 * 60 * 1000);
    assert_int_equal(config.plugin_wait_ms, 3000);
    assert_int_equal(config.keep_bodies_ms, 0);
    assert_int_equal(config.log_level, LOG_INFO);
}

static void
has_the_mapping_of_the_manual_by_default(void **state)
{
    (void)state;
    AUTO(config_done) struct config config = load(NULL);
    const struct rules *rules = &config.rules;

    assert_string_equal(rules->account_sid, ACCOUNT);
    assert_null(rules->workspace_sid);
    assert_string_equal(rules->event_names[EVENT_TASK_CREATED], "SUPPORT_REQUESTED");
    assert_string_equal(rules->event_names[EVENT_TASK_COMPLETED], "SUPPORT_RESOLVED");
    assert_string_equal(rules->event_names[EVENT_TASK_CANCELED], "SUPPORT_ABANDONED");
    assert_string_equal(
        rules->event_names[EVENT_CONVERSATION_ENDED], "CONVERSATION_ENDED");
    assert_string_equal(rules->event_names[EVENT_SURVEY_COMPLETED], "CSAT_SUBMITTED");
    assert_int_equal(rules->field_count, 11);
    assert_string_equal(rules->fields[2].path, "attributes.email");
    assert_string_equal(rules->fields[2].attribute, "email");
    assert_string_equal(rules->fields[10].path, "account_id");
    assert_string_equal(rules->fields[10].attribute, "ACCOUNT_ID");
    assert_true(rules->channels[CHANNEL_VOICE] && rules->channels[CHANNEL_WEBCHAT]);
    assert_false(rules->channels[CHANNEL_EMAIL]);
    assert_true(rules->channels[CHANNEL_UNKNOWN] && rules->channels[CHANNEL_OTHER]);
    assert_int_equal(rules->list_support_contacts, 0);
    assert_int_equal(rules->max_event_age_ms, INT64_C(24) * 60 * 60 * 1000);
    assert_int_equal(rules->wait_max_ms, INT64_C(4) * 60 * 60 * 1000);
    assert_int_equal(rules->csat_scale, 5);
    assert_int_equal(config.facts_retention_ms, INT64_C(760) * 24 * 60 * 60 * 1000);
    assert_int_equal(rules->agent, RULES_AGENT_NONE);
    assert_true(rules->sync_conversations && rules->sync_tasks && rules->sync_customers);
    assert_true(rules->sync_csat);
    assert_null(rules->ext_id_from);
}

static void
reads_every_key_of_a_complete_file(void **state)
{
    (void)state;
    assert_int_equal(clearenv(), 0);
    set_variable("FILE_TOKEN", "tok");
    AUTO(config_done) struct config config = load(complete_file);

    assert_string_equal(config.account_sid, "ACffffffffffffffffffffffffffffffff");
    assert_string_equal(config.flex_flow_sid, "FO0123456789abcdef0123456789abcdef");
    assert_string_equal(config.rules.workspace_sid, "WS0123456789abcdef0123456789abcdef");
    assert_string_equal(config.auth_token, "tok");
    assert_int_equal(config.auth_tokens.count, 2);
    assert_string_equal(config.auth_tokens.items[0], "next-token");
    assert_string_equal(config.auth_tokens.items[1], "tok-old");
    assert_string_equal(config.api_key_sid, "SK0123456789abcdef0123456789abcdef");
    assert_string_equal(config.api_key_secret, "a$b$c");
    assert_string_equal(config.iam_url, "http://127.0.0.1:4000");
    assert_string_equal(config.cors_origins.items[1], "http://localhost:3000");
    assert_null(config.survey_token);
    assert_true(config.sync_agent_activity);
    assert_true(config.log_api_calls);
    assert_int_equal(config.log_level, LOG_WARN);
    assert_true(config.brevo_max_rps > 7.49 && config.brevo_max_rps < 7.51);
    assert_true(config.brevo_rate_share > 0.99);
    assert_true(config.brevo_ipv4_only);
    assert_true(config_is_shadow(&config));
    assert_string_equal(config.rules.only_contacts.items[0], "lena@example.com");
    assert_string_equal(config.rules.only_contacts.items[1], "+15550002222");
    assert_string_equal(config.brevo_base_url, "http://127.0.0.1:9/v3");
    assert_string_equal(config.redis_url, "unix:///run/redis/redis.sock");
    assert_string_equal(config.listen, "[::1]:0");
    assert_string_equal(config.public_urls.items[0], "https://a.example.com:8443/in");
    assert_int_equal(config.trusted_proxies.count, 2);
    assert_string_equal(config.admin_listen, ":9999");
    assert_int_equal(config.dedupe_window_ms, INT64_C(7) * 24 * 60 * 60 * 1000);
    assert_int_equal(config.plugin_wait_ms, 500);
    assert_int_equal(config.keep_bodies_ms, INT64_C(48) * 60 * 60 * 1000);
    assert_int_equal(config.facts_retention_ms, INT64_C(30) * 24 * 60 * 60 * 1000);
    assert_string_equal(config.state_dir, "./state");
}

static void
does_without_a_key_where_tokens_are_asked_for(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("BREVO_API_KEY"), 0);
    set_variable("BREVO_CLIENT_SECRET", "s3cret");
    AUTO(config_done)
    struct config config =
        load("brevo: { api_key: \"${BREVO_API_KEY}\", oauth: { client_id: "
             "app, scope: \"contacts:read events:write\" } }\n");

    assert_null(config.brevo_api_key);
    assert_string_equal(config.brevo_client_id, "app");
    assert_string_equal(config.brevo_client_secret, "s3cret");
    assert_string_equal(config.brevo_oauth_scope, "contacts:read events:write");
    assert_string_equal(
        config.brevo_token_url, "https://api.brevo.com/realms/partner/oauth/token");
}

static void
fills_the_rules_from_a_complete_file(void **state)
{
    (void)state;
    set_variable("FILE_TOKEN", "tok");
    AUTO(config_done) struct config config = load(complete_file);
    const struct rules *rules = &config.rules;

    assert_false(rules->sync_conversations);
    assert_true(rules->sync_tasks);
    assert_false(rules->sync_customers);
    assert_true(rules->sync_csat);
    assert_int_equal(rules->list_support_contacts, 32);
    assert_int_equal(rules->list_csat_respondents, 33);
    assert_true(rules->channels[CHANNEL_EMAIL] && rules->channels[CHANNEL_VOICE]);
    assert_false(rules->channels[CHANNEL_SMS]);
    assert_int_equal(rules->field_count, 2); /* the default is replaced whole */
    assert_string_equal(rules->fields[1].path, "attributes.loyalty");
    assert_string_equal(rules->fields[1].attribute, "TIER_2");
    assert_true(rules->overwrites[1] && !rules->overwrites[0]);
    assert_null(rules->event_names[EVENT_TASK_CREATED]);
    assert_string_equal(rules->event_names[EVENT_TASK_COMPLETED], "Ticket-Closed_2");
    assert_string_equal(rules->event_names[EVENT_TASK_CANCELED], "SUPPORT_ABANDONED");
    assert_int_equal(rules->max_event_age_ms, INT64_C(90) * 60 * 1000);
    assert_int_equal(rules->wait_max_ms, INT64_C(2) * 60 * 60 * 1000);
    assert_int_equal(rules->csat_scale, 10);
    assert_int_equal(rules->own_numbers.count, 1);
    assert_string_equal(rules->own_numbers.items[0], "+15550001111");
    assert_string_equal(rules->internal_domains.items[0], "corp.example.com");
    assert_string_equal(rules->ext_id_from, "attributes.crm_id");
    assert_int_equal(rules->agent, RULES_AGENT_NAME);
    assert_false(rules->filter_tests); /* a Brevo on the loopback is a sandbox */
}

static void
lets_the_environment_win_over_the_file(void **state)
{
    (void)state;
    set_variable("FLEXBREVO_LISTEN", "0.0.0.0:1");
    set_variable("TWILIO_AUTH_TOKENS", "one, two,");
    set_variable("REDIS_URL", ""); /* as good as not set */
    AUTO(config_done)
    struct config config =
        load(FLEX "    auth_token: ${NOT_SET}\n    auth_tokens: [three]\n"
                  "server: { listen: 127.0.0.1:2 }\n"
                  "redis: { url: redis://r.example.com }\n");

    assert_string_equal(config.listen, "0.0.0.0:1");
    assert_string_equal(config.auth_token, "token-from-environment");
    assert_int_equal(config.auth_tokens.count, 2);
    assert_string_equal(config.auth_tokens.items[1], "two");
    assert_string_equal(config.redis_url, "redis://r.example.com");
}

static void
keeps_defaults_where_the_file_says_nothing(void **state)
{
    (void)state;
    AUTO(config_done)
    struct config config = load(
        "connectors:\n  twilio_flex:\n    channels:\n    field_mapping: ~\n    lists:\n"
        "    iam_url: ''\n    log_level: null\nbrevo:\nserver: {listen: }\n");

    assert_true(config.rules.channels[CHANNEL_VOICE]);
    assert_int_equal(config.rules.field_count, 11);
    assert_string_equal(config.iam_url, "https://iam.twilio.com");
    assert_string_equal(config.listen, "127.0.0.1:8080");
}

static void
takes_an_empty_list_as_said(void **state)
{
    (void)state;
    AUTO(config_done)
    struct config config =
        load(FLEX "    channels: []\n    field_mapping: {}\n    cors_origins: []\n");

    assert_false(config.rules.channels[CHANNEL_VOICE]);
    assert_int_equal(config.rules.field_count, 0);
    assert_int_equal(config.cors_origins.count, 0);
}

static void
accepts_an_empty_file(void **state)
{
    (void)state;
    AUTO(config_done) struct config config = load("# nothing yet\n");

    assert_string_equal(config.account_sid, ACCOUNT);
}

static void
reads_a_list_written_as_one_text(void **state)
{
    (void)state;
    set_variable("CHANNELS", "sms, voice");
    AUTO(config_done) struct config config = load(FLEX "    channels: ${CHANNELS}\n");

    assert_true(
        config.rules.channels[CHANNEL_SMS] && config.rules.channels[CHANNEL_VOICE]);
    assert_false(config.rules.channels[CHANNEL_WEBCHAT]);
}

static void
raises_the_log_level_for_debug(void **state)
{
    (void)state;
    AUTO(config_done) struct config config = load(FLEX "    debug: true\n");

    assert_int_equal(config.log_level, LOG_DEBUG);
}

static void
finds_the_file_named_by_the_environment(void **state)
{
    (void)state;
    write_file(FILE_NAME, "state_dir: /srv/x\n", strlen("state_dir: /srv/x\n"));
    set_variable("FLEXBREVO_CONFIG", FILE_NAME);
    AUTO(config_done) struct config config = load(NULL);

    assert_string_equal(config.state_dir, "/srv/x");
}

static void
takes_what_a_variable_holds_as_it_is(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("TWILIO_AUTH_TOKEN"), 0);
    set_variable("FILE_TOKEN", "a${HOME}$$b");
    AUTO(config_done)
    struct config config = load(FLEX "    auth_token: x${FILE_TOKEN}\n");

    assert_string_equal(config.auth_token, "xa${HOME}$$b");
}

static void
reads_secrets_from_files_without_their_line_end(void **state)
{
    (void)state;
    write_file("token", "  file-token\r\n\n", 15);
    write_file("ring", "one\ntwo\n", 8);
    write_file("redis", "redis://:p@r.example.com:6379/1\n", 32);
    assert_int_equal(unsetenv("BREVO_API_KEY"), 0);
    assert_int_equal(unsetenv("TWILIO_AUTH_TOKEN"), 0);
    set_variable("BREVO_API_KEY_FILE", "token");
    AUTO(config_done)
    struct config config = load(FLEX
        "    auth_token: ${NOT_SET}\n    auth_token_file: ./token\n"
        "    auth_tokens: []\n    auth_tokens_file: ring\nredis: { url_file: redis }\n");

    assert_string_equal(config.brevo_api_key, "file-token");
    assert_string_equal(config.auth_token, "file-token");
    assert_int_equal(config.auth_tokens.count, 2);
    assert_string_equal(config.auth_tokens.items[1], "two");
    assert_string_equal(config.redis_url, "redis://:p@r.example.com:6379/1");
    (void)unlink("token");
    (void)unlink("ring");
    (void)unlink("redis");
}

static void
does_not_open_secrets_the_command_has_no_use_for(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("TWILIO_AUTH_TOKEN"), 0);
    set_variable("TWILIO_AUTH_TOKEN_FILE", "/nonexistent/token");
    set_variable("REDIS_URL", "redis://r.example.com");
    AUTO(config_done) struct config config = load_for(CONFIG_FOR_WORK, NULL);

    assert_null(config.auth_token);
}

static void
does_without_optional_secrets_whose_variables_are_not_set(void **state)
{
    (void)state;
    AUTO(config_done)
    struct config config =
        load(FLEX "    api_key_secret: ${TWILIO_API_KEY_SECRET}\n"
                  "    survey_token: ${SURVEY}\n    auth_tokens: [\"${OLD}\", x]\n");

    assert_null(config.api_key_secret);
    assert_null(config.survey_token);
    assert_int_equal(config.auth_tokens.count, 0);
}

static void
needs_no_webhook_settings_to_work(void **state)
{
    (void)state;
    assert_int_equal(clearenv(), 0);
    set_variable("BREVO_API_KEY", "k");
    set_variable("REDIS_URL", "redis://r.example.com");
    AUTO(config_done)
    struct config config = load_for(CONFIG_FOR_WORK,
        FLEX "    auth_token: ${TWILIO_AUTH_TOKEN}\nserver: { public_url: '${URL}' }\n");

    assert_null(config.auth_token);
    assert_int_equal(config.public_urls.count, 0);
}

static void
needs_nothing_for_tools(void **state)
{
    (void)state;
    assert_int_equal(clearenv(), 0);
    AUTO(config_done)
    struct config config = load_for(CONFIG_FOR_TOOL, FLEX
        "    auth_token: ${TWILIO_AUTH_TOKEN}\nbrevo: { api_key: '${BREVO_API_KEY}' }\n");

    assert_null(config.account_sid);
}

static void
tells_a_live_brevo_from_a_sandbox(void **state)
{
    static const struct {
        const char *url;
        bool live;
    } cases[] = {
        {"https://api.brevo.com/v3", true},
        {"http://127.0.0.1:8099/v3", false},
        {"http://127.1.2.3", false},
        {"http://localhost:1", false},
        {"http://[::1]:1/v3", false},
        {"https://127.0.0.1.example.com/v3", true},
        {"https://localhost.example.com/v3", true},
        {"http://10.0.0.1/v3", true},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        set_variable("BREVO_BASE_URL", cases[i].url);
        AUTO(config_done) struct config config = load(NULL);

        assert_int_equal(config_brevo_is_live(&config), cases[i].live);
        assert_int_equal(config.rules.filter_tests, cases[i].live);
        assert_int_equal(
            config.brevo_lookup_after_ms, cases[i].live ? 3 * 60 * 1000 : 2 * 1000);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(runs_with_the_environment_alone),
        CONFIG_TEST(has_the_mapping_of_the_manual_by_default),
        CONFIG_TEST(reads_every_key_of_a_complete_file),
        CONFIG_TEST(does_without_a_key_where_tokens_are_asked_for),
        CONFIG_TEST(fills_the_rules_from_a_complete_file),
        CONFIG_TEST(lets_the_environment_win_over_the_file),
        CONFIG_TEST(keeps_defaults_where_the_file_says_nothing),
        CONFIG_TEST(takes_an_empty_list_as_said),
        CONFIG_TEST(accepts_an_empty_file),
        CONFIG_TEST(reads_a_list_written_as_one_text),
        CONFIG_TEST(raises_the_log_level_for_debug),
        CONFIG_TEST(finds_the_file_named_by_the_environment),
        CONFIG_TEST(takes_what_a_variable_holds_as_it_is),
        CONFIG_TEST(reads_secrets_from_files_without_their_line_end),
        CONFIG_TEST(does_not_open_secrets_the_command_has_no_use_for),
        CONFIG_TEST(does_without_optional_secrets_whose_variables_are_not_set),
        CONFIG_TEST(needs_no_webhook_settings_to_work),
        CONFIG_TEST(needs_nothing_for_tools),
        CONFIG_TEST(tells_a_live_brevo_from_a_sandbox),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
