/*
 * config_keep.c - the texts of a configuration, freed together with it.
 */
#include <stdlib.h>
#include <string.h>

#include "server/config/config_value.h"

struct kept {
    struct kept *next;
    char text[];
};

char *
config_keep(struct config *config, struct slice text)
{
    struct kept *kept = malloc(sizeof(*kept) + text.size + 1);

    if (kept == NULL) {
        return NULL;
    }
    if (text.size > 0) {
        memcpy(kept->text, text.data, text.size);
    }
    kept->text[text.size] = '\0';
    kept->next = config->storage;
    config->storage = kept;
    return kept->text;
}

void
config_done(struct config *config)
{
    struct kept *kept = config->storage;

    while (kept != NULL) {
        struct kept *next = kept->next;

        explicit_bzero(kept->text, strlen(kept->text)); /* many are secrets */
        free(kept);
        kept = next;
    }
    *config = (struct config){0};
}
