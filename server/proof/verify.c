/*
 * verify.c - X-Twilio-Signature: OpenSSL's home for signatures.
 *
 * What is signed has two parts. The tail, made of the form's fields, is the same for every
 * candidate URL and every token, so it is decoded and sorted once; the head is the candidate.
 * Both live in buffers the verifier keeps, and each token has its HMAC context already keyed:
 * a request costs two passes over memory and one re-armed HMAC for each candidate and token.
 */
#include "server/proof/verify.h"

#include <assert.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/form.h"
#include "server/ops/sha256.h"
#include "server/proof/signed_text.h"

enum {
    MAC_SIZE = 20, /* SHA-1 */
    SIGNATURE_LENGTH = VERIFY_SIGNATURE_SIZE - 1,
    CANDIDATE_MAX =
        3 * VERIFY_URL_MAX + 4, /* every byte a quote, written %27; and a port */
};

static_assert(
    (int)SIGNED_TEXT_CANDIDATES * (int)VERIFY_URLS_MAX <= (int)VERIFY_CANDIDATES_MAX,
    "a report has all");

struct verifier {
    EVP_MAC_CTX *macs[VERIFY_TOKENS_MAX]; /* keyed; one for each token */
    size_t count;
    size_t matched;     /* the token of the last right signature */
    struct buffer head; /* the candidate URL */
    struct buffer tail; /* the form's fields, decoded and sorted */
    size_t work_left;   /* bytes still hashed for this request */
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

/*
 * Lower case only, as Twilio writes it and its SDKs compare it. The hash is no secret: who sent
 * the body can compute it.
 */
static int
check_body_hash(struct slice query, struct slice body)
{
    const struct slice claimed = signed_text_body_hash(query);
    char hex[SHA256_HEX_SIZE];

    if (claimed.size == 0) {
        return VERIFY_E_NO_BODY_HASH;
    }
    if (!sha256_try_hex(body, hex)) {
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

/* Whether as much as head and tail may still be hashed. */
static bool
take_work(struct verifier *verifier)
{
    const size_t size = verifier->head.size + verifier->tail.size;

    if (size > verifier->work_left) {
        return false;
    }
    verifier->work_left -= size;
    return true;
}

/*
 * Whether any token signs head and tail so. The characters are compared, not the bytes they
 * stand for: base64 has four ways to write the last byte, and Twilio uses one.
 */
static int
match_tokens(struct verifier *verifier, struct slice signature)
{
    for (size_t i = 0; i < verifier->count && take_work(verifier); i++) {
        char expected[VERIFY_SIGNATURE_SIZE];
        const int r = sign(verifier->macs[i], verifier, expected);

        if (r != 0) {
            return r;
        }
        if (CRYPTO_memcmp(expected, signature.data, SIGNATURE_LENGTH) == 0) {
            verifier->matched = i;
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

/* The URL alone is what a JSON request is signed by: whoever saw one could add any "&&&". */
static int
check_unsigned_form(struct slice query, struct slice body)
{
    const int r = check_body_hash(query, body);

    return r == VERIFY_E_NO_BODY_HASH && body.size == 0 ? VERIFY_OK : r;
}

/* Writes the tail, or checks the hash that stands in for it. */
static int
prepare_body(struct verifier *verifier, const struct signed_url *url,
    const struct verify_input *input)
{
    int r;

    buffer_clear(&verifier->tail);
    switch (input->kind) {
    case VERIFY_BODY_FORM:
        r = write_form(input->body, &verifier->tail);
        return r == VERIFY_OK && verifier->tail.size == 0
                   ? check_unsigned_form(url->query, input->body)
                   : r;
    case VERIFY_BODY_HASHED:
        return check_body_hash(url->query, input->body);
    case VERIFY_BODY_NONE:
        break;
    }
    return input->body.size == 0 ? VERIFY_OK : VERIFY_E_NO_BODY_HASH;
}

/* Notes what was tried. 0 or -ENOMEM. */
static int
report_candidate(const struct verifier *verifier, struct verify_report *report)
{
    char *text = slice_copy(buffer_slice(&verifier->head));

    if (text == NULL) {
        return -ENOMEM;
    }
    report->matched = report->count;
    report->token = verifier->matched;
    report->candidates[report->count++] = text;
    return 0;
}

/* Every way of writing one URL. */
static int
try_url(struct verifier *verifier, const struct signed_url *url, struct slice signature,
    struct verify_report *report)
{
    int r = VERIFY_E_MISMATCH;

    for (unsigned i = 0; i < SIGNED_TEXT_CANDIDATES && r == VERIFY_E_MISMATCH; i++) {
        if (!signed_text_url(url, i, &verifier->head)) {
            continue;
        }
        r = verifier->head.failed ? -ENOMEM : match_tokens(verifier, signature);
        if (r >= 0 && report != NULL && report_candidate(verifier, report) != 0) {
            return -ENOMEM;
        }
    }
    return r;
}

static int
check_sizes(const struct verify_input *input)
{
    bool is_good =
        input->url.size <= VERIFY_URL_MAX && input->other_url_count < VERIFY_URLS_MAX;

    for (size_t i = 0; is_good && i < input->other_url_count; i++) {
        is_good = input->other_urls[i].size <= VERIFY_URL_MAX;
    }
    return is_good ? VERIFY_OK : VERIFY_E_TOO_LONG;
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
    r = r == VERIFY_OK ? check_sizes(input) : r;
    if (r != VERIFY_OK) {
        return r;
    }
    signed_text_split(input->url, &url);
    r = prepare_body(verifier, &url, input);
    if (r != VERIFY_OK) {
        return r;
    }
    verifier->work_left = VERIFY_WORK_MAX;
    r = try_url(verifier, &url, input->signature, report);
    for (size_t i = 0; i < input->other_url_count && r == VERIFY_E_MISMATCH; i++) {
        signed_text_split(input->other_urls[i], &url);
        r = try_url(verifier, &url, input->signature, report);
    }
    return r;
}

size_t
verifier_matched_token(const struct verifier *verifier)
{
    return verifier->matched;
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
