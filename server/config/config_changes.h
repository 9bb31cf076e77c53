/*
 * config_changes.h - which keys differ between two configurations.
 */
#pragma once

#include "server/config/config.h"

/*
 * Appends the keys, with commas between them, whose values differ and that are read only when
 * the program starts. Names only: values may be secret.
 */
void config_restart_keys(
    const struct config *running, const struct config *loaded, struct buffer *keys);
