/*
 * base_url.c - the part of a webhook's URL before the route's path.
 */
#include "server/cli/base_url.h"

#include <string.h>

bool
base_url_add_listener(struct buffer *url, const char *listen)
{
    static const struct {
        const char *wildcard;
        const char *loopback;
    } hosts[] = {{"0.0.0.0:", "127.0.0.1:"}, {"[::]:", "[::1]:"}, {":", "127.0.0.1:"}};
    const struct slice address = slice_of(listen);
    const char *port = strrchr(listen, ':');

    if (port == NULL || strcmp(port, ":0") == 0 || slice_starts(address, "unix:")) {
        return false;
    }
    buffer_add_text(url, "http://");
    for (size_t i = 0; i < LENGTH(hosts); i++) {
        if (slice_starts(address, hosts[i].wildcard)) {
            buffer_add_text(url, hosts[i].loopback);
            buffer_add_text(url, listen + strlen(hosts[i].wildcard));
            return true;
        }
    }
    buffer_add_text(url, listen);
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
