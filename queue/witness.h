/*
 * witness.h - notices a Redis that comes back empty, older or as another one.
 *
 * A Redis that lost its tail, was restored from a backup or failed over to a replica that lagged
 * looks healthy from within. So a witness keeps, outside Redis, which data set it saw and how many
 * events had been accepted in each partition; and leaves the same count as its mark inside. The
 * mark was written behind those events: as long as it is there, so are they, however many came
 * since. See docs/decisions/0025-a-witness-outside-redis.md.
 */
#pragma once

#include "queue/queue.h"

enum {
    QUEUE_WITNESS_ID_SIZE = 17, /* 16 hexadecimal digits */
    QUEUE_WITNESSES_MAX = 256,  /* whose marks are remembered, those who saw the most */
};

/* What a witness knows. Begins with a name only; its owner keeps it where Redis's end cannot reach. */
struct queue_witness {
    char name[QUEUE_WITNESS_ID_SIZE];    /* never shared by two live processes */
    char id[QUEUE_WITNESS_ID_SIZE];      /* of the data set; empty: none seen yet */
    int64_t marks[QUEUE_PARTITIONS_MAX]; /* accepted events, as marked; 0: none */
    int64_t unsettled;                   /* of all accepted, when last seen */
};

enum queue_sight {
    QUEUE_SIGHT_FINE,
    QUEUE_SIGHT_WENT_BACK, /* the same data set, without its latest part */
    QUEUE_SIGHT_REPLACED,  /* another data set: emptied, or not ours */
};

struct queue_look {
    enum queue_sight sight;
    bool is_news;      /* the witness has changed: keep it */
    int64_t missing;   /* accepted events that are gone, at least */
    int64_t unsettled; /* of all that was known before, so many were not settled */
};

/* A random name for a new witness, or id for a new data set. 0 or -EIO. */
int queue_witness_name(char ret_name[QUEUE_WITNESS_ID_SIZE]) MUST_USE;

/*
 * Looks at every partition and brings the witness up to date. What went back is told once: from
 * then on the witness goes by what is there. Safe to repeat when a call fails or its caller dies
 * before the witness is kept: then it is told again.
 */
int queue_witness_look(struct queue *queue, struct queue_witness *witness,
    struct queue_look *ret_look) MUST_USE;

/* The same question, and nothing is changed, in Redis or in the witness. */
int queue_witness_check(struct queue *queue, const struct queue_witness *witness,
    struct queue_look *ret_look) MUST_USE;
