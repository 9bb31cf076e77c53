/*
 * test_verify.c - which requests count as Twilio's, and which do not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/form.h"
#include "server/ops/sha256.h"
#include "server/proof/signed_text.h"
#include "server/proof/verify.h"
#include "tests/unit/unit.h"

static const char token[] = "3f1d5b7c9e8a4602b1d3f5a7c9e80246";
static const char other_token[] = "aaaabbbbccccddddeeeeffff00001111";
static const char url[] = "https://hooks.example.com/webhooks/taskrouter?site=1";
static const char form[] =
    "EventType=task.created&TaskSid=WT01&Empty=&Text=a%20%26+b%C3%A9";

static struct verify_input
form_input(const char *at, const char *body, const char *signature)
{
    return (struct verify_input){
        .url = slice_of(at),
        .signature = slice_of(signature),
        .kind = body != NULL ? VERIFY_BODY_FORM : VERIFY_BODY_NONE,
        .body = slice_of(body),
    };
}

/* Verifies with `token` alone. */
static int
verify(const struct verify_input *input)
{
    AUTO(verifier_close) struct verifier *verifier = NULL;
    const char *const tokens[] = {token};

    assert_int_equal(verifier_open(tokens, 1, &verifier), 0);
    return verify_request(verifier, input, NULL);
}

static void
sign(const char *at, const char *body, char ret_signature[VERIFY_SIGNATURE_SIZE])
{
    const struct verify_input input = form_input(at, body, NULL);

    assert_int_equal(verify_sign(token, &input, ret_signature), VERIFY_OK);
}

/* Whether a signature made over `signed_url` is accepted for a request to `requested_url`. */
static bool
accepts(const char *requested_url, const char *signed_url)
{
    char signature[VERIFY_SIGNATURE_SIZE];

    sign(signed_url, form, signature);

    const struct verify_input input = form_input(requested_url, form, signature);
    const int r = verify(&input);

    assert_true(r == VERIFY_OK || r == VERIFY_E_MISMATCH);
    return r == VERIFY_OK;
}

/* The worked example of https://www.twilio.com/docs/usage/security. */
static void
agrees_with_the_vendors_worked_example(void **state)
{
    static const char body[] =
        "CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234"
        "&From=%2B14158675310&To=%2B18005551212";
    const struct verify_input input =
        form_input("https://example.com/myapp.php?foo=1&bar=2", body, NULL);
    char signature[VERIFY_SIGNATURE_SIZE];

    (void)state;
    assert_int_equal(verify_sign("12345", &input, signature), VERIFY_OK);
    assert_string_equal(signature, "L/OH5YylLD5NRKLltdqwSvS0BnU=");
}

static void
accepts_what_it_signed(void **state)
{
    (void)state;
    assert_true(accepts(url, url));
}

static void
sorts_fields_by_name_then_value_and_drops_repeated_pairs(void **state)
{
    static const struct {
        const char *body;
        const char *text;
    } cases[] = {
        {"", ""},
        {"b=2&a=1", "a1b2"},
        {"ReasonConferenceEnded=test&Reason=Participant",
            "ReasonParticipantReasonConferenceEndedtest"},
        {"a=2&a=1&a=2", "a1a2"},
        {"a=1&A=1", "A1a1"},
        {"a=+x%20&a=", "aa x "},
        {"a&b=", "ab"},
        {"a=%zz&b=%", "a%zzb%"},
        {"=v", "v"},
        {"a=%C3%B1&a=z", "aza\xc3\xb1"},
    };
    AUTO(buffer_done) struct buffer text = {0};

    (void)state;
    buffer_init(&text, 1000);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_int_equal(
            signed_text_form(slice_of(cases[i].body), &text), SIGNED_TEXT_OK);
        assert_true(slice_is(buffer_slice(&text), cases[i].text));
    }
}

static void
tolerates_ports_quotes_and_userinfo_and_nothing_else(void **state)
{
    static const struct {
        const char *requested;
        const char *signed_as;
        bool accepted;
    } cases[] = {
        {"https://a.example/p", "https://a.example:443/p", true},
        {"https://a.example:443/p", "https://a.example/p", true},
        {"https://a.example:1234/p", "https://a.example/p", true},
        {"http://a.example/p", "http://a.example:80/p", true},
        {"https://a.example/p", "https://a.example:80/p", false},
        {"https://a.example/p?a='", "https://a.example/p?a=%27", true},
        {"https://a.example/p?a=%27", "https://a.example:443/p?a='", true},
        {"https://u:p@a.example/p", "https://a.example/p", true},
        {"https://u:p@a.example/p", "https://u:p@a.example:443/p", true},
        {"https://a.example/p", "https://u:p@a.example/p", false},
        {"https://a.example/p#rc=2", "https://a.example/p", true},
        {"https://A.example/p", "https://a.example/p", false},
        {"https://a.example/p", "http://a.example/p", false},
        {"https://a.example/p", "https://a.example/p/", false},
        {"https://a.example/p?a=%20", "https://a.example/p?a=+", false},
        {"https://a.example/%7Ep", "https://a.example/~p", false},
        {"https://a.example/p'", "https://a.example/p%27", false},
        {"https://a.example/p?a=1&b=2", "https://a.example/p?b=2&a=1", false},
        {"https://a.example/\xff\xfe", "https://a.example/\xff\xfe", true},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        print_message("%s signed as %s\n", cases[i].requested, cases[i].signed_as);
        assert_int_equal(
            accepts(cases[i].requested, cases[i].signed_as), cases[i].accepted);
    }
}

static void
tells_a_missing_signature_from_a_malformed_one(void **state)
{
    static const struct {
        const char *signature;
        int result;
    } cases[] = {
        {NULL, VERIFY_E_NO_SIGNATURE},
        {"", VERIFY_E_NO_SIGNATURE},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAA=", VERIFY_E_MALFORMED},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAA=", VERIFY_E_MALFORMED},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAA", VERIFY_E_MALFORMED},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAA==", VERIFY_E_MALFORMED},
        {"AAAAAAAAAAAAA-AAAAAAAAAAAAA=", VERIFY_E_MALFORMED},
        {" AAAAAAAAAAAAAAAAAAAAAAAAAA=", VERIFY_E_MALFORMED},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAA=", VERIFY_E_MISMATCH},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct verify_input input = form_input(url, form, cases[i].signature);

        assert_int_equal(verify(&input), cases[i].result);
    }
}

static void
refuses_any_flipped_byte(void **state)
{
    char signature[VERIFY_SIGNATURE_SIZE];
    char copy[sizeof(url) + sizeof(form)];
    int accepted = 0;

    (void)state;
    sign(url, form, signature);
    for (size_t i = 0; i < sizeof(url) - 1; i++) {
        memcpy(copy, url, sizeof(url));
        copy[i] ^= 0x01;

        const struct verify_input input = form_input(copy, form, signature);

        accepted += verify(&input) == VERIFY_OK;
    }
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        memcpy(copy, form, sizeof(form));
        copy[i] ^= 0x01;

        const struct verify_input input = form_input(url, copy, signature);

        accepted += verify(&input) == VERIFY_OK;
    }
    for (size_t i = 0; i < VERIFY_SIGNATURE_SIZE - 1; i++) {
        memcpy(copy, signature, sizeof(signature));
        copy[i] ^= 0x01;

        const struct verify_input input = form_input(url, form, copy);

        accepted += verify(&input) == VERIFY_OK;
    }
    assert_int_equal(accepted, 0);
}

/* The last character before '=' has two bits that no byte of the hash uses. */
static void
refuses_another_spelling_of_the_right_signature(void **state)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char signature[VERIFY_SIGNATURE_SIZE];

    (void)state;
    sign(url, form, signature);

    const char *digit = strchr(digits, signature[26]);

    assert_non_null(digit);
    signature[26] = digit[1];

    const struct verify_input input = form_input(url, form, signature);

    assert_int_equal(verify(&input), VERIFY_E_MISMATCH);
}

static void
asks_for_the_hash_of_a_json_body(void **state)
{
    static const char body[] = "[{\"id\":\"EZ1\"}]";
    char hex[SHA256_HEX_SIZE];
    char hash_of_another[SHA256_HEX_SIZE];
    char upper[SHA256_HEX_SIZE];

    (void)state;
    sha256_hex(slice_of(body), hex);
    sha256_hex(slice_of("[]"), hash_of_another);
    for (size_t i = 0; i < sizeof(hex); i++) {
        upper[i] = (char)(hex[i] >= 'a' ? hex[i] - 'a' + 'A' : hex[i]);
    }
    const struct {
        const char *query; /* %s is `hash` */
        const char *hash;
        int result;
    } cases[] = {
        {"?bodySHA256=%s", hex, VERIFY_OK},
        {"?site=1&bodySHA256=%s", hex, VERIFY_OK},
        {"?bodySHA256=%s&site=1#rc=2", hex, VERIFY_OK},
        {"", hex, VERIFY_E_NO_BODY_HASH},
        {"?", hex, VERIFY_E_NO_BODY_HASH},
        {"?bodySHA256=", hex, VERIFY_E_NO_BODY_HASH},
        {"?bodySHA256", hex, VERIFY_E_NO_BODY_HASH},
        {"?bodysha256=%s", hex, VERIFY_E_NO_BODY_HASH},
        {"?xbodySHA256=%s", hex, VERIFY_E_NO_BODY_HASH},
        {"?q=bodySHA256=%s", hex, VERIFY_E_NO_BODY_HASH},
        {"#?bodySHA256=%s", hex, VERIFY_E_NO_BODY_HASH},
        {"?bodySHA256=%s&bodySHA256=0", hex, VERIFY_E_NO_BODY_HASH},
        {"?bodySHA256=%s", hash_of_another, VERIFY_E_BODY_HASH},
        {"?bodySHA256=%s", upper, VERIFY_E_BODY_HASH},
        {"?bodySHA256=%s0", hex, VERIFY_E_BODY_HASH},
    };

    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(buffer_done) struct buffer at = {0};
        const char *mark = strstr(cases[i].query, "%s");
        const size_t before =
            mark != NULL ? (size_t)(mark - cases[i].query) : strlen(cases[i].query);
        char signature[VERIFY_SIGNATURE_SIZE];

        buffer_init(&at, 1000);
        buffer_add_text(&at, "https://hooks.example.com/events");
        buffer_add(&at, cases[i].query, before);
        if (mark != NULL) {
            buffer_add_text(&at, cases[i].hash);
            buffer_add_text(&at, mark + 2);
        }
        sign(at.data, NULL, signature);

        struct verify_input input = form_input(at.data, body, signature);

        input.kind = VERIFY_BODY_HASHED;
        assert_int_equal(verify(&input), cases[i].result);
    }
}

static void
refuses_a_right_hash_under_a_wrong_signature(void **state)
{
    AUTO(buffer_done) struct buffer at = {0};
    char hex[SHA256_HEX_SIZE];
    char signature[VERIFY_SIGNATURE_SIZE];

    (void)state;
    sha256_hex(slice_of("[]"), hex);
    buffer_init(&at, 1000);
    buffer_addf(&at, "https://hooks.example.com/events?bodySHA256=%s", hex);
    sign("https://hooks.example.com/events", NULL, signature);

    struct verify_input input = form_input(at.data, "[]", signature);

    input.kind = VERIFY_BODY_HASHED;
    assert_int_equal(verify(&input), VERIFY_E_MISMATCH);
}

static void
refuses_a_body_that_nothing_signs(void **state)
{
    char signature[VERIFY_SIGNATURE_SIZE];

    (void)state;
    sign(url, NULL, signature);

    struct verify_input input = form_input(url, NULL, signature);

    assert_int_equal(verify(&input), VERIFY_OK);
    input.body = slice_of("a=1");
    assert_int_equal(verify(&input), VERIFY_E_NO_BODY_HASH);
}

/* A signature over a URL alone is a JSON request's, or a GET's: it must not let rubbish in. */
static void
refuses_a_form_of_which_nothing_is_signed(void **state)
{
    static const char hash_of_nothing[] =
        "https://hooks.example.com/webhooks/flex/survey?bodySHA256="
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    static const char hash_of_json[] =
        "https://hooks.example.com/webhooks/flex/survey?bodySHA256="
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    static const struct {
        const char *url;
        const char *body;
        int expected;
    } cases[] = {
        {url, "", VERIFY_OK},
        {url, "&", VERIFY_E_NO_BODY_HASH},
        {url, "&&&", VERIFY_E_NO_BODY_HASH},
        {url, "=", VERIFY_E_NO_BODY_HASH},
        {url, "=&=", VERIFY_E_NO_BODY_HASH},
        {hash_of_nothing, "", VERIFY_OK},
        {hash_of_nothing, "&", VERIFY_E_BODY_HASH},
        {hash_of_json, "", VERIFY_E_BODY_HASH},
        {hash_of_json, "&", VERIFY_E_BODY_HASH},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char signature[VERIFY_SIGNATURE_SIZE];

        sign(cases[i].url, NULL, signature);

        const struct verify_input input =
            form_input(cases[i].url, cases[i].body, signature);

        assert_int_equal(verify(&input), cases[i].expected);
    }
}

static void
accepts_any_token_of_the_ring_and_says_which(void **state)
{
    AUTO(verifier_close) struct verifier *verifier = NULL;
    AUTO(verify_report_done) struct verify_report report = {0};
    const char *const tokens[] = {other_token, token};
    char signature[VERIFY_SIGNATURE_SIZE];

    (void)state;
    sign("https://a.example:443/p", form, signature);

    const struct verify_input input = form_input("https://a.example/p", form, signature);

    assert_int_equal(verifier_open(tokens, LENGTH(tokens), &verifier), 0);
    assert_int_equal(verify_request(verifier, &input, &report), VERIFY_OK);
    assert_int_equal(report.token, 1);
    assert_int_equal(report.count, 2);
    assert_string_equal(report.candidates[report.matched], "https://a.example:443/p");
}

static void
reports_every_candidate_it_tried_in_vain(void **state)
{
    AUTO(verifier_close) struct verifier *verifier = NULL;
    AUTO(verify_report_done) struct verify_report report = {0};
    const char *const tokens[] = {other_token};
    char signature[VERIFY_SIGNATURE_SIZE];

    (void)state;
    sign("https://u:p@a.example/p?a='%27", form, signature);

    const struct verify_input input =
        form_input("https://u:p@a.example/p?a='%27", form, signature);

    assert_int_equal(verifier_open(tokens, 1, &verifier), 0);
    assert_int_equal(verify_request(verifier, &input, &report), VERIFY_E_MISMATCH);
    assert_int_equal(report.count, SIGNED_TEXT_CANDIDATES);
    assert_true(report.count <= VERIFY_CANDIDATES_MAX);
}

static void
carries_nothing_over_from_one_request_to_the_next(void **state)
{
    AUTO(verifier_close) struct verifier *verifier = NULL;
    const char *const tokens[] = {token};
    char with_form[VERIFY_SIGNATURE_SIZE];
    char bare[VERIFY_SIGNATURE_SIZE];

    (void)state;
    sign(url, form, with_form);
    sign(url, NULL, bare);

    const struct verify_input inputs[] = {
        form_input(url, form, with_form),
        form_input(url, NULL, bare),
        form_input(url, form, bare),
        form_input(url, form, with_form),
    };
    const int results[] = {VERIFY_OK, VERIFY_OK, VERIFY_E_MISMATCH, VERIFY_OK};

    assert_int_equal(verifier_open(tokens, 1, &verifier), 0);
    for (size_t i = 0; i < LENGTH(inputs); i++) {
        assert_int_equal(verify_request(verifier, &inputs[i], NULL), results[i]);
    }
}

static void
refuses_no_tokens_too_many_and_empty_ones(void **state)
{
    const char *tokens[VERIFY_TOKENS_MAX + 1];
    struct verifier *verifier = NULL;

    (void)state;
    for (size_t i = 0; i < LENGTH(tokens); i++) {
        tokens[i] = token;
    }
    assert_int_equal(verifier_open(tokens, 0, &verifier), -EINVAL);
    assert_int_equal(verifier_open(tokens, LENGTH(tokens), &verifier), -EINVAL);
    assert_int_equal(verifier_open(tokens, VERIFY_TOKENS_MAX, &verifier), 0);
    verifier_close(&verifier);
    verifier_close(&verifier);
    tokens[1] = "";
    assert_int_equal(verifier_open(tokens, 2, &verifier), -EINVAL);
    assert_null(verifier);
}

static void
keeps_to_its_limits(void **state)
{
    AUTO(buffer_done) struct buffer long_url = {0};
    AUTO(buffer_done) struct buffer fields = {0};
    char signature[VERIFY_SIGNATURE_SIZE];

    (void)state;
    buffer_init(&long_url, VERIFY_URL_MAX + 1);
    buffer_add_text(&long_url, "https://a.example/?");
    while (long_url.size < VERIFY_URL_MAX) {
        buffer_add_text(&long_url, "'");
    }
    assert_true(accepts(long_url.data, long_url.data));
    assert_false(accepts(long_url.data, url)); /* every way of writing it was tried */

    buffer_add_text(&long_url, "'");
    buffer_init(&fields, 2 * FORM_FIELDS_MAX + 2);
    for (size_t i = 0; i <= FORM_FIELDS_MAX; i++) {
        buffer_add_text(&fields, "a&");
    }
    sign(url, form, signature);

    const struct verify_input too_long = form_input(long_url.data, form, signature);
    const struct verify_input too_many = form_input(url, fields.data, signature);

    assert_int_equal(verify(&too_long), VERIFY_E_TOO_LONG);
    assert_int_equal(verify_sign(token, &too_long, signature), VERIFY_E_TOO_LONG);
    assert_int_equal(verify(&too_many), VERIFY_E_TOO_LONG);
}

static void
names_every_result(void **state)
{
    (void)state;
    for (int i = VERIFY_OK; i <= VERIFY_E_TOO_LONG; i++) {
        assert_non_null(verify_reason(i));
        for (int j = VERIFY_OK; j < i; j++) {
            assert_string_not_equal(verify_reason(i), verify_reason(j));
        }
    }
    assert_string_equal(verify_reason(-ENOMEM), "internal");
}

static void
hashes_and_encodes(void **state)
{
    char hex[SHA256_HEX_SIZE];
    char text[9];

    (void)state;
    sha256_hex((struct slice){0}, hex);
    assert_string_equal(
        hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_true(verify_base64(slice_of("user:"), text, sizeof(text)));
    assert_string_equal(text, "dXNlcjo=");
    assert_false(verify_base64(slice_of("user:"), text, sizeof(text) - 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_vendors_worked_example),
        cmocka_unit_test(accepts_what_it_signed),
        cmocka_unit_test(sorts_fields_by_name_then_value_and_drops_repeated_pairs),
        cmocka_unit_test(tolerates_ports_quotes_and_userinfo_and_nothing_else),
        cmocka_unit_test(tells_a_missing_signature_from_a_malformed_one),
        cmocka_unit_test(refuses_any_flipped_byte),
        cmocka_unit_test(refuses_another_spelling_of_the_right_signature),
        cmocka_unit_test(asks_for_the_hash_of_a_json_body),
        cmocka_unit_test(refuses_a_right_hash_under_a_wrong_signature),
        cmocka_unit_test(refuses_a_body_that_nothing_signs),
        cmocka_unit_test(refuses_a_form_of_which_nothing_is_signed),
        cmocka_unit_test(accepts_any_token_of_the_ring_and_says_which),
        cmocka_unit_test(reports_every_candidate_it_tried_in_vain),
        cmocka_unit_test(carries_nothing_over_from_one_request_to_the_next),
        cmocka_unit_test(refuses_no_tokens_too_many_and_empty_ones),
        cmocka_unit_test(keeps_to_its_limits),
        cmocka_unit_test(names_every_result),
        cmocka_unit_test(hashes_and_encodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
