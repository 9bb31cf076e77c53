/*
 * forwarded.h - under which scheme, host and port a proxy says that it was called.
 *
 * Only the word of a trusted proxy may be asked for. A proxy writes at the end of a list, so the
 * right-most entry is the one of the proxy next to us. Nothing is repaired: what is not exactly a
 * scheme, a host and perhaps a port says nothing.
 *
 * Source: RFC 7239 (Forwarded); X-Forwarded-* have no standard, nginx and Apache write them so.
 */
#pragma once

#include "mapping/base.h"

enum {
    FORWARDED_HOST_MAX = 253,
    FORWARDED_LINE_MAX = 4096, /* of a header looked at */
};

/* The last header of each name, as it came; absent when there is none. */
struct forwarded {
    struct slice proto; /* X-Forwarded-Proto */
    struct slice host;  /* X-Forwarded-Host; it may have a port */
    struct slice port;  /* X-Forwarded-Port; for a host without one */
    struct slice line;  /* Forwarded */
};

/* Appends "https://hooks.example.com:8443". False, with nothing written, when it is unclear. */
bool forwarded_add_x(const struct forwarded *forwarded, struct buffer *url) MUST_USE;
/* The same from the line of RFC 7239. */
bool forwarded_add_rfc7239(
    const struct forwarded *forwarded, struct buffer *url) MUST_USE;
