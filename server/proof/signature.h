/*
 * signature.h - is a request signed by Twilio, for one of the URLs it may have called?
 *
 * One question for a request that arrives and for one that was kept: what is configured, what a
 * trusted proxy says it was called as, and which tokens there are.
 */
#pragma once

#include "server/proof/credentials.h"
#include "server/proof/proof_url.h"

struct signature_input {
    const struct config *config;
    const struct credentials *credentials;
    enum source source;
    struct slice target;               /* raw */
    const struct forwarded *forwarded; /* NULL: nobody's word is believed */
    struct slice signature;
    bool is_json; /* else a form */
    struct slice body;
};

/* `urls` are made anew: those tried. A verify_result, or -ENOMEM. */
int signature_check(
    const struct signature_input *input, struct proof_urls *urls) MUST_USE;
