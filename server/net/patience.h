/*
 * patience.h - who has been waited for too long.
 *
 * Those waited for with the same limit stand in one line, so the first is always the next one
 * due and nothing is searched. Times are monotonic.
 */
#pragma once

#include <sys/queue.h>

#include "mapping/base.h"

struct patience;

/* A member of what is waited for; zeroed: in no line. */
struct patience_entry {
    TAILQ_ENTRY(patience_entry) link;
    struct patience *line; /* NULL: not waited for */
    int64_t since_us;
    void *owner;
};

struct patience {
    TAILQ_HEAD(patience_line, patience_entry) line;
    int64_t limit_us;
};

void patience_init(struct patience *patience, int64_t limit_s);
/* Starts waiting for `entry`, which leaves the line it was in. */
void patience_start(
    struct patience *patience, struct patience_entry *entry, int64_t now_us);
void patience_end(struct patience_entry *entry); /* in no line: nothing happens */
/* The one waited for longest, or NULL. */
struct patience_entry *patience_first(const struct patience *patience);
/* Until the first is due: <= 0 when it is, INT64_MAX for none. */
int64_t patience_left_us(const struct patience *patience, int64_t now_us);
struct patience_entry *patience_next(const struct patience_entry *entry);
