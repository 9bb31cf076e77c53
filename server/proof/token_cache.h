/*
 * token_cache.h - what IAM has said of tokens, kept for a while under their SHA-256.
 *
 * A verdict holds only as long as both clocks agree that it does. The monotonic one cannot be set
 * back; the other goes on while the machine sleeps, and is the one the token's own end is written
 * in. A jump of either may end a verdict early, and never keeps one longer.
 */
#pragma once

#include "server/ops/sha256.h"
#include "server/proof/token_answer.h"
#include "server/proof/verify.h"

enum {
    TOKEN_KEPT_MAX = 1024, /* verdicts; the least recently used gives way */
};

struct token_now {
    int64_t monotonic_us;
    int64_t unix_ms;
};

struct token_kept {
    char hash[SHA256_HEX_SIZE]; /* empty: free */
    struct token_answer answer;
    struct token_now until;
    uint64_t used; /* the cache's count of uses when it was the last */
};

/* Zeroed: empty. Looked through one by one: a microsecond or two, once per plugin request. */
struct token_cache {
    struct token_kept kept[TOKEN_KEPT_MAX];
    uint64_t uses;
};

/* NULL when nothing is known; what is returned is the cache's until the next call. */
const struct token_answer *token_cache_find(
    struct token_cache *cache, const char *hash, struct token_now now);
/* Keeps it for answer->keep_ms; the same hash must not be in there. */
void token_cache_keep(struct token_cache *cache, const char *hash,
    const struct token_answer *answer, struct token_now now);
