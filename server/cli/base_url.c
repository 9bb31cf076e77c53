/*
 * base_url.c - the part of a webhook's URL before the route's path.
 */
#include "server/cli/base_url.h"

#include <string.h>

#include "server/net/listen_address.h"

bool
base_url_add_listener(struct buffer *url, const char *listen)
{
    static const struct {
        const char *wildcard;
        const char *loopback;
    } hosts[] = {{"", "127.0.0.1"}, {"0.0.0.0", "127.0.0.1"}, {"::", "::1"}};
    struct listen_address address;

    if (!listen_address_parse(slice_of(listen), &address) ||
        address.kind != LISTEN_INET || slice_is(address.inet.port, "0")) {
        return false;
    }
    struct slice host = address.inet.host;

    for (size_t i = 0; i < LENGTH(hosts); i++) {
        if (slice_is(host, hosts[i].wildcard)) {
            host = slice_of(hosts[i].loopback);
            break;
        }
    }
    const bool is_ipv6 = memchr(host.data, ':', host.size) != NULL;

    buffer_add_text(url, is_ipv6 ? "http://[" : "http://");
    buffer_add_slice(url, host);
    buffer_add_text(url, is_ipv6 ? "]:" : ":");
    buffer_add_slice(url, address.inet.port);
    return true;
}

void
base_url_add(struct buffer *url, const char *base)
{
    struct slice text = slice_of(base);

    while (text.size > 0 && text.data[text.size - 1] == '/') {
        text.size--;
    }
    buffer_add_slice(url, text);
}

void
base_url_cut(struct buffer *url, const char *path)
{
    const size_t size = strlen(path);

    if (url->size > size && memcmp(url->data + url->size - size, path, size) == 0) {
        url->size -= size;
        url->data[url->size] = '\0';
    }
}
