/*
 * parked.h - for the person who decides on parked records: looking through them, putting them
 * back to pending, dropping them.
 *
 * The results are those of queue.h. Records are looked at a page at a time: however many there
 * are, memory is bounded.
 */
#pragma once

#include "queue/queue.h"

enum {
    QUEUE_PARKED_PAGE = 64,
};

/* The slices are the walk's, and valid until it is asked again. */
struct queue_parked {
    struct slice key;
    struct slice reason;
    struct slice detail; /* what went wrong last; may be empty */
    unsigned partition;
    int64_t parked_ms;   /* Redis time, as all times here */
    int64_t received_ms; /* 0: unknown */
    int64_t attempts;
    size_t route_count;
    struct slice routes[QUEUE_ROUTES_MAX]; /* names */
    struct slice bytes[QUEUE_ROUTES_MAX];  /* of queue_parked_find() only */
    int64_t sizes[QUEUE_ROUTES_MAX];       /* of the bytes */
};

struct queue_parked_walk;

/* Begins with the longest parked of the first partition. -ENOMEM. The queue is borrowed. */
int queue_parked_open(struct queue *queue, struct queue_parked_walk **ret_walk) MUST_USE;
void queue_parked_close(struct queue_parked_walk **walk);
/*
 * The next page; *ret_count is 0 at the end. What is parked after the walk began is not shown, so
 * that replaying all ends. One that leaves meanwhile may make others show up twice. On anything
 * but QUEUE_OK the walk may be asked again.
 */
int queue_parked_next(struct queue_parked_walk *walk,
    struct queue_parked ret_page[QUEUE_PARKED_PAGE], size_t *ret_count) MUST_USE;
/* Redis time when the walk began; 0 before the first page. */
int64_t queue_parked_now_ms(const struct queue_parked_walk *walk);

/*
 * Looks a key up in every partition, its bytes included; the walk stays where it is, but its page
 * is gone. *ret_found false: it is not parked.
 */
int queue_parked_find(struct queue_parked_walk *walk, struct slice key,
    struct queue_parked *ret_record, bool *ret_found) MUST_USE;

enum queue_unpark {
    QUEUE_REPLAY, /* pending again, its attempts counted anew */
    QUEUE_DROP, /* its bytes deleted; a tombstone refuses copies for the dedupe window */
};

/*
 * Acts on up to QUEUE_PARKED_PAGE records of one partition, by their keys. ret_done says which: one
 * that is parked no more is left alone, so that it may be done twice, and by two at once.
 */
int queue_unpark(struct queue *queue, enum queue_unpark act,
    const struct queue_parked *records, size_t count, bool *ret_done) MUST_USE;
