/*
 * token_ring.c - our own auth tokens, one of which IAM takes; for the token checker.
 */
#include "server/proof/token_ring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUTHORIZATION "Authorization: Basic "

enum {
    CREDENTIALS_SIZE = 256, /* account SID, colon, token, NUL */
};

/* 0, -EINVAL or -ENOMEM. */
static int
make_header(const char *account_sid, const char *token, char **ret_header)
{
    char credentials[CREDENTIALS_SIZE];
    char header[TOKEN_HEADER_SIZE] = AUTHORIZATION;
    const size_t prefix = strlen(AUTHORIZATION);
    const int size =
        snprintf(credentials, sizeof(credentials), "%s:%s", account_sid, token);

    if (*token == '\0' || size < 0 || size >= CREDENTIALS_SIZE ||
        !verify_base64(slice_of(credentials), header + prefix, sizeof(header) - prefix)) {
        return -EINVAL;
    }
    *ret_header = slice_copy(slice_of(header));
    explicit_bzero(credentials, sizeof(credentials));
    explicit_bzero(header, sizeof(header));
    return *ret_header != NULL ? 0 : -ENOMEM;
}

void
token_ring_done(struct token_ring *ring)
{
    for (size_t i = 0; i < ring->count; i++) {
        explicit_bzero(ring->headers[i], strlen(ring->headers[i]));
        free(ring->headers[i]);
    }
    *ring = (struct token_ring){.number = ring->number};
}

int
token_ring_set(struct token_ring *ring, const char *account_sid,
    const char *const *tokens, size_t count)
{
    struct token_ring fresh = {.number = ring->number + 1};
    int r = count > 0 && count <= VERIFY_TOKENS_MAX ? 0 : -EINVAL;

    for (size_t i = 0; r == 0 && i < count; i++) {
        r = make_header(account_sid, tokens[i], &fresh.headers[i]);
        fresh.count += r == 0;
    }
    if (r != 0) {
        token_ring_done(&fresh);
        return r;
    }
    token_ring_done(ring);
    *ring = fresh;
    return 0;
}

void
token_ring_pick(const struct token_ring *ring, struct token_pick *ret_pick)
{
    const char *header = ring->headers[ring->current];

    memcpy(ret_pick->header, header, strlen(header) + 1);
    ret_pick->ring = ring->number;
    ret_pick->index = ring->current;
}

void
token_ring_accept(struct token_ring *ring, const struct token_pick *pick)
{
    if (pick->ring == ring->number) {
        ring->current = pick->index;
        ring->refused = 0;
        ring->proven = true;
    }
}

bool
token_ring_refuse(struct token_ring *ring, const struct token_pick *pick)
{
    if (pick->ring != ring->number || pick->index != ring->current) {
        return false;
    }
    ring->proven = false;
    ring->current = (ring->current + 1) % ring->count;
    ring->refused++;
    if (ring->refused < ring->count) {
        return false;
    }
    ring->refused = 0;
    return true;
}
