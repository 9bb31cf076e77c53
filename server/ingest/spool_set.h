/*
 * spool_set.h - all spools of this process: its own, and those it has taken over from others.
 *
 * What others left behind is older, and drained first; what is added goes to the own one. One
 * thread. Whatever fails is said here, now and then, and tried again.
 */
#pragma once

#include "server/ingest/spool_drains.h"
#include "server/ingest/spool_file.h"
#include "server/ops/gate.h"

struct spool_set {
    const char *directory; /* borrowed */
    int64_t max_bytes;     /* of each */
    const struct spool_drains
        *drains; /* borrowed: what they have under way is let go with its file */
    struct spool_file adopted[SPOOL_FILES_MAX]; /* by number */
    struct spool_file own;
    struct gate failures;
    struct gate refusals;
    bool writable; /* the last write went well */
};

/* Takes a file, and opens it if that can be. 0, -EWOULDBLOCK (no number is left) or -errno. */
int spool_set_open(struct spool_set *set) MUST_USE;
void spool_set_close(struct spool_set *set);

/* As spool_add(), into the own one; a damaged one is replaced. 0 or -errno. */
int spool_set_add(struct spool_set *set, struct queue_put *puts, size_t count) MUST_USE;
/*
 * Feeds a partition's drain from the oldest with anything in it that can be read; when nothing waits
 * there at all, with what was set aside and is to be tried again.
 */
void spool_set_feed(struct spool_set *set, unsigned partition, int64_t now_us);
struct spool_totals spool_set_totals(const struct spool_set *set, unsigned partition);

/* Opens what could not be opened, tries to write what could not be written. */
void spool_set_mend(struct spool_set *set);
/* Takes one over that nobody has any more; it is read through. False: there is none. */
bool spool_set_adopt(struct spool_set *set);
/* Deletes the files that were taken over and are drained. */
void spool_set_remove_drained(struct spool_set *set);
/* What is set aside is tried once more, one after the other, whenever nothing waits. */
void spool_set_retry_aside(struct spool_set *set);
/* Nothing waits: gives the space back. False: a file has drained rows still. */
bool spool_set_tidy(struct spool_set *set) MUST_USE;
