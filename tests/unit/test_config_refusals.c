/*
 * test_config_refusals.c - files and settings that are refused, each in its own words.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "server/config/config_tree.h"
#include "server/config/options.h"
#include "tests/unit/config_fixture.h"

static void
refuses_unknown_keys_with_a_suggestion(void **state)
{
    static const struct refusal refusals[] = {
        {FLEX "    acount_sid: x\n",
            "unknown key: c.yaml:3:5: connectors.twilio_flex.acount_sid "
            "(did you mean connectors.twilio_flex.account_sid?)"},
        {FLEX "    sync: { conversation: true }\n",
            "unknown key: c.yaml:3:13: connectors.twilio_flex.sync.conversation "
            "(did you mean connectors.twilio_flex.sync.conversations?)"},
        {"\nconnector: {}\n",
            "unknown key: c.yaml:2:1: connector (did you mean connectors?)"},
        {"log_level: info\n", "unknown key: c.yaml:1:1: log_level "
                              "(did you mean connectors.twilio_flex.log_level?)"},
        {"brevo: { zzz: 1 }\n", "unknown key: c.yaml:1:10: brevo.zzz "
                                "(remove it; docs/config.md lists every key)"},
        {"brevo.api_key: x\n", "unknown key: c.yaml:1:1: brevo.api_key "
                               "(write each part on a level of its own)"},
        {"brevo: { base_url_file: x }\n", "unknown key: c.yaml:1:10: brevo.base_url_file "
                                          "(remove it; docs/config.md lists every key)"},
        {"[1, 2]\n", "keys are missing: c.yaml:1:1 "
                     "(write `name: value` lines; docs/config.md lists every key)"},
        {"brevo: fast\n", "keys are missing: c.yaml:1:8: brevo "
                          "(write `name: value` lines; docs/config.md lists every key)"},
    };

    (void)state;
    expect_refusals(refusals, LENGTH(refusals));
}

static void
refuses_yaml_it_would_have_to_guess_about(void **state)
{
    static const struct refusal refusals[] = {
        {"state_dir: a\nadmin: {}\nstate_dir: b\n",
            "a key is given twice: c.yaml:3:1: state_dir (keep one of the two)"},
        {"queue: {keep_bodies: 1h, keep_bodies: 2h}\n",
            "a key is given twice: c.yaml:1:26: queue.keep_bodies (keep one of the two)"},
        {"state_dir: a\n---\nstate_dir: b\n",
            "a second document: c.yaml:2:1 (keep everything in one, without ---)"},
        {"admin: &a { listen: \":1\" }\nserver: *a\n",
            "aliases are not understood: c.yaml:2:9 "
            "(write the value out in both places)"},
        {"admin: { <<: { listen: \":1\" } }\n",
            "merge keys are not understood: c.yaml:1:10 "
            "(write the keys out in both places)"},
        {"state_dir: !!binary aGk=\n", "tags are not understood: c.yaml:1:12 "
                                       "(write the value without its !tag)"},
        {"state_dir: \"a\\0b\"\n", "a value holds a NUL: c.yaml:1:12 (remove the \\0)"},
        {"? [a]\n: b\n", "a key is not a word: c.yaml:1:3 "
                         "(write key: value; docs/config.md lists every key)"},
        {"a: [1\n", "not valid YAML, did not find expected ',' or ']': c.yaml:2:1 "
                    "(see docs/config.md for an example)"},
        {"a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\n",
            "nested too deeply: c.yaml:1:15 (see docs/config.md for an example)"},
    };

    (void)state;
    expect_refusals(refusals, LENGTH(refusals));
}

static void
names_the_variable_that_is_not_set(void **state)
{
    static const struct refusal refusals[] = {
        {"server:\n  public_url: \"${HOOKS_URL}\"\n",
            "environment variable HOOKS_URL is not set: c.yaml:2:15: server.public_url "
            "(set it, or write the value here)"},
        {"brevo: { base_url: \"${BREVO}/v3\" }\n",
            "environment variable BREVO is not set: c.yaml:1:20: brevo.base_url "
            "(set it, or write the value here)"},
        {"redis: { url: \"${CACHE}\" }\n",
            "environment variable CACHE is not set: c.yaml:1:15: redis.url "
            "(set it, or write the value here)"},
        {"brevo: { api_key: \"${BREVO_KEY}\" }\n",
            "environment variable BREVO_KEY is not set: c.yaml:1:19: brevo.api_key "
            "(set it, or write the value here)"},
        {"state_dir: \"/srv/${A B}\"\n", "no variable's name behind ${: c.yaml:1:12: "
                                         "state_dir (write ${NAME}, or $$ for a dollar "
                                         "sign)"},
        {"state_dir: ${OPEN\n", "no variable's name behind ${: c.yaml:1:12: state_dir "
                                "(write ${NAME}, or $$ for a dollar sign)"},
    };

    (void)state;
    assert_int_equal(unsetenv("BREVO_API_KEY"), 0);
    assert_int_equal(unsetenv("FLEXBREVO_PUBLIC_URL"), 0);
    expect_refusals(refusals, 1);
    set_variable("FLEXBREVO_PUBLIC_URL", "https://hooks.example.com");
    expect_refusals(refusals + 1, LENGTH(refusals) - 1);
}

static void
names_the_variable_of_the_only_token(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("TWILIO_AUTH_TOKEN"), 0);
    expect_refusal(CONFIG_FOR_RUN, FLEX "    auth_token: ${MY_TOKEN}\n",
        "environment variable MY_TOKEN is not set: c.yaml:3:17: "
        "connectors.twilio_flex.auth_token (set it, or write the value here)");
}

static void
blames_the_environment_for_its_own_values(void **state)
{
    (void)state;
    set_variable("TWILIO_ACCOUNT_SID", "SK0123456789abcdef0123456789abcdef");
    expect_refusal(CONFIG_FOR_RUN, "",
        "\"SK0123456789abcdef0123456789abcdef\" is not an account SID: environment "
        "variable TWILIO_ACCOUNT_SID: connectors.twilio_flex.account_sid "
        "(expected AC and 32 hexadecimal digits)");
}

static void
says_what_each_command_needs(void **state)
{
    static const struct {
        enum config_command command;
        const char *without;
        const char *expected;
    } needs[] = {
        {CONFIG_FOR_RUN, "TWILIO_ACCOUNT_SID",
            "run needs connectors.twilio_flex.account_sid: c.yaml "
            "(set TWILIO_ACCOUNT_SID to the AC... of the Twilio console)"},
        {CONFIG_FOR_SERVE, "TWILIO_AUTH_TOKEN",
            "serve needs connectors.twilio_flex.auth_token: c.yaml "
            "(set TWILIO_AUTH_TOKEN, TWILIO_AUTH_TOKENS, or the _FILE form of either)"},
        {CONFIG_FOR_CHECK, "FLEXBREVO_PUBLIC_URL",
            "run needs server.public_url: c.yaml (set FLEXBREVO_PUBLIC_URL to what Twilio "
            "calls, like https://hooks.example.com)"},
        {CONFIG_FOR_WORK, "BREVO_API_KEY",
            "work needs brevo.api_key: c.yaml (set BREVO_API_KEY or BREVO_API_KEY_FILE, or "
            "use brevo.oauth)"},
        {CONFIG_FOR_SERVE, "REDIS_URL",
            "serve needs redis.url: c.yaml "
            "(set REDIS_URL, or use `run`, which starts its own Redis)"},
        {CONFIG_FOR_WORK, "REDIS_URL",
            "work needs redis.url: c.yaml "
            "(set REDIS_URL, or use `run`, which starts its own Redis)"},
    };

    for (size_t i = 0; i < LENGTH(needs); i++) {
        assert_int_equal(set_environment(state), 0);
        set_variable("REDIS_URL", "redis://r.example.com");
        assert_int_equal(unsetenv(needs[i].without), 0);
        expect_refusal(needs[i].command, "", needs[i].expected);
    }
}

static void
asks_for_what_is_missing_of_the_credentials_for_tokens(void **state)
{
    static const struct refusal refusals[] = {
        {"brevo: { oauth: { client_secret: s, scope: a } }\n",
            "run needs brevo.oauth.client_id: c.yaml (set BREVO_CLIENT_ID to the id of the "
            "Brevo app)"},
        {"brevo: { oauth: { client_id: c, scope: a } }\n",
            "run needs brevo.oauth.client_secret: c.yaml (set BREVO_CLIENT_SECRET or "
            "BREVO_CLIENT_SECRET_FILE)"},
        {"brevo: { oauth: { client_id: c, client_secret: s } }\n",
            "run needs brevo.oauth.scope: c.yaml (set BREVO_OAUTH_SCOPE to what the app was "
            "granted of contacts and events; docs/config.md)"},
        {"brevo: { oauth: { client_id: c, client_secret: \"${ITS}\", scope: a } }\n",
            "environment variable ITS is not set: c.yaml:1:48: brevo.oauth.client_secret "
            "(set it, or write the value here)"},
        {"brevo: { oauth: { client_id: c, client_secret: s, scope: a  b } }\n",
            "\"a  b\" is not a scope: c.yaml:1:58: brevo.oauth.scope (expected names between "
            "single blanks like contacts:read contacts:write)"},
    };

    (void)state;
    assert_int_equal(unsetenv("BREVO_API_KEY"), 0);
    expect_refusals(refusals, LENGTH(refusals));
}

static void
refuses_a_key_beside_the_credentials_for_tokens(void **state)
{
    (void)state; /* the environment has the key */
    expect_refusal(CONFIG_FOR_WORK,
        "brevo: { oauth: { client_id: c, client_secret: s, scope: a } }\n",
        "brevo.api_key is given, too: c.yaml: brevo.oauth (keep one of the two; an "
        "environment variable may set the other)");
    AUTO(config_done)
    struct config config = load_for(CONFIG_FOR_SERVE,
        "redis: { url: \"redis://r.example.com\" }\n"
        "brevo: { oauth: { client_id: c, client_secret: s, scope: a } }\n");

    assert_non_null(config.brevo_api_key); /* that one speaks to Twilio only */
}

static void
refuses_to_serve_a_connector_switched_off(void **state)
{
    static const enum config_command starts[] = {
        CONFIG_FOR_CHECK, CONFIG_FOR_RUN, CONFIG_FOR_SERVE, CONFIG_FOR_WORK};

    (void)state;
    for (size_t i = 0; i < LENGTH(starts); i++) {
        expect_refusal(starts[i], FLEX "    enabled: false\n",
            "the connector is switched off: c.yaml: connectors.twilio_flex.enabled "
            "(set it to true, or do not start the service)");
    }
    AUTO(config_done)
    struct config config = load_for(CONFIG_FOR_TOOL, FLEX "    enabled: false\n");

    assert_false(config.enabled);
}

static void
refuses_secret_files_it_cannot_use(void **state)
{
    (void)state;
    write_file("empty", " \n", 2);
    assert_int_equal(unsetenv("BREVO_API_KEY"), 0);
    expect_refusal(CONFIG_FOR_RUN, "brevo: { api_key_file: /nonexistent/key }\n",
        "cannot read the secret's file, No such file or directory: /nonexistent/key: "
        "brevo.api_key_file (it must be readable by the user who runs flexbrevo, 16384 "
        "bytes at most)");
    expect_refusal(CONFIG_FOR_RUN, "brevo: { api_key_file: empty }\n",
        "the secret's file is empty: empty: brevo.api_key_file "
        "(write the secret into it, and nothing else)");
    expect_refusal(CONFIG_FOR_RUN, "brevo: { api_key_file: /dev/zero }\n",
        "cannot read the secret's file, File too large: /dev/zero: brevo.api_key_file "
        "(a secret has at most 16384 bytes)");
    expect_refusal(CONFIG_FOR_RUN, "brevo: { api_key: k, api_key_file: empty }\n",
        "the value is given as well as its file: c.yaml:1:36: brevo.api_key_file "
        "(keep one of the two)");
    set_variable("BREVO_API_KEY", "k");
    set_variable("BREVO_API_KEY_FILE", "empty");
    expect_refusal(CONFIG_FOR_RUN, "",
        "BREVO_API_KEY_FILE is set as well: environment variable BREVO_API_KEY: "
        "brevo.api_key (unset one of the two)");
    (void)unlink("empty");
}

static void
shows_the_byte_no_text_editor_shows(void **state)
{
    static const struct refusal refusals[] = {
        {"state_dir: \xff\n", "not valid YAML, invalid leading UTF-8 octet: c.yaml:1:12 "
                              "(save the file as UTF-8, without control characters)"},
        {"# caf\xc3\xa9\nadmin:\n  listen: \xc3\xa9\xe9 \n",
            "not valid YAML, invalid trailing UTF-8 octet: c.yaml:3:13 "
            "(save the file as UTF-8, without control characters)"},
        {"admin:\n  listen: \x1b\n",
            "not valid YAML, control characters are not allowed: c.yaml:2:11 "
            "(save the file as UTF-8, without control characters)"},
        {"admin:\n\tlisten: \":1\"\n",
            "not valid YAML, found character that cannot start any token: c.yaml:2:1 "
            "(indent with spaces, not with tabs)"},
        {"admin:\n  listen: @\n",
            "not valid YAML, found character that cannot start any token: c.yaml:2:11 "
            "(see docs/config.md for an example)"},
    };

    (void)state;
    expect_refusals(refusals, LENGTH(refusals));
}

static void
refuses_a_configuration_file_it_cannot_read(void **state)
{
    struct config config = {0};
    char error[CONFIG_ERROR_SIZE];

    (void)state;
    assert_int_equal(
        config_load("missing.yaml", CONFIG_FOR_RUN, &config, error), EX_CONFIG);
    assert_string_equal(error,
        "cannot read the configuration file, No such file or directory: missing.yaml "
        "(see --config and FLEXBREVO_CONFIG)");
    assert_int_equal(config_load("/dev/zero", CONFIG_FOR_RUN, &config, error), EX_CONFIG);
    assert_string_equal(error, "the configuration file has over 1048576 bytes: /dev/zero "
                               "(is this the right file?)");
}

static void
survives_hostile_nesting(void **state)
{
    static char text[CONFIG_TREE_BYTES_MAX];
    struct config config = {0};
    char error[CONFIG_ERROR_SIZE];

    (void)state;
    for (const char *c = "[{-"; *c != '\0'; c++) {
        memset(text, *c, sizeof(text));
        for (size_t i = 1; *c == '-' && i < sizeof(text); i += 2) {
            text[i] = ' ';
        }
        write_file(FILE_NAME, text, sizeof(text));
        assert_int_equal(
            config_load(FILE_NAME, CONFIG_FOR_RUN, &config, error), EX_CONFIG);
    }
}

static void
measures_how_far_words_are_apart(void **state)
{
    (void)state;
    assert_int_equal(option_distance("", ""), 0);
    assert_int_equal(option_distance("abc", ""), 3);
    assert_int_equal(option_distance("kitten", "sitting"), 3);
    assert_int_equal(option_distance("channel", "channels"), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(refuses_unknown_keys_with_a_suggestion),
        CONFIG_TEST(refuses_yaml_it_would_have_to_guess_about),
        CONFIG_TEST(names_the_variable_that_is_not_set),
        CONFIG_TEST(names_the_variable_of_the_only_token),
        CONFIG_TEST(blames_the_environment_for_its_own_values),
        CONFIG_TEST(says_what_each_command_needs),
        CONFIG_TEST(asks_for_what_is_missing_of_the_credentials_for_tokens),
        CONFIG_TEST(refuses_a_key_beside_the_credentials_for_tokens),
        CONFIG_TEST(refuses_to_serve_a_connector_switched_off),
        CONFIG_TEST(refuses_secret_files_it_cannot_use),
        CONFIG_TEST(shows_the_byte_no_text_editor_shows),
        CONFIG_TEST(refuses_a_configuration_file_it_cannot_read),
        CONFIG_TEST(survives_hostile_nesting),
        CONFIG_TEST(measures_how_far_words_are_apart),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
