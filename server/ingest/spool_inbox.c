/*
 * spool_inbox.c - batches on their way to the spool's thread, and whose they are meanwhile.
 */
#include "server/ingest/spool_inbox.h"

#include <assert.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/ops/log.h"

int
spool_inbox_open(struct spool_inbox *inbox)
{
    *inbox = (struct spool_inbox){.busy = PTHREAD_MUTEX_INITIALIZER};
    inbox->end = &inbox->first;
    inbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return inbox->fd < 0 ? -errno : 0;
}

void
spool_inbox_close(struct spool_inbox *inbox)
{
    assert(inbox->first == NULL);
    if (inbox->fd >= 0) {
        (void)close(inbox->fd);
    }
    (void)pthread_mutex_destroy(&inbox->busy);
}

static void
wake(int fd)
{
    const uint64_t one = 1;

    if (write(fd, &one, sizeof(one)) < 0) {
        log_error("wake_failed", "errno=%d", errno); /* an eventfd full of wishes: none */
    }
}

void
spool_inbox_wake(const struct spool_inbox *inbox)
{
    wake(inbox->fd);
}

void
spool_inbox_add(struct spool_inbox *inbox, struct spool_batch *batch)
{
    (void)pthread_mutex_lock(&inbox->busy);
    *inbox->end = batch;
    inbox->end = &batch->next;
    (void)pthread_mutex_unlock(&inbox->busy);
    wake(inbox->fd);
}

bool
spool_inbox_has_returned(struct spool_inbox *inbox, const struct spool_batch *batch)
{
    (void)pthread_mutex_lock(&inbox->busy);
    const bool is_returned = batch->is_returned;

    (void)pthread_mutex_unlock(&inbox->busy);
    return is_returned;
}

void
spool_inbox_abandon(struct spool_inbox *inbox, struct spool_batch **batch)
{
    (void)pthread_mutex_lock(&inbox->busy);
    if ((*batch)->is_returned) {
        spool_batch_free(batch);
    } else {
        (*batch)->is_abandoned = true;
        *batch = NULL;
    }
    (void)pthread_mutex_unlock(&inbox->busy);
}

struct spool_batch *
spool_inbox_take(struct spool_inbox *inbox)
{
    (void)pthread_mutex_lock(&inbox->busy);
    struct spool_batch *first = inbox->first;

    inbox->first = NULL;
    inbox->end = &inbox->first;
    (void)pthread_mutex_unlock(&inbox->busy);
    return first;
}

void
spool_inbox_return(struct spool_inbox *inbox, struct spool_batch *batch, int status)
{
    (void)pthread_mutex_lock(&inbox->busy);
    batch->status = status;
    if (batch->is_abandoned) {
        spool_batch_free(&batch);
    } else {
        batch->is_returned = true;
        wake(batch->wake_fd); /* locked: the loop cannot close it yet */
    }
    (void)pthread_mutex_unlock(&inbox->busy);
}
