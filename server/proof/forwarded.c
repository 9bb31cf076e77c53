/*
 * forwarded.c - under which scheme, host and port a proxy says that it was called.
 */
#include "server/proof/forwarded.h"

#include <string.h>

#include "server/net/authority.h"

static const char token_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";

/* What was said about one hop. */
struct hop {
    struct slice proto;
    struct slice host;
};

/* ---- scheme, host, port ------------------------------------------------------------------- */

static const char *
scheme_of(struct slice proto)
{
    if (slice_is_nocase(proto, "https")) {
        return "https://";
    }
    return slice_is_nocase(proto, "http") ? "http://" : NULL;
}

/* Of one who was called: not 0, which an address to listen on may have. */
static bool
is_port(struct slice text)
{
    return authority_is_port(text) && !slice_is(text, "0");
}

/* A host, perhaps with a port. */
static bool
is_host(struct slice text, bool *ret_has_port)
{
    struct authority authority;

    if (text.size > FORWARDED_HOST_MAX || !authority_parse(text, &authority) ||
        authority.host.size == 0) {
        return false;
    }
    *ret_has_port = authority.port.size > 0;
    return !*ret_has_port || is_port(authority.port);
}

/* `port` is used where the host has none of its own; it may be absent. */
static bool
add_origin(const struct hop *hop, struct slice port, struct buffer *url)
{
    const char *scheme = scheme_of(hop->proto);
    bool has_port = false;

    if (scheme == NULL || !is_host(hop->host, &has_port) ||
        (port.size > 0 && !is_port(port))) {
        return false;
    }
    buffer_add_text(url, scheme);
    buffer_add_slice(url, hop->host);
    if (!has_port && port.size > 0) {
        buffer_add_text(url, ":");
        buffer_add_slice(url, port);
    }
    return true;
}

/* ---- X-Forwarded-* ------------------------------------------------------------------------ */

/* What is behind the last comma, without blanks. */
static struct slice
last_of(struct slice line)
{
    size_t start = line.size;

    while (start > 0 && line.data[start - 1] != ',') {
        start--;
    }
    return slice_trim(slice_skip(line, start));
}

bool
forwarded_add_x(const struct forwarded *forwarded, struct buffer *url)
{
    const struct hop hop = {
        .proto = last_of(forwarded->proto), .host = last_of(forwarded->host)};
    const struct slice port = last_of(forwarded->port);

    if (forwarded->port.size > 0 && port.size == 0) {
        return false;
    }
    return add_origin(&hop, port, url);
}

/* ---- Forwarded ---------------------------------------------------------------------------- */

static void
skip_blanks(struct slice *rest)
{
    while (rest->size > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t')) {
        *rest = slice_skip(*rest, 1);
    }
}

static struct slice
take_token(struct slice *rest)
{
    size_t size = 0;

    while (size < rest->size && rest->data[size] != '\0' &&
           strchr(token_characters, rest->data[size]) != NULL) {
        size++;
    }
    const struct slice token = {.data = rest->data, .size = size};

    *rest = slice_skip(*rest, size);
    return token;
}

/* A token, or a text in quotes. What is escaped in quotes is no host: such a text is refused. */
static bool
take_value(struct slice *rest, struct slice *ret_value)
{
    if (!slice_starts(*rest, "\"")) {
        *ret_value = take_token(rest);
        return ret_value->size > 0;
    }
    *rest = slice_skip(*rest, 1);
    *ret_value = slice_before(*rest, '"');
    if (ret_value->size == rest->size ||
        (ret_value->size > 0 && memchr(ret_value->data, '\\', ret_value->size) != NULL)) {
        return false;
    }
    *rest = slice_skip(*rest, ret_value->size + 1);
    return true;
}

/* "name=value"; a name known to us may come once in a hop. */
static bool
take_pair(struct slice *rest, struct hop *hop)
{
    const struct slice name = take_token(rest);
    struct slice *field = slice_is_nocase(name, "proto")  ? &hop->proto
                          : slice_is_nocase(name, "host") ? &hop->host
                                                          : NULL;
    struct slice value;

    if (name.size == 0 || !slice_starts(*rest, "=")) {
        return false;
    }
    *rest = slice_skip(*rest, 1);
    if (!take_value(rest, &value) || (field != NULL && field->data != NULL)) {
        return false;
    }
    if (field != NULL) {
        *field = value;
    }
    return true;
}

/* The last hop of "for=192.0.2.1;proto=https, for=10.0.0.7;proto=https;host=a.example". */
static bool
read_line(struct slice rest, struct hop *ret_hop)
{
    struct hop hop = {0};

    for (;;) {
        skip_blanks(&rest);
        if (!take_pair(&rest, &hop)) {
            return false;
        }
        skip_blanks(&rest);
        if (rest.size == 0) {
            *ret_hop = hop;
            return true;
        }
        if (rest.data[0] == ',') {
            hop = (struct hop){0};
        } else if (rest.data[0] != ';') {
            return false;
        }
        rest = slice_skip(rest, 1);
    }
}

bool
forwarded_add_rfc7239(const struct forwarded *forwarded, struct buffer *url)
{
    struct hop hop;

    return forwarded->line.size <= FORWARDED_LINE_MAX &&
           read_line(forwarded->line, &hop) && add_origin(&hop, (struct slice){0}, url);
}
