/*
 * parked_filter.c - which parked records a command is about.
 */
#include "server/cli/parked_filter.h"

#include <fnmatch.h>
#include <string.h>

#include "mapping/key.h"
#include "mapping/rules.h"
#include "mapping/twilio_type.h"
#include "server/config/options.h"

/* docs/operations.md says what each means. */
static const char *const reasons[] = {
    "unparseable",
    "bad_score",
    "rejected",
    "payment_required",
    "identifier_refused",
    "bad_answer",
    "unresolved_reservation",
    "poison",
    "queue_refused",
    "retries_exhausted",
    "unknown_schema",
};

/* The type of what could not be keyed. */
static const char raw[] = "raw";

bool
parked_filter_knows_reason(const char *reason, const char **ret_nearest)
{
    *ret_nearest = option_nearest(reason, reasons, LENGTH(reasons));
    return *ret_nearest != NULL && strcmp(*ret_nearest, reason) == 0;
}

bool
parked_filter_knows_type(const char *type, const char **ret_nearest)
{
    const char *names[EVENT_TYPE_COUNT + 1] = {raw};

    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++) {
        names[i + 1] = event_type_name((enum event_type)i);
    }
    *ret_nearest = option_nearest(type, names, LENGTH(names));
    return (*ret_nearest != NULL && strcmp(*ret_nearest, type) == 0) ||
           twilio_type_is_fact(slice_of(type));
}

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
