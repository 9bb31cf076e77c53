/*
 * fuzz_token_answer.c - what IAM's answer is taken to say, against a reading by jansson.
 *
 * A document jansson accepts must mean the same to both. One it refuses is read once more with
 * what the scanner does not look at (escapes, bytes that may be no UTF-8) made plain: what is
 * refused then, too, must say nothing.
 */
#include <jansson.h>
#include <string.h>

#include "mapping/scan.h"
#include "mapping/timestamp.h"
#include "server/proof/token_answer.h"
#include "tests/fuzz/fuzz.h"

#define NOW_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

enum {
    STATUS_OK = 200,
};

static int64_t
expected_keep_ms(const json_t *expiration)
{
    const char *text = json_string_value(expiration);
    int64_t expires_ms = 0;

    if (text == NULL || strlen(text) >= TIMESTAMP_TEXT_SIZE ||
        !timestamp_parse(slice_of(text), &expires_ms)) {
        return 30000;
    }
    return expires_ms - NOW_MS < 300000 ? expires_ms - NOW_MS : 300000;
}

static struct token_answer
expected_valid(const json_t *tree)
{
    const json_t *worker = json_object_get(tree, "worker_sid");
    struct token_answer answer = {.verdict = TOKEN_VALID};

    if (worker != NULL && !json_is_null(worker)) {
        const char *text = json_string_value(worker);

        if (text == NULL || strlen(text) >= sizeof(answer.worker_sid)) {
            return (struct token_answer){.verdict = TOKEN_UNKNOWN};
        }
        memcpy(answer.worker_sid, text, strlen(text) + 1);
    }
    answer.keep_ms = expected_keep_ms(json_object_get(tree, "expiration"));
    return answer.keep_ms > 0
               ? answer
               : (struct token_answer){.verdict = TOKEN_EXPIRED, .keep_ms = 30000};
}

static struct token_answer
expected_answer(const json_t *tree)
{
    const json_t *valid = json_object_get(tree, "valid"); /* NULL for what is no object */

    if (json_is_true(valid)) {
        return expected_valid(tree);
    }
    return json_is_false(valid)
               ? (struct token_answer){.verdict = TOKEN_INVALID, .keep_ms = 30000}
               : (struct token_answer){.verdict = TOKEN_UNKNOWN};
}

static bool
is_same(const struct token_answer *a, const struct token_answer *b)
{
    return a->verdict == b->verdict && a->keep_ms == b->keep_ms &&
           strcmp(a->worker_sid, b->worker_sid) == 0;
}

static bool
is_nothing(struct token_answer answer)
{
    const struct token_answer nothing = {.verdict = TOKEN_UNKNOWN};

    return is_same(&answer, &nothing);
}

/* False when jansson refuses the document for a reason the scanner has to see, too. */
static bool
check_reading(struct slice text)
{
    json_error_t error;
    json_t *tree = json_loadb(text.data, text.size,
        JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    const struct token_answer answer = token_answer_read(STATUS_OK, text, NOW_MS);

    if (tree == NULL) {
        return json_error_code(&error) == json_error_duplicate_key ||
               json_error_code(&error) == json_error_numeric_overflow ||
               is_nothing(answer);
    }
    const struct token_answer expected = expected_answer(tree);

    /* deeper than SCAN_DEPTH_MAX the scanner does not look */
    fuzz_check(is_same(&answer, &expected) ||
                   (is_nothing(answer) && scan_check(text) != SCAN_OK),
        "the same answer");
    json_decref(tree);
    return true;
}

static void
make_plain(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\\' && i + 1 < size && (unsigned char)text[i + 1] >= ' ') {
            text[i++] = 'a';
            text[i] = 'a';
        } else if ((unsigned char)text[i] >= 0x80) {
            text[i] = 'a';
        }
    }
}

static void
check_plain(struct slice original)
{
    char *text = slice_copy(original);

    fuzz_check(text != NULL, "memory");
    make_plain(text, original.size);
    fuzz_check(check_reading((struct slice){text, original.size}),
        "what is no document says nothing");
    free(text);
}

/* A second `valid` before the first, whichever says what: of the two none is believed. */
static void
check_duplicate(struct slice original)
{
    static const char *const seconds[] = {
        "{\"valid\":true,", "{\"valid\":false,", "{\"v\\u0061lid\":true,"};
    const struct slice trimmed = slice_trim(original);

    for (size_t i = 0; i < LENGTH(seconds); i++) {
        AUTO(buffer_done) struct buffer text = {.max = original.size + 64};

        buffer_add_text(&text, seconds[i]);
        buffer_add_slice(&text, slice_skip(trimmed, 1));
        fuzz_check(!text.failed, "memory");
        fuzz_check(is_nothing(token_answer_read(STATUS_OK, buffer_slice(&text), NOW_MS)),
            "two answers are none");
    }
}

static void
check_answer(struct slice text)
{
    const struct token_answer answer = token_answer_read(STATUS_OK, text, NOW_MS);
    const struct slice trimmed = slice_trim(text);

    fuzz_check(is_nothing(token_answer_read(201, text, NOW_MS)) &&
                   is_nothing(token_answer_read(401, text, NOW_MS)),
        "only 200 answers");
    if (answer.verdict == TOKEN_UNKNOWN) {
        fuzz_check(is_nothing(answer), "nothing is kept of nothing");
        return;
    }
    fuzz_check(answer.keep_ms > 0 && answer.keep_ms <= 300000, "kept, but not for long");
    fuzz_check(is_nothing(token_answer_read(
                   STATUS_OK, (struct slice){trimmed.data, trimmed.size - 1}, NOW_MS)),
        "what was cut off says nothing");
    check_duplicate(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice text = {.data = (const char *)data, .size = size};

    check_answer(text);
    if (size > 0 && memchr(text.data, '\0', size) != NULL) {
        /* jansson 2.14 drops a NUL that ends a number or a word */
        fuzz_check(
            is_nothing(token_answer_read(STATUS_OK, text, NOW_MS)), "no NUL is accepted");
        return 0;
    }
    if (!check_reading(text)) {
        check_plain(text);
    }
    return 0;
}
