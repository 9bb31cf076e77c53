/*
 * mapping_diff.h - what two configurations make of one event, and where that differs.
 *
 * Personal data is never told: of identifiers, contact attributes and agents only whether there is
 * one, and how long it is.
 */
#pragma once

#include <jansson.h>

#include "mapping/event.h"
#include "server/config/config.h"

struct mapping_diff_input {
    const json_t *payload;
    const struct event_context *context;
    const struct config *old_config; /* NULL: only the new ones make a record of it */
    const struct config *new_config;
    int64_t since_ms; /* what happened before is left out */
};

/*
 * An array of {"path", "before", "after"}, empty when both make the same of it, as if it were
 * delivered at once, of the contact that contact_assumed.h has: whose contacts are written, and whether
 * anything is sent, belongs to what they make of it. What only one of them delivers differs in its verdict; its bodies are not
 * listed. NULL in *ret_changes: it happened before `since_ms`. The caller owns it. 0 or -ENOMEM.
 */
int mapping_diff(const struct mapping_diff_input *input, json_t **ret_changes) MUST_USE;
