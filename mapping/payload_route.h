/*
 * payload_route.h - the routes' own dialects; for the files of payload.h only.
 */
#pragma once

#include "mapping/payload.h"

/*
 * Copies what `source` sent into an empty payload, under our names, with its `event_type`; texts
 * of objects and times are still as they were sent. A payload_result, or -ENOMEM.
 */
int payload_read_route(enum source source, struct slice bytes, json_t *payload) MUST_USE;

/* What `json` holds: a time, or a text that may be an object written as JSON. */
struct slice payload_string_slice(const json_t *string);

/*
 * An object, or a text of one; the caller owns *ret_object. Within a text the last of two equal
 * names wins, as in the JavaScript that wrote it. A payload_result, or -ENOMEM.
 */
int payload_open_object(json_t *value, json_t **ret_object) MUST_USE;
