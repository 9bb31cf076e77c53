/*
 * token_ring.h - our own auth tokens, one of which IAM takes; for the token checker.
 *
 * Which one is found by trying. A pick names the one that was tried, so that an answer that comes
 * after others have moved on, or after the ring was replaced, is not held against another token.
 */
#pragma once

#include "server/proof/verify.h"

enum {
    TOKEN_HEADER_SIZE = 400, /* of credentials with up to 256 characters */
};

/* Zeroed: empty, and not to be picked from. */
struct token_ring {
    char *headers[VERIFY_TOKENS_MAX]; /* "Authorization: Basic ..." */
    size_t count;
    uint64_t number; /* how many rings there have been */
    size_t current;  /* the token in use */
    size_t refused;  /* how many in a row IAM did not take */
    bool proven;     /* it took the one in use */
};

struct token_pick {
    char header
        [TOKEN_HEADER_SIZE]; /* a copy: the ring may be replaced before it is sent */
    uint64_t ring;
    size_t index;
};

/*
 * Copies the tokens and forgets what was known about those before. 0, -ENOMEM, or -EINVAL for
 * none, too many, an empty or an endless one; then nothing was changed.
 */
int token_ring_set(struct token_ring *ring, const char *account_sid,
    const char *const *tokens, size_t count) MUST_USE;
void token_ring_done(struct token_ring *ring);

void token_ring_pick(const struct token_ring *ring, struct token_pick *ret_pick);
/* IAM took it. */
void token_ring_accept(struct token_ring *ring, const struct token_pick *pick);
/*
 * IAM did not take it: the next one is in use, unless somebody has moved on before. True when by
 * now none of the ring was taken in a row.
 */
bool token_ring_refuse(struct token_ring *ring, const struct token_pick *pick);
