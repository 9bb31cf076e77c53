/*
 * spool_drains.c - the drains of a spool: one for each partition of the queue.
 */
#include "server/ingest/spool_drains.h"

enum {
    REDIS_TIMEOUT_MS = 1500,
};

int
spool_drains_open(struct spool_drains *drains, const char *redis_url, char *ret_error)
{
    struct queue_options options = {
        .url = redis_url,
        .partitions = queue_default_partitions(redis_url),
        .timeout_ms = REDIS_TIMEOUT_MS,
    };
    int r = QUEUE_OK;

    while (r == QUEUE_OK && drains->count < options.partitions) {
        options.partition = drains->count;
        r = spool_drain_open(&options, &drains->items[drains->count], ret_error);
        drains->count += r == QUEUE_OK ? 1 : 0;
    }
    return r;
}

void
spool_drains_close(struct spool_drains *drains)
{
    while (drains->count > 0) {
        spool_drain_close(&drains->items[--drains->count]);
    }
}

size_t
spool_drains_watch(
    const struct spool_drains *drains, struct pollfd fds[QUEUE_PARTITIONS_MAX])
{
    for (unsigned i = 0; i < drains->count; i++) {
        const struct spool_drain *drain = drains->items[i];

        fds[i] = (struct pollfd){.fd = spool_drain_fd(drain), .events = POLLIN};
        if (spool_drain_wants_write(drain)) {
            fds[i].events |= POLLOUT;
        }
    }
    return drains->count;
}

int
spool_drains_timeout_ms(const struct spool_drains *drains, int64_t now_us)
{
    int soonest_ms = -1;

    for (unsigned i = 0; i < drains->count; i++) {
        const int timeout_ms = spool_drain_timeout_ms(drains->items[i], now_us);

        if (timeout_ms >= 0 && (soonest_ms < 0 || timeout_ms < soonest_ms)) {
            soonest_ms = timeout_ms;
        }
    }
    return soonest_ms;
}

bool
spool_drains_healthy(const struct spool_drains *drains)
{
    bool is_healthy = true;

    for (unsigned i = 0; i < drains->count; i++) {
        is_healthy = is_healthy && spool_drain_healthy(drains->items[i]);
    }
    return is_healthy;
}

void
spool_drains_forget(const struct spool_drains *drains, const struct spool_file *file)
{
    for (unsigned i = 0; i < drains->count; i++) {
        spool_drain_forget(drains->items[i], file);
    }
}

bool
spool_drains_use(const struct spool_drains *drains, const struct spool_file *file)
{
    bool is_used = false;

    for (unsigned i = 0; i < drains->count; i++) {
        is_used = is_used || spool_drain_uses(drains->items[i], file);
    }
    return is_used;
}
