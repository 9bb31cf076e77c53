/*
 * key_set.c - a set of keys by their 64-bit hashes.
 */
#include "queue/key_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAPACITY = 1024,
};

/* FNV-1a, and a last mixing (MurmurHash3's), since slots are chosen by the low bits. */
uint64_t
key_hash(struct slice key)
{
    uint64_t hash = 0xcbf29ce484222325U;

    for (size_t i = 0; i < key.size; i++) {
        hash = (hash ^ (unsigned char)key.data[i]) * 0x100000001b3U;
    }
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdU;
    hash ^= hash >> 33;
    return hash != 0 ? hash : 1;
}

/* Where the hash is, or the free slot where it would be. */
static size_t
find(const struct key_set *set, uint64_t hash)
{
    size_t at = (size_t)hash & (set->capacity - 1);

    while (set->slots[at] != 0 && set->slots[at] != hash) {
        at = (at + 1) & (set->capacity - 1);
    }
    return at;
}

static int
grow(struct key_set *set)
{
    struct key_set larger = {
        .capacity = set->capacity > 0 ? set->capacity * 2 : FIRST_CAPACITY,
        .count = set->count,
    };

    larger.slots = calloc(larger.capacity, sizeof(larger.slots[0]));
    if (larger.slots == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->slots[i] != 0) {
            larger.slots[find(&larger, set->slots[i])] = set->slots[i];
        }
    }
    free(set->slots);
    *set = larger;
    return 0;
}

int
key_set_add(struct key_set *set, uint64_t hash)
{
    if (2 * (set->count + 1) > set->capacity && grow(set) < 0) {
        return -ENOMEM;
    }
    const size_t at = find(set, hash);

    set->count += set->slots[at] == 0 ? 1 : 0;
    set->slots[at] = hash;
    return 0;
}

bool
key_set_has(const struct key_set *set, uint64_t hash)
{
    return set->capacity > 0 && set->slots[find(set, hash)] == hash;
}

void
key_set_clear(struct key_set *set)
{
    if (set->capacity > 0) {
        memset(set->slots, 0, set->capacity * sizeof(set->slots[0]));
    }
    set->count = 0;
}

void
key_set_done(struct key_set *set)
{
    free(set->slots);
    *set = (struct key_set){0};
}
