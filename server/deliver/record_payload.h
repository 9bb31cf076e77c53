/*
 * record_payload.h - one payload of a record's routes.
 */
#pragma once

#include <jansson.h>

#include "queue/queue.h"

/*
 * Joins what the routes say; who knows a value first is believed. Bytes that do not parse are
 * skipped and logged. NULL in *ret_payload (payload_release()) when nothing is left, also of what
 * could not even be keyed. 0 or -ENOMEM.
 */
int record_payload(struct slice key, const struct queue_route *routes, size_t count,
    json_t **ret_payload) MUST_USE;
