/*
 * inherited.h - listening sockets that systemd opened and passed to us, as sd_listen_fds(3) says.
 *
 * They outlive us: while we are restarted, connections wait in them.
 */
#pragma once

#include "mapping/base.h"

enum inherited_result {
    INHERITED_OK,
    INHERITED_E_NONE = 1, /* LISTEN_PID and LISTEN_FDS pass us none */
    INHERITED_E_NAME,     /* LISTEN_FDNAMES has no such name */
    INHERITED_E_KIND,     /* it is no listening stream socket */
};

/*
 * The first of those passed under `name`, or of all when it is empty. It stays open, whoever
 * else uses it: duplicate it.
 */
int inherited_find(struct slice name, int *ret_fd) MUST_USE;

/* Keeps them from the programs we start. Call it before the first of those. */
void inherited_keep(void);
