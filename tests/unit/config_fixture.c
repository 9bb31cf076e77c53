/*
 * config_fixture.c - a directory, an environment and a file for each test of the configuration.
 */
#include "tests/unit/config_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

const char complete_file[] =
    FLEX "    enabled: true\n"
         "    account_sid: \"ACffffffffffffffffffffffffffffffff\"\n"
         "    flex_flow_sid: \"FO0123456789abcdef0123456789abcdef\"   # legacy\n"
         "    workspace_sid: \"WS0123456789abcdef0123456789abcdef\"\n"
         "    auth_token: \"${FILE_TOKEN}\"\n"
         "    auth_tokens: [next-token, \"${FILE_TOKEN}-old\"]\n"
         "    api_key_sid: \"SK0123456789abcdef0123456789abcdef\"\n"
         "    api_key_secret: \"a$$b$c\"\n"
         "    iam_url: \"http://127.0.0.1:4000/\"\n"
         "    cors_origins: [\"https://flex.twilio.com\", \"http://localhost:3000\"]\n"
         "    survey_token: \"\"\n"
         "    sync: { conversations: no, tasks: true, customers: off, csat: TRUE, "
         "agent_activity: yes }\n"
         "    lists: { support_contacts: 32, csat_respondents: 33 }\n"
         "    channels: [email, voice]\n"
         "    field_mapping:\n"
         "      attributes.customers.email: email\n"
         "      attributes.loyalty: { to: TIER_2, overwrite: always }\n"
         "    event_mapping:\n"
         "      task.created: \"\"\n"
         "      task.completed: Ticket-Closed_2\n"
         "    debug: false\n"
         "    log_level: warn\n"
         "    log_api_calls: true\n"
         "brevo: { api_key: \"k\", base_url: \"http://127.0.0.1:9/v3/\", max_rps: 7.5, "
         "rate_share: 1, max_event_age: 90m, agent: name, ipv4_only: true, "
         "mode: shadow, only_contacts: [Lena@Example.com, +15550002222] }\n"
         "redis: { url: \"unix:///run/redis/redis.sock\" }\n"
         "server: { listen: \"[::1]:0\", public_url: \"https://a.example.com:8443/in/\", "
         "trusted_proxies: [10.0.0.0/8, \"::1\"], loops: 4, hold_unverified: true }\n"
         "admin: { listen: \":9999\" }\n"
         "queue: { dedupe_window: 7d, plugin_wait: 500ms, keep_bodies: 48h }\n"
         "wait: { max: 2h }\ncsat: { scale: 10, settle: 5m, queue_wait: 10s, "
         "extractors: [{ in: support_task, score: a.b }] }\nfacts: { retention: 30d }\n"
         "identity: { own_numbers: [+15550001111], internal_domains: [Corp.Example.com], "
         "ext_id_from: attributes.crm_id }\n"
         "state_dir: ./state\n";

static char directory[] = "/tmp/test_config.XXXXXX";

int
enter_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) != NULL ? chdir(directory) : -1;
}

int
leave_directory(void **state)
{
    (void)state;
    (void)unlink(FILE_NAME);
    return chdir("/") == 0 ? rmdir(directory) : -1;
}

void
write_file(const char *name, const char *text, size_t size)
{
    FILE *file = fopen(name, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void
set_variable(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

/* Everything `run` needs, from the environment alone. */
int
set_environment(void **state)
{
    (void)state;
    assert_int_equal(clearenv(), 0);
    set_variable("TWILIO_ACCOUNT_SID", ACCOUNT);
    set_variable("TWILIO_AUTH_TOKEN", "token-from-environment");
    set_variable("BREVO_API_KEY", "key-from-environment");
    set_variable("FLEXBREVO_PUBLIC_URL", "https://hooks.example.com");
    return 0;
}

/* `text` NULL: without a file. */
struct config
load_for(enum config_command command, const char *text)
{
    struct config config = {0};
    char error[CONFIG_ERROR_SIZE] = "";

    if (text != NULL) {
        write_file(FILE_NAME, text, strlen(text));
    }
    if (config_load(text != NULL ? FILE_NAME : NULL, command, &config, error) != 0) {
        fail_msg("refused: %s", error);
    }
    return config;
}

struct config
load(const char *text)
{
    return load_for(CONFIG_FOR_RUN, text);
}

void
expect_refusal(enum config_command command, const char *text, const char *expected)
{
    struct config config = {0};
    char error[CONFIG_ERROR_SIZE] = "";

    write_file(FILE_NAME, text, strlen(text));
    assert_int_equal(config_load(FILE_NAME, command, &config, error), EX_CONFIG);
    assert_string_equal(error, expected);
    assert_null(config.storage); /* outputs are written on success only */
}

void
expect_refusals(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expect_refusal(CONFIG_FOR_RUN, refusals[i].text, refusals[i].expected);
    }
}
