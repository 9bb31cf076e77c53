/*
 * test_credentials.c - a set of credentials stands on its own feet.
 */
#include <errno.h>
#include <string.h>

#include "server/proof/credentials.h"
#include "tests/unit/unit.h"

static const struct verify_input request = {
    .url = {"https://hooks.example.com/webhooks/taskrouter", 45}};

static int
judge(const struct credentials *credentials, const char *token)
{
    char signature[VERIFY_SIGNATURE_SIZE];
    struct verify_input input = request;

    assert_int_equal(verify_sign(token, &request, signature), VERIFY_OK);
    input.signature = slice_of(signature);
    return verify_request(credentials->verifier, &input, NULL);
}

static void
they_outlive_their_configuration(void **state)
{
    AUTO(credentials_close) struct credentials *credentials = NULL;
    char first[] = "first";
    char second[] = "second";
    char survey[] = "survey";
    const struct config config = {
        .auth_token = first,
        .auth_tokens = {.items = {second}, .count = 1},
        .survey_token = survey,
    };

    (void)state;
    assert_int_equal(credentials_open(&config, &credentials), 0);
    memset(first, 'x', strlen(first));
    memset(second, 'x', strlen(second));
    memset(survey, 'x', strlen(survey));
    assert_int_equal(credentials->auth_token_count, 2);
    assert_string_equal(credentials->auth_tokens[0], "first");
    assert_string_equal(credentials->auth_tokens[1], "second");
    assert_string_equal(credentials->survey_token, "survey");
    assert_int_equal(judge(credentials, "first"), VERIFY_OK);
    assert_int_equal(judge(credentials, "second"), VERIFY_OK);
    assert_int_equal(judge(credentials, "xxxxx"), VERIFY_E_MISMATCH);
}

static void
a_ring_alone_is_enough_and_a_full_one_fits(void **state)
{
    AUTO(credentials_close) struct credentials *credentials = NULL;
    char texts[CONFIG_AUTH_TOKENS_MAX][8];
    char alone[] = "alone";
    struct config config = {.auth_tokens.count = CONFIG_AUTH_TOKENS_MAX};

    (void)state;
    for (size_t i = 0; i < CONFIG_AUTH_TOKENS_MAX; i++) {
        memcpy(texts[i], "token-a", sizeof(texts[i]));
        texts[i][6] = (char)('a' + i);
        config.auth_tokens.items[i] = texts[i];
    }
    assert_int_equal(credentials_open(&config, &credentials), 0);
    assert_null(credentials->survey_token);
    assert_int_equal(judge(credentials, "token-o"), VERIFY_OK);
    credentials_close(&credentials);
    config.auth_token = alone;
    assert_int_equal(credentials_open(&config, &credentials), 0);
    assert_int_equal(credentials->auth_token_count, CONFIG_AUTH_TOKENS_MAX + 1);
    assert_int_equal(judge(credentials, "alone"), VERIFY_OK);
    assert_int_equal(judge(credentials, "token-o"), VERIFY_OK);
}

static void
no_token_and_an_empty_one_are_refused(void **state)
{
    struct credentials *credentials = NULL;
    char empty[] = "";
    const struct config none = {0};
    const struct config anybody = {.auth_token = empty};

    (void)state;
    assert_int_equal(credentials_open(&none, &credentials), -EINVAL);
    assert_int_equal(credentials_open(&anybody, &credentials), -EINVAL);
    assert_null(credentials);
    credentials_close(&credentials); /* nothing is fine */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_outlive_their_configuration),
        cmocka_unit_test(a_ring_alone_is_enough_and_a_full_one_fits),
        cmocka_unit_test(no_token_and_an_empty_one_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
