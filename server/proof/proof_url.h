/*
 * proof_url.h - the URLs that Twilio may have called, and so may have signed.
 *
 * What Twilio signs is the URL it was given, which a proxy hides from us. The configuration knows
 * it: each public URL of the route, then the target as it came. With basic_auth the user and
 * password stand in the URL, as they do in Twilio's console; the verifier tries it without them,
 * too. What a trusted proxy says in forwarded headers comes last.
 */
#pragma once

#include "server/config/config.h"
#include "server/proof/forwarded.h"
#include "server/proof/verify.h"

enum {
    PROOF_FORWARDED = 2, /* X-Forwarded-*, and Forwarded */
    PROOF_URLS_MAX = CONFIG_PUBLIC_URLS_MAX + PROOF_FORWARDED,
};

struct proof_urls {
    struct buffer text; /* all of them; the slices point into it */
    struct slice items[PROOF_URLS_MAX];
    size_t count;
};

struct proof_url_input {
    const struct config *config;
    enum source source;
    const char *basic_auth;            /* of the route; NULL: none */
    struct slice target;               /* raw */
    const struct forwarded *forwarded; /* NULL: nobody's word is believed */
};

void proof_urls_init(struct proof_urls *urls);
void proof_urls_done(struct proof_urls *urls);
/*
 * Writes them over what `urls` held, each once, in the order above.
 * 0, VERIFY_E_TOO_LONG for a target that makes a URL too long, -ENOMEM.
 */
int proof_urls_make(
    const struct proof_url_input *input, struct proof_urls *urls) MUST_USE;
