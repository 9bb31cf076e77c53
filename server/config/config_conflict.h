/*
 * config_conflict.h - what only several keys together can have wrong.
 */
#pragma once

#include "server/config/options.h"
#include "server/config/place.h"

/*
 * Refuses one socket for two listeners; where `command` speaks to Brevo, two ways to say who we are,
 * and a most age that some event has whenever it is told. `file` is named as the place.
 * 0, or EX_CONFIG with *error set.
 */
int config_conflict_check(const struct config *config, enum config_command command,
    const char *file, struct config_error *error) MUST_USE;

/* False: the option belongs to a way to say who we are that is not chosen. */
bool config_conflict_concerns(
    const struct config *config, const struct config_option *option);
