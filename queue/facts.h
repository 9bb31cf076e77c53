/*
 * facts.h - what is known of a subject, kept beside the records and merged as it comes.
 *
 * The queue does not know what a fact means: see mapping/fact.h for how two of one name are
 * merged. Merging is one script call per subject: atomic there, repeatable, and the same in every
 * order. Nothing is atomic across subjects. What is known lives for `life_ms` from the last telling that
 * changed it; one that changes nothing prolongs it once an eighth of that time is over, and asking
 * never does.
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
    int64_t life_ms;  /* 0: as settled records are remembered, but at least a week */
    struct facts all; /* the answer: everything known then; queue_facts_done() */
};

/*
 * Merges and answers for each item, in one round trip. On anything but QUEUE_OK no answer is
 * there, some may have been merged, and calling again is safe. Over maxmemory it works, as
 * settling does, which frees more. What fact_is_kept() denies is left out. Items are merged and kept,
 * and answered as totals: an answer stays small, however many there are.
 */
int queue_facts_merge(
    struct queue *queue, struct queue_facts *items, size_t count) MUST_USE;
void queue_facts_done(struct queue_facts *items, size_t count);

/*
 * Tells `to` what `from` was told: the facts that `is_copied` says, and every item with all its
 * names. `from` keeps them. QUEUE_OK: all was told that was there when it began. Else some may have
 * been; again, it tells the same. Bounded by what a subject may have.
 */
int queue_facts_copy(struct queue *queue, struct slice from, struct slice to,
    bool (*is_copied)(const struct fact *fact), int64_t life_ms) MUST_USE;
/* "<rank> <text>", as facts are kept; false of anything else. */
bool queue_fact_split(struct slice value, struct fact *fact);
