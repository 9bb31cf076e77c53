/*
 * test_authorization.c - which Authorization headers know the secret.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "server/proof/authorization.h"
#include "server/proof/verify.h"
#include "tests/unit/unit.h"

enum {
    HEADER_MAX = 8192,
};

static bool memory_is_out; /* for OpenSSL */

static void *
allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return memory_is_out ? NULL : malloc(size);
}

static void *
reallocate(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return memory_is_out ? NULL : realloc(old, size);
}

static void
release(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

/* "<scheme> <base64 of credentials>" */
static void
encode(const char *scheme, struct slice plain, char header[HEADER_MAX])
{
    const size_t size = strlen(scheme);

    memcpy(header, scheme, size);
    assert_true(verify_base64(plain, header + size, HEADER_MAX - size));
}

static void
takes_basic_with_exactly_the_user_and_password(void **state)
{
    static const struct {
        const char *scheme;
        const char *plain;
        bool is_good;
    } cases[] = {
        {"Basic ", "user:pass:word", true},
        {"bAsIc ", "user:pass:word", true},
        {"Basic   ", "user:pass:word", true},
        {"Basic ", "user:pass:wor", false},
        {"Basic ", "user:pass:words", false},
        {"Basic ", "User:pass:word", false},
        {"Basic ", ":pass:word", false},
        {"Basic ", "user", false},
        {"Basic ", "", false},
        {"Bearer ", "user:pass:word", false},
        {"Basic", "user:pass:word", false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char header[HEADER_MAX];

        encode(cases[i].scheme, slice_of(cases[i].plain), header);
        if (authorization_is_basic(slice_of(header), "user:pass:word") !=
            cases[i].is_good) {
            fail_msg("%s%s", cases[i].scheme, cases[i].plain);
        }
    }
}

static void
refuses_what_is_not_base64_by_the_book(void **state)
{
    /* dTpwcA== is u:pp, dTpw is u:p */
    static const char *const headers[] = {"", "Basic", "Basic ",
        "Basic =", "Basic ====", "Basic dTpw=", "Basic dTpw====", "Basic dTpwcA",
        "Basic dTpwcA=", "Basic dTpw dTpw", "Basic dTpwcB==", "Basic dTpw\ndTpw",
        "Basic u:pp", "Basic dT-w", "Basic dTp_"};

    (void)state;
    assert_true(authorization_is_basic(slice_of("Basic dTpwcA=="), "u:pp"));
    assert_true(authorization_is_basic(slice_of("Basic dTpw"), "u:p"));
    for (size_t i = 0; i < LENGTH(headers); i++) {
        if (authorization_is_basic(slice_of(headers[i]), "u:pp") ||
            authorization_is_basic(slice_of(headers[i]), "u:p")) {
            fail_msg("%s", headers[i]);
        }
    }
}

static void
takes_a_token_as_bearer_or_as_basics_password_or_whole(void **state)
{
    static const struct {
        const char *plain; /* of Basic */
        const char *token;
        bool is_good;
    } cases[] = {
        {"anybody:s3cret", "s3cret", true},
        {":s3cret", "s3cret", true},
        {"user:s3cret", "user:s3cret", true},
        {"a:b:c", "b:c", true},
        {"s3cret", "s3cret", true},
        {"s3cret:", "s3cret", false},
        {"s3cret:x", "s3cret", false},
        {"user:s3cre", "s3cret", false},
        {"user:", "s3cret", false},
        {"user", "s3cret", false},
    };

    (void)state;
    assert_true(authorization_has_token(slice_of("Bearer s3cret"), "s3cret"));
    assert_true(authorization_has_token(slice_of("bearer  s3cret "), "s3cret"));
    assert_false(authorization_has_token(slice_of("Bearer s3cret2"), "s3cret"));
    assert_false(authorization_has_token(slice_of("Bearer"), "s3cret"));
    assert_false(authorization_has_token(slice_of("Bearer "), "s3cret"));
    assert_false(authorization_has_token(slice_of("s3cret"), "s3cret"));
    assert_false(authorization_has_token(slice_of("Token s3cret"), "s3cret"));
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char header[HEADER_MAX];

        encode("Basic ", slice_of(cases[i].plain), header);
        if (authorization_has_token(slice_of(header), cases[i].token) !=
            cases[i].is_good) {
            fail_msg("%s for %s", cases[i].plain, cases[i].token);
        }
    }
}

static void
knows_no_empty_secret(void **state)
{
    (void)state;
    assert_false(authorization_has_token((struct slice){0}, ""));
    assert_false(authorization_has_token(slice_of("Bearer "), ""));
    assert_false(authorization_has_token(slice_of("Basic Og=="), "")); /* ":" */
    assert_false(authorization_is_basic(slice_of("Basic "), ""));
    assert_false(verify_equal((struct slice){0}, (struct slice){0}));
    assert_false(verify_equal(slice_of(""), slice_of("")));
}

static void
takes_nothing_over_its_limit(void **state)
{
    static const struct {
        size_t size;
        bool is_good;
    } cases[] = {
        {AUTHORIZATION_BASIC_MAX, true},
        {AUTHORIZATION_BASIC_MAX + 1, false},
        {HEADER_MAX / 2, false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(buffer_done) struct buffer plain = {.max = HEADER_MAX};
        char header[HEADER_MAX];

        buffer_add_text(&plain, "u:");
        while (plain.size < cases[i].size) {
            buffer_add_text(&plain, "x");
        }
        encode("Basic ", buffer_slice(&plain), header);
        assert_int_equal(
            authorization_is_basic(slice_of(header), plain.data), cases[i].is_good);
    }
}

static void
compares_every_byte_of_both(void **state)
{
    static const char secret[] = "0123456789";

    (void)state;
    assert_true(verify_equal(slice_of("0123456789"), slice_of(secret)));
    for (size_t i = 0; i < strlen(secret); i++) {
        char other[] = "0123456789";

        other[i] ^= 1;
        assert_false(verify_equal(slice_of(other), slice_of(secret)));
        other[i] = '\0'; /* a part of it */
        assert_false(verify_equal(slice_of(other), slice_of(secret)));
    }
    assert_false(verify_equal(slice_of("01234567890123456789"), slice_of(secret)));
    assert_false(verify_equal(slice_of("01234567890"), slice_of(secret)));
}

/* An answer of "not equal" would be a 4xx, and Event Streams would throw its events away. */
static void
knows_a_secret_when_memory_is_out(void **state)
{
    (void)state;
    memory_is_out = true;
    const bool knows = authorization_is_basic(slice_of("Basic dTpw"), "u:p") &&
                       authorization_has_token(slice_of("Bearer s3cret"), "s3cret");

    memory_is_out = false;
    assert_true(knows);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_basic_with_exactly_the_user_and_password),
        cmocka_unit_test(refuses_what_is_not_base64_by_the_book),
        cmocka_unit_test(takes_a_token_as_bearer_or_as_basics_password_or_whole),
        cmocka_unit_test(knows_no_empty_secret),
        cmocka_unit_test(takes_nothing_over_its_limit),
        cmocka_unit_test(compares_every_byte_of_both),
        cmocka_unit_test(knows_a_secret_when_memory_is_out),
    };

    if (CRYPTO_set_mem_functions(allocate, reallocate, release) != 1) {
        return EXIT_FAILURE; /* it has allocated already */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
