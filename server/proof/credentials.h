/*
 * credentials.h - all that is secret in ingest and exchanged while it runs.
 *
 * A set is made whole from a configuration, owned by one loop at a time and replaced whole: no
 * request sees half of it. It copies what it needs, so the configuration may go, and wipes it.
 */
#pragma once

#include "server/config/config.h"
#include "server/proof/verify.h"

struct credentials {
    const char *auth_tokens[VERIFY_TOKENS_MAX]; /* auth_token first, then the ring */
    size_t auth_token_count;
    bool has_auth_token;                  /* else the first is the ring's own first */
    const char *survey_token;             /* NULL: none */
    const char *basic_auth[SOURCE_COUNT]; /* "user:password"; NULL: not asked for */
    struct verifier *verifier;            /* of the auth tokens */
    size_t size; /* of the texts below, which those above point to */
    char texts[];
};

/* 0, -EINVAL for no usable auth token, -ENOMEM. */
int credentials_open(
    const struct config *config, struct credentials **ret_credentials) MUST_USE;
void credentials_close(struct credentials **credentials);
