/*
 * direction.h - who began: the customer or the business.
 */
#pragma once

#include <jansson.h>

enum event_direction {
    DIRECTION_UNKNOWN,
    DIRECTION_INBOUND,
    DIRECTION_OUTBOUND,
};

/* "inbound", "outbound"; NULL for DIRECTION_UNKNOWN. */
const char *direction_name(enum event_direction direction);

/*
 * The direction the task attributes state. Flex says it in up to three places (`direction`,
 * `initiatedBy`, `conversations.initiated_by`) and not always the same in all: one that says
 * outbound is enough, because taking an outbound `from` for the customer's would push the
 * business's own number to Brevo.
 */
enum event_direction direction_read(const json_t *payload);
