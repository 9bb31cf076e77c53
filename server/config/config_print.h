/*
 * config_print.h - what check-config prints, as values.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "server/config/options.h"

/*
 * The effective configuration in the shape of the file, secrets masked. The caller owns it; NULL
 * when memory is out.
 */
json_t *config_to_json(const struct config *config) MUST_USE;
/* Of one option. */
json_t *config_option_to_json(
    const struct config_option *option, const struct config *config) MUST_USE;
/* The same as YAML that can be read back in. */
void config_print(const struct config *config, FILE *out);
/* One text per channel or switch that leaves something out. The caller owns it. */
json_t *config_omissions(const struct config *config) MUST_USE;
/* One that can be left out: `other` and none at all are always sent. */
bool config_channel_is_choice(enum channel channel);
