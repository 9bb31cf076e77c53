/*
 * config_source.h - where the values of a key come from, and which of them wins.
 *
 * Environment before file; of each, the value itself or the file its `_file` form names, never
 * both.
 */
#pragma once

#include "server/config/config_tree.h"
#include "server/config/config_value.h"

/* What the configuration file says about one option. */
struct config_mention {
    const struct config_node *value;
    const struct config_node *file; /* the `_file` form */
};

/* What became of looking for an option's value. */
struct config_finding {
    bool found; /* `items` are set; an empty list in the file is found, too */
    struct config_items items;
    struct config_place place;
    /* Not found because the file's value takes an unset variable, and that was no error. */
    char *unset_variable;
};

struct config_source {
    enum config_command command;
    const char *file; /* the configuration file's name, NULL for none */
    const struct config_tree *tree;
    struct config *config; /* keeps the texts */
    struct config_error *error;
};

/*
 * Finds the value of `option`. An unset ${NAME} is an error, unless the command does without the
 * option or it is a secret, of which there may be others.
 * 0, or EX_CONFIG with the error set.
 */
int config_source_find(const struct config_source *source,
    const struct config_option *option, const struct config_mention *mention,
    struct config_finding *ret_finding) MUST_USE;

/* "environment variable X is not set": for a command that cannot do without. */
int config_source_fail_unset(const struct config_source *source,
    const struct config_option *option, const struct config_finding *finding);
