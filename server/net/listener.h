/*
 * listener.h - opens the socket a server listens on.
 */
#pragma once

#include "server/net/listen_address.h"

enum {
    /*
     * As many as HTTP_CONNECTIONS_MAX, or what the system allows: who finds no place here tries
     * again only after a second.
     */
    LISTENER_BACKLOG = 4096,
    LISTENER_ERROR_SIZE = 200,
    LISTENER_UNIX_MODE = 0660, /* the owner, and a proxy that is in its group */
};

struct listener {
    int fd;         /* -1: closed */
    bool is_shared; /* others accept from this socket as well, or after us */
    uint16_t port;  /* the one the system chose for ":0"; 0 for a unix socket */
    char path[LISTEN_PATH_SIZE]; /* of a unix socket, removed by listener_close() */
};

/*
 * Opens what listen_address.h describes; ":8080" is every address, IPv6 too where there is any. A
 * unix socket left behind by a process that died is replaced; one that still answers is not. With
 * `reuse_port` others of this user may listen at the same port, and the system shares
 * connections out among them.
 *
 * 0, or -errno with *ret_error (LISTENER_ERROR_SIZE): what, where and what to do.
 */
int listener_open(const char *address, bool reuse_port, struct listener *ret_listener,
    char *ret_error) MUST_USE;
/*
 * Listens where `fd` does: by a socket of its own where that one lets others use its port, else
 * by the same socket. Errors as above.
 */
int listener_open_beside(int fd, struct listener *ret_listener, char *ret_error) MUST_USE;
void listener_close(struct listener *listener);
