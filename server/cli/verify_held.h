/*
 * verify_held.h - `verify-signature --held`: re-checks what was held and releases what is valid.
 */
#pragma once

#include <stdbool.h>

struct verify_held_arguments {
    const char *config; /* as cli_load_config() */
    bool dry_run;
    bool json;
};

/* Prints each request and the totals. The command's exit status. */
int verify_held(const struct verify_held_arguments *arguments);
