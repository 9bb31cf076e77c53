/*
 * config_changes.c - which keys differ between two configurations.
 */
#include "server/config/config_changes.h"

#include <string.h>

#include "server/config/config_print.h"
#include "server/config/options.h"

static bool
text_is_same(const void *a, const void *b)
{
    const char *first;
    const char *second;

    memcpy(&first, a, sizeof(first));
    memcpy(&second, b, sizeof(second));
    return first == NULL || second == NULL ? first == second : strcmp(first, second) == 0;
}

static bool
texts_are_same(const struct config_texts *a, const struct config_texts *b)
{
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->items[i], b->items[i]) == 0;
    }
    return same;
}

/* What printing would mask is compared as it is, all else as it is printed. */
static bool
option_is_same(
    const struct config_option *option, const struct config *a, const struct config *b)
{
    const void *first = (const char *)a + option->offset;
    const void *second = (const char *)b + option->offset;

    if (option->is_secret || option->has_file) {
        return option->type == OPTION_TEXTS ? texts_are_same(first, second)
                                            : text_is_same(first, second);
    }
    json_t *printed = config_option_to_json(option, a);
    json_t *other = config_option_to_json(option, b);
    const bool same = json_equal(printed, other) != 0;

    json_decref(printed);
    json_decref(other);
    return same;
}

void
config_restart_keys(
    const struct config *running, const struct config *loaded, struct buffer *keys)
{
    for (size_t i = 0; i < config_option_count; i++) {
        const struct config_option *option = &config_options[i];

        if (!option->is_reloaded && !option_is_same(option, running, loaded)) {
            buffer_add_text(keys, keys->size > 0 ? "," : "");
            buffer_add_text(keys, option->key);
        }
    }
}
