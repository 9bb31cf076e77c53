/*
 * test_config_changes.c - which keys a reload names, and that it names nothing else.
 */
#include <stdlib.h>
#include <string.h>

#include "server/config/config_changes.h"
#include "tests/unit/config_fixture.h"

static void
expect_keys(const char *before, const char *after, const char *expected)
{
    AUTO(config_done) struct config running = load(before);
    AUTO(config_done) struct config loaded = load(after);
    AUTO(buffer_done) struct buffer keys = {.max = 1024};

    config_restart_keys(&running, &loaded, &keys);
    assert_string_equal(keys.size > 0 ? keys.data : "", expected);
}

static void
the_same_configuration_names_nothing(void **state)
{
    (void)state;
    set_variable("FILE_TOKEN", "tok");
    expect_keys(complete_file, complete_file, "");
    expect_keys(NULL, NULL, "");
}

static void
every_kind_of_value_is_compared(void **state)
{
    static const struct {
        const char *before;
        const char *after;
        const char *keys;
    } cases[] = {
        {"server: { listen: \":1\" }", "server: { listen: \":2\" }", "server.listen"},
        {"server: { loops: 2 }", "server: { loops: 3 }", "server.loops"},
        {"server: { hold_unverified: true }", "", "server.hold_unverified"},
        {"server: { trusted_proxies: [10.0.0.1, 10.0.0.2] }",
            "server: { trusted_proxies: [10.0.0.1] }", "server.trusted_proxies"},
        {"brevo: { api_key: \"one\" }", "brevo: { api_key: \"two\" }", "brevo.api_key"},
        {"brevo: { max_rps: 2 }", "brevo: { max_rps: auto }", "brevo.max_rps"},
        {"brevo: { agent: sid }", "brevo: { agent: name }", "brevo.agent"},
        {"redis: { url: \"redis://u:one@h:1\" }", "redis: { url: \"redis://u:two@h:1\" }",
            "redis.url"},
        {"redis: { url: \"redis://h:1\" }", "", "redis.url"},
        {"queue: { plugin_wait: 2s }", "queue: { plugin_wait: 2001ms }",
            "queue.plugin_wait"},
        {"identity: { internal_domains: [a.example.com] }", "",
            "identity.internal_domains"},
        {FLEX "    channels: [voice]", "", "connectors.twilio_flex.channels"},
        {FLEX "    field_mapping: { identity: A }",
            FLEX "    field_mapping: { identity: B }",
            "connectors.twilio_flex.field_mapping"},
        {FLEX "    field_mapping: { identity: A }",
            FLEX "    field_mapping: { identity: { to: A, overwrite: always } }",
            "connectors.twilio_flex.field_mapping"},
        {FLEX "    event_mapping: { task.created: A }", "",
            "connectors.twilio_flex.event_mapping"},
        {"server: { listen: \":1\" }\nstate_dir: a", "state_dir: b",
            "server.listen,state_dir"},
    };

    (void)state;
    assert_int_equal(unsetenv("BREVO_API_KEY"), 0);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        if (strstr(cases[i].before, "api_key") == NULL) {
            set_variable("BREVO_API_KEY", "key");
        }
        expect_keys(cases[i].before, cases[i].after, cases[i].keys);
        expect_keys(cases[i].after, cases[i].before, cases[i].keys);
        assert_int_equal(unsetenv("BREVO_API_KEY"), 0);
    }
}

static void
credentials_are_exchanged_and_need_no_restart(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("TWILIO_AUTH_TOKEN"), 0);
    expect_keys(FLEX
        "    auth_token: one\n    auth_tokens: [two]\n    survey_token: three",
        FLEX "    auth_token: four\n    auth_tokens: [five, six]", "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(the_same_configuration_names_nothing),
        CONFIG_TEST(every_kind_of_value_is_compared),
        CONFIG_TEST(credentials_are_exchanged_and_need_no_restart),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
