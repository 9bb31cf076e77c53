/*
 * spool_batch.h - puts on their way from an event loop to the spool's thread and back.
 *
 * A batch is a copy: the request it came from may be answered, and gone, while the thread still
 * waits for the disk. It is the thread's from spool_inbox_add() until spool_inbox_has_returned(), before and
 * after that the loop's; but `shares` are the loop's all the time.
 */
#pragma once

#include "queue/queue.h"

enum {
    SPOOL_BATCH_BYTES = 4 * 1024 * 1024, /* about: one unit may have more */
};

struct durable_unit;

/* The puts of one unit. */
struct spool_share {
    struct durable_unit *unit; /* NULL: gone meanwhile */
    size_t put_count;
};

struct spool_batch {
    struct queue_put *puts;
    size_t put_count;
    unsigned partition;         /* of all of them */
    bool must_keep;             /* Redis has failed it: it shall not be passed back */
    char why[QUEUE_ERROR_SIZE]; /* what Redis said, or empty */
    int status;                 /* a spooler_status or -errno, when returned */
    int wake_fd;                /* an eventfd of the loop's */
    bool is_returned;           /* the inbox's */
    bool is_abandoned;          /* nobody waits: the inbox's */
    struct spool_batch *next;   /* the inbox's */
    struct spool_share *shares; /* of the puts, in order; the loop's */
    size_t share_count;
    void *bytes; /* ours */
};

/*
 * Copies the puts of the first units of the list, as many as fit but one at least, and is theirs.
 * NULL: no memory. Ownership: spool_batch_free().
 */
struct spool_batch *spool_batch_make(struct durable_unit *first) MUST_USE;
void spool_batch_free(struct spool_batch **batch);
