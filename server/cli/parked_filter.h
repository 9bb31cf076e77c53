/*
 * parked_filter.h - which parked records a command is about.
 */
#pragma once

#include "queue/parked.h"

/* NULL and 0: any. Borrowed from the command line. */
struct parked_filter {
    const char *reason;
    const char *type; /* what its key begins with: "task.completed" */
    const char *glob; /* of its key, as a shell matches it; `*` matches slashes, too */
    int64_t older_ms; /* parked at least so long ago */
    int64_t newer_ms; /* at most so long ago */
    int64_t limit;    /* so many at most */
};

/*
 * Whether records are parked for such a reason, or begin their keys so. Not: *ret_nearest is the one
 * that was meant, NULL where nobody could tell.
 */
bool parked_filter_knows_reason(const char *reason, const char **ret_nearest);
bool parked_filter_knows_type(const char *type, const char **ret_nearest);

bool parked_filter_is_empty(const struct parked_filter *filter); /* `limit` apart */
/* `now_ms` as queue_parked_now_ms(). The limit is the caller's. */
bool parked_filter_matches(const struct parked_filter *filter,
    const struct queue_parked *record, int64_t now_ms);
