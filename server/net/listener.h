/*
 * listener.h - opens the socket a server listens on.
 */
#pragma once

#include "mapping/base.h"

enum {
    LISTENER_BACKLOG = 1024,
    LISTENER_ERROR_SIZE = 200,
    LISTENER_PATH_SIZE = 108, /* sun_path of Linux, with the NUL */
};

struct listener {
    int fd;        /* -1: closed */
    uint16_t port; /* the one the system chose for ":0"; 0 for a unix socket */
    char path[LISTENER_PATH_SIZE]; /* of a unix socket, removed by listener_close() */
};

/*
 * "127.0.0.1:8080", "[::1]:8080", "name:8080", ":8080" (every address, IPv6 too where there is
 * any), "unix:/path". A unix socket left behind by a process that died is replaced; one that
 * still answers is not. `reuse_port`: others of this user may listen there too (TCP only).
 *
 * 0, or -errno with *ret_error (LISTENER_ERROR_SIZE): what, where and what to do.
 */
int listener_open(const char *address, bool reuse_port, struct listener *ret_listener,
    char *ret_error) MUST_USE;
/*
 * Another one on the address of `first`, for another event loop. With `reuse_port` the kernel
 * spreads new connections over both; else, and always for a unix socket, this is a copy of
 * the descriptor: whoever accepts first has the connection. Errors as listener_open().
 */
int listener_open_beside(const struct listener *first, struct listener *ret_listener,
    char *ret_error) MUST_USE;
void listener_close(struct listener *listener);
