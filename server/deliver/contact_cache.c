/*
 * contact_cache.c - a table of contacts by the hash of their identifier.
 */
#include "server/deliver/contact_cache.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/key_set.h"

enum {
    NAME_SIZE = CUSTOMER_EMAIL_SIZE + sizeof "whatsapp_id:",
    WAYS = 4, /* slots it may be in */
    SETS = CONTACT_CACHE_SLOTS / WAYS,
    TEXT_MAX = 255, /* of a longer one it is known that it is there */
};

struct contact_cache_slot {
    char *name; /* "email_id:jane@example.com"; NULL: free */
    struct contact_met met;
};

static void
empty(struct contact_cache_slot *slot)
{
    free(slot->name);
    json_decref(slot->met.contact);
    *slot = (struct contact_cache_slot){0};
}

int
contact_cache_init(struct contact_cache *cache, int64_t life_ms)
{
    *cache = (struct contact_cache){.life_us = life_ms * US_PER_MS};
    if (life_ms > 0) {
        cache->slots = calloc(CONTACT_CACHE_SLOTS, sizeof(*cache->slots));
    }
    return life_ms > 0 && cache->slots == NULL ? -ENOMEM : 0;
}

void
contact_cache_done(struct contact_cache *cache)
{
    for (size_t i = 0; cache->slots != NULL && i < CONTACT_CACHE_SLOTS; i++) {
        empty(&cache->slots[i]);
    }
    free(cache->slots);
    *cache = (struct contact_cache){0};
}

/* Where it is; else a free place for it, or that of whoever was met first of those it would be among. */
static struct contact_cache_slot *
slot_of(const struct contact_cache *cache, const char *name)
{
    struct contact_cache_slot *set =
        &cache->slots[key_hash(slice_of(name)) % SETS * WAYS];
    struct contact_cache_slot *oldest = set;

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].name != NULL && strcmp(set[i].name, name) == 0) {
            return &set[i];
        }
        if (oldest->name != NULL &&
            (set[i].name == NULL || set[i].met.seen_us < oldest->met.seen_us)) {
            oldest = &set[i];
        }
    }
    return oldest;
}

static void
write_name(struct request_identifier identifier, char name[NAME_SIZE])
{
    (void)snprintf(name, NAME_SIZE, "%s:%s", identifier.type, identifier.value);
}

/* ---- what it was refused ------------------------------------------------------------------- */

static const struct {
    unsigned bit;
    size_t offset; /* in struct customer */
} refusable[CONTACT_REFUSABLE] = {
    {REQUEST_EXT_ID, offsetof(struct customer, ext_id)},
    {REQUEST_SMS, offsetof(struct customer, phone)},
    {REQUEST_WHATSAPP, offsetof(struct customer, whatsapp)},
};

/* 0: it has none. */
static uint64_t
hash_of(const struct customer *customer, size_t i)
{
    const char *value = (const char *)customer + refusable[i].offset;

    return value[0] != '\0' ? key_hash(slice_of(value)) : 0;
}

void
contact_refuse(struct contact_refused *refused, const struct customer *customer,
    unsigned identifiers)
{
    for (size_t i = 0; i < CONTACT_REFUSABLE; i++) {
        if ((identifiers & refusable[i].bit) != 0) {
            refused->hashes[i] = hash_of(customer, i);
        }
    }
}

unsigned
contact_was_refused(
    const struct contact_refused *refused, const struct customer *customer)
{
    unsigned identifiers = 0;

    for (size_t i = 0; i < CONTACT_REFUSABLE; i++) {
        const uint64_t hash = hash_of(customer, i);

        identifiers |= hash != 0 && hash == refused->hashes[i] ? refusable[i].bit : 0;
    }
    return identifiers;
}

/* ---- what is kept of a contact ------------------------------------------------------------- */

/* NULL when memory is out, here and below; so is whatever is built on it. */
static json_t *
value_kept(json_t *value)
{
    const bool is_short = json_is_string(value) && json_string_length(value) <= TEXT_MAX;
    const bool is_filled = json_is_string(value) ? json_string_length(value) > 0
                                                 : json_array_size(value) > 0;

    if (is_short || json_is_number(value) || json_is_boolean(value)) {
        return json_incref(value);
    }
    return is_filled ? json_true() : json_null();
}

static bool
keep_value(json_t *kept, const json_t *of, const char *name)
{
    json_t *value = json_object_get(of, name);

    return value == NULL || json_object_set_new(kept, name, value_kept(value)) == 0;
}

static json_t *
attributes_kept(const json_t *attributes, const struct rules *rules)
{
    static const char *const identifiers[] = {"SMS", "WHATSAPP", "EXT_ID"};
    json_t *kept = json_object();
    bool is_whole = kept != NULL;

    for (size_t i = 0; i < LENGTH(identifiers); i++) {
        is_whole = is_whole && keep_value(kept, attributes, identifiers[i]);
    }
    for (size_t i = 0; i < rules->field_count; i++) {
        is_whole = is_whole && keep_value(kept, attributes, rules->fields[i].attribute);
    }
    if (!is_whole) {
        json_decref(kept);
        return NULL;
    }
    return kept;
}

static json_t *
lists_kept(const json_t *lists, const struct rules *rules)
{
    json_t *kept = json_array();

    for (size_t i = 0; i < json_array_size(lists); i++) {
        const json_int_t id = json_integer_value(json_array_get(lists, i));

        if (id > 0 &&
            (id == rules->list_support_contacts || id == rules->list_csat_respondents) &&
            json_array_append_new(kept, json_integer(id)) != 0) {
            json_decref(kept);
            return NULL;
        }
    }
    return kept;
}

static json_t *
contact_kept(const json_t *contact, const struct rules *rules)
{
    static const char *const lists[] = {"listIds", "listUnsubscribed"};
    json_t *kept = json_object();
    bool is_whole =
        kept != NULL && keep_value(kept, contact, "email") &&
        keep_value(kept, contact, "ext_id") &&
        json_object_set_new(kept, "attributes",
            attributes_kept(json_object_get(contact, "attributes"), rules)) == 0;

    for (size_t i = 0; i < LENGTH(lists); i++) {
        is_whole =
            is_whole && json_object_set_new(kept, lists[i],
                            lists_kept(json_object_get(contact, lists[i]), rules)) == 0;
    }
    if (!is_whole) {
        json_decref(kept);
        return NULL;
    }
    return kept;
}

/* ---- found, kept, forgotten ---------------------------------------------------------------- */

const struct contact_met *
contact_cache_find(const struct contact_cache *cache,
    struct request_identifier identifier, int64_t now_us)
{
    char name[NAME_SIZE];

    if (cache->slots == NULL) {
        return NULL;
    }
    write_name(identifier, name);
    const struct contact_cache_slot *slot = slot_of(cache, name);
    const bool is_met = slot->name != NULL && strcmp(slot->name, name) == 0 &&
                        now_us - slot->met.seen_us < cache->life_us;

    return is_met ? &slot->met : NULL;
}

void
contact_cache_keep(struct contact_cache *cache, struct request_identifier identifier,
    const struct contact_met *met, const struct rules *rules)
{
    char name[NAME_SIZE];

    if (cache->slots == NULL) {
        return;
    }
    write_name(identifier, name);
    struct contact_cache_slot *slot = slot_of(cache, name);
    struct contact_cache_slot kept = {.name = strdup(name), .met = *met};

    kept.met.contact = contact_kept(met->contact, rules);
    if (kept.name == NULL || kept.met.contact == NULL) {
        empty(&kept); /* memory is out: it is looked up again */
    }
    empty(slot);
    *slot = kept;
}

void
contact_cache_forget(struct contact_cache *cache, struct request_identifier identifier)
{
    char name[NAME_SIZE];

    if (cache->slots == NULL) {
        return;
    }
    write_name(identifier, name);
    struct contact_cache_slot *slot = slot_of(cache, name);

    if (slot->name != NULL && strcmp(slot->name, name) == 0) {
        empty(slot);
    }
}

void
contact_cache_forget_number(struct contact_cache *cache, int64_t id)
{
    for (size_t i = 0; cache->slots != NULL && i < CONTACT_CACHE_SLOTS; i++) {
        if (cache->slots[i].name != NULL && cache->slots[i].met.id == id) {
            empty(&cache->slots[i]);
        }
    }
}

void
contact_cache_refuse_list(struct contact_cache *cache, int64_t id, int64_t now_us)
{
    size_t place = 0; /* its own, else that of the one refused first */

    for (size_t i = 0; i < CONTACT_LISTS; i++) {
        if (cache->refused_lists[i].id == id) {
            place = i;
            break;
        }
        if (cache->refused_lists[i].until_us < cache->refused_lists[place].until_us) {
            place = i;
        }
    }
    cache->refused_lists[place].id = id;
    cache->refused_lists[place].until_us = now_us + cache->life_us;
}

bool
contact_cache_refuses_list(const struct contact_cache *cache, int64_t id, int64_t now_us)
{
    bool is_refused = false;

    for (size_t i = 0; i < CONTACT_LISTS; i++) {
        is_refused |=
            cache->refused_lists[i].id == id && now_us < cache->refused_lists[i].until_us;
    }
    return is_refused;
}
