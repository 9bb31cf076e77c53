/*
 * test_proof_url.c - which URLs are tried for a request, and in which order.
 */
#include <string.h>

#include "server/proof/proof_url.h"
#include "tests/unit/unit.h"

enum {
    LIST_MAX = 256 * 1024,
};

#define TARGET "/webhooks/taskrouter?a=1"

static char first[] = "https://a.example";
static char second[] = "http://b.example:8080/in";
static char user_password[] = "us er:p@ss:w/d";

/* One on each line. */
static void
list(const struct proof_url_input *input, struct proof_urls *urls, struct buffer *text)
{
    assert_int_equal(proof_urls_make(input, urls), 0);
    buffer_clear(text);
    for (size_t i = 0; i < urls->count; i++) {
        buffer_add_slice(text, urls->items[i]);
        buffer_add_text(text, "\n");
    }
    assert_false(text->failed);
}

static void
tries_the_configured_ones_in_their_order(void **state)
{
    const struct config config = {.public_urls = {.items = {first, second}, .count = 2}};
    const struct proof_url_input input = {
        .config = &config, .source = SOURCE_TASKROUTER, .target = slice_of(TARGET)};
    AUTO(proof_urls_done) struct proof_urls urls;
    AUTO(buffer_done) struct buffer text = {.max = LIST_MAX};

    (void)state;
    proof_urls_init(&urls);
    list(&input, &urls, &text);
    assert_string_equal(
        text.data, "https://a.example" TARGET "\nhttp://b.example:8080/in" TARGET "\n");
}

static void
takes_a_routes_own_instead(void **state)
{
    struct config config = {.public_urls = {.items = {first}, .count = 1}};
    struct proof_url_input input = {
        .config = &config, .source = SOURCE_SURVEY, .target = slice_of("/x")};
    AUTO(proof_urls_done) struct proof_urls urls;
    AUTO(buffer_done) struct buffer text = {.max = LIST_MAX};

    (void)state;
    config.routes[SOURCE_SURVEY].public_urls.items[0] = second;
    config.routes[SOURCE_SURVEY].public_urls.count = 1;
    proof_urls_init(&urls);
    list(&input, &urls, &text);
    assert_string_equal(text.data, "http://b.example:8080/in/x\n");
    input.source = SOURCE_TASKROUTER;
    list(&input, &urls, &text);
    assert_string_equal(text.data, "https://a.example/x\n");
}

static void
adds_what_a_trusted_proxy_says_once(void **state)
{
    const struct config config = {.public_urls = {.items = {first}, .count = 1}};
    const struct {
        struct forwarded forwarded;
        const char *urls;
    } cases[] = {
        {{.proto = slice_of("https"), .host = slice_of("a.example")},
            "https://a.example/x\n"},
        {{.proto = slice_of("https"), .host = slice_of("c.example")},
            "https://a.example/x\nhttps://c.example/x\n"},
        {{.proto = slice_of("https"),
             .host = slice_of("c.example"),
             .line = slice_of("host=c.example;proto=https")},
            "https://a.example/x\nhttps://c.example/x\n"},
        {{.proto = slice_of("https"),
             .host = slice_of("c.example"),
             .line = slice_of("host=d.example;proto=https")},
            "https://a.example/x\nhttps://c.example/x\nhttps://d.example/x\n"},
        {{.host = slice_of("c.example"), .line = slice_of("nonsense")},
            "https://a.example/x\n"},
    };
    AUTO(proof_urls_done) struct proof_urls urls;
    AUTO(buffer_done) struct buffer text = {.max = LIST_MAX};

    (void)state;
    proof_urls_init(&urls);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct proof_url_input input = {.config = &config,
            .source = SOURCE_MESSAGING,
            .target = slice_of("/x"),
            .forwarded = &cases[i].forwarded};

        list(&input, &urls, &text);
        assert_string_equal(text.data, cases[i].urls);
    }
}

static void
puts_basic_auth_into_the_url_as_it_is_written_there(void **state)
{
    const struct config config = {.public_urls = {.items = {first}, .count = 1}};
    const struct proof_url_input input = {.config = &config,
        .source = SOURCE_EVENT_STREAMS,
        .basic_auth = user_password,
        .target = slice_of("/x")};
    AUTO(proof_urls_done) struct proof_urls urls;
    AUTO(buffer_done) struct buffer text = {.max = LIST_MAX};

    (void)state;
    proof_urls_init(&urls);
    list(&input, &urls, &text);
    assert_string_equal(text.data, "https://us%20er:p%40ss%3Aw%2Fd@a.example/x\n");
}

static void
drops_a_proxys_word_rather_than_a_request_that_is_too_long_with_it(void **state)
{
    const struct config config = {.public_urls = {.items = {first}, .count = 1}};
    const struct forwarded forwarded = {
        .proto = slice_of("https"), .host = slice_of("longer.example")};
    AUTO(proof_urls_done) struct proof_urls urls;
    AUTO(buffer_done) struct buffer target = {.max = 2 * (size_t)VERIFY_URL_MAX};
    struct proof_url_input input = {
        .config = &config, .source = SOURCE_TASKROUTER, .forwarded = &forwarded};

    (void)state;
    proof_urls_init(&urls);
    while (target.size < VERIFY_URL_MAX - strlen(first)) {
        buffer_add_text(&target, "/");
    }
    input.target = buffer_slice(&target);
    assert_int_equal(proof_urls_make(&input, &urls), 0);
    assert_int_equal(urls.count, 1);
    buffer_add_text(&target, "/");
    input.target = buffer_slice(&target);
    assert_int_equal(proof_urls_make(&input, &urls), VERIFY_E_TOO_LONG);
    while (target.size <= VERIFY_URL_MAX) {
        buffer_add_text(&target, "/");
    }
    input.target = buffer_slice(&target);
    assert_int_equal(proof_urls_make(&input, &urls), VERIFY_E_TOO_LONG);
}

/* The configuration's own maximum and both headers fit. */
static void
has_room_for_all_there_can_be(void **state)
{
    static char bases[CONFIG_PUBLIC_URLS_MAX][sizeof(first)];
    struct config config = {.public_urls = {.count = CONFIG_PUBLIC_URLS_MAX}};
    const struct forwarded forwarded = {.proto = slice_of("https"),
        .host = slice_of("c.example"),
        .line = slice_of("host=d.example;proto=https")};
    const struct proof_url_input input = {.config = &config,
        .source = SOURCE_TASKROUTER,
        .target = slice_of("/x"),
        .forwarded = &forwarded};
    AUTO(proof_urls_done) struct proof_urls urls;

    (void)state;
    for (size_t i = 0; i < CONFIG_PUBLIC_URLS_MAX; i++) {
        memcpy(bases[i], first, sizeof(first));
        bases[i][strlen("https://")] = (char)('k' + i);
        config.public_urls.items[i] = bases[i];
    }
    proof_urls_init(&urls);
    assert_int_equal(proof_urls_make(&input, &urls), 0);
    assert_int_equal(urls.count, PROOF_URLS_MAX);
    assert_int_equal(urls.count, VERIFY_URLS_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tries_the_configured_ones_in_their_order),
        cmocka_unit_test(takes_a_routes_own_instead),
        cmocka_unit_test(adds_what_a_trusted_proxy_says_once),
        cmocka_unit_test(puts_basic_auth_into_the_url_as_it_is_written_there),
        cmocka_unit_test(
            drops_a_proxys_word_rather_than_a_request_that_is_too_long_with_it),
        cmocka_unit_test(has_room_for_all_there_can_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
