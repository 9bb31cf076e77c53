/*
 * fuzz_forwarded.c - whatever forwarded headers hold, a URL of theirs is a scheme and a host.
 *
 * The input's first line is X-Forwarded-Host, the second X-Forwarded-Port, the rest Forwarded; all
 * of it is X-Forwarded-For as well.
 */
#include <string.h>

#include "server/proof/forwarded.h"
#include "server/proof/origin.h"
#include "tests/fuzz/fuzz.h"

enum {
    URL_MAX = 1024,
};

static const char host_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]";

static void
check_url(bool is_good, const struct buffer *url)
{
    const struct slice text = buffer_slice(url);

    fuzz_check(!url->failed, "it fits");
    fuzz_check(is_good == (text.size > 0), "nothing is written unless it is good");
    if (!is_good) {
        return;
    }
    const size_t scheme = slice_starts(text, "https://") ? 8 : 7;

    fuzz_check(
        slice_starts(text, "https://") || slice_starts(text, "http://"), "a scheme");
    fuzz_check(text.size > scheme, "a host");
    for (size_t i = scheme; i < text.size; i++) {
        fuzz_check(text.data[i] != '\0' && strchr(host_characters, text.data[i]) != NULL,
            "a host and a port, and nothing that could start a path or a user");
    }
}

static void
check_forwarded(struct slice input)
{
    AUTO(buffer_done) struct buffer x_url = {.max = URL_MAX};
    AUTO(buffer_done) struct buffer url = {.max = URL_MAX};
    const struct slice host = slice_before(input, '\n');
    const struct slice rest =
        slice_skip(input, host.size < input.size ? host.size + 1 : host.size);
    const struct slice port = slice_before(rest, '\n');
    const struct forwarded forwarded = {
        .proto = slice_of("https"),
        .host = host,
        .port = port,
        .line = slice_skip(rest, port.size < rest.size ? port.size + 1 : port.size),
    };

    check_url(forwarded_add_x(&forwarded, &x_url), &x_url);
    check_url(forwarded_add_rfc7239(&forwarded, &url), &url);
}

static void
check_client(struct slice input)
{
    static char loopback[] = "127.0.0.0/8";
    static char anybody[] = "0.0.0.0/0";
    static const struct config_texts trusted = {.items = {loopback}, .count = 1};
    static const struct config_texts everybody = {.items = {anybody}, .count = 1};
    const struct origin_source source = {
        .peer = {.ss_family = AF_UNIX}, .lines = {input}, .line_count = 1};
    struct origin origin;
    struct in6_addr client;

    fuzz_check(origin_init(&trusted, &origin) == 0, "networks are good");
    if (origin_client(&origin, &source, &client)) {
        fuzz_check(!networks_contain(&origin.trusted, &client), "a proxy is no client");
    } else {
        fuzz_check(!origin_is_twilio(&origin, &source), "nobody is not Twilio");
    }
    fuzz_check(origin_init(&everybody, &origin) == 0, "networks are good");
    if (origin_client(&origin, &source, &client)) {
        fuzz_check(!IN6_IS_ADDR_V4MAPPED(&client), "of IPv6, if all of IPv4 is trusted");
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice input = {.data = (const char *)data, .size = size};

    check_forwarded(input);
    check_client(input);
    return 0;
}
