/*
 * contact_cache.h - what Brevo has of contacts that were met lately, so that it is not asked again.
 *
 * It is what the last look, and what was said since, made of a contact; for so long after that look
 * as is configured. Only what a delivery compares with is kept: mapped attributes, identifiers, our
 * lists. It is in this worker's memory alone, a hint and nothing else: what was forgotten is looked
 * up, and what others wrote meanwhile is in the contact's facts (meeting.h).
 *
 * What it refused everybody, a list it does not have, is kept as long: then it is tried again.
 *
 * Bounded: of those whose identifiers' hashes are alike the ones met last are kept. One thread.
 */
#pragma once

#include <jansson.h>

#include "mapping/request.h"

enum {
    CONTACT_CACHE_SLOTS = 8192, /* of some 2 KB each */
    CONTACT_REFUSABLE = 3,      /* bits in REQUEST_OPTIONAL */
    CONTACT_LISTS = 2,          /* that there are */
};

/* What Brevo last refused a contact, of each identifier it can do without: key_hash(); 0: nothing. */
struct contact_refused {
    uint64_t hashes[CONTACT_REFUSABLE];
};

/* Remembers of a customer's identifiers those of these REQUEST_* bits. */
void contact_refuse(struct contact_refused *refused, const struct customer *customer,
    unsigned identifiers);
/* REQUEST_* bits of those that were refused; one that names another phone is free to. */
unsigned contact_was_refused(
    const struct contact_refused *refused, const struct customer *customer) MUST_USE;

/* A contact, as it was met. */
struct contact_met {
    int64_t id;      /* Brevo's number of it */
    int64_t seen_us; /* when it was looked up, or created */
    struct contact_refused refused;
    json_t *contact; /* as Brevo would show it */
};

struct contact_cache {
    int64_t life_us; /* 0: nothing is kept */
    struct contact_cache_slot *slots;
    struct {
        int64_t id; /* Brevo's number of it */
        int64_t until_us;
    } refused_lists[CONTACT_LISTS];
};

/* -ENOMEM: nothing is kept. */
int contact_cache_init(struct contact_cache *cache, int64_t life_ms) MUST_USE;
void contact_cache_done(struct contact_cache *cache);

/*
 * Who is known by this identifier; NULL: nobody was met by it, or too long ago. Valid until the next
 * call. Whoever writes into its contact keeps it anew, or forgets it.
 */
const struct contact_met *contact_cache_find(const struct contact_cache *cache,
    struct request_identifier identifier, int64_t now_us);
/* Keeps a copy of what is needed of it. */
void contact_cache_keep(struct contact_cache *cache, struct request_identifier identifier,
    const struct contact_met *met, const struct rules *rules);
void contact_cache_forget(
    struct contact_cache *cache, struct request_identifier identifier);
/* What Brevo refused whoever was to join it; and whether it did lately. */
void contact_cache_refuse_list(struct contact_cache *cache, int64_t id, int64_t now_us);
bool contact_cache_refuses_list(
    const struct contact_cache *cache, int64_t id, int64_t now_us) MUST_USE;
/* By whatever it was met; looks at all slots. */
void contact_cache_forget_number(struct contact_cache *cache, int64_t id);
