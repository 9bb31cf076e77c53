/*
 * verify.c - X-Twilio-Signature: OpenSSL's home for signatures and hashes.
 *
 * What is signed has two parts. The tail, made of the form's fields, is the same for every
 * candidate URL and every token, so it is decoded and sorted once; the head is the candidate.
 * Both live in buffers the verifier keeps, and each token has its HMAC context already keyed:
 * a request costs two passes over memory and one re-armed HMAC for each candidate and token.
 */
#include "server/ingest/verify.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/form.h"
#include "server/ingest/signed_text.h"

enum {
    MAC_SIZE = 20, /* SHA-1 */
    SIGNATURE_LENGTH = VERIFY_SIGNATURE_SIZE - 1,
    SHA256_SIZE = 32,
    CANDIDATE_MAX =
        3 * VERIFY_URL_MAX + 4, /* every byte a quote, written %27; and a port */
};

static_assert(
    (int)SIGNED_TEXT_CANDIDATES <= (int)VERIFY_CANDIDATES_MAX, "a report has all");

struct verifier {
    EVP_MAC_CTX *macs[VERIFY_TOKENS_MAX]; /* keyed; one for each token */
    size_t count;
    struct buffer head; /* the candidate URL */
    struct buffer tail; /* the form's fields, decoded and sorted */
};

/* ---- the ring ---------------------------------------------------------------------------- */

static EVP_MAC_CTX *
mac_new(EVP_MAC *hmac, const char *token)
{
    char digest[] = "SHA1";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);

    if (mac != NULL &&
        EVP_MAC_init(mac, (const unsigned char *)token, strlen(token), params) != 1) {
        EVP_MAC_CTX_free(mac);
        return NULL;
    }
    return mac;
}

static bool
verifier_add_tokens(struct verifier *verifier, const char *const *tokens, size_t count)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);

    for (size_t i = 0; hmac != NULL && i < count; i++) {
        verifier->macs[i] = mac_new(hmac, tokens[i]);
        if (verifier->macs[i] == NULL) {
            break;
        }
        verifier->count++;
    }
    EVP_MAC_free(hmac);
    return verifier->count == count;
}

int
verifier_open(const char *const *tokens, size_t count, struct verifier **ret_verifier)
{
    if (count == 0 || count > VERIFY_TOKENS_MAX) {
        return -EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        if (tokens[i][0] == '\0') {
            return -EINVAL;
        }
    }
    AUTO(verifier_close) struct verifier *verifier = calloc(1, sizeof(*verifier));

    if (verifier == NULL || !verifier_add_tokens(verifier, tokens, count)) {
        return -ENOMEM;
    }
    buffer_init(&verifier->head, CANDIDATE_MAX);
    buffer_init(&verifier->tail, VERIFY_FORM_MAX);
    *ret_verifier = verifier;
    verifier = NULL;
    return 0;
}

void
verifier_close(struct verifier **verifier)
{
    if (*verifier == NULL) {
        return;
    }
    for (size_t i = 0; i < (*verifier)->count; i++) {
        EVP_MAC_CTX_free((*verifier)->macs[i]);
    }
    buffer_done(&(*verifier)->head);
    buffer_done(&(*verifier)->tail);
    free(*verifier);
    *verifier = NULL;
}

/* ---- the body's hash ------------------------------------------------------------------------ */

static bool
sha256_hex(struct slice bytes, char ret_hex[VERIFY_SHA256_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[SHA256_SIZE];

    if (EVP_Digest(bytes.data, bytes.size, hash, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof(hash); i++) {
        ret_hex[2 * i] = digits[hash[i] >> 4];
        ret_hex[2 * i + 1] = digits[hash[i] & 0xf];
    }
    ret_hex[VERIFY_SHA256_SIZE - 1] = '\0';
    return true;
}

/* The value of the one bodySHA256 of a query; absent when there is none, or several. */
static struct slice
find_body_hash(struct slice query)
{
    struct slice parameters = query.size > 0 ? slice_skip(query, 1) : query; /* the '?' */
    struct slice found = {0};
    struct form_field parameter;
    size_t count = 0;

    while (form_next(&parameters, &parameter)) {
        if (slice_is(parameter.name, "bodySHA256")) {
            found = parameter.value;
            count++;
        }
    }
    return count == 1 ? found : (struct slice){0};
}

/*
 * Lower case only, as Twilio writes it and its SDKs compare it. The hash is no secret: who sent
 * the body can compute it.
 */
static int
check_body_hash(struct slice query, struct slice body)
{
    const struct slice claimed = find_body_hash(query);
    char hex[VERIFY_SHA256_SIZE];

    if (claimed.size == 0) {
        return VERIFY_E_NO_BODY_HASH;
    }
    if (!sha256_hex(body, hex)) {
        return -ENOMEM;
    }
    return slice_is(claimed, hex) ? VERIFY_OK : VERIFY_E_BODY_HASH;
}

/* ---- signatures ----------------------------------------------------------------------------- */

/* Of head and tail, in base64. 0 or -ENOMEM. */
static int
sign(EVP_MAC_CTX *mac, const struct verifier *verifier,
    char ret_signature[VERIFY_SIGNATURE_SIZE])
{
    unsigned char hash[MAC_SIZE];
    size_t size = 0;

    /* without a key: re-arms the context with the one it has, half the price of a new one */
    if (EVP_MAC_init(mac, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(
            mac, (const unsigned char *)verifier->head.data, verifier->head.size) != 1 ||
        EVP_MAC_update(
            mac, (const unsigned char *)verifier->tail.data, verifier->tail.size) != 1 ||
        EVP_MAC_final(mac, hash, &size, sizeof(hash)) != 1) {
        return -ENOMEM;
    }
    (void)EVP_EncodeBlock(
        (unsigned char *)ret_signature, hash, MAC_SIZE); /* a length: 28 */
    return 0;
}

static bool
is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '+' || c == '/';
}

static int
check_shape(struct slice signature)
{
    if (signature.size == 0) {
        return VERIFY_E_NO_SIGNATURE;
    }
    if (signature.size != SIGNATURE_LENGTH ||
        signature.data[SIGNATURE_LENGTH - 1] != '=') {
        return VERIFY_E_MALFORMED;
    }
    for (size_t i = 0; i < SIGNATURE_LENGTH - 1; i++) {
        if (!is_base64(signature.data[i])) {
            return VERIFY_E_MALFORMED;
        }
    }
    return VERIFY_OK;
}

/*
 * Whether any token signs head and tail so. The characters are compared, not the bytes they
 * stand for: base64 has four ways to write the last byte, and Twilio uses one.
 */
static int
match_tokens(const struct verifier *verifier, struct slice signature, size_t *ret_token)
{
    for (size_t i = 0; i < verifier->count; i++) {
        char expected[VERIFY_SIGNATURE_SIZE];
        const int r = sign(verifier->macs[i], verifier, expected);

        if (r != 0) {
            return r;
        }
        if (CRYPTO_memcmp(expected, signature.data, SIGNATURE_LENGTH) == 0) {
            *ret_token = i;
            return VERIFY_OK;
        }
    }
    return VERIFY_E_MISMATCH;
}

static int
write_form(struct slice body, struct buffer *tail)
{
    if (body.size > VERIFY_FORM_MAX) {
        return VERIFY_E_TOO_LONG;
    }
    const int r = signed_text_form(body, tail);

    return r == SIGNED_TEXT_E_TOO_MANY_FIELDS ? VERIFY_E_TOO_LONG : r;
}

/* Writes the tail, or checks the hash that stands in for it. */
static int
prepare_body(struct verifier *verifier, const struct signed_url *url,
    const struct verify_input *input)
{
    buffer_clear(&verifier->tail);
    switch (input->kind) {
    case VERIFY_BODY_FORM:
        return write_form(input->body, &verifier->tail);
    case VERIFY_BODY_HASHED:
        return check_body_hash(url->query, input->body);
    case VERIFY_BODY_NONE:
        break;
    }
    return input->body.size == 0 ? VERIFY_OK : VERIFY_E_NO_BODY_HASH;
}

static int
try_candidate(
    struct verifier *verifier, struct slice signature, struct verify_report *report)
{
    size_t token = 0;

    if (verifier->head.failed) {
        return -ENOMEM;
    }
    const int r = match_tokens(verifier, signature, &token);

    if (r < 0 || report == NULL) {
        return r;
    }
    char *text = slice_copy(buffer_slice(&verifier->head));

    if (text == NULL) {
        return -ENOMEM;
    }
    report->matched = report->count;
    report->token = token;
    report->candidates[report->count++] = text;
    return r;
}

int
verify_request(struct verifier *verifier, const struct verify_input *input,
    struct verify_report *report)
{
    struct signed_url url;
    int r = check_shape(input->signature);

    if (report != NULL) {
        *report = (struct verify_report){0};
    }
    if (r != VERIFY_OK) {
        return r;
    }
    if (input->url.size > VERIFY_URL_MAX) {
        return VERIFY_E_TOO_LONG;
    }
    signed_text_split(input->url, &url);
    r = prepare_body(verifier, &url, input);
    if (r != VERIFY_OK) {
        return r;
    }
    r = VERIFY_E_MISMATCH;
    for (unsigned i = 0; i < SIGNED_TEXT_CANDIDATES && r == VERIFY_E_MISMATCH; i++) {
        if (signed_text_url(&url, i, &verifier->head)) {
            r = try_candidate(verifier, input->signature, report);
        }
    }
    return r;
}

void
verify_report_done(struct verify_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        free(report->candidates[i]);
    }
    *report = (struct verify_report){0};
}

int
verify_sign(const char *token, const struct verify_input *input,
    char ret_signature[VERIFY_SIGNATURE_SIZE])
{
    AUTO(verifier_close) struct verifier *verifier = NULL;
    struct signed_url url;

    if (input->url.size > VERIFY_URL_MAX) {
        return VERIFY_E_TOO_LONG;
    }
    int r = verifier_open(&token, 1, &verifier);

    if (r != 0) {
        return r;
    }
    signed_text_split(input->url, &url);
    r = prepare_body(verifier, &url, input);
    if (r != VERIFY_OK) {
        return r;
    }
    (void)signed_text_url(&url, 0, &verifier->head); /* the first never repeats another */
    return verifier->head.failed ? -ENOMEM
                                 : sign(verifier->macs[0], verifier, ret_signature);
}

const char *
verify_reason(int result)
{
    static const char *const reasons[] = {
        [VERIFY_OK] = "ok",
        [VERIFY_E_NO_SIGNATURE] = "no_signature",
        [VERIFY_E_MALFORMED] = "malformed_signature",
        [VERIFY_E_NO_BODY_HASH] = "no_body_hash",
        [VERIFY_E_BODY_HASH] = "wrong_body_hash",
        [VERIFY_E_MISMATCH] = "signature_mismatch",
        [VERIFY_E_TOO_LONG] = "too_long",
    };

    return result >= 0 && (size_t)result < LENGTH(reasons) ? reasons[result] : "internal";
}

void
verify_sha256_hex(struct slice bytes, char ret_hex[VERIFY_SHA256_SIZE])
{
    if (!sha256_hex(bytes, ret_hex)) {
        abort(); /* no memory for 200 bytes; a made-up hash would name the wrong record */
    }
}

bool
verify_base64(struct slice bytes, char *ret_text, size_t capacity)
{
    if (bytes.size > INT_MAX / 2 || (bytes.size + 2) / 3 * 4 + 1 > capacity) {
        return false;
    }
    (void)EVP_EncodeBlock((unsigned char *)ret_text, (const unsigned char *)bytes.data,
        (int)bytes.size); /* the length, which we know */
    return true;
}

const char *
verify_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}
