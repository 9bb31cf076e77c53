/*
 * spool_inbox.h - batches on their way to the spool's thread, and whose they are meanwhile.
 *
 * The functions above the line are for any thread, those below for the spool's.
 */
#pragma once

#include <pthread.h>

#include "server/ingest/spool_batch.h"

struct spool_inbox {
    int fd;               /* an eventfd: something has come */
    pthread_mutex_t busy; /* guards the list, and whose a batch is */
    struct spool_batch *first;
    struct spool_batch **end;
};

int spool_inbox_open(struct spool_inbox *inbox) MUST_USE; /* 0 or -errno */
void spool_inbox_close(struct spool_inbox *inbox);        /* it is empty */
void spool_inbox_wake(const struct spool_inbox *inbox);

void spool_inbox_add(struct spool_inbox *inbox, struct spool_batch *batch);
/* The batch is its loop's again, its `status` filled in. */
bool spool_inbox_has_returned(struct spool_inbox *inbox, const struct spool_batch *batch);
/* Its loop lets go of it, returned or not. */
void spool_inbox_abandon(struct spool_inbox *inbox, struct spool_batch **batch);

/* -------- */

/* All that came, in order; NULL: nothing. */
struct spool_batch *spool_inbox_take(struct spool_inbox *inbox);
/* Wakes the loop through the batch's wake_fd; frees a batch nobody waits for. */
void spool_inbox_return(struct spool_inbox *inbox, struct spool_batch *batch, int status);
