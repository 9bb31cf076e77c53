/*
 * direction.c - who began: the customer or the business.
 */
#include "mapping/direction.h"

#include "mapping/payload.h"

const char *
direction_name(enum event_direction direction)
{
    static const char *const names[] = {
        [DIRECTION_INBOUND] = "inbound",
        [DIRECTION_OUTBOUND] = "outbound",
    };

    return names[direction];
}

enum event_direction
direction_read(const json_t *payload)
{
    static const struct statement {
        const char *path;
        const char *inbound;
        const char *outbound;
    } statements[] = {
        {"task_attributes/direction", "inbound", "outbound"},
        {"task_attributes/conversations/initiated_by", "customer", "agent"},
        {"task_attributes/initiatedBy", "customer", "agent"},
    };
    enum event_direction direction = DIRECTION_UNKNOWN;

    for (size_t i = 0; i < LENGTH(statements); i++) {
        /* Voice has "outbound-api" and "outbound-dial" beside the plain words. */
        const struct slice text = slice_of(payload_text_at(payload, statements[i].path));

        if (slice_starts_nocase(text, statements[i].outbound)) {
            return DIRECTION_OUTBOUND;
        }
        if (slice_starts_nocase(text, statements[i].inbound)) {
            direction = DIRECTION_INBOUND;
        }
    }
    return direction;
}
