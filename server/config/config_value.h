/*
 * config_value.h - the texts given for a key, into the field of struct config they are for.
 */
#pragma once

#include "server/config/options.h"
#include "server/config/place.h"

enum {
    CONFIG_ITEMS_MAX = 192, /* sixteen extractors of eleven fields */
    CONFIG_DURATION_TEXT_SIZE = 24,
};

/* A value, an item of a list (name is NULL), or an entry of a map. */
struct config_item {
    const char *name;
    const char *text; /* never NULL */
    const char *part; /* of an entry that is a map: "" begins it; NULL: it is none */
    struct config_place name_place;
    struct config_place place;
};

struct config_items {
    struct config_item items[CONFIG_ITEMS_MAX];
    size_t count;
    bool overflow; /* there were more */
};

bool config_value_is_list(enum option_type type);
bool config_value_is_map(enum option_type type);
/* A list of maps: each comes as an item called "", and its entries behind that. */
bool config_value_is_records(enum option_type type);

/*
 * A copy of `text` that lives as long as `config`; NULL when memory is out.
 * config_done() frees all.
 */
char *config_keep(struct config *config, struct slice text) MUST_USE;

/* Whether an entry of the map may be a map itself. */
bool config_value_has_parts(enum option_type type);

/* Past CONFIG_ITEMS_MAX they are not kept; config_value_set() then refuses. */
void config_items_add(struct config_items *items, const struct config_item *item);

/*
 * Takes `text` apart as the option is written in the environment: one value, or items between
 * commas and line ends, "name=value" for maps. The items point into a copy kept in `config`.
 * 0 or -ENOMEM.
 */
int config_value_split(const struct config_option *option, const char *text,
    const struct config_place *place, struct config *config,
    struct config_items *ret_items) MUST_USE;

/*
 * Sets the option's field. Lists and field_mapping are replaced whole, event_mapping entry by
 * entry. 0, or EX_CONFIG with *error set.
 */
int config_value_set(const struct config_option *option, const struct config_items *items,
    struct config *config, struct config_error *error) MUST_USE;

/* The error for an item that was not set, a config_set_result or -ENOMEM: EX_CONFIG. */
int config_value_fail(const struct config_option *option, const struct config_item *item,
    int result, struct config_error *error) MUST_USE;

/* The way back. False when it is none. */
bool config_duration_parse(const char *text, int64_t *ret_ms) MUST_USE;
/* "500ms", "24h", "31d", "0": the largest unit without a remainder. */
void config_duration_text(int64_t ms, char text[CONFIG_DURATION_TEXT_SIZE]);
/* "512KiB", "1GiB", "0": the same of bytes. */
void config_size_text(int64_t bytes, char text[CONFIG_DURATION_TEXT_SIZE]);
