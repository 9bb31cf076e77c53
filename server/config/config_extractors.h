/*
 * config_extractors.h - `csat.extractors`: a list of maps, each saying where a survey's answers are.
 */
#pragma once

#include <jansson.h>

#include "server/config/config_value.h"

/* Replaces all. 0, or EX_CONFIG with *error set, which names the field and where it stands. */
int config_extractors_set(const struct config_option *option,
    const struct config_items *items, struct config *config,
    struct config_error *error) MUST_USE;
/* As it would be written, without what was not given. NULL when memory is out. */
json_t *config_extractor_to_json(const struct rules_extractor *extractor) MUST_USE;
