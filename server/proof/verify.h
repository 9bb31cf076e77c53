/*
 * verify.h - X-Twilio-Signature, as Twilio's SDKs compute it.
 *
 *   base64(HMAC-SHA1(auth token, URL + every decoded form pair: name then value, exact
 *   duplicates dropped, sorted by name then value, byte-wise))
 *
 * A JSON body is not in the signature: the URL carries bodySHA256=<hex>, and both the URL's
 * signature and the body's hash must hold. Checking only one would let anyone replay a captured
 * URL with a body of his own.
 *
 * Sources: https://www.twilio.com/docs/usage/security, twilio-node 6.2.0 lib/webhooks/webhooks.js
 * (candidate URLs), twilio-python request_validator.py (duplicates).
 */
#pragma once

#include "mapping/base.h"

enum {
    VERIFY_TOKENS_MAX = 16,
    VERIFY_URLS_MAX = 10,        /* of a request, each in several ways of writing */
    VERIFY_CANDIDATES_MAX = 120, /* all of these */
    VERIFY_URL_MAX = 8192,
    VERIFY_SIGNATURE_SIZE = 29, /* 28 characters and the NUL */
    VERIFY_FORM_MAX = 4 * 1024 * 1024,
    /*
     * Every candidate and token takes a pass over a form, so that a wrong signature costs as much
     * as there is configured: this many bytes are hashed for one request, which takes 0.1 s. What
     * Twilio sends has a few KB, for which no configuration comes near.
     */
    VERIFY_WORK_MAX = 64 * 1024 * 1024,
};

enum verify_result {
    VERIFY_OK = 0,
    VERIFY_E_NO_SIGNATURE, /* header absent or empty */
    VERIFY_E_MALFORMED,    /* not 28 characters of base64 */
    VERIFY_E_NO_BODY_HASH, /* nothing signs the body: JSON, or a form that says nothing ("&&"),
                              without exactly one bodySHA256 in the URL */
    VERIFY_E_BODY_HASH, /* the body is not what was signed */
    VERIFY_E_MISMATCH,  /* well-formed, but no token and URL produce it */
    VERIFY_E_TOO_LONG,  /* a URL over VERIFY_URL_MAX, a form over VERIFY_FORM_MAX or of
                              too many fields, too many URLs */
};

struct verifier; /* a token ring with its HMAC contexts; one thread */

/*
 * Tokens are copied. 0, -EINVAL for none, too many or an empty one (whose signatures anybody
 * could make), -ENOMEM.
 */
int verifier_open(
    const char *const *tokens, size_t count, struct verifier **ret_verifier) MUST_USE;
void verifier_close(struct verifier **verifier);

enum verify_body {
    VERIFY_BODY_NONE, /* GET, or a POST without a body; a body all the same is unsigned */
    VERIFY_BODY_FORM,
    VERIFY_BODY_HASHED, /* JSON: bodySHA256 */
};

struct verify_input {
    struct slice url; /* public URL and raw request target, byte for byte */
    /* Tried after it, in this order; their queries are the same. At most VERIFY_URLS_MAX in all. */
    const struct slice *other_urls;
    size_t other_url_count;
    struct slice signature;
    enum verify_body kind;
    struct slice body;
};

/* What was tried, for the log and for verify-signature; never a token or a signature. */
struct verify_report {
    char *candidates[VERIFY_CANDIDATES_MAX]; /* freed by verify_report_done() */
    size_t count;
    size_t matched; /* index, when VERIFY_OK */
    size_t token;   /* which of the ring matched */
};

/*
 * Checks in this order, which tells a caller apart what contract and log need and gives nothing
 * away that he could not compute himself: signature there, well-formed, body hash there, body
 * hash right, signature right. A fragment of the URL is never signed and is ignored.
 *
 * Candidates: the URL as given, then with its port removed or the scheme's default one added;
 * the same with each ' of the query written as %27, then with each %27 written as '; and all of
 * these without userinfo when the URL has some. Letter case is never changed. Each is tried with
 * every token before the next; over VERIFY_WORK_MAX bytes no more are tried, and it is a mismatch.
 *
 * `report` may be NULL (the server's hot path: nothing is allocated for it).
 * Returns a verify_result, or -ENOMEM.
 */
int verify_request(struct verifier *verifier, const struct verify_input *input,
    struct verify_report *report) MUST_USE;
void verify_report_done(struct verify_report *report);
/* Which of the ring made the signature; after VERIFY_OK. */
size_t verifier_matched_token(const struct verifier *verifier);
const char *verify_reason(
    int result); /* "no_signature", ...: metric label and JSON code */

/*
 * What Twilio would send for the URL as given: for `trigger` and tests. input->signature is not
 * read. Same errors as verify_request(), -EINVAL for an empty token.
 */
int verify_sign(const char *token, const struct verify_input *input,
    char ret_signature[VERIFY_SIGNATURE_SIZE]) MUST_USE;

const char *verify_version(void); /* "OpenSSL 3.0.15 ...", of the library at run time */
/* base64 for Basic auth; false when it does not fit. */
bool verify_base64(struct slice bytes, char *ret_text, size_t capacity) MUST_USE;
/* The bytes that verify_base64() writes so, and no other spelling; false when they do not fit. */
bool verify_base64_decode(
    struct slice text, char *ret_bytes, size_t capacity, size_t *ret_size) MUST_USE;
/* In a time that tells nothing of the secret, and without memory. Nothing equals an empty one. */
bool verify_equal(struct slice given, struct slice secret);
