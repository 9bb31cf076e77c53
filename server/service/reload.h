/*
 * reload.h - the configuration loaded anew while the program runs.
 *
 * Credentials are exchanged, all else waits for a restart and is named in the log. A configuration
 * that is wrong changes nothing.
 */
#pragma once

#include "server/service/loops.h"

struct reload {
    const struct config *running; /* what the program was started with */
    const char *path;             /* as config_load() */
    enum config_command command;
    struct loops *loops;
};

/* Logs and counts what became of it. */
void reload_config(const struct reload *reload);
