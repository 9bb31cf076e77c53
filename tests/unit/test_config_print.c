/*
 * test_config_print.c - what check-config shows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/config_print.h"
#include "tests/unit/config_fixture.h"

enum {
    OUTPUT_SIZE = 32 * 1024,
};

static void
print(const struct config *config, bool as_json, char output[OUTPUT_SIZE])
{
    FILE *out = fmemopen(output, OUTPUT_SIZE, "w");

    assert_non_null(out);
    if (as_json) {
        json_t *values = config_to_json(config);

        assert_int_equal(json_dumpf(values, out, 0), 0);
        json_decref(values);
    } else {
        config_print(config, out);
    }
    assert_int_equal(fclose(out), 0);
}

static void
prints_what_it_would_read_again(void **state)
{
    static char first[OUTPUT_SIZE];
    static char second[OUTPUT_SIZE];

    (void)state;
    set_variable("FILE_TOKEN", "tok");
    AUTO(config_done) struct config config = load(complete_file);

    print(&config, false, first);
    assert_int_equal(clearenv(), 0);
    AUTO(config_done) struct config again = load(first);

    print(&again, false, second);
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "\n      \"attributes.loyalty\": {\"to\": "
                                  "\"TIER_2\", \"overwrite\": \"always\"}\n"));
    assert_non_null(strstr(first, "\n  max_rps: 7.5\n"));
    assert_non_null(strstr(first, "\n      \"task.created\": \"\"\n"));
}

static void
prints_no_secret(void **state)
{
    static char output[OUTPUT_SIZE];

    (void)state;
    set_variable("TWILIO_AUTH_TOKENS", "hidden-1,hidden-2");
    set_variable("TWILIO_API_KEY_SID", "SK0123456789abcdef0123456789abcdef");
    set_variable("TWILIO_API_KEY_SECRET", "hidden-3");
    set_variable("TWILIO_AUTH_TOKEN", "hidden-4");
    set_variable("BREVO_API_KEY", "hidden-5");
    set_variable("REDIS_URL", "redis://user:hidden-6@r.example.com:6380/2");
    AUTO(config_done)
    struct config config = load(
        FLEX "    survey_token: hidden-7\n"
             "server: { routes: { taskrouter: { basic_auth: \"user:hidden-8\" } } }\n");

    for (int as_json = 0; as_json <= 1; as_json++) {
        print(&config, as_json == 1, output);
        assert_null(strstr(output, "hidden"));
        assert_null(strstr(output, "user"));
        assert_non_null(strstr(output, "redis://****@r.example.com:6380/2"));
    }
}

static void
masks_logins_in_urls_of_redis(void **state)
{
    static const struct {
        const char *url;
        const char *printed;
    } cases[] = {
        {"redis://h:1/2", "redis://h:1/2"},
        {"redis://:hid?den@h", "redis://****@h"},
        {"redis://:hid@den@h", "redis://****@h"},
        {"unix:///r.sock", "unix:///r.sock"},
        {"unix:///r.sock?password=hid@den", "unix:///r.sock?****"},
        {"cluster://me:hidden@10.0.0.1,10.0.0.2", "cluster://****@10.0.0.1,10.0.0.2"},
        {"sentinel://10.0.0.1,10.0.0.2/m/1", "sentinel://10.0.0.1,10.0.0.2/m/1"},
        {"sentinel://:hidden@10.0.0.1/m?sentinel_password=hid@den",
            "sentinel://****@10.0.0.1/m?****"},
    };
    static char output[OUTPUT_SIZE];

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char line[128];

        set_variable("REDIS_URL", cases[i].url);
        AUTO(config_done) struct config config = load(FLEX);

        print(&config, false, output);
        (void)snprintf(line, sizeof(line), "url: \"%s\"\n", cases[i].printed);
        if (strstr(output, line) == NULL) {
            fail_msg("%s: not %s in %s", cases[i].url, line, output);
        }
    }
}

static void
names_what_is_left_out(void **state)
{
    static const char *const expected[] = {
        "sync.tasks: false, so task events are left out",
        "sync.agent_activity: false, so what agents do is left out",
        "analytics.retention: 0, so neither queues nor agents are counted",
        "channels: video is left out",
        "event_mapping: survey.completed has no Brevo event and is left out",
    };

    (void)state;
    AUTO(config_done)
    struct config config =
        load(FLEX "    channels: [voice, sms, whatsapp, webchat, email, messenger]\n"
                  "    sync: { tasks: false }\n    event_mapping: { survey.completed: }\n"
                  "analytics: { retention: 0 }\n");
    json_t *lines = config_omissions(&config);

    assert_int_equal(json_array_size(lines), LENGTH(expected));
    for (size_t i = 0; i < LENGTH(expected); i++) {
        assert_string_equal(json_string_value(json_array_get(lines, i)), expected[i]);
    }
    json_decref(lines);
}

static void
names_what_has_no_use_yet(void **state)
{
    static const char *const expected[] = {"flex_flow_sid"};

    (void)state;
    AUTO(config_done)
    struct config config = load(
        FLEX "    flex_flow_sid: FO0123456789abcdef0123456789abcdef\n"
             "    sync: { agent_activity: true }\n"
             "    channels: [voice, sms, whatsapp, webchat, email, messenger, video]\n");
    json_t *lines = config_omissions(&config);

    assert_int_equal(json_array_size(lines), LENGTH(expected));
    for (size_t i = 0; i < LENGTH(expected); i++) {
        char line[CONFIG_ERROR_SIZE];

        (void)snprintf(
            line, sizeof(line), "%s: this version has no use for it", expected[i]);
        assert_string_equal(json_string_value(json_array_get(lines, i)), line);
    }
    json_decref(lines);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(prints_what_it_would_read_again),
        CONFIG_TEST(prints_no_secret),
        CONFIG_TEST(masks_logins_in_urls_of_redis),
        CONFIG_TEST(names_what_is_left_out),
        CONFIG_TEST(names_what_has_no_use_yet),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
