/*
 * key_set.h - a set of keys by their 64-bit hashes: 16 bytes each at the most.
 *
 * Two keys of one hash count as one: of a million keys that happens once in ten million sets.
 */
#pragma once

#include "mapping/base.h"

struct key_set {
    uint64_t *slots; /* 0: free */
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

uint64_t key_hash(struct slice key); /* never 0 */
/* 0 or -ENOMEM. */
int key_set_add(struct key_set *set, uint64_t hash) MUST_USE;
bool key_set_has(const struct key_set *set, uint64_t hash);
void key_set_clear(struct key_set *set); /* keeps the memory */
void key_set_done(struct key_set *set);
