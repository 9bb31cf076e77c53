/*
 * event_effect.h - what an event does to its subject, and that it does so once.
 */
#pragma once

#include "mapping/event.h"

/*
 * Whether it is its ticket's and not its task's alone: with `ticket.per_task`, too, the end of a
 * conversation and the answer to a survey are.
 */
bool event_is_of_ticket(const struct event *event, const struct rules *rules);

/*
 * Names the event's effect, "resolved/<ticket>", from what was read of it. False when it has no subject
 * to name it by, or one too long.
 */
bool event_effect_key(struct event *event, const struct rules *rules) MUST_USE;
