/*
 * profile.h - what the left side of `field_mapping` means.
 *
 *   attributes.X     the task attribute X; dots walk into objects: attributes.customers.zip
 *   identity         attribute `identity` (Flex's own name for the customer)
 *   friendly_name    the first word of attribute `customers.name`, `customerName` or `name`, the
 *                    first that has one: a number, an address or a stand-in such as "Customer" is none
 *   customer_tier    attribute `customer_tier`, `customerTier` or `customers.category`
 *   account_id       attribute `account_id`, `accountId` or `customers.external_id`
 *
 * `customers.*` are Flex Insights' standard keys. last_conversation_date, total_conversations,
 * avg_wait_time, last_csat_score and preferred_channel are known paths, but no event has a value
 * for them: history.h computes them from all that were seen.
 */
#pragma once

#include <jansson.h>

#include "mapping/base.h"

enum {
    PROFILE_TEXT_MAX = 255, /* bytes of a text attribute; longer ones are cut */
};

enum profile_result {
    PROFILE_OK = 0,
    PROFILE_E_NOTHING, /* the event says nothing there */
};

/* For configuration: whether `path` is one of the above, or one that history.h computes. */
bool profile_path_is_known(const char *path);
bool profile_path_is_computed(const char *path);

/* The raw value under `path`; NULL when there is none. Borrowed. */
const json_t *profile_at(const json_t *payload, const char *path);

/*
 * The value of `path` as a Brevo attribute: a text, a number or a truth, never empty.
 * The caller owns *ret_value. Returns a profile_result, or -ENOMEM.
 */
int profile_value(const json_t *payload, const char *path, json_t **ret_value) MUST_USE;
