/*
 * listen_address.h - what an address to listen on says, wherever one is read.
 */
#pragma once

#include "server/net/authority.h"

enum {
    LISTEN_PATH_SIZE = 108, /* sun_path of Linux, with the NUL */
    LISTEN_NAME_MAX = 255,  /* systemd: of a passed descriptor */
};

enum listen_kind {
    LISTEN_INET,    /* "127.0.0.1:8080", "[::1]:8080", "name:8080", ":8080" */
    LISTEN_UNIX,    /* "unix:/path" */
    LISTEN_SYSTEMD, /* "systemd", "systemd:NAME": passed to us open */
};

/* Slices of the text it was read from. */
struct listen_address {
    enum listen_kind kind;
    struct authority inet; /* LISTEN_INET: with a port; an empty host is every address */
    struct slice path;     /* LISTEN_UNIX */
    struct slice name;     /* LISTEN_SYSTEMD: empty means the first */
};

/* False, and *ret_address untouched, when the text is no such address. */
bool listen_address_parse(struct slice text, struct listen_address *ret_address) MUST_USE;
