/*
 * shape_url.c - what URLs of the configuration must look like.
 */
#include <stdio.h>
#include <string.h>

#include "server/config/shape.h"
#include "server/net/authority.h"

#define BREVO_HOST "brevo.com"
#define BREVO_PATH "/v3"
#define WEBHOOKS "/webhooks"

/* "host[:port]" between the scheme of a web URL and its path; absent when it is no such URL. */
static struct slice
url_authority(const char *url)
{
    struct slice rest = slice_of(url);

    if (slice_starts(rest, "https://")) {
        rest = slice_skip(rest, strlen("https://"));
    } else if (slice_starts(rest, "http://")) {
        rest = slice_skip(rest, strlen("http://"));
    } else {
        return (struct slice){0};
    }
    return (struct slice){rest.data, strcspn(rest.data, "/")};
}

static bool
is_authority(struct slice text)
{
    struct authority authority;

    return authority_parse(text, &authority) && authority.host.size > 0;
}

static bool
is_url(const char *text)
{
    return shape_is_printable(text) && strpbrk(text, "?#@\\\"<>") == NULL &&
           is_authority(url_authority(text));
}

struct slice
shape_url_host(const char *url)
{
    struct authority authority = {0};

    return authority_parse(url_authority(url), &authority) ? authority.host
                                                           : (struct slice){0};
}

/* As browsers write it, who compare letter by letter: small letters, no default port, no path. */
static bool
is_origin(const char *text)
{
    const struct slice all = url_authority(text);
    struct authority authority;

    if (!is_url(text) || !authority_parse(all, &authority) || all.data == NULL ||
        all.data[all.size] != '\0') {
        return false;
    }
    for (size_t i = 0; i < authority.host.size; i++) {
        if (authority.host.data[i] >= 'A' && authority.host.data[i] <= 'Z') {
            return false;
        }
    }
    return !slice_is(
        authority.port, slice_starts(slice_of(text), "https://") ? "443" : "80");
}

/* Of a URL, without the slashes it ends with: those are not kept. */
static struct slice
url_path(const char *url)
{
    const struct slice authority = url_authority(url);
    struct slice path = slice_of(authority.data + authority.size);

    while (path.size > 0 && path.data[path.size - 1] == '/') {
        path.size--;
    }
    return path;
}

/* Nothing more, or what a path of ours goes on with. */
static bool
ends_webhooks(struct slice behind)
{
    static const char *const called[] = {
        "taskrouter", "event-streams", "flex", "conversations", "messaging"};
    bool is_called = false;

    if (!slice_starts(behind, "/")) {
        return behind.size == 0;
    }
    for (size_t i = 0; i < LENGTH(called); i++) {
        is_called |= slice_is(slice_before(slice_skip(behind, 1), '/'), called[i]);
    }
    return is_called;
}

/*
 * The path of a webhook is added to a public URL: twice, no signature would be right. But a gateway
 * may have a place for us below a path of that name.
 */
static bool
has_webhooks_path(const char *url)
{
    bool has_path = false;

    for (struct slice rest = url_path(url); rest.size > 0 && !has_path;
         rest = slice_skip(rest, 1)) {
        has_path = slice_starts(rest, WEBHOOKS) &&
                   ends_webhooks(slice_skip(rest, strlen(WEBHOOKS)));
    }
    return has_path;
}

static bool
is_public_url(const char *text)
{
    return is_url(text) && !has_webhooks_path(text);
}

bool
shape_explain_public_url(const char *text, char ret_remedy[CONFIG_KEY_MAX])
{
    if (!is_url(text)) {
        return false;
    }
    (void)snprintf(ret_remedy, CONFIG_KEY_MAX,
        "leave out " WEBHOOKS " and what follows: each webhook's path is added");
    return true;
}

static bool
is_brevo_host(struct slice host)
{
    const size_t size = strlen(BREVO_HOST);

    return host.size >= size &&
           slice_is_nocase(slice_skip(host, host.size - size), BREVO_HOST) &&
           (host.size == size || host.data[host.size - size - 1] == '.');
}

/* The key is not for whoever listens. Elsewhere, a sandbox or a proxy, any URL may be right. */
static bool
is_brevo_url(const char *text)
{
    if (!is_url(text) || !is_brevo_host(shape_url_host(text))) {
        return is_url(text);
    }
    return slice_starts(slice_of(text), "https://") &&
           slice_is(url_path(text), BREVO_PATH);
}

bool
shape_explain_brevo_url(const char *text, char ret_remedy[CONFIG_KEY_MAX])
{
    if (!is_url(text)) {
        return false;
    }
    (void)snprintf(
        ret_remedy, CONFIG_KEY_MAX, "write https://api." BREVO_HOST BREVO_PATH);
    return true;
}

#define EXPECTED \
    "http:// or https://, a host, perhaps a port and a path; no user, query or fragment"

const struct option_shape shape_url = {"a usable URL", EXPECTED, is_url};
const struct option_shape shape_public_url = {
    "a usable public URL", EXPECTED, is_public_url};
const struct option_shape shape_brevo_url = {"a usable URL", EXPECTED, is_brevo_url};
const struct option_shape shape_origin = {"an origin",
    "a scheme and a host in small letters like https://flex.twilio.com, without a path or "
    "the usual port",
    is_origin};
