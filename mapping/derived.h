/*
 * derived.h - events a record tells beside its own: each becomes a record of its own.
 *
 * It has the same bytes under another type, "conversation.ended/WT...", and from then on its own
 * life. Made again it is the same record, so it may be made as often as the first one is read.
 */
#pragma once

#include "mapping/event.h"

enum {
    DERIVED_MAX = 2,
};

/*
 * What the record of `reading` tells beside, as types; they are about its task. How many. Pure: by
 * what the record itself says, whatever its own event comes to.
 */
size_t event_derived(const struct event_reading *reading, const struct rules *rules,
    enum event_type ret_types[DERIVED_MAX]) MUST_USE;

/* The derived record's key. False: it is too long. */
bool event_derived_key(const struct event_reading *reading, enum event_type type,
    char ret_key[KEY_SIZE_MAX]) MUST_USE;
