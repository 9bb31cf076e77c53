/*
 * config_fields.h - `field_mapping`: from where, to which attribute, and whether it overwrites.
 *
 * An entry is a name, or a map: `customer_tier: {to: VIP_TIER, overwrite: always}`.
 */
#pragma once

#include <jansson.h>

#include "server/config/config_value.h"

/* Replaces all. 0, or EX_CONFIG with *error set, which names the field and where it stands. */
int config_fields_set(const struct config_option *option,
    const struct config_items *items, struct config *config,
    struct config_error *error) MUST_USE;
/* As they would be written. NULL when memory is out. */
json_t *config_fields_to_json(const struct rules *rules) MUST_USE;
