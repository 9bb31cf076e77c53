/*
 * signed_text.h - the text an X-Twilio-Signature is made over: a URL, then a form's fields.
 *
 * What signs on Twilio's side does not agree with itself about ports and quotes, so its newest
 * SDKs try several ways of writing the URL they were given: the candidates. So do we. Letter case
 * is never changed and nothing of a URL is decoded: bytes are taken as they came.
 *
 * Source: twilio-node 6.2.0, lib/webhooks/webhooks.js.
 */
#pragma once

#include "mapping/base.h"

enum {
    SIGNED_TEXT_CANDIDATES = 12, /* numbered from 0, which is the URL as given */
};

enum signed_text_result {
    SIGNED_TEXT_OK = 0,
    SIGNED_TEXT_E_TOO_MANY_FIELDS, /* more than FORM_FIELDS_MAX */
};

/* A URL in the pieces that vary; slices of its text. Without "://" it is path and query only. */
struct signed_url {
    struct slice scheme;   /* with "://" */
    struct slice userinfo; /* with '@' */
    struct slice host;     /* with the brackets of an IPv6 address */
    struct slice port;     /* with ':' */
    struct slice path;
    struct slice query; /* with '?'; a fragment is dropped */
};

void signed_text_split(struct slice text, struct signed_url *ret_url);

/*
 * Writes candidate `number` over what `text` holds. False, with nothing written, when it would
 * repeat an earlier one. At most three times the URL's size and 4 bytes.
 */
bool signed_text_url(const struct signed_url *url, unsigned number, struct buffer *text);

/* The value of the one bodySHA256 of a query, as it stands; absent for none or several. */
struct slice signed_text_body_hash(struct slice query);

/*
 * Writes the fields of a form body over what `text` holds: every decoded pair, name then value,
 * sorted by name, then value, byte-wise; exact duplicates once. Never longer than the body.
 * A signed_text_result, or -ENOMEM.
 */
int signed_text_form(struct slice body, struct buffer *text) MUST_USE;
