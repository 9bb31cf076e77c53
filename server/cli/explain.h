/*
 * explain.h - what a webhook's body would become, told as JSON.
 */
#pragma once

#include <jansson.h>

#include "mapping/event.h"
#include "mapping/key.h"
#include "server/config/config.h"

struct explain_input {
    enum source source;
    struct buffer
        *body; /* as it came; a Flex token in it is blanked out, as ingest does */
    const struct config *config;
    int64_t now_ms; /* taken as the time of receipt, too */
};

/*
 * {"source": NAME, "records": [...]}, a record for each event of the body, in its order,
 * and behind it one for each answer to a survey it carries, and each event it tells beside:
 *   record_key  where it is stored; absent when it is not
 *   verdict     deliver, filtered, parked, unresolved, ignored (not stored), refused (answered 400)
 *   reason      the label of anything but deliver; `remedy` is what would change it
 *   trace       each rule that fired
 *   event       the canonical event, as far as it was read
 *   extractors  of a task or an answer to a survey: each of csat.extractors, what it looks in,
 *               whether it applies, which condition is unmet, whether it is taken (none before it is of
 *               the same survey), and whether an answer is there
 *   counts      of a task's end, or an agent's change of activity: what is added to which counters
 *   requests    Brevo's, in their order: method, path, `when` it is sent, body; of the contact that
 *               the last of the rules assumes (contact_assumed.h)
 * NULL when memory is out. The caller owns it.
 */
json_t *explain_body(const struct explain_input *input) MUST_USE;
