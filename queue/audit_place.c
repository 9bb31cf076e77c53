/*
 * audit_place.c - the places a record may be in, by its state.
 */
#include "queue/audit.h"

const char *
queue_place_name(enum queue_place place)
{
    static const char *const names[QUEUE_PLACE_COUNT] = {
        [QUEUE_PLACE_PENDING] = "pending",
        [QUEUE_PLACE_CLAIMED] = "claimed",
        [QUEUE_PLACE_DELAYED] = "delayed",
        [QUEUE_PLACE_PARKED] = "parked",
        [QUEUE_PLACE_DELIVERED] = "delivered",
        [QUEUE_PLACE_FILTERED] = "filtered",
        [QUEUE_PLACE_DROPPED] = "dropped",
        [QUEUE_PLACE_UNKNOWN] = "unknown",
    };

    return names[place];
}

enum queue_place
queue_place_of(struct slice state)
{
    enum queue_place place = QUEUE_PLACE_PENDING;

    while (place < QUEUE_PLACE_UNKNOWN && !slice_is(state, queue_place_name(place))) {
        place++;
    }
    return place;
}
