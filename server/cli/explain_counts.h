/*
 * explain_counts.h - what a record adds to the counters of queues and agents.
 */
#pragma once

#include "server/cli/explain.h"

/*
 * Adds `counts`, counters and amounts by name, to what is said of a task's end or an agent's change of
 * activity, as far as its own record can tell. False: memory is out.
 */
bool explain_counts(struct event_reading *reading, const struct explain_input *input,
    json_t *record) MUST_USE;
