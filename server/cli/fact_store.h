/*
 * fact_store.h - facts of many subjects in memory, merged as queue/facts.h merges them.
 *
 * Of tickets, and what is as simple: no items are counted here.
 */
#pragma once

#include "queue/facts.h"

struct fact_store {
    size_t subjects_max;
    size_t subjects;
    size_t left_out; /* tellings of a subject for which there was no room */
    void *root;      /* its own */
};

/*
 * For struct telling_place: QUEUE_OK, and the answers are the caller's, as the queue's would be; or
 * -ENOMEM. Of a subject without room the answer is what it was just told.
 */
int fact_store_merge(void *store, struct queue_facts *items, size_t count) MUST_USE;
/* Frees all; it is empty again. */
void fact_store_done(struct fact_store *store);
