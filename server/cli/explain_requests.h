/*
 * explain_requests.h - what Brevo would be asked.
 */
#pragma once

#include "server/cli/explain.h"

/*
 * Adds `requests` to what is said of an event that is delivered, and to its `trace` the rules by which
 * there are these. False: memory is out.
 */
bool explain_requests(const struct event *event, const struct explain_input *input,
    json_t *record) MUST_USE;
