/*
 * test_forwarded.c - which words of a proxy name a URL, and which say nothing.
 */
#include <string.h>

#include "server/proof/forwarded.h"
#include "tests/unit/unit.h"

enum {
    URL_MAX = 1024,
};

static void
check(bool is_good, const char *expected, const struct buffer *url, const char *what)
{
    if (is_good != (expected != NULL)) {
        fail_msg("%s", what);
    }
    assert_string_equal(url->size > 0 ? url->data : "", expected != NULL ? expected : "");
}

static void
makes_a_url_of_x_forwarded_headers(void **state)
{
    static const struct {
        const char *proto;
        const char *host;
        const char *port;
        const char *url; /* NULL: says nothing */
    } cases[] = {
        {"https", "a.example", NULL, "https://a.example"},
        {"HTTPS", "A.example", NULL, "https://A.example"},
        {"http", "a.example:8080", NULL, "http://a.example:8080"},
        {"https", "a.example", "8443", "https://a.example:8443"},
        {"https", "a.example:1", "8443", "https://a.example:1"},
        {"https", "[2001:db8::1]", "443", "https://[2001:db8::1]:443"},
        {"https", "[2001:db8::1]:9", NULL, "https://[2001:db8::1]:9"},
        {"http, https", "evil.example, a.example", "1, 8443", "https://a.example:8443"},
        {" https ", "\ta.example ", NULL, "https://a.example"},
        {NULL, "a.example", NULL, NULL},
        {"https", NULL, NULL, NULL},
        {"https", "", NULL, NULL},
        {"https", "a.example,", NULL, NULL},
        {"https,", "a.example", NULL, NULL},
        {"https", "a.example", "8443,", NULL},
        {"https", "a.example", "x", NULL},
        {"https", "a.example", "0", NULL},
        {"https", "a.example", "65536", NULL},
        {"https", "a.example", "+443", NULL},
        {"ftp", "a.example", NULL, NULL},
        {"https://", "a.example", NULL, NULL},
        {"https", "a.example/path", NULL, NULL},
        {"https", "a.example?q", NULL, NULL},
        {"https", "u:p@a.example", NULL, NULL},
        {"https", "a.example:", NULL, NULL},
        {"https", "a.example:x", NULL, NULL},
        {"https", "a.example:1:2", NULL, NULL},
        {"https", "a example", NULL, NULL},
        {"https", "a.ex\xc3\xa4mple", NULL, NULL},
        {"https", ":443", NULL, NULL},
        {"https", "[", NULL, NULL},
        {"https", "[]", NULL, NULL},
        {"https", "[::1", NULL, NULL},
        {"https", "[::1]x", NULL, NULL},
        {"https", "[a.example]", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(buffer_done) struct buffer url = {.max = URL_MAX};
        const struct forwarded forwarded = {.proto = slice_of(cases[i].proto),
            .host = slice_of(cases[i].host),
            .port = slice_of(cases[i].port)};

        check(forwarded_add_x(&forwarded, &url), cases[i].url, &url,
            cases[i].host != NULL ? cases[i].host : "no host");
    }
}

static void
makes_a_url_of_the_last_hop_of_forwarded(void **state)
{
    static const struct {
        const char *line;
        const char *url;
    } cases[] = {
        {"proto=https;host=a.example", "https://a.example"},
        {"for=192.0.2.1;proto=http;host=a.example;by=_x", "http://a.example"},
        {"Host=a.example; PROTO=https", "https://a.example"},
        {"host=\"a.example:8443\";proto=\"https\"", "https://a.example:8443"},
        {"host=\"[2001:db8::1]:8443\";proto=https", "https://[2001:db8::1]:8443"},
        {"host=evil.example;proto=http, host=a.example;proto=https", "https://a.example"},
        {"for=\"[2001:db8::1]:47011\" , for=\"a;b,c\";proto=https;host=a.example",
            "https://a.example"},
        {"host=a.example;proto=https, for=10.0.0.7", NULL},
        {"host=a.example", NULL},
        {"proto=https", NULL},
        {"", NULL},
        {" ", NULL},
        {",", NULL},
        {";", NULL},
        {"host=a.example;proto=https,", NULL},
        {"host=a.example;proto=https;", NULL},
        {"host=a.example;;proto=https", NULL},
        {"=a.example;proto=https", NULL},
        {"host;proto=https", NULL},
        {"host=;proto=https", NULL},
        {"host =a.example;proto=https", NULL},
        {"host= a.example;proto=https", NULL},
        {"host=a.example;host=b.example;proto=https", NULL},
        {"host=\"\";host=b.example;proto=https", NULL},
        {"host=\"a.example;proto=https", NULL},
        {"host=\"a\\.example\";proto=https", NULL},
        {"host=a.example:8443;proto=https", NULL}, /* a colon needs quotes */
        {"host=\"a.example/x\";proto=https", NULL},
        {"host=a.example proto=https", NULL},
        {"host=a.example;proto=gopher", NULL},
        {"for=\"x\"y;host=a.example;proto=https", NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(buffer_done) struct buffer url = {.max = URL_MAX};
        const struct forwarded forwarded = {.line = slice_of(cases[i].line)};

        check(forwarded_add_rfc7239(&forwarded, &url), cases[i].url, &url, cases[i].line);
    }
}

static void
keeps_to_its_limits(void **state)
{
    AUTO(buffer_done) struct buffer url = {.max = URL_MAX};
    AUTO(buffer_done) struct buffer text = {.max = 2 * (size_t)FORWARDED_LINE_MAX};
    struct forwarded forwarded = {.proto = slice_of("https")};

    (void)state;
    for (size_t i = 0; i < FORWARDED_HOST_MAX; i++) {
        buffer_add_text(&text, "a");
    }
    forwarded.host = buffer_slice(&text);
    assert_true(forwarded_add_x(&forwarded, &url));
    buffer_add_text(&text, "a");
    forwarded.host = buffer_slice(&text);
    assert_false(forwarded_add_x(&forwarded, &url));

    buffer_clear(&text);
    while (text.size < FORWARDED_LINE_MAX) {
        buffer_add_text(&text, "for=x,");
    }
    buffer_add_text(&text, "proto=https;host=a.example");
    forwarded.line = buffer_slice(&text);
    assert_false(forwarded_add_rfc7239(&forwarded, &url));
}

static void
stops_at_a_nul(void **state)
{
    AUTO(buffer_done) struct buffer url = {.max = URL_MAX};
    static const char host[] = "a.example\0.evil";
    static const char line[] = "proto=https;host=a\0b";
    const struct forwarded forwarded = {.proto = slice_of("https"),
        .host = {host, sizeof(host) - 1},
        .line = {line, sizeof(line) - 1}};

    (void)state;
    assert_false(forwarded_add_x(&forwarded, &url));
    assert_false(forwarded_add_rfc7239(&forwarded, &url));
    assert_int_equal(url.size, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_a_url_of_x_forwarded_headers),
        cmocka_unit_test(makes_a_url_of_the_last_hop_of_forwarded),
        cmocka_unit_test(keeps_to_its_limits),
        cmocka_unit_test(stops_at_a_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
