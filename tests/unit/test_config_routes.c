/*
 * test_config_routes.c - several public URLs, and what one webhook has of its own.
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
takes_one_public_url_or_several(void **state)
{
    static const struct {
        const char *text;
        size_t count;
    } cases[] = {
        {"server: { public_url: \"https://a.example/\" }\n", 1},
        {"server: { public_url: [\"https://a.example\"] }\n", 1},
        {"server: { public_url: [\"https://a.example/\", \"https://b.example/in//\"] }\n",
            2},
        {"server: { public_url: \"https://a.example, https://b.example/in\" }\n", 2},
    };

    (void)state;
    assert_int_equal(unsetenv("FLEXBREVO_PUBLIC_URL"), 0);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(config_done) struct config config = load(cases[i].text);

        assert_int_equal(config.public_urls.count, cases[i].count);
        assert_string_equal(config.public_urls.items[0], "https://a.example");
        if (cases[i].count > 1) {
            assert_string_equal(config.public_urls.items[1], "https://b.example/in");
        }
    }
}

static void
takes_several_public_urls_from_the_environment(void **state)
{
    (void)state;
    set_variable("FLEXBREVO_PUBLIC_URL", "https://a.example,https://b.example:8443/");
    AUTO(config_done) struct config config = load(NULL);

    assert_int_equal(config.public_urls.count, 2);
    assert_string_equal(config.public_urls.items[1], "https://b.example:8443");
    assert_string_equal(
        config_public_url(&config, SOURCE_TASKROUTER), "https://a.example");
}

static void
gives_a_route_what_is_its_own_and_else_the_general(void **state)
{
    (void)state;
    write_file("password", "hook:s3cret\n", strlen("hook:s3cret\n"));
    AUTO(config_done)
    struct config config =
        load("server:\n  routes:\n"
             "    event-streams: { public_url: [\"https://e.example/x\"], "
             "allow_from: [35.90.102.128/25, \"fd00::/8\"], "
             "basic_auth_file: password }\n"
             "    survey: { public_url: [], allow_from: 10.0.0.1 }\n");
    const struct config_route *stream = &config.routes[SOURCE_EVENT_STREAMS];

    (void)remove("password");
    assert_string_equal(
        config_public_url(&config, SOURCE_EVENT_STREAMS), "https://e.example/x");
    assert_string_equal(
        config_public_url(&config, SOURCE_SURVEY), "https://hooks.example.com");
    assert_int_equal(stream->allow_from.count, 2);
    assert_string_equal(stream->basic_auth, "hook:s3cret");
    assert_int_equal(config.routes[SOURCE_SURVEY].allow_from.count, 1);
    for (size_t i = 0; i < SOURCE_COUNT; i++) {
        if (i != SOURCE_EVENT_STREAMS) {
            assert_null(config.routes[i].basic_auth);
            assert_string_equal(
                config_public_url(&config, (enum source)i), "https://hooks.example.com");
        }
    }
}

static void
refuses_what_would_not_do_what_it_says(void **state)
{
    static const struct refusal refusals[] = {
        {"server: { routes: { taskrouter: { public_url: \"a.example\" } } }\n",
            "\"a.example\" is not a usable public URL: c.yaml:1:47: "
            "server.routes.taskrouter.public_url (expected http:// or https://, a host, "
            "perhaps a port and a path; no user, query or fragment)"},
        {"server: { routes: { survey: { allow_from: [example.com] } } }\n",
            "\"example.com\" is not an address or a network: c.yaml:1:44: "
            "server.routes.survey.allow_from (expected one like 10.0.0.7, 10.0.0.0/8 or "
            "fd00::/8)"},
        {"server: { routes: { messaging: { basic_auth: onlyauser } } }\n",
            "not a user and a password: c.yaml:1:46: server.routes.messaging.basic_auth "
            "(expected user:password, printable characters without blanks)"},
        {"server: { routes: { messaging: { basic_auth: \":nouser\" } } }\n",
            "not a user and a password: c.yaml:1:46: server.routes.messaging.basic_auth "
            "(expected user:password, printable characters without blanks)"},
        {"server: { routes: { messaging: { basic_auth: \"user:\" } } }\n",
            "not a user and a password: c.yaml:1:46: server.routes.messaging.basic_auth "
            "(expected user:password, printable characters without blanks)"},
        {"server: { routes: { messaging: { basic_auth: \"${NOT_SET}\" } } }\n",
            "environment variable NOT_SET is not set: c.yaml:1:46: "
            "server.routes.messaging.basic_auth (set it, or write the value here)"},
        {"server: { routes: { flex-plugin: { allow_from: [10.0.0.1] } } }\n",
            "unknown key: c.yaml:1:36: server.routes.flex-plugin.allow_from (did you mean "
            "server.routes.taskrouter.allow_from?)"},
        {"server: { routes: { survey: { basic_auth: \"a:b\" } } }\n",
            "unknown key: c.yaml:1:31: server.routes.survey.basic_auth (did you mean "
            "server.routes.taskrouter.basic_auth?)"},
        {"server: { routes: { taskruter: { public_url: [] } } }\n",
            "unknown key: c.yaml:1:21: server.routes.taskruter (did you mean "
            "server.routes.taskrouter?)"},
    };

    (void)state;
    expect_refusals(refusals, LENGTH(refusals));
}

static void
takes_so_many_public_urls_and_no_more(void **state)
{
    AUTO(buffer_done) struct buffer text = {.max = 4096};

    (void)state;
    assert_int_equal(unsetenv("FLEXBREVO_PUBLIC_URL"), 0);
    buffer_add_text(&text, "server: { public_url: [");
    for (int i = 0; i < CONFIG_PUBLIC_URLS_MAX; i++) {
        buffer_addf(&text, "\"https://h%d.example\", ", i);
    }
    const size_t size = text.size;

    buffer_add_text(&text, "] }\n");
    AUTO(config_done) struct config config = load(text.data);

    assert_int_equal(config.public_urls.count, CONFIG_PUBLIC_URLS_MAX);
    text.size = size;
    buffer_add_text(&text, "\"https://more.example\"] }\n");
    expect_refusal(CONFIG_FOR_RUN, text.data,
        "too many values: c.yaml:1:200: server.public_url (remove some)");
}

static void
needs_a_public_url(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("FLEXBREVO_PUBLIC_URL"), 0);
    expect_refusal(CONFIG_FOR_SERVE,
        "server: { public_url: [] }\nredis: { url: \"unix:///r\" }\n",
        "serve needs server.public_url: c.yaml (set FLEXBREVO_PUBLIC_URL to what Twilio "
        "calls, like https://hooks.example.com)");
}

static void
prints_what_it_would_read_again_and_no_password(void **state)
{
    static char first[OUTPUT_SIZE];
    FILE *out = fmemopen(first, sizeof(first), "w");

    (void)state;
    set_variable("FLEXBREVO_PUBLIC_URL", "https://a.example,https://b.example");
    AUTO(config_done)
    struct config config = load("server: { routes: { taskrouter: { "
                                "public_url: \"https://t.example\", "
                                "allow_from: [10.0.0.1], "
                                "basic_auth: \"hidden-user:hidden-password\" } } }\n");

    assert_non_null(out);
    config_print(&config, out);
    assert_int_equal(fclose(out), 0);
    assert_null(strstr(first, "hidden"));
    assert_non_null(strstr(
        first, "\n  public_url: [\"https://a.example\", \"https://b.example\"]\n"));
    assert_non_null(strstr(first, "\n  routes:\n    flex-plugin:\n      public_url: []\n"
                                  "    taskrouter:\n"
                                  "      public_url: \"https://t.example\"\n"
                                  "      allow_from: [\"10.0.0.1\"]\n"
                                  "      basic_auth: \"****\"\n"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(takes_one_public_url_or_several, set_environment),
        cmocka_unit_test_setup(
            takes_several_public_urls_from_the_environment, set_environment),
        cmocka_unit_test_setup(
            gives_a_route_what_is_its_own_and_else_the_general, set_environment),
        cmocka_unit_test_setup(refuses_what_would_not_do_what_it_says, set_environment),
        cmocka_unit_test_setup(takes_so_many_public_urls_and_no_more, set_environment),
        cmocka_unit_test_setup(needs_a_public_url, set_environment),
        cmocka_unit_test_setup(
            prints_what_it_would_read_again_and_no_password, set_environment),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
