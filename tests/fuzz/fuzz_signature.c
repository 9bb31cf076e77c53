/*
 * fuzz_signature.c - what we sign we verify, and nothing else.
 *
 * The input is one byte that says what is flipped where, a URL up to the line's end, and a body.
 * What must match is decided by an implementation of its own, as simple as can be: the form by
 * splitting and sorting pairs of texts, the candidates by looking whether the signed text is one.
 */
#include <string.h>

#include "mapping/form.h"
#include "server/ops/sha256.h"
#include "server/proof/signed_text.h"
#include "server/proof/verify.h"
#include "tests/fuzz/fuzz.h"

#define TOKEN "5eC4e7000000000000000000000f1e2d"

enum {
    INPUT_MAX = 4096,
    PAIRS_MAX = 256, /* of the reference, which is slow */
    HASH_ROOM = 100, /* "?bodySHA256=" and the hash */
};

static struct verifier *verifier;

/* ---- the reference ------------------------------------------------------------------------ */

struct text {
    char data[INPUT_MAX];
    size_t size;
};

struct pair {
    struct text name;
    struct text value;
};

static struct pair pairs[PAIRS_MAX];
static size_t pair_count;

static int
digit_of(char c)
{
    const char *digits = "0123456789abcdefABCDEF";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;

    if (found == NULL) {
        return -1;
    }
    return (int)(found - digits) < 16 ? (int)(found - digits) : (int)(found - digits) - 6;
}

static void
decode(struct slice encoded, struct text *text)
{
    text->size = 0;
    for (size_t i = 0; i < encoded.size; i++) {
        char c = encoded.data[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%' && i + 2 < encoded.size &&
                   digit_of(encoded.data[i + 1]) >= 0 &&
                   digit_of(encoded.data[i + 2]) >= 0) {
            c = (char)(digit_of(encoded.data[i + 1]) * 16 +
                       digit_of(encoded.data[i + 2]));
            i += 2;
        }
        text->data[text->size++] = c;
    }
}

static int
compare_texts(const struct text *a, const struct text *b)
{
    for (size_t i = 0; i < a->size && i < b->size; i++) {
        if (a->data[i] != b->data[i]) {
            return (unsigned char)a->data[i] < (unsigned char)b->data[i] ? -1 : 1;
        }
    }
    return a->size < b->size ? -1 : a->size > b->size;
}

static int
compare_pairs(const struct pair *a, const struct pair *b)
{
    const int order = compare_texts(&a->name, &b->name);

    return order != 0 ? order : compare_texts(&a->value, &b->value);
}

/* False when there are more than the reference has room for. */
static bool
split_pairs(struct slice body)
{
    size_t start = 0;

    pair_count = 0;
    for (size_t i = 0; i <= body.size; i++) {
        if (i < body.size && body.data[i] != '&') {
            continue;
        }
        const struct slice segment = {body.data + start, i - start};

        start = i + 1;
        if (segment.size == 0) {
            continue;
        }
        if (pair_count == PAIRS_MAX) {
            return false;
        }
        const struct slice name = slice_before(segment, '=');

        decode(name, &pairs[pair_count].name);
        decode(slice_skip(segment, name.size + (name.size < segment.size)),
            &pairs[pair_count].value);
        pair_count++;
    }
    return true;
}

/* The smallest pair that is larger than `last`, again and again: sorted, each once. */
static void
add_form(struct buffer *text)
{
    const struct pair *last = NULL;

    for (;;) {
        const struct pair *next = NULL;

        for (size_t i = 0; i < pair_count; i++) {
            if ((last == NULL || compare_pairs(&pairs[i], last) > 0) &&
                (next == NULL || compare_pairs(&pairs[i], next) < 0)) {
                next = &pairs[i];
            }
        }
        if (next == NULL) {
            return;
        }
        buffer_add(text, next->name.data, next->name.size);
        buffer_add(text, next->value.data, next->value.size);
        last = next;
    }
}

/* ---- candidates --------------------------------------------------------------------------- */

struct candidates {
    struct buffer texts[SIGNED_TEXT_CANDIDATES];
    size_t count;
};

static void
candidates_done(struct candidates *candidates)
{
    for (size_t i = 0; i < SIGNED_TEXT_CANDIDATES; i++) {
        buffer_done(&candidates->texts[i]);
    }
}

static void
list_candidates(struct slice text, struct candidates *candidates)
{
    struct signed_url url;

    signed_text_split(text, &url);
    for (unsigned i = 0; i < SIGNED_TEXT_CANDIDATES; i++) {
        struct buffer *candidate = &candidates->texts[candidates->count];

        buffer_init(candidate, 3 * text.size + 4);
        if (!signed_text_url(&url, i, candidate)) {
            continue;
        }
        fuzz_check(!candidate->failed, "a candidate's size is bounded");
        for (size_t j = 0; j < candidates->count; j++) {
            fuzz_check(!slice_equal(
                           buffer_slice(candidate), buffer_slice(&candidates->texts[j])),
                "no candidate twice");
        }
        candidates->count++;
    }
    fuzz_check(slice_equal(buffer_slice(&candidates->texts[0]), slice_before(text, '#')),
        "the first is the URL as given");
}

/* Whether one of the URL's candidates, with `form` behind it, is what was signed. */
static bool
is_signed_text(
    struct slice url, const struct buffer *form, const struct buffer *signed_text)
{
    AUTO(candidates_done) struct candidates candidates = {0};
    bool found = false;

    list_candidates(url, &candidates);
    for (size_t i = 0; i < candidates.count; i++) {
        AUTO(buffer_done) struct buffer text = {.max = 8 * INPUT_MAX};

        buffer_add_slice(&text, buffer_slice(&candidates.texts[i]));
        buffer_add_slice(&text, buffer_slice(form));
        found = found || slice_equal(buffer_slice(&text), buffer_slice(signed_text));
    }
    return found;
}

/* ---- promises ----------------------------------------------------------------------------- */

static int
verify(const struct verify_input *input)
{
    struct verify_report report;
    const int r = verify_request(verifier, input, &report);

    fuzz_check(report.count <= SIGNED_TEXT_CANDIDATES, "the report is bounded");
    fuzz_check(r != VERIFY_OK || report.matched < report.count, "what matched was tried");
    verify_report_done(&report);
    fuzz_check(verify_request(verifier, input, NULL) == r, "without a report the same");
    return r;
}

/* One bit of one byte, which `choice` chooses. Nothing when there is none. */
static char *
flipped(struct slice text, unsigned choice)
{
    char *copy = slice_copy(text);

    fuzz_check(copy != NULL, "memory");
    if (text.size > 0) {
        copy[choice / 8 % text.size] ^= (char)(1U << choice % 8);
    }
    return copy;
}

static void
check_flipped_signature(const struct verify_input *input, unsigned choice)
{
    struct verify_input changed = *input;
    char *signature = flipped(input->signature, choice);

    changed.signature.data = signature;
    const int r = verify(&changed);

    fuzz_check(r == VERIFY_E_MISMATCH || r == VERIFY_E_MALFORMED, "another signature");
    free(signature);
}

/* The form text of `body` by the reference; false when it has no room. */
static bool
write_form(struct slice body, struct buffer *form)
{
    if (!split_pairs(body)) {
        return false;
    }
    add_form(form);
    fuzz_check(!form->failed, "memory");
    return true;
}

static void
check_flipped_form(
    const struct verify_input *input, const struct buffer *signed_text, unsigned choice)
{
    AUTO(buffer_done) struct buffer form = {.max = INPUT_MAX};
    struct verify_input changed = *input;
    char *url = flipped(input->url, choice);
    char *body = flipped(input->body, choice);

    changed.url.data = url;
    if (write_form(changed.body, &form)) {
        fuzz_check((verify(&changed) == VERIFY_OK) ==
                       is_signed_text(changed.url, &form, signed_text),
            "another URL");
    }
    changed.url = input->url;
    changed.body.data = body;
    buffer_clear(&form);
    if (write_form(changed.body, &form)) {
        fuzz_check((verify(&changed) == VERIFY_OK) ==
                       is_signed_text(changed.url, &form, signed_text),
            "another body");
    }
    free(url);
    free(body);
}

static void
check_form(struct slice url, struct slice body, unsigned choice)
{
    AUTO(buffer_done) struct buffer form = {.max = INPUT_MAX};
    AUTO(buffer_done) struct buffer ours = {.max = INPUT_MAX};
    AUTO(buffer_done) struct buffer signed_text = {.max = 2 * INPUT_MAX};
    struct verify_input input = {.url = url, .body = body, .kind = VERIFY_BODY_FORM};
    char signature[VERIFY_SIGNATURE_SIZE];

    if (!write_form(body, &form)) {
        return;
    }
    fuzz_check(signed_text_form(body, &ours) == SIGNED_TEXT_OK &&
                   slice_equal(buffer_slice(&ours), buffer_slice(&form)),
        "the form's text");
    buffer_add_slice(&signed_text, slice_before(url, '#'));
    buffer_add_slice(&signed_text, buffer_slice(&form));
    const int r = verify_sign(TOKEN, &input, signature);

    if (form.size == 0 && r != VERIFY_OK) {
        return; /* nothing of it would be signed */
    }
    fuzz_check(r == VERIFY_OK, "it can be signed");
    fuzz_check(form.size > 0 || body.size == 0, "not a form that says nothing");
    input.signature = slice_of(signature);
    fuzz_check(verify(&input) == VERIFY_OK, "what was signed");
    check_flipped_signature(&input, choice);
    check_flipped_form(&input, &signed_text, choice);
}

/* With the hash of the body in the query, where Twilio puts it. */
static void
check_hashed(struct slice url, struct slice body, unsigned choice)
{
    AUTO(buffer_done) struct buffer hashed = {.max = INPUT_MAX + HASH_ROOM};
    const struct slice unfragmented = slice_before(url, '#');
    const bool has_query = slice_before(unfragmented, '?').size < unfragmented.size;
    char signature[VERIFY_SIGNATURE_SIZE];
    char hex[SHA256_HEX_SIZE];

    sha256_hex(body, hex);
    buffer_add_slice(&hashed, unfragmented);
    buffer_addf(&hashed, "%sbodySHA256=%s", has_query ? "&" : "?", hex);
    struct verify_input input = {
        .url = buffer_slice(&hashed), .body = body, .kind = VERIFY_BODY_HASHED};

    if (verify_sign(TOKEN, &input, signature) != VERIFY_OK) {
        return; /* the query has a hash already */
    }
    input.signature = slice_of(signature);
    fuzz_check(verify(&input) == VERIFY_OK, "what was signed, with its hash");
    check_flipped_signature(&input, choice);
    char *changed = flipped(body, choice);

    input.body.data = changed;
    fuzz_check(
        body.size == 0 || verify(&input) == VERIFY_E_BODY_HASH, "another body's hash");
    free(changed);
}

/* What comes from outside as a signature is never one. */
static void
check_foreign(struct slice url, struct slice body)
{
    const struct verify_input input = {.url = url,
        .body = body,
        .kind = VERIFY_BODY_FORM,
        .signature = slice_before(body, '&')};

    fuzz_check(verify(&input) != VERIFY_OK, "a signature out of nowhere");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const tokens[] = {TOKEN};
    const struct slice all = {.data = (const char *)data, .size = size};

    if (size < 2 || size > INPUT_MAX) {
        return 0;
    }
    if (verifier == NULL) {
        fuzz_check(verifier_open(tokens, 1, &verifier) == 0, "a verifier");
    }
    const unsigned choice = data[0] * 257U + data[size - 1];
    const struct slice rest = slice_skip(all, 1);
    const struct slice url = slice_before(rest, '\n');
    const struct slice body = slice_skip(rest, url.size + (url.size < rest.size));

    check_form(url, body, choice);
    check_hashed(url, body, choice);
    check_foreign(url, body);
    return 0;
}
