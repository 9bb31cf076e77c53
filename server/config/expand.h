/*
 * expand.h - ${NAME} in the texts of the configuration file.
 */
#pragma once

#include "mapping/base.h"

enum {
    CONFIG_VARIABLE_SIZE = 128, /* of a variable's name, with the NUL */
};

enum config_expand_result {
    CONFIG_EXPAND_OK = 0,
    CONFIG_EXPAND_E_NAME, /* no "NAME}" behind "${" */
};

/*
 * Appends `text` to `expanded` with each ${NAME} replaced by the environment's and each $$ by a $;
 * what a variable holds is taken as it is. A variable that is not set is nothing, and the last such is
 * named in ret_unset (else empty). Returns a config_expand_result.
 */
int config_expand(const char *text, struct buffer *expanded,
    char ret_unset[CONFIG_VARIABLE_SIZE]) MUST_USE;

/* A variable's value; NULL for an empty one, too: it is how many tools unset a variable. */
const char *config_environment(const char *name);
