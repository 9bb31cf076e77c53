/*
 * verify_stream.c - verifies many requests in one process, for tests with another signer.
 *
 * Standard input: cases of five fields, each field its size in decimal, a line end, its bytes:
 * "form" or "json", token, URL, signature, body. Standard output: verify_reason() of each case,
 * one a line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/proof/verify.h"

enum {
    INPUT_MAX = 64 * 1024 * 1024,
    FIELDS = 5,
};

static bool
take_field(struct slice *rest, struct slice *ret_field)
{
    const char *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;
    int64_t size = 0;

    if (end == NULL) {
        return false;
    }
    const size_t digits = (size_t)(end - rest->data);

    if (!slice_to_int64((struct slice){.data = rest->data, .size = digits}, &size)) {
        return false;
    }
    *rest = slice_skip(*rest, digits + 1);
    if (size < 0 || (size_t)size > rest->size) {
        return false;
    }
    *ret_field = (struct slice){.data = rest->data, .size = (size_t)size};
    *rest = slice_skip(*rest, (size_t)size);
    return true;
}

static bool
verify_case(struct slice *rest)
{
    AUTO(verifier_close) struct verifier *verifier = NULL;
    struct slice fields[FIELDS];
    char token[100];

    for (size_t i = 0; i < FIELDS; i++) {
        if (!take_field(rest, &fields[i])) {
            return false;
        }
    }
    if (!slice_to_text(fields[1], token, sizeof(token))) {
        return false;
    }
    const char *const tokens[] = {token};
    const struct verify_input input = {
        .kind = slice_is(fields[0], "form") ? VERIFY_BODY_FORM : VERIFY_BODY_HASHED,
        .url = fields[2],
        .signature = fields[3],
        .body = fields[4],
    };

    return verifier_open(tokens, 1, &verifier) == 0 &&
           puts(verify_reason(verify_request(verifier, &input, NULL))) != EOF;
}

int
main(void)
{
    AUTO(buffer_done) struct buffer input = {0};
    char chunk[4096];

    buffer_init(&input, INPUT_MAX);
    for (size_t size; (size = fread(chunk, 1, sizeof(chunk), stdin)) > 0;) {
        buffer_add(&input, chunk, size);
    }
    struct slice rest = buffer_slice(&input);

    while (!input.failed && rest.size > 0) {
        if (!verify_case(&rest)) {
            return EXIT_FAILURE;
        }
    }
    return input.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
