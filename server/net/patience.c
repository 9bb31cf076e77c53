/*
 * patience.c - who has been waited for too long.
 */
#include "server/net/patience.h"

void
patience_init(struct patience *patience, int64_t limit_s)
{
    TAILQ_INIT(&patience->line);
    patience->limit_us = limit_s * US_PER_S;
}

void
patience_start(struct patience *patience, struct patience_entry *entry, int64_t now_us)
{
    patience_end(entry);
    entry->line = patience;
    entry->since_us = now_us;
    TAILQ_INSERT_TAIL(&patience->line, entry, link);
}

void
patience_end(struct patience_entry *entry)
{
    if (entry->line != NULL) {
        TAILQ_REMOVE(&entry->line->line, entry, link);
        entry->line = NULL;
    }
}

struct patience_entry *
patience_first(const struct patience *patience)
{
    return TAILQ_FIRST(&patience->line);
}

int64_t
patience_left_us(const struct patience *patience, int64_t now_us)
{
    const struct patience_entry *first = patience_first(patience);

    return first != NULL ? first->since_us + patience->limit_us - now_us : INT64_MAX;
}

struct patience_entry *
patience_next(const struct patience_entry *entry)
{
    return TAILQ_NEXT(entry, link);
}
