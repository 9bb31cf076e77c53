/*
 * test_verify_urls.c - several URLs and tokens for one request, and what that may cost.
 */
#include <stdio.h>
#include <string.h>

#include "server/proof/signed_text.h"
#include "server/proof/verify.h"
#include "tests/unit/unit.h"

enum {
    URL_SIZE = 64,
    TOKEN_SIZE = 16,
};

static const char form[] = "EventType=task.created&TaskSid=WT01&Empty=";

static char urls[VERIFY_URLS_MAX][URL_SIZE];
static char tokens[VERIFY_TOKENS_MAX][TOKEN_SIZE];
static struct slice slices[VERIFY_URLS_MAX];
static const char *ring[VERIFY_TOKENS_MAX];

static int
fill_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(urls); i++) {
        (void)snprintf(urls[i], sizeof(urls[i]), "https://h%zu.example.com/p?a=1", i);
        slices[i] = slice_of(urls[i]);
    }
    for (size_t i = 0; i < LENGTH(tokens); i++) {
        (void)snprintf(tokens[i], sizeof(tokens[i]), "token-%zu", i);
        ring[i] = tokens[i];
    }
    return 0;
}

/* A request signed by `token` over `url`, which may be signed over any of `count` URLs. */
static int
verify(const char *token, const char *url, struct slice body, size_t count,
    struct verifier *verifier)
{
    char signature[VERIFY_SIGNATURE_SIZE];
    const struct verify_input signed_input = {
        .url = slice_of(url), .kind = VERIFY_BODY_FORM, .body = body};

    assert_int_equal(verify_sign(token, &signed_input, signature), VERIFY_OK);

    const struct verify_input input = {
        .url = slices[0],
        .other_urls = &slices[1],
        .other_url_count = count - 1,
        .signature = slice_of(signature),
        .kind = VERIFY_BODY_FORM,
        .body = body,
    };

    return verify_request(verifier, &input, NULL);
}

static void
accepts_each_of_the_urls_and_tokens_and_tells_the_token(void **state)
{
    AUTO(verifier_close) struct verifier *verifier = NULL;
    const struct slice body = slice_of(form);

    (void)state;
    assert_int_equal(verifier_open(ring, LENGTH(ring), &verifier), 0);
    for (size_t u = 0; u < LENGTH(urls); u++) {
        for (size_t t = 0; t < LENGTH(ring); t++) {
            assert_int_equal(
                verify(ring[t], urls[u], body, LENGTH(urls), verifier), VERIFY_OK);
            assert_int_equal(verifier_matched_token(verifier), t);
        }
    }
    assert_int_equal(
        verify("another", urls[0], body, LENGTH(urls), verifier), VERIFY_E_MISMATCH);
}

static void
tries_no_url_that_was_not_given(void **state)
{
    AUTO(verifier_close) struct verifier *verifier = NULL;

    (void)state;
    assert_int_equal(verifier_open(ring, 1, &verifier), 0);
    assert_int_equal(verify(ring[0], urls[2], slice_of(form), 3, verifier), VERIFY_OK);
    assert_int_equal(
        verify(ring[0], urls[3], slice_of(form), 3, verifier), VERIFY_E_MISMATCH);
    assert_int_equal(
        verify(ring[0], urls[1], slice_of(form), 1, verifier), VERIFY_E_MISMATCH);
}

static void
reports_all_of_them_in_their_order(void **state)
{
    AUTO(verifier_close) struct verifier *verifier = NULL;
    AUTO(verify_report_done) struct verify_report report = {0};
    const struct verify_input input = {
        .url = slices[0],
        .other_urls = &slices[1],
        .other_url_count = LENGTH(slices) - 1,
        .signature = slice_of("AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        .kind = VERIFY_BODY_FORM,
        .body = slice_of(form),
    };

    (void)state;
    assert_int_equal(verifier_open(ring, 1, &verifier), 0);
    assert_int_equal(verify_request(verifier, &input, &report), VERIFY_E_MISMATCH);
    assert_int_equal(report.count, 2 * LENGTH(urls)); /* with the port and without */
    for (size_t i = 0; i < LENGTH(urls); i++) {
        assert_string_equal(report.candidates[2 * i], urls[i]);
    }
}

static void
refuses_more_urls_than_it_promises_to_try(void **state)
{
    AUTO(verifier_close) struct verifier *verifier = NULL;
    static const struct slice many[VERIFY_URLS_MAX];
    const struct verify_input input = {
        .url = slices[0],
        .other_urls = many,
        .other_url_count = LENGTH(many),
        .signature = slice_of("AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        .kind = VERIFY_BODY_FORM,
    };

    (void)state;
    assert_int_equal(verifier_open(ring, 1, &verifier), 0);
    assert_int_equal(verify_request(verifier, &input, NULL), VERIFY_E_TOO_LONG);
}

/* "a=xxx...", `size` bytes. */
static void
fill_body(size_t size, struct buffer *body)
{
    buffer_init(body, VERIFY_FORM_MAX + 1);
    buffer_add_text(body, "a=");
    while (body->size < size) {
        buffer_add(body, "x", 1);
    }
    assert_false(body->failed);
}

static void
takes_forms_up_to_the_limit(void **state)
{
    AUTO(verifier_close) struct verifier *verifier = NULL;
    AUTO(buffer_done) struct buffer body = {0};
    struct verify_input input = {
        .url = slices[0],
        .signature = slice_of("AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        .kind = VERIFY_BODY_FORM,
    };

    (void)state;
    fill_body(VERIFY_FORM_MAX, &body);
    assert_int_equal(verifier_open(ring, 1, &verifier), 0);
    assert_int_equal(
        verify(ring[0], urls[0], buffer_slice(&body), 1, verifier), VERIFY_OK);
    buffer_add(&body, "x", 1);
    input.body = buffer_slice(&body);
    assert_int_equal(verify_request(verifier, &input, NULL), VERIFY_E_TOO_LONG);
}

/* The dearest request there is: what it may cost ends the search, right signature or not. */
static void
hashes_so_many_bytes_for_a_request_and_no_more(void **state)
{
    AUTO(verifier_close) struct verifier *verifier = NULL;
    AUTO(buffer_done) struct buffer body = {0};
    const size_t size = VERIFY_FORM_MAX / 16;
    const size_t affordable = VERIFY_WORK_MAX / (size + URL_SIZE);
    const size_t tried_urls = affordable / LENGTH(ring) / 2; /* ports */

    (void)state;
    fill_body(size, &body);
    assert_in_range(tried_urls, 1, LENGTH(urls) - 2);
    assert_int_equal(verifier_open(ring, LENGTH(ring), &verifier), 0);
    assert_int_equal(verify(ring[LENGTH(ring) - 1], urls[tried_urls - 1],
                         buffer_slice(&body), LENGTH(urls), verifier),
        VERIFY_OK);
    assert_int_equal(verify(ring[0], urls[tried_urls + 1], buffer_slice(&body),
                         LENGTH(urls), verifier),
        VERIFY_E_MISMATCH);
    /* the next request may cost as much again */
    assert_int_equal(
        verify(ring[0], urls[LENGTH(urls) - 1], slice_of(form), LENGTH(urls), verifier),
        VERIFY_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_each_of_the_urls_and_tokens_and_tells_the_token),
        cmocka_unit_test(tries_no_url_that_was_not_given),
        cmocka_unit_test(reports_all_of_them_in_their_order),
        cmocka_unit_test(refuses_more_urls_than_it_promises_to_try),
        cmocka_unit_test(takes_forms_up_to_the_limit),
        cmocka_unit_test(hashes_so_many_bytes_for_a_request_and_no_more),
    };

    return cmocka_run_group_tests(tests, fill_in, NULL);
}
