/*
 * place.h - where a value stands, and the one way an error of the configuration is worded.
 */
#pragma once

#include "server/config/config.h"

/* {NULL} is nowhere; a file without a line is the file as a whole. */
struct config_place {
    const char *file;
    unsigned line; /* from 1 */
    unsigned column;
    const char *variable; /* of the environment, instead of a file */
};

struct config_error {
    char text[CONFIG_ERROR_SIZE];
};

/* Sets line and column to those of the byte at `offset` of the file's text. */
void config_place_find(struct config_place *place, struct slice text, size_t offset);
/* A tab stands there; false where bytes and characters differ. */
bool config_place_is_tab(const struct config_place *place, struct slice text);

/*
 * Words the error: "<what>: <place>: <key> (<remedy>)"; `key` and `remedy` may be NULL. Bytes that
 * are not printable become '?'. Returns EX_CONFIG, for the caller to return.
 */
int config_fail(struct config_error *error, const struct config_place *place,
    const char *key, const char *remedy, const char *what, ...) PRINTF(5, 6);
/* The same for memory that ran out. */
int config_fail_memory(struct config_error *error);
