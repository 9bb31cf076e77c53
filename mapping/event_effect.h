/*
 * event_effect.h - what an event does to its subject, and that it does so once.
 */
#pragma once

#include "mapping/event.h"

/*
 * Names the event's effect, "resolved/WT...", from what was read of it. False when it has no subject
 * to name it by, or one too long.
 */
bool event_effect_key(struct event *event) MUST_USE;
