/*
 * config_yaml.h - YAML to a configuration tree. The only file that knows libyaml.
 */
#pragma once

#include "server/config/config_tree.h"

/*
 * Reads the one document in `text`; `file` names it in errors. Refused: several documents,
 * aliases, merge keys, tags, keys given twice or not a word, NULs, anything past the limits of
 * config_tree.h.
 *
 * Ownership: on 0 the caller releases *tree (zeroed before) with config_tree_done().
 * 0, or EX_CONFIG with *error set.
 */
int config_yaml_parse(struct slice text, const char *file, struct config_tree *tree,
    struct config_error *error) MUST_USE;

const char *config_yaml_version(void); /* libyaml's, "0.2.5" */
