/*
 * test_config_values.c - values that do not fit, each in its own words.
 */
#include <stdlib.h>

#include "tests/unit/config_fixture.h"

static const struct {
    const char *variable;
    const char *value;
    bool good;
} texts[] = {
    {"FLEXBREVO_LISTEN", ":8080", true},
    {"FLEXBREVO_LISTEN", "localhost:0", true},
    {"FLEXBREVO_LISTEN", "[::]:65535", true},
    {"FLEXBREVO_LISTEN", "unix:/run/x.sock", true},
    {"FLEXBREVO_LISTEN", "8080", false},
    {"FLEXBREVO_LISTEN", ":65536", false},
    {"FLEXBREVO_LISTEN", ":+80", false},
    {"FLEXBREVO_LISTEN", "::1:80", false},
    {"FLEXBREVO_LISTEN", "[::1]", false},
    {"FLEXBREVO_LISTEN", "unix:run/x.sock", false},
    {"FLEXBREVO_PUBLIC_URL", "http://h", true},
    {"FLEXBREVO_PUBLIC_URL", "https://h.example.com:443/a/b///", true},
    {"FLEXBREVO_PUBLIC_URL", "hooks.example.com", false},
    {"FLEXBREVO_PUBLIC_URL", "ftp://h.example.com", false},
    {"FLEXBREVO_PUBLIC_URL", "https://", false},
    {"FLEXBREVO_PUBLIC_URL", "https:///path", false},
    {"FLEXBREVO_PUBLIC_URL", "https://h.example.com:/", false},
    {"FLEXBREVO_PUBLIC_URL", "https://h.example.com:x", false},
    {"FLEXBREVO_PUBLIC_URL", "https://h.example.com/?a=b", false},
    {"FLEXBREVO_PUBLIC_URL", "https://h.example.com/#f", false},
    {"FLEXBREVO_PUBLIC_URL", "https://u@h.example.com/", false},
    {"FLEXBREVO_PUBLIC_URL", "https://h.example.com/a b", false},
    {"FLEXBREVO_PUBLIC_URL", "https://h\xc3\xa9.example.com", false},
    {"REDIS_URL", "redis://:p@h:6379/0", true},
    {"REDIS_URL", "unix:///run/r.sock", true},
    {"REDIS_URL", "redis://", false},
    {"REDIS_URL", "unix://run/r.sock", false},
    {"REDIS_URL", "localhost:6379", false},
    {"BREVO_MAX_RPS", "0.5", true},
    {"BREVO_MAX_RPS", "1.", false},
    {"BREVO_MAX_RPS", ".5", false},
    {"BREVO_MAX_RPS", "1e3", false},
    {"BREVO_MAX_RPS", "nan", false},
};

static void
accepts_addresses_and_urls_of_every_shape(void **state)
{
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct config config = {0};
        char error[CONFIG_ERROR_SIZE];

        assert_int_equal(set_environment(state), 0);
        set_variable(texts[i].variable, texts[i].value);
        const int r = config_load(NULL, CONFIG_FOR_RUN, &config, error);

        if ((r == 0) != texts[i].good) {
            fail_msg("%s=%s: %d", texts[i].variable, texts[i].value, r);
        }
        config_done(&config);
    }
}

static const struct refusal bad_values[] = {
    {FLEX "    workspace_sid: WS12\n", "\"WS12\" is not a workspace SID: c.yaml:3:20: "
                                       "connectors.twilio_flex.workspace_sid "
                                       "(expected WS and 32 hexadecimal digits)"},
    {"timezone: Europe/Atlantis\n",
        "\"Europe/Atlantis\" is not a time zone: c.yaml:1:11: timezone (expected a name of "
        "the IANA database like Europe/Madrid, whose data are installed (tzdata))"},
    {"timezone: ../../../etc/passwd\n",
        "\"../../../etc/passwd\" is not a time zone: c.yaml:1:11: timezone (expected a name "
        "of the IANA database like Europe/Madrid, whose data are installed (tzdata))"},
    {FLEX "    debug: maybe\n",
        "\"maybe\" is not a switch: c.yaml:3:12: connectors.twilio_flex.debug "
        "(expected true or false)"},
    {FLEX "    lists: { support_contacts: many }\n",
        "\"many\" is not a number: c.yaml:3:32: "
        "connectors.twilio_flex.lists.support_contacts (expected digits)"},
    {FLEX "    lists: { support_contacts: -1 }\n",
        "\"-1\" is out of range: c.yaml:3:32: "
        "connectors.twilio_flex.lists.support_contacts (expected 0 to 2147483647)"},
    {FLEX "    channels: [voice, telex]\n",
        "\"telex\" is not a channel: c.yaml:3:23: connectors.twilio_flex.channels "
        "(expected voice, sms, whatsapp, webchat, email, messenger, video or other)"},
    {FLEX "    event_mapping: { task.completed: task.completed }\n",
        "\"task.completed\" is not a Brevo event name: c.yaml:3:38: "
        "connectors.twilio_flex.event_mapping.task.completed (expected 1 to 255 of "
        "A-Z, a-z, 0-9, _ and -, or nothing to switch the event off)"},
    {FLEX "    event_mapping: { task.closed: X }\n",
        "\"task.closed\" is not an event: c.yaml:3:22: "
        "connectors.twilio_flex.event_mapping.task.closed (expected task.created, "
        "task.completed, task.canceled, task.waiting, conversation.ended, "
        "survey.completed, or message.delivered, .read, .undelivered or .failed)"},
    {"ticket: { abandoned_reasons: [\"\"] }\n",
        "\"\" is not words of a reason: c.yaml:1:31: ticket.abandoned_reasons (expected 1 "
        "to 64 characters, single blanks between words)"},
    {FLEX "    field_mapping: { identity: first_name }\n",
        "\"first_name\" is not a Brevo attribute: c.yaml:3:32: "
        "connectors.twilio_flex.field_mapping.identity (expected A-Z, 0-9 and _ "
        "beginning with a letter, or the word email)"},
    {FLEX "    field_mapping: { freindly_name: FIRSTNAME }\n",
        "\"freindly_name\" is not a field: c.yaml:3:22: "
        "connectors.twilio_flex.field_mapping.freindly_name "
        "(expected one like friendly_name or attributes.email)"},
    {FLEX "    field_mapping: { \"a b\": FIRSTNAME }\n",
        "\"a b\" is not a field: c.yaml:3:22: "
        "connectors.twilio_flex.field_mapping.a b "
        "(expected one like friendly_name or attributes.email)"},
    {FLEX "    log_level: loud\n",
        "\"loud\" is not a log level: c.yaml:3:16: connectors.twilio_flex.log_level "
        "(expected error, warn, info, debug or verbose)"},
    {FLEX "    cors_origins: [\"https://flex.twilio.com/\"]\n",
        "\"https://flex.twilio.com/\" is not an origin: c.yaml:3:20: "
        "connectors.twilio_flex.cors_origins (expected a scheme and a host in small "
        "letters like https://flex.twilio.com, without a path or the usual port)"},
    {FLEX "    cors_origins: [\"https://Flex.twilio.com\"]\n",
        "\"https://Flex.twilio.com\" is not an origin: c.yaml:3:20: "
        "connectors.twilio_flex.cors_origins (expected a scheme and a host in small "
        "letters like https://flex.twilio.com, without a path or the usual port)"},
    {FLEX "    cors_origins: [\"https://flex.twilio.com:443\"]\n",
        "\"https://flex.twilio.com:443\" is not an origin: c.yaml:3:20: "
        "connectors.twilio_flex.cors_origins (expected a scheme and a host in small "
        "letters like https://flex.twilio.com, without a path or the usual port)"},
    {FLEX "    cors_origins: [\"http://flex.example.com:80\"]\n",
        "\"http://flex.example.com:80\" is not an origin: c.yaml:3:20: "
        "connectors.twilio_flex.cors_origins (expected a scheme and a host in small "
        "letters like https://flex.twilio.com, without a path or the usual port)"},
    {"queue: { plugin_wait: 3 }\n",
        "\"3\" is not a duration: c.yaml:1:23: queue.plugin_wait "
        "(expected a number and its unit, like 500ms, 3s, 10m, 24h or 31d)"},
    {"queue: { plugin_wait: 0 }\n", "\"0\" is out of range: c.yaml:1:23: "
                                    "queue.plugin_wait (expected 1ms to 1m)"},
    {"queue: { dedupe_window: 9999999999999999d }\n",
        "\"9999999999999999d\" is not a duration: c.yaml:1:25: queue.dedupe_window "
        "(expected a number and its unit, like 500ms, 3s, 10m, 24h or 31d)"},
    {"queue: { spool_max: 100 }\n",
        "\"100\" is not a size: c.yaml:1:21: queue.spool_max "
        "(expected a number and its unit, like 512KiB, 64MiB or 1GiB)"},
    {"queue: { spool_max: 1GB }\n",
        "\"1GB\" is not a size: c.yaml:1:21: queue.spool_max "
        "(expected a number and its unit, like 512KiB, 64MiB or 1GiB)"},
    {"queue: { spool_max: 2TiB }\n", "\"2TiB\" is out of range: c.yaml:1:21: "
                                     "queue.spool_max (expected 0 to 1TiB)"},
    {"brevo: { max_rps: 0 }\n", "\"0\" is not a rate: c.yaml:1:19: brevo.max_rps "
                                "(expected auto, or 0.1 to 10000 requests a second)"},
    {"brevo: { max_rps: 0.05 }\n", "\"0.05\" is not a rate: c.yaml:1:19: brevo.max_rps "
                                   "(expected auto, or 0.1 to 10000 requests a second)"},
    {"brevo: { rate_share: 1.1 }\n",
        "\"1.1\" is not a share: c.yaml:1:22: brevo.rate_share "
        "(expected a number over 0 and at most 1)"},
    {"brevo: { agent: full }\n", "\"full\" is not a way to name agents: c.yaml:1:17: "
                                 "brevo.agent (expected none, sid or name)"},
    {"brevo: { base_url: \"https://u:p@api.example.com\" }\n",
        "not a usable URL: c.yaml:1:20: " /* the password is not shown */
        "brevo.base_url (expected http:// or https://, a host, perhaps a port and a "
        "path; no user, query or fragment)"},
    {"server: { listen: 127.0.0.1 }\n",
        "\"127.0.0.1\" is not an address to listen on: c.yaml:1:19: server.listen "
        "(expected 127.0.0.1:8080, [::1]:8080, :8080, unix:/path/to/socket (107 characters "
        "at most), or systemd or systemd:NAME for an inherited socket)"},
    {"server: { trusted_proxies: [10.0.0.0/33] }\n",
        "\"10.0.0.0/33\" is not an address or a network: c.yaml:1:29: "
        "server.trusted_proxies "
        "(expected one like 10.0.0.7, 10.0.0.0/8 or fd00::/8)"},
    {"identity: { own_numbers: [5550001111] }\n",
        "\"5550001111\" is not a phone number: c.yaml:1:27: identity.own_numbers "
        "(expected E.164, one like +15550001111)"},
    {"identity: { ext_id_from: crm_id }\n",
        "\"crm_id\" is not a field with an identifier: c.yaml:1:26: identity.ext_id_from "
        "(write attributes.crm_id)"},
    {"identity: { ext_id_from: total_conversations }\n",
        "\"total_conversations\" is not a field with an identifier: c.yaml:1:26: "
        "identity.ext_id_from (expected one like attributes.crm_id or account_id)"},
    {"identity: { ext_id_from: \"crm id\" }\n",
        "\"crm id\" is not a field with an identifier: c.yaml:1:26: "
        "identity.ext_id_from (expected one like attributes.crm_id or account_id)"},
    {"identity: { internal_domains: [\"@example.com\"] }\n",
        "not a domain: c.yaml:1:32: identity.internal_domains "
        "(expected one like example.com)"},
};

static void
refuses_values_that_do_not_fit(void **state)
{
    (void)state;
    expect_refusals(bad_values, LENGTH(bad_values));
}

static void
never_prints_a_bad_secret(void **state)
{
    static const struct refusal refusals[] = {
        {FLEX "    survey_token: \"two words\"\n",
            "not a usable secret: c.yaml:3:19: connectors.twilio_flex.survey_token "
            "(expected printable characters without blanks)"},
        {FLEX "    auth_tokens: [good, \"not good\"]\n",
            "not a usable secret: c.yaml:3:25: connectors.twilio_flex.auth_tokens "
            "(expected printable characters without blanks)"},
        {"redis: { url: \"rediss://:password@r.example.com\" }\n",
            "not a Redis URL: c.yaml:1:15: redis.url (TLS to Redis is not in this build: put "
            "haproxy or stunnel in between and name its near end here, see docs/operations.md)"},
        {"redis: { url: \"redis://:password@r.example.com:port\" }\n",
            "not a Redis URL: c.yaml:1:15: redis.url (the port is not a number from 1 to "
            "65535)"},
        {"redis: { url: \"sentinel://:password@r.example.com/m\" }\n",
            "not a Redis URL: c.yaml:1:15: redis.url (Sentinels and the nodes of a cluster "
            "are given by their addresses, like 10.0.0.1:6379, not by names)"},
        {"redis: { url: \"redis://:pass word@r.example.com\" }\n",
            "not a Redis URL: c.yaml:1:15: redis.url (expected printable characters without "
            "blanks)"},
    };

    (void)state;
    expect_refusals(refusals, LENGTH(refusals));
}

static void
keeps_control_characters_out_of_errors(void **state)
{
    (void)state;
    expect_refusal(CONFIG_FOR_RUN, "brevo: { agent: \"a\\n\\e[31mb\" }\n",
        "\"a??[31mb\" is not a way to name agents: c.yaml:1:17: brevo.agent "
        "(expected none, sid or name)");
}

static void
refuses_more_items_than_a_list_holds(void **state)
{
    AUTO(buffer_done) struct buffer text = {.max = 4096};

    (void)state;
    buffer_add_text(&text, FLEX "    auth_tokens: [t0");
    for (int i = 1; i < 16; i++) {
        buffer_addf(&text, ", t%d", i);
    }
    buffer_add_text(&text, "]\n");
    expect_refusal(CONFIG_FOR_RUN, text.data,
        "too many values: c.yaml:3:84: connectors.twilio_flex.auth_tokens (remove some)");
    buffer_clear(&text);
    buffer_add_text(&text, "identity: { internal_domains: [d0");
    for (int i = 1; i < 65; i++) {
        buffer_addf(&text, ", d%d", i);
    }
    buffer_add_text(&text, "] }\n");
    expect_refusal(CONFIG_FOR_RUN, text.data,
        "too many values: c.yaml:1:342: identity.internal_domains (remove some)");
}

static void
refuses_values_of_the_wrong_kind(void **state)
{
    static const struct refusal refusals[] = {
        {"state_dir: [a]\n", "not a value: c.yaml:1:12: state_dir (write one value)"},
        {FLEX "    channels: { voice: true }\n",
            "a list has plain values only: c.yaml:3:15: connectors.twilio_flex.channels "
            "(write [one, two])"},
        {FLEX "    channels: [[voice]]\n",
            "a list has plain values only: c.yaml:3:16: connectors.twilio_flex.channels "
            "(write [one, two])"},
        {FLEX "    event_mapping: task\n",
            "not a map: c.yaml:3:20: connectors.twilio_flex.event_mapping "
            "(write one `name: value` per line below it)"},
        {FLEX "    field_mapping: { identity: [B] }\n",
            "not a value: c.yaml:3:32: connectors.twilio_flex.field_mapping.identity "
            "(write one value)"},
        {FLEX "    event_mapping: { task.created: { to: B } }\n",
            "not a value: c.yaml:3:36: connectors.twilio_flex.event_mapping.task.created "
            "(write one value)"},
        {FLEX "    field_mapping: [identity]\n",
            "not a map: c.yaml:3:20: connectors.twilio_flex.field_mapping "
            "(write one `name: value` per line below it)"},
        {"brevo: { api_key_file: [a] }\n",
            "not a path: c.yaml:1:24: brevo.api_key_file (write the path of a file)"},
    };

    (void)state;
    assert_int_equal(unsetenv("BREVO_API_KEY"), 0);
    expect_refusals(refusals, LENGTH(refusals));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(accepts_addresses_and_urls_of_every_shape),
        CONFIG_TEST(refuses_values_that_do_not_fit),
        CONFIG_TEST(never_prints_a_bad_secret),
        CONFIG_TEST(keeps_control_characters_out_of_errors),
        CONFIG_TEST(refuses_more_items_than_a_list_holds),
        CONFIG_TEST(refuses_values_of_the_wrong_kind),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
