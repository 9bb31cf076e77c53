/*
 * origin.h - does a request come from where Twilio's Event Streams call from?
 *
 * This proves nothing and lets nobody in. It tells whose fault it is that a request has no proof:
 * what Twilio sent had one, so a proxy of ours has lost it.
 *
 * The peer of our socket is a proxy, whose word in X-Forwarded-For counts only when it is one of
 * server.trusted_proxies. A proxy writes the address it was called from at the end; what stands
 * left of that may be made up. So the client is the right-most address that is no trusted proxy. A
 * peer on a unix socket is a trusted proxy: it is on this machine and was let in by the
 * permissions of the socket's directory.
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

struct origin {
    struct network trusted[CONFIG_TEXTS_MAX];
    size_t trusted_count;
    struct network twilio[ORIGIN_RANGES];
};

/* 0, or -EINVAL for a proxy that is neither an address nor a network. */
int origin_init(
    const struct config_texts *trusted_proxies, struct origin *ret_origin) MUST_USE;

/*
 * `lines` are the values of all X-Forwarded-For headers, as they came. An address may have a port,
 * an IPv6 one brackets. False whenever something of it is unclear.
 */
bool origin_is_twilio(const struct origin *origin, const struct sockaddr_storage *peer,
    const struct slice *lines, size_t count);
