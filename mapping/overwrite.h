/*
 * overwrite.h - profile fields that overwrite what Brevo has: `overwrite: always` in field_mapping.
 *
 * What the newest event told of such a field, by Twilio's time, is what Brevo is to have, in whatever
 * order and by how many workers events are delivered. So it is a fact (fact.h) of the contact:
 *
 *   +field.<ATTRIBUTE>   what was told of it last, and when: "t<text>", or "j" and a JSON value
 *
 * The value, too, and not the time alone: whoever finds that an older one was written over it must be
 * able to write it again. An event that tells nothing of a field leaves it alone.
 *
 * Pure. docs/mapping.md has it by example.
 */
#pragma once

#include "mapping/history.h"

/* What the event tells of such fields, into what it says of its contact. */
void overwrite_read(
    const struct event *event, const struct rules *rules, struct history_says *says);

/* Whether it tells any. */
bool overwrite_is_told(const struct event *event, const struct rules *rules);
/*
 * The same to be shown: {"VIP_TIER": "always"}; NULL when it tells none, or memory is out. The caller
 * owns it.
 */
json_t *overwrite_to_json(const struct event *event, const struct rules *rules) MUST_USE;

/* Takes them out of a contact body: overwrite_write() says them, not request_contact_reduce(). */
void overwrite_hold(json_t *contact, const struct rules *rules);

/*
 * Adds to a contact body each that the event tells, with the value that was told last, unless
 * `existing` has it. Returns 1 when something was added, 0 when nothing was, or -ENOMEM.
 */
int overwrite_write(json_t *contact, const struct event *event, const struct facts *known,
    const json_t *existing, const struct rules *rules) MUST_USE;

/*
 * `existing` is from memory. Whether it has what was told last, but what was known `before` the event
 * was told is something else: then others have written that meanwhile, and Brevo is to be asked.
 */
bool overwrite_is_doubtful(const struct event *event, const struct facts *before,
    const struct facts *known, const json_t *existing, const struct rules *rules);
