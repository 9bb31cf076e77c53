/*
 * sink_seen.c - a sink's test that has just become durable, on its way to where it is shown.
 */
#include "server/ingest/sink_seen.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sink_seen latest; /* an empty id: none, or taken */

void
sink_seen_tell(struct slice id, int64_t time_ms)
{
    struct sink_seen seen = {.time_ms = time_ms};

    if (!slice_to_text(id, seen.id, sizeof(seen.id))) {
        return;
    }
    (void)pthread_mutex_lock(&lock);
    latest = seen;
    (void)pthread_mutex_unlock(&lock);
}

bool
sink_seen_take(struct sink_seen *ret_seen)
{
    (void)pthread_mutex_lock(&lock);
    const bool found = latest.id[0] != '\0';

    if (found) {
        *ret_seen = latest;
        latest = (struct sink_seen){0};
    }
    (void)pthread_mutex_unlock(&lock);
    return found;
}

void
sink_seen_return(const struct sink_seen *seen)
{
    (void)pthread_mutex_lock(&lock);
    if (latest.id[0] == '\0') {
        latest = *seen;
    }
    (void)pthread_mutex_unlock(&lock);
}
