/*
 * authority.c - "host" or "host:port", as URLs and addresses to listen on have it.
 */
#include "server/net/authority.h"

#include <arpa/inet.h>
#include <string.h>

/* A name or an IPv4 address; whether there is one of that name is not asked here. */
static bool
is_name(struct slice host)
{
    for (size_t i = 0; i < host.size; i++) {
        const char c = host.data[i];
        const bool alphanumeric =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!alphanumeric && c != '.' && c != '-' && c != '_') {
            return false;
        }
    }
    return host.size <= AUTHORITY_HOST_MAX;
}

static bool
is_ipv6(struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    return slice_to_text(host, text, sizeof(text)) &&
           inet_pton(AF_INET6, text, &address) == 1;
}

bool
authority_is_port(struct slice text)
{
    int64_t number = 0;

    return text.size > 0 && text.data[0] >= '0' && text.data[0] <= '9' &&
           slice_to_int64(text, &number) && number <= AUTHORITY_PORT_MAX;
}

bool
authority_parse(struct slice text, struct authority *ret_authority)
{
    struct authority authority = {.host = text};
    size_t i = text.size;

    while (i > 0 && text.data[i - 1] != ':' && text.data[i - 1] != ']') {
        i--;
    }
    if (i > 0 && text.data[i - 1] == ':') {
        authority.host.size = i - 1;
        authority.port = slice_skip(text, i);
        if (!authority_is_port(authority.port)) {
            return false;
        }
    }
    const size_t size = authority.host.size;
    bool is_host = false;

    if (size > 2 && authority.host.data[0] == '[' &&
        authority.host.data[size - 1] == ']') {
        authority.host =
            (struct slice){.data = authority.host.data + 1, .size = size - 2};
        is_host = is_ipv6(authority.host);
    } else {
        is_host = is_name(authority.host);
    }
    if (is_host) {
        *ret_authority = authority;
    }
    return is_host;
}
