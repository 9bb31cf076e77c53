/*
 * test_listen_address.c - what is an address to listen on, for the configuration and the listener.
 */
#include <string.h>

#include "server/net/listen_address.h"
#include "tests/unit/unit.h"

static void
assert_text(struct slice value, const char *expected)
{
    if (!slice_is(value, expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", (int)value.size, value.data, expected);
    }
}

static void
reads_host_and_port(void **state)
{
    static const struct {
        const char *text;
        const char *host;
        const char *port;
    } cases[] = {
        {"127.0.0.1:8080", "127.0.0.1", "8080"},
        {"[::1]:0", "::1", "0"},
        {"[2001:db8::7]:65535", "2001:db8::7", "65535"},
        {":80", "", "80"},
        {"my_host.example.com:80", "my_host.example.com", "80"},
        {"systemd.example.com:80", "systemd.example.com", "80"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct listen_address address = {0};

        assert_true(listen_address_parse(slice_of(cases[i].text), &address));
        assert_int_equal(address.kind, LISTEN_INET);
        assert_text(address.inet.host, cases[i].host);
        assert_text(address.inet.port, cases[i].port);
    }
}

static void
reads_a_path_and_a_name(void **state)
{
    struct listen_address address = {0};

    (void)state;
    assert_true(listen_address_parse(slice_of("unix:/run/a:b.sock"), &address));
    assert_int_equal(address.kind, LISTEN_UNIX);
    assert_text(address.path, "/run/a:b.sock");
    assert_true(listen_address_parse(slice_of("systemd"), &address));
    assert_int_equal(address.kind, LISTEN_SYSTEMD);
    assert_int_equal(address.name.size, 0);
    assert_true(listen_address_parse(slice_of("systemd:web.socket"), &address));
    assert_int_equal(address.kind, LISTEN_SYSTEMD);
    assert_text(address.name, "web.socket");
}

static void
refuses_what_is_no_address_and_says_nothing_of_it(void **state)
{
    static const char *const texts[] = {"", "8080", "127.0.0.1",
        "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:+1",
        "::1:80", "[::1]", "[::1]80", "[::x]:80", "[]:80", "[127.0.0.1]:80", "a b:80",
        "a/b:80", "unix:", "unix:relative", "unix:/with blank", "systemd:", "systemd:a:b",
        "systemd:a b", "systemdx"};

    (void)state;
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct listen_address address = {.kind = LISTEN_SYSTEMD};

        if (listen_address_parse(slice_of(texts[i]), &address)) {
            fail_msg("accepted: %s", texts[i]);
        }
        assert_int_equal(address.kind, LISTEN_SYSTEMD);
    }
}

static void
takes_paths_and_names_up_to_what_the_system_takes(void **state)
{
    static const struct {
        const char *prefix;
        size_t size; /* of the longest text */
    } cases[] = {
        {"unix:/", sizeof("unix:") - 1 + LISTEN_PATH_SIZE - 1},
        {"systemd:", sizeof("systemd:") - 1 + LISTEN_NAME_MAX},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char text[LISTEN_NAME_MAX * 2] = "";
        struct listen_address address;

        memset(text, 'x', cases[i].size + 1);
        memcpy(text, cases[i].prefix, strlen(cases[i].prefix));
        assert_true(listen_address_parse((struct slice){text, cases[i].size}, &address));
        assert_false(
            listen_address_parse((struct slice){text, cases[i].size + 1}, &address));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_host_and_port),
        cmocka_unit_test(reads_a_path_and_a_name),
        cmocka_unit_test(refuses_what_is_no_address_and_says_nothing_of_it),
        cmocka_unit_test(takes_paths_and_names_up_to_what_the_system_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
