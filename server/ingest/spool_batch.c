/*
 * spool_batch.c - puts on their way from an event loop to the spool's thread and back.
 */
#include "server/ingest/spool_batch.h"

#include <stdlib.h>
#include <string.h>

#include "server/ingest/durable.h"

static size_t
size_of(const struct durable_unit *unit)
{
    size_t size = 0;

    for (size_t i = 0; i < unit->put_count; i++) {
        const struct queue_put *put = &unit->puts[i];

        size += put->key.size + put->route.size + put->subject.size + put->bytes.size;
    }
    return size;
}

static struct slice
keep(struct slice value, char **storage)
{
    const struct slice kept = {*storage, value.size};

    if (value.size > 0) {
        memcpy(*storage, value.data, value.size);
    }
    *storage += value.size;
    return kept;
}

static void
fill(struct spool_batch *batch, struct durable_unit *first)
{
    char *next = batch->bytes;
    size_t at = 0;

    for (size_t i = 0; i < batch->share_count; i++, first = first->next) {
        batch->shares[i] = (struct spool_share){first, first->put_count};
        batch->must_keep = batch->must_keep || first->must_keep;
        for (size_t p = 0; p < first->put_count; p++) {
            const struct queue_put *put = &first->puts[p];

            batch->puts[at++] = (struct queue_put){.key = keep(put->key, &next),
                .subject = keep(put->subject, &next),
                .route = keep(put->route, &next),
                .bytes = keep(put->bytes, &next)};
        }
    }
}

struct spool_batch *
spool_batch_make(struct durable_unit *first)
{
    AUTO(spool_batch_free) struct spool_batch *batch = calloc(1, sizeof(*batch));
    struct durable_unit *unit = first;
    size_t size = 0;

    if (batch == NULL) {
        return NULL;
    }
    do {
        size += size_of(unit);
        batch->put_count += unit->put_count;
        batch->share_count++;
        unit = unit->next;
    } while (unit != NULL && size < SPOOL_BATCH_BYTES);
    batch->shares = calloc(batch->share_count, sizeof(*batch->shares));
    batch->puts = calloc(batch->put_count + 1, sizeof(*batch->puts));
    batch->bytes = malloc(size + 1);
    if (batch->shares == NULL || batch->puts == NULL || batch->bytes == NULL) {
        return NULL;
    }
    fill(batch, first);
    struct spool_batch *made = batch;

    batch = NULL;
    return made;
}

void
spool_batch_free(struct spool_batch **batch)
{
    if (*batch != NULL) {
        free((*batch)->shares);
        free((*batch)->puts);
        free((*batch)->bytes);
        free(*batch);
    }
    *batch = NULL;
}
