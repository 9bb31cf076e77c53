/*
 * authority.h - "host" or "host:port", as URLs and addresses to listen on have it.
 */
#pragma once

#include "mapping/base.h"

enum {
    AUTHORITY_HOST_MAX = 253,
    AUTHORITY_PORT_MAX = 65535,
};

/* Slices of the text it was read from. */
struct authority {
    struct slice host; /* without the brackets of an IPv6 address; may be empty */
    struct slice port; /* digits; absent: there is no colon */
};

/*
 * "name.example.com", "192.0.2.1:80", "[2001:db8::1]:80", ":80". An IPv6 address needs its
 * brackets. False, and *ret_authority untouched, for anything else.
 */
bool authority_parse(struct slice text, struct authority *ret_authority) MUST_USE;
/* Digits that are at most AUTHORITY_PORT_MAX. */
bool authority_is_port(struct slice text);
