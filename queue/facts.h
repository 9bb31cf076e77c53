/*
 * facts.h - what is known of a subject, kept beside the records and merged as it comes.
 *
 * The queue does not know what a fact means: see mapping/fact.h for how two of one name are
 * merged. Merging is one script call per subject: atomic there, repeatable, and the same in every
 * order. Nothing is atomic across subjects. What is known lives as long as settled records are
 * remembered, but at least a week, from the last fact that changed it.
 */
#pragma once

#include "mapping/fact.h"
#include "queue/queue.h"

enum {
    QUEUE_FACTS_SUBJECTS_MAX = 8, /* of one call */
};

struct queue_facts {
    struct slice subject; /* names it, and chooses the partition */
    const struct fact *facts;
    size_t count;     /* 0: only asks */
    struct facts all; /* the answer: everything known then; queue_facts_done() */
};

/*
 * Merges and answers for each item, in one round trip. On anything but QUEUE_OK no answer is
 * there, some may have been merged, and calling again is safe. Over maxmemory it works, as
 * settling does, which frees more. A fact without a name, or one that is too long, is left out.
 */
int queue_facts_merge(
    struct queue *queue, struct queue_facts *items, size_t count) MUST_USE;
void queue_facts_done(struct queue_facts *items, size_t count);
