/*
 * network.c - an IP address, and a network of them as it is written in configurations.
 */
#include "server/config/network.h"

#include <arpa/inet.h>
#include <limits.h>
#include <string.h>

enum {
    ADDRESS_BITS = 128,
    IPV4_AT = 12, /* bytes before the IPv4 address of a mapped one */
    IPV4_PREFIX = IPV4_AT * CHAR_BIT,
};

static struct in6_addr
map_v4(const struct in_addr *v4)
{
    struct in6_addr address = {.s6_addr = {[IPV4_AT - 2] = 0xff, [IPV4_AT - 1] = 0xff}};

    memcpy(&address.s6_addr[IPV4_AT], v4, sizeof(*v4));
    return address;
}

bool
network_parse_address(struct slice text, struct in6_addr *ret_address)
{
    char host[INET6_ADDRSTRLEN];
    struct in_addr v4;

    if (!slice_to_text(text, host, sizeof(host))) {
        return false;
    }
    if (inet_pton(AF_INET, host, &v4) == 1) {
        *ret_address = map_v4(&v4);
        return true;
    }
    return inet_pton(AF_INET6, host, ret_address) == 1;
}

bool
network_peer_address(const struct sockaddr_storage *peer, struct in6_addr *ret_address)
{
    if (peer->ss_family == AF_INET) {
        *ret_address = map_v4(&((const struct sockaddr_in *)peer)->sin_addr);
        return true;
    }
    if (peer->ss_family == AF_INET6) {
        *ret_address = ((const struct sockaddr_in6 *)peer)->sin6_addr;
        return true;
    }
    return false;
}

/* As it was written: of 32 bits when the address has no colon. */
static bool
parse_prefix(struct slice digits, bool is_v4, unsigned *ret_prefix)
{
    const int64_t start = is_v4 ? IPV4_PREFIX : 0;
    int64_t length;

    if (digits.size == 0 || digits.data[0] < '0' || digits.data[0] > '9' ||
        !slice_to_int64(digits, &length) || length > ADDRESS_BITS - start) {
        return false;
    }
    *ret_prefix = (unsigned)(start + length);
    return true;
}

bool
network_parse(struct slice text, struct network *ret_network)
{
    const struct slice host = slice_before(text, '/');
    const bool is_v4 = memchr(host.data, ':', host.size) == NULL;
    struct network network = {.prefix = ADDRESS_BITS};

    if (!network_parse_address(host, &network.base)) {
        return false;
    }
    if (host.size < text.size &&
        !parse_prefix(slice_skip(text, host.size + 1), is_v4, &network.prefix)) {
        return false;
    }
    *ret_network = network;
    return true;
}

bool
network_contains(const struct network *network, const struct in6_addr *address)
{
    const unsigned bytes = network->prefix / CHAR_BIT;
    const unsigned rest = network->prefix % CHAR_BIT;

    if (memcmp(&network->base, address, bytes) != 0) {
        return false;
    }
    return rest == 0 || (network->base.s6_addr[bytes] ^ address->s6_addr[bytes]) >>
                                (CHAR_BIT - rest) ==
                            0;
}

bool
network_is_this_machine(struct slice host)
{
    static const char *const loopback[] = {"127.0.0.0/8", "::1/128"};
    struct in6_addr address;
    struct network network;
    bool is_inside = slice_is_nocase(host, "localhost");

    for (size_t i = 0; network_parse_address(host, &address) && i < LENGTH(loopback);
         i++) {
        is_inside |= network_parse(slice_of(loopback[i]), &network) &&
                     network_contains(&network, &address);
    }
    return is_inside;
}
