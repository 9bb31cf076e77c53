/*
 * config_set.h - one setter per type of value: an item's text into the option's field.
 */
#pragma once

#include "server/config/config_value.h"

enum config_set_result {
    CONFIG_SET_OK = 0,
    CONFIG_SET_E_BAD,   /* not what the type or the option's shape asks for */
    CONFIG_SET_E_NAME,  /* nor is the name of a map's entry */
    CONFIG_SET_E_RANGE, /* outside of the option's min and max */
    CONFIG_SET_E_FULL,  /* one item too many */
};

/* Returns a config_set_result or -ENOMEM. */
typedef int config_setter(const struct config_option *option,
    const struct config_item *item, struct config *config);
/* Empties the field of a list before its items are set. */
typedef void config_clearer(void *field);

config_setter config_set_text;
config_setter config_set_bool;
config_setter config_set_integer;
config_setter config_set_duration;
config_setter config_set_size;
config_setter config_set_rate;
config_setter config_set_share;
config_setter config_set_log_level;
config_setter config_set_agent;
config_setter config_set_outbound;
config_setter config_add_text;
config_setter config_add_rules_text;
config_setter config_add_channel;
config_setter config_add_event;
config_clearer config_clear_texts;
config_clearer config_clear_rules_texts;
config_clearer config_clear_channels;

/* Sets the field, unless the number is outside of the option's min and max. */
int config_set_number(
    const struct config_option *option, int64_t number, int64_t *field) MUST_USE;
/* "none", "sid", "name". */
const char *config_agent_name(enum rules_agent agent);
const char *config_outbound_name(enum rules_outbound outbound);
