/*
 * effect_earlier.h - what became of an effect by the names it had before. Not for other folders.
 */
#pragma once

#include "queue/handle.h"

/* Behind the claim itself, which is the exchange's first command. */
void effect_write_earlier(struct queue *queue, const struct queue_effect *effect);
/* Of an effect that was claimed: whether that is worth anything. */
void effect_read_earlier(const struct queue *queue, const struct queue_record *record,
    struct queue_effect *effect);
