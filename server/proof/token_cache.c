/*
 * token_cache.c - what IAM has said of tokens, kept for a while under their SHA-256.
 */
#include "server/proof/token_cache.h"

#include <string.h>

static bool
is_over(const struct token_kept *kept, struct token_now now)
{
    return kept->hash[0] == '\0' || now.monotonic_us >= kept->until.monotonic_us ||
           now.unix_ms >= kept->until.unix_ms;
}

const struct token_answer *
token_cache_find(struct token_cache *cache, const char *hash, struct token_now now)
{
    for (size_t i = 0; i < LENGTH(cache->kept); i++) {
        struct token_kept *kept = &cache->kept[i];

        if (strcmp(kept->hash, hash) == 0 && !is_over(kept, now)) {
            kept->used = ++cache->uses;
            return &kept->answer;
        }
    }
    return NULL;
}

/* One that is over, else the least recently used. */
static struct token_kept *
find_place(struct token_cache *cache, struct token_now now)
{
    struct token_kept *oldest = &cache->kept[0];

    for (size_t i = 0; i < LENGTH(cache->kept); i++) {
        if (is_over(&cache->kept[i], now)) {
            return &cache->kept[i];
        }
        if (cache->kept[i].used < oldest->used) {
            oldest = &cache->kept[i];
        }
    }
    return oldest;
}

void
token_cache_keep(struct token_cache *cache, const char *hash,
    const struct token_answer *answer, struct token_now now)
{
    if (answer->keep_ms <= 0) {
        return;
    }
    struct token_kept *kept = find_place(cache, now);

    *kept = (struct token_kept){
        .answer = *answer,
        .until = {now.monotonic_us + answer->keep_ms * US_PER_MS,
            now.unix_ms + answer->keep_ms},
        .used = ++cache->uses,
    };
    memcpy(kept->hash, hash, sizeof(kept->hash));
}
