/*
 * test_config_conflicts.c - what would start, and then do nothing, or the wrong thing.
 */
#include <stdlib.h>

#include "tests/unit/config_fixture.h"

#define KEY_SID "SK0123456789abcdef0123456789abcdef"
#define AGE ": c.yaml: brevo.max_event_age "

static void
loads(enum config_command command, const char *text)
{
    AUTO(config_done) struct config config = load_for(command, text);

    assert_non_null(config.storage);
}

static void
refuses_an_age_that_every_event_of_a_kind_has_by_design(void **state)
{
    static const struct refusal refusals[] = {
        {"brevo: { max_event_age: 5m }\n",
            "survey.completed is always too old: it waits 10m (csat.settle), and 5m is the most" AGE
            "(raise it above csat.settle, or lower that)"},
        {"brevo: { max_event_age: 10m }\n",
            "survey.completed is always too old: it waits 10m (csat.settle), and 10m is the most" AGE
            "(raise it above csat.settle, or lower that)"},
        {"brevo: { max_event_age: 5s }\n",
            "task.completed is always too old: it waits 5s (ticket.settle), and 5s is the most" AGE
            "(raise it above ticket.settle, or lower that)"},
        {"brevo: { max_event_age: 90s }\ncsat: { settle: 1m }\n",
            "task.canceled is always too old: it waits 2m (ticket.abandoned_after), and 90s is the "
            "most" AGE "(raise it above ticket.abandoned_after, or lower that)"},
        {"brevo: { max_event_age: 10m }\ncsat: { settle: 1m }\nticket: { voice_end: 1h }\n",
            "conversation.ended of a call is always too old: it waits 1h (ticket.voice_end), and "
            "10m is the most" AGE "(raise it above ticket.voice_end, or lower that)"},
    };

    (void)state;
    expect_refusals(refusals, LENGTH(refusals));
    expect_refusal(CONFIG_FOR_CHECK, refusals[0].text, refusals[0].expected);
}

/* A wait that ends as soon as somebody tells, or that an event's date is counted from, makes none too
 * old; nor does one of an event that is told to nobody. */
static void
takes_an_age_that_only_some_events_reach(void **state)
{
    (void)state;
    loads(CONFIG_FOR_RUN, "brevo: { max_event_age: 11m }\nidentity: { wait: 1d }\n"
                          "ticket: { join_wait: 1d }\nwait: { notify_after: 1d }\n");
    loads(CONFIG_FOR_RUN, "brevo: { max_event_age: 5m }\n" FLEX
                          "    event_mapping: { survey.completed: \"\" }\n");
    loads(CONFIG_FOR_RUN,
        "brevo: { max_event_age: 5m }\n" FLEX "    sync: { csat: false }\n");
    loads(CONFIG_FOR_RUN, "brevo: { max_event_age: 10m }\ncsat: { settle: 1m }\n"
                          "ticket: { voice_end: 1h }\n" FLEX "    channels: [webchat]\n");
    loads(CONFIG_FOR_RUN, "brevo: { max_event_age: 1s }\ncsat: { settle: 0 }\n"
                          "ticket: { settle: 0, abandoned_after: 0, voice_end: 0 }\n");
}

static void
refuses_a_public_url_that_has_the_path_which_is_added(void **state)
{
#define ADDED "(leave out /webhooks and what follows: each webhook's path is added)"
    static const struct refusal refusals[] = {
        {"server: { public_url: \"https://a.example/webhooks\" }\n",
            "\"https://a.example/webhooks\" is not a usable public URL: c.yaml:1:23: "
            "server.public_url " ADDED},
        {"server: { public_url: [\"https://a.example\", \"https://a.example/in/webhooks/\"] }\n",
            "\"https://a.example/in/webhooks/\" is not a usable public URL: "
            "c.yaml:1:45: server.public_url " ADDED},
        {"server: { routes: { survey: { public_url: "
         "\"https://a.example/webhooks/flex/survey\" } } }\n",
            "\"https://a.example/webhooks/flex/survey\" is not a usable public URL: "
            "c.yaml:1:43: server.routes.survey.public_url " ADDED},
        {"server: { public_url: \"a.example/webhooks\" }\n",
            "\"a.example/webhooks\" is not a usable public URL: c.yaml:1:23: "
            "server.public_url (expected http:// or https://, a host, perhaps a port and a path; "
            "no user, query or fragment)"},
    };

    (void)state;
    assert_int_equal(unsetenv("FLEXBREVO_PUBLIC_URL"), 0);
    expect_refusals(refusals, LENGTH(refusals));
    loads(CONFIG_FOR_RUN,
        "server: { public_url: \"https://webhooks.example/webhooks-of/me\" }\n");
    loads(CONFIG_FOR_RUN,
        "server: { public_url: \"https://a.example/webhooks/flexbrevo\" }\n");
    set_variable("FLEXBREVO_PUBLIC_URL", "https://a.example/webhooks/taskrouter");
    expect_refusal(CONFIG_FOR_RUN, "",
        "\"https://a.example/webhooks/taskrouter\" is not a usable public URL: "
        "environment variable FLEXBREVO_PUBLIC_URL: server.public_url " ADDED);
}

static void
knows_the_path_of_brevos_own_api(void **state)
{
#define V3 "(write https://api.brevo.com/v3)"
    static const struct refusal refusals[] = {
        {"brevo: { base_url: \"https://api.brevo.com\" }\n",
            "\"https://api.brevo.com\" is not a usable URL: c.yaml:1:20: brevo.base_url " V3},
        {"brevo: { base_url: \"http://api.brevo.com/v3\" }\n",
            "\"http://api.brevo.com/v3\" is not a usable URL: c.yaml:1:20: brevo.base_url " V3},
        {"brevo: { base_url: \"https://API.brevo.com/v3/contacts\" }\n",
            "\"https://API.brevo.com/v3/contacts\" is not a usable URL: c.yaml:1:20: "
            "brevo.base_url " V3},
        {"brevo: { base_url: \"https://brevo.com:443/v2/\" }\n",
            "\"https://brevo.com:443/v2/\" is not a usable URL: c.yaml:1:20: brevo.base_url " V3},
    };

    (void)state;
    expect_refusals(refusals, LENGTH(refusals));
    loads(CONFIG_FOR_RUN, "brevo: { base_url: \"https://api.brevo.com/v3//\" }\n");
    loads(CONFIG_FOR_RUN, "brevo: { base_url: \"http://127.0.0.1:8089\" }\n");
    loads(CONFIG_FOR_RUN, "brevo: { base_url: \"https://proxy.example/brevo\" }\n");
    loads(CONFIG_FOR_RUN, "brevo: { base_url: \"https://notbrevo.com\" }\n");
}

static void
refuses_half_of_twilios_api_key(void **state)
{
#define LACKS_SECRET                                        \
    "api_key_secret: c.yaml (set TWILIO_API_KEY_SECRET or " \
    "TWILIO_API_KEY_SECRET_FILE, or leave api_key_sid out, too)"
#define LACKS_SID \
    "api_key_sid: c.yaml (set TWILIO_API_KEY_SID, or leave api_key_secret out, too)"
    static const struct {
        enum config_command command;
        const char *text;
        const char *expected;
    } halves[] = {
        {CONFIG_FOR_RUN, FLEX "    api_key_sid: " KEY_SID "\n",
            "run needs connectors.twilio_flex." LACKS_SECRET},
        {CONFIG_FOR_WORK, FLEX "    api_key_sid: " KEY_SID "\n",
            "work needs connectors.twilio_flex." LACKS_SECRET},
        {CONFIG_FOR_SERVE, FLEX "    api_key_secret: s\n",
            "serve needs connectors.twilio_flex." LACKS_SID},
        {CONFIG_FOR_CHECK, FLEX "    api_key_secret: s\n",
            "run needs connectors.twilio_flex." LACKS_SID},
        {CONFIG_FOR_RUN,
            FLEX "    api_key_sid: " KEY_SID "\n    api_key_secret: \"${ITS}\"\n",
            "environment variable ITS is not set: c.yaml:4:21: "
            "connectors.twilio_flex.api_key_secret (set it, or write the value here)"},
    };

    (void)state;
    set_variable("REDIS_URL", "redis://r.example.com");
    for (size_t i = 0; i < LENGTH(halves); i++) {
        expect_refusal(halves[i].command, halves[i].text, halves[i].expected);
    }
    loads(CONFIG_FOR_TOOL, halves[0].text); /* may not read the secret */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(refuses_an_age_that_every_event_of_a_kind_has_by_design),
        CONFIG_TEST(takes_an_age_that_only_some_events_reach),
        CONFIG_TEST(refuses_a_public_url_that_has_the_path_which_is_added),
        CONFIG_TEST(knows_the_path_of_brevos_own_api),
        CONFIG_TEST(refuses_half_of_twilios_api_key),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
