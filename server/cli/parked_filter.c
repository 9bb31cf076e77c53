/*
 * parked_filter.c - which parked records a command is about.
 */
#include "server/cli/parked_filter.h"

#include <fnmatch.h>

#include "mapping/key.h"

bool
parked_filter_is_empty(const struct parked_filter *filter)
{
    return filter->reason == NULL && filter->type == NULL && filter->glob == NULL &&
           filter->older_ms == 0 && filter->newer_ms == 0;
}

static bool
matches_glob(const char *glob, struct slice key)
{
    char text[KEY_SIZE_MAX];

    return slice_to_text(key, text, sizeof(text)) && fnmatch(glob, text, 0) == 0;
}

bool
parked_filter_matches(
    const struct parked_filter *filter, const struct queue_parked *record, int64_t now_ms)
{
    const int64_t age_ms = now_ms - record->parked_ms;

    return (filter->reason == NULL || slice_is(record->reason, filter->reason)) &&
           (filter->type == NULL ||
               slice_is(slice_before(record->key, '/'), filter->type)) &&
           (filter->glob == NULL || matches_glob(filter->glob, record->key)) &&
           (filter->older_ms == 0 || age_ms >= filter->older_ms) &&
           (filter->newer_ms == 0 || age_ms <= filter->newer_ms);
}
