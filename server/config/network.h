/*
 * network.h - an IP address, and a network of them as it is written in configurations.
 *
 * There is one kind of address here, IPv6: an IPv4 address is its IPv4-mapped form
 * (::ffff:10.0.0.7), which is also what a socket that listens for both sees.
 */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "mapping/base.h"

struct network {
    struct in6_addr base; /* what comes behind the prefix does not matter */
    unsigned prefix;      /* bits, of 128 */
};

/* "10.0.0.7" or "fd00::7"; no port, brackets or zone. False on anything else. */
bool network_parse_address(struct slice text, struct in6_addr *ret_address) MUST_USE;
/* Of an IPv4 or IPv6 socket's end; false for other families. */
bool network_peer_address(
    const struct sockaddr_storage *peer, struct in6_addr *ret_address) MUST_USE;
/* An address, or one with the length of a prefix: "10.0.0.0/8", "fd00::/8". */
bool network_parse(struct slice text, struct network *ret_network) MUST_USE;
bool network_contains(const struct network *network, const struct in6_addr *address);
/* "localhost", or an address of the loopback. */
bool network_is_this_machine(struct slice host);
