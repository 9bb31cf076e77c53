/*
 * config_extractor_check.h - what only the whole of an extractor can have wrong, and its paths.
 */
#pragma once

#include "mapping/payload.h"
#include "server/config/config_value.h"

/* What a path may begin with, as in field_mapping: it is a task attribute's. */
#define CONFIG_EXTRACTOR_ATTRIBUTES "attributes."

/* What one extractor says: `items[0]` begins it, its fields are behind. */
struct config_extractor_lines {
    const struct config_item *items;
    size_t count;
};

/* `text` without CONFIG_EXTRACTOR_ATTRIBUTES. */
const char *config_extractor_path(const char *text);
/* A post's field cannot be called `path`: it would be read as `name`. */
bool config_extractor_renames(const char *path, char name[PAYLOAD_NAME_SIZE]);

/*
 * Refuses an extractor (`in` is RULES_IN_COUNT where it does not say) that lacks something, looks for
 * a field by a name no field has, or comes after one of `rules` that applies whenever it does.
 * 0, or EX_CONFIG with *error set.
 */
int config_extractor_check(const struct config_option *option,
    const struct config_extractor_lines *lines, const struct rules_extractor *extractor,
    const struct rules *rules, struct config_error *error) MUST_USE;
