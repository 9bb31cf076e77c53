/*
 * test_origin.c - who is believed to be Twilio, and by whose word.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "server/proof/origin.h"
#include "tests/unit/unit.h"

enum {
    LINES_MAX = 3,
    LONG_SIZE = 1024,
};

#define PROXY "10.0.0.7"
#define TWILIO "35.90.102.130"

static char ten[] = "10.0.0.0/8";
static char private_v6[] = "fd00::/8";
static char loopback[] = "127.0.0.1";
static char name[] = "proxy.example.com";
static const struct config_texts proxies = {
    .items = {ten, private_v6, loopback}, .count = 3};

static struct sockaddr_storage
peer_of(const char *text)
{
    struct sockaddr_storage peer = {.ss_family = AF_INET};

    if (text[0] == '/') {
        peer.ss_family = AF_UNIX;
        return peer;
    }
    if (strchr(text, ':') == NULL) {
        assert_int_equal(
            inet_pton(AF_INET, text, &((struct sockaddr_in *)&peer)->sin_addr), 1);
        return peer;
    }
    peer.ss_family = AF_INET6;
    assert_int_equal(
        inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&peer)->sin6_addr), 1);
    return peer;
}

/* `lines` end with NULL. */
static struct origin_source
source_of(const char *peer_text, const char *const *lines)
{
    struct origin_source source = {.peer = peer_of(peer_text)};

    while (lines[source.line_count] != NULL) {
        source.lines[source.line_count] = slice_of(lines[source.line_count]);
        source.line_count++;
    }
    return source;
}

static bool
ask(const struct config_texts *trusted, const char *peer_text, const char *const *lines)
{
    const struct origin_source source = source_of(peer_text, lines);
    struct origin origin;

    assert_int_equal(origin_init(trusted, &origin), 0);
    return origin_is_twilio(&origin, &source);
}

/* "" when it cannot be told. */
static void
check_client(const char *peer_text, const char *line, const char *expected)
{
    const char *const lines[] = {line, NULL};
    const struct origin_source source = source_of(peer_text, lines);
    struct in6_addr client;
    struct in6_addr expected_client;
    struct origin origin;

    assert_int_equal(origin_init(&proxies, &origin), 0);
    const bool is_clear = origin_client(&origin, &source, &client);

    if (is_clear != (expected[0] != '\0')) {
        fail_msg("%s by %s", line, peer_text);
    }
    if (is_clear) {
        assert_true(network_parse_address(slice_of(expected), &expected_client));
        assert_memory_equal(&client, &expected_client, sizeof(client));
    }
}

static void
check_line(const char *peer, const char *line, bool is_twilio)
{
    const char *const lines[] = {line, NULL};

    if (ask(&proxies, peer, lines) != is_twilio) {
        fail_msg("%s by %s", line, peer);
    }
}

static void
knows_the_ranges_twilio_has_published(void **state)
{
    static const struct {
        const char *address;
        bool is_twilio;
    } cases[] = {
        {"35.90.102.127", false},
        {"35.90.102.128", true},
        {"35.90.102.255", true},
        {"35.90.103.0", false},
        {"3.80.19.255", false},
        {"3.80.20.0", true},
        {"3.80.20.127", true},
        {"3.80.20.128", false},
        {"3.251.214.31", false},
        {"3.251.214.32", true},
        {"3.251.214.63", true},
        {"3.251.214.64", false},
        {"3.26.81.95", false},
        {"3.26.81.96", true},
        {"3.26.81.127", true},
        {"3.26.81.128", false},
        {"::ffff:35.90.102.130", true},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        check_line(PROXY, cases[i].address, cases[i].is_twilio);
    }
}

static void
believes_only_a_trusted_proxy(void **state)
{
    (void)state;
    check_line(PROXY, TWILIO, true);
    check_line("::ffff:10.0.0.7", TWILIO, true);
    check_line("fd00::7", TWILIO, true);
    check_line("127.0.0.1", TWILIO, true);
    check_line("/run/proxy", TWILIO, true);
    check_line("127.0.0.2", TWILIO, false);
    check_line("192.0.2.1", TWILIO, false);
    check_line("2001:db8::1", TWILIO, false);
    check_line(TWILIO, TWILIO, false); /* the peer itself is no proxy of ours */
}

static void
believes_nobody_on_the_network_without_trusted_proxies(void **state)
{
    static const struct config_texts none = {.count = 0};
    static const char *const lines[] = {TWILIO, NULL};

    (void)state;
    assert_false(ask(&none, PROXY, lines));
    assert_false(ask(&none, "127.0.0.1", lines));
    assert_true(ask(&none, "/run/proxy", lines));
}

static void
takes_the_right_most_address_that_is_no_proxy(void **state)
{
    (void)state;
    check_line(PROXY, "192.0.2.1, " TWILIO, true);
    check_line(PROXY, TWILIO ", 192.0.2.1", false);
    check_line(PROXY, TWILIO ", 10.1.1.1, fd00::2", true);
    check_line(PROXY, TWILIO ", 192.0.2.1, 10.1.1.1", false);
    check_line(PROXY, "unknown, " TWILIO, true);
    check_line(PROXY, "10.1.1.1, 10.1.1.2", false);
}

static void
reads_addresses_with_ports_and_brackets(void **state)
{
    (void)state;
    check_line(PROXY, "\t" TWILIO ":443 ", true);
    check_line(PROXY, "[::ffff:" TWILIO "]", true);
    check_line(PROXY, "[::ffff:" TWILIO "]:65535", true);
    check_line(PROXY, TWILIO ",[fd00::2]:8080,10.1.1.1:1", true);
}

static void
takes_nothing_unclear_for_twilio(void **state)
{
    static const char *const lines[] = {"", " ", ",", TWILIO ",", TWILIO ", ,10.1.1.1",
        TWILIO ", unknown", TWILIO ", _hidden", TWILIO ":", TWILIO ":x", TWILIO ":123456",
        TWILIO ":80:80", "[" TWILIO "]", "[::ffff:" TWILIO, "[::ffff:" TWILIO "]x",
        "[::ffff:" TWILIO "]:", "[]", "[", "::ffff:" TWILIO "]", TWILIO "/32",
        "\"" TWILIO "\"", "035.90.102.130", TWILIO " " TWILIO};

    (void)state;
    for (size_t i = 0; i < LENGTH(lines); i++) {
        check_line(PROXY, lines[i], false);
    }
}

static void
reads_several_headers_as_one_list(void **state)
{
    static const struct {
        const char *lines[LINES_MAX + 1];
        bool is_twilio;
    } cases[] = {
        {{NULL}, false},
        {{"192.0.2.1", TWILIO, NULL}, true},
        {{TWILIO, "192.0.2.1", NULL}, false},
        {{"192.0.2.1, " TWILIO, "10.1.1.1", NULL}, true},
        {{TWILIO, "10.1.1.1, 192.0.2.1", "10.1.1.2", NULL}, false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_int_equal(ask(&proxies, PROXY, cases[i].lines), cases[i].is_twilio);
    }
}

static void
looks_at_so_many_addresses_and_no_more(void **state)
{
    AUTO(buffer_done) struct buffer line = {.max = LONG_SIZE};

    (void)state;
    buffer_add_text(&line, TWILIO);
    for (size_t i = 1; i < ORIGIN_HOPS_MAX; i++) {
        buffer_add_text(&line, ",10.1.1.1");
    }
    assert_false(line.failed);
    check_line(PROXY, line.data, true);
    buffer_add_text(&line, ",10.1.1.1");
    check_line(PROXY, line.data, false);
}

static void
refuses_a_proxy_that_is_no_address(void **state)
{
    static const struct config_texts wrong = {.items = {name, ten}, .count = 2};
    struct origin origin;

    (void)state;
    assert_int_equal(origin_init(&wrong, &origin), -EINVAL);
}

static void
tells_the_client_by_its_peer_or_by_a_trusted_proxys_word(void **state)
{
    static const struct {
        const char *peer;
        const char *line;
        const char *client; /* "": unclear */
    } cases[] = {
        {"192.0.2.1", NULL, "192.0.2.1"},
        {"192.0.2.1", TWILIO, "192.0.2.1"}, /* a stranger's word is nothing */
        {"::ffff:192.0.2.1", NULL, "192.0.2.1"},
        {"2001:db8::1", "10.1.1.1", "2001:db8::1"},
        {PROXY, "192.0.2.1", "192.0.2.1"},
        {PROXY, "198.51.100.9, 192.0.2.1", "192.0.2.1"},
        {PROXY, "198.51.100.9, 192.0.2.1, 10.1.1.1", "192.0.2.1"},
        {PROXY, "unknown, [2001:db8::1]:443", "2001:db8::1"},
        {"/run/proxy", "192.0.2.1", "192.0.2.1"},
        {PROXY, NULL, ""},
        {PROXY, "", ""},
        {PROXY, "10.1.1.1", ""},
        {PROXY, "192.0.2.1, unknown", ""},
        {PROXY, "192.0.2.1, unknown, 10.1.1.1", ""},
        {PROXY, "192.0.2.1,", ""},
        {"/run/proxy", NULL, ""},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        check_client(cases[i].peer, cases[i].line, cases[i].client);
    }
}

static void
finds_an_address_in_the_networks_it_is_in(void **state)
{
    static const struct config_texts some = {.items = {ten, private_v6}, .count = 2};
    static const struct config_texts none = {.count = 0};
    struct networks networks;
    struct in6_addr address;

    (void)state;
    assert_int_equal(networks_init(&some, &networks), 0);
    assert_true(network_parse_address(slice_of("10.200.0.1"), &address));
    assert_true(networks_contain(&networks, &address));
    assert_true(network_parse_address(slice_of("11.0.0.1"), &address));
    assert_false(networks_contain(&networks, &address));
    assert_int_equal(networks_init(&none, &networks), 0);
    assert_false(networks_contain(&networks, &address));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_ranges_twilio_has_published),
        cmocka_unit_test(believes_only_a_trusted_proxy),
        cmocka_unit_test(believes_nobody_on_the_network_without_trusted_proxies),
        cmocka_unit_test(takes_the_right_most_address_that_is_no_proxy),
        cmocka_unit_test(reads_addresses_with_ports_and_brackets),
        cmocka_unit_test(takes_nothing_unclear_for_twilio),
        cmocka_unit_test(reads_several_headers_as_one_list),
        cmocka_unit_test(looks_at_so_many_addresses_and_no_more),
        cmocka_unit_test(refuses_a_proxy_that_is_no_address),
        cmocka_unit_test(tells_the_client_by_its_peer_or_by_a_trusted_proxys_word),
        cmocka_unit_test(finds_an_address_in_the_networks_it_is_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
