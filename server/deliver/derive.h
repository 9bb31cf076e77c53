/*
 * derive.h - records made of a record in hand: what its bytes tell beside its own event.
 */
#pragma once

#include "server/deliver/job.h"

/*
 * Puts the bytes of a claimed record, as they are, under another key as well. Made again, it is the
 * same record. QUEUE_OK, or why the queue could not be reached or refused.
 */
int derive_put(struct queue *queue, const struct queue_record *record, const char *key,
    const char *subject) MUST_USE;

/*
 * Makes all that this one tells (mapping/derived.h). They are durable before it is settled, so none is
 * lost with a worker. The same.
 */
int derive_all(
    struct queue *queue, const struct job *job, const struct rules *rules) MUST_USE;
