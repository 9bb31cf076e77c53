/*
 * mapping_diff.h - what two configurations make of one event, and where that differs.
 *
 * Personal data is never told: of identifiers, contact attributes, agents and their words only whether
 * there is one, and how long it is.
 */
#pragma once

#include <jansson.h>

#include "server/cli/mapping_side.h"

struct mapping_diff {
    json_t *changes; /* an array of {"path", "before", "after"}; the caller owns it */
    int64_t date_ms; /* when it happened */
    const char
        *doubt; /* why there may be more than that, as a reason; NULL: there is not */
};

/*
 * No change when both make the same of it, of the contact that contact_assumed.h has: whose contacts
 * are written, and whether anything is sent, belongs to what they make of it. What only one of them
 * delivers differs in its verdict; its bodies are not listed. `is_new`: only the new one makes a
 * record of it. 0 or -ENOMEM, and there are no changes.
 */
int mapping_diff(struct mapping_side *old_side, struct mapping_side *new_side,
    const struct mapping_record *record, bool is_new,
    struct mapping_diff *ret_diff) MUST_USE;
