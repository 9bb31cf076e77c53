/*
 * origin.h - from which address does a request come, and is it one that Twilio calls from?
 *
 * An address proves nothing and lets nobody in. It can keep somebody out (a route's allow_from),
 * and it tells whose fault it is that a request has no proof: what Twilio sent had one, so a proxy
 * of ours has lost it.
 *
 * The peer of our socket is the client, or a proxy, whose word in X-Forwarded-For counts only when
 * it is one of server.trusted_proxies. A proxy writes the address it was called from at the end;
 * what stands left of that may be made up. So the client is the right-most address that is no
 * trusted proxy. A peer on a unix socket is a trusted proxy: it is on this machine and was let in
 * by the permissions of the socket's directory.
 */
#pragma once

#include <sys/socket.h>

#include "server/config/config.h"
#include "server/config/network.h"

enum {
    ORIGIN_RANGES = 4,    /* of Twilio */
    ORIGIN_HOPS_MAX = 32, /* addresses looked at, from the right */
    ORIGIN_LINES_MAX = 8, /* X-Forwarded-For headers looked at */
};

struct networks {
    struct network items[CONFIG_TEXTS_MAX];
    size_t count;
};

struct origin {
    struct networks trusted;
    struct network twilio[ORIGIN_RANGES];
};

/* Who sent a request, as the connection and its headers say. */
struct origin_source {
    struct sockaddr_storage peer;
    struct slice lines[ORIGIN_LINES_MAX]; /* all X-Forwarded-For headers, as they came */
    size_t line_count;
};

/* 0, or -EINVAL for what is neither an address nor a network. */
int networks_init(
    const struct config_texts *texts, struct networks *ret_networks) MUST_USE;
bool networks_contain(const struct networks *networks, const struct in6_addr *address);

/* 0, or -EINVAL for a proxy that is neither an address nor a network. */
int origin_init(
    const struct config_texts *trusted_proxies, struct origin *ret_origin) MUST_USE;

/* Is the peer one whose forwarded headers are believed? */
bool origin_is_trusted(const struct origin *origin, const struct sockaddr_storage *peer);
/*
 * The client's address. In X-Forwarded-For an address may have a port, an IPv6 one brackets. False
 * whenever something of it is unclear, and when there is nobody but trusted proxies.
 */
bool origin_client(const struct origin *origin, const struct origin_source *source,
    struct in6_addr *ret_client) MUST_USE;
/* Did a trusted proxy pass this on for Twilio? A peer is never taken for Twilio by itself. */
bool origin_is_twilio(const struct origin *origin, const struct origin_source *source);
