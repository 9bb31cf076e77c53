/*
 * test_token_answer.c - what IAM's answers are taken to say.
 */
#include <string.h>

#include "server/proof/token_answer.h"
#include "tests/unit/unit.h"

#define NOW_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define WORKER "WK0123456789abcdef0123456789abcdef"

struct reading {
    const char *body;
    enum token_verdict verdict;
    int64_t keep_ms;
    const char *worker_sid;
};

static void
check_readings(const struct reading *readings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct reading *expected = &readings[i];
        const struct token_answer answer =
            token_answer_read(200, slice_of(expected->body), NOW_MS);
        const char *worker = expected->worker_sid != NULL ? expected->worker_sid : "";

        if (answer.verdict != expected->verdict || answer.keep_ms != expected->keep_ms ||
            strcmp(answer.worker_sid, worker) != 0) {
            fail_msg("%s: verdict %d for %lld ms, worker \"%s\"", expected->body,
                (int)answer.verdict, (long long)answer.keep_ms, answer.worker_sid);
        }
    }
}

static void
a_yes_holds_until_the_token_expires_or_five_minutes(void **state)
{
    static const struct reading readings[] = {
        {"{\"valid\":true,\"code\":0,\"message\":null,"
         "\"expiration\":\"2026-01-01T08:00:00.000Z\",\"realm_user_id\":\"a@example.com\","
         "\"identity\":\"a_40example_2Ecom\",\"roles\":[\"agent\"],"
         "\"worker_sid\":\"" WORKER "\"}",
            TOKEN_VALID, 300000, WORKER},
        {"{\"valid\":true,\"expiration\":\"2026-01-01T00:05:00.000Z\"}", TOKEN_VALID,
            300000, NULL},
        {"{\"valid\":true,\"expiration\":\"2026-01-01T00:04:59.999Z\"}", TOKEN_VALID,
            299999, NULL},
        {"{\"valid\":true,\"expiration\":\"2026-01-01T00:00:00.001Z\"}", TOKEN_VALID, 1,
            NULL},
        {" {\"expiration\" : \"2026-01-01T02:00:10+02:00\" , \"valid\" : true } ",
            TOKEN_VALID, 10000, NULL},
        {"{\"valid\":true,\"expiration\":\"9999-12-31T23:59:59Z\"}", TOKEN_VALID, 300000,
            NULL},
    };

    (void)state;
    check_readings(readings, LENGTH(readings));
}

static void
a_yes_that_is_over_already_lets_nobody_in(void **state)
{
    static const struct reading readings[] = {
        {"{\"valid\":true,\"expiration\":\"2026-01-01T00:00:00.000Z\"}", TOKEN_EXPIRED,
            30000, NULL},
        {"{\"valid\":true,\"expiration\":\"2025-12-31T23:59:59.999Z\","
         "\"worker_sid\":\"" WORKER "\"}",
            TOKEN_EXPIRED, 30000, NULL},
        {"{\"valid\":true,\"expiration\":\"1970-01-01T00:00:00Z\"}", TOKEN_EXPIRED, 30000,
            NULL},
    };

    (void)state;
    check_readings(readings, LENGTH(readings));
}

static void
a_yes_without_a_readable_end_holds_half_a_minute(void **state)
{
    static const struct reading readings[] = {
        {"{\"valid\":true}", TOKEN_VALID, 30000, NULL},
        {"{\"valid\":true,\"expiration\":null}", TOKEN_VALID, 30000, NULL},
        {"{\"valid\":true,\"expiration\":\"\"}", TOKEN_VALID, 30000, NULL},
        {"{\"valid\":true,\"expiration\":\"tomorrow\"}", TOKEN_VALID, 30000, NULL},
        {"{\"valid\":true,\"expiration\":1}", TOKEN_VALID, 30000, NULL},
        {"{\"valid\":true,\"expiration\":{\"valid\":false}}", TOKEN_VALID, 30000, NULL},
    };

    (void)state;
    check_readings(readings, LENGTH(readings));
}

static void
only_false_is_a_no(void **state)
{
    static const struct reading readings[] = {
        {"{\"valid\":false}", TOKEN_INVALID, 30000, NULL},
        {"{\"valid\":false,\"message\":\"expired\",\"worker_sid\":\"" WORKER "\"}",
            TOKEN_INVALID, 30000, NULL},
        {"{\"v\\u0061lid\":false}", TOKEN_INVALID, 30000, NULL},
    };

    (void)state;
    check_readings(readings, LENGTH(readings));
}

static void
everything_else_says_nothing(void **state)
{
    static const char *const bodies[] = {
        "",
        " ",
        "null",
        "true",
        "[]",
        "[{\"valid\":true}]",
        "{}",
        "{\"valid\":\"true\"}",
        "{\"valid\":1}",
        "{\"valid\":null}",
        "{\"valid\":[true]}",
        "{\"Valid\":true}",
        "{\"result\":{\"valid\":true}}",
        "{\"valid\":true",
        "{\"valid\":true}}",
        "{\"valid\":true,}",
        "{\"valid\":true}{\"valid\":true}",
        "{'valid':true}",
        "{\"valid\":true,\"expiration\":\"2026",
        /* given twice, also under another spelling */
        "{\"valid\":true,\"valid\":true}",
        "{\"valid\":true,\"v\\u0061lid\":false}",
        "{\"valid\":true,\"expiration\":\"2026-01-01T00:00:00Z\","
        "\"expiration\":\"2027-01-01T00:00:00Z\"}",
        "{\"valid\":true,\"worker_sid\":\"" WORKER "\",\"worker_sid\":null}",
        /* a worker is named, and cannot be read */
        "{\"valid\":true,\"worker_sid\":7}",
        "{\"valid\":true,\"worker_sid\":\"WK0123456789abcdef0123456789abcdef-and-more\"}",
        "{\"valid\":true,\"worker_sid\":\"WK\\u0000\"}",
        "{\"valid\":true,\"worker_sid\":[\"" WORKER "\"]}",
        "<html>maintenance</html>",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        const struct reading nothing = {.body = bodies[i], .verdict = TOKEN_UNKNOWN};

        check_readings(&nothing, 1);
    }
}

static void
no_status_but_200_says_anything(void **state)
{
    static const long statuses[] = {
        0, 100, 201, 202, 203, 204, 206, 301, 302, 400, 401, 403, 404, 429, 500, 503};

    (void)state;
    for (size_t i = 0; i < LENGTH(statuses); i++) {
        static const char *const bodies[] = {"{\"valid\":true}", "{\"valid\":false}"};

        for (size_t j = 0; j < LENGTH(bodies); j++) {
            const struct token_answer answer =
                token_answer_read(statuses[i], slice_of(bodies[j]), NOW_MS);

            assert_int_equal(answer.verdict, TOKEN_UNKNOWN);
            assert_int_equal(answer.keep_ms, 0);
        }
    }
}

static void
an_unnamed_worker_is_none(void **state)
{
    static const struct reading readings[] = {
        {"{\"valid\":true,\"worker_sid\":null}", TOKEN_VALID, 30000, NULL},
        {"{\"valid\":true,\"worker_sid\":\"\"}", TOKEN_VALID, 30000, NULL},
        {"{\"valid\":true,\"identity\":\"" WORKER "\"}", TOKEN_VALID, 30000, NULL},
        {"{\"valid\":true,\"worker\":{\"worker_sid\":\"" WORKER "\"}}", TOKEN_VALID,
            30000, NULL},
        {"{\"valid\":true,\"worker_\\u0073id\":\"W\\u004b1\"}", TOKEN_VALID, 30000,
            "WK1"},
    };

    (void)state;
    check_readings(readings, LENGTH(readings));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_yes_holds_until_the_token_expires_or_five_minutes),
        cmocka_unit_test(a_yes_that_is_over_already_lets_nobody_in),
        cmocka_unit_test(a_yes_without_a_readable_end_holds_half_a_minute),
        cmocka_unit_test(only_false_is_a_no),
        cmocka_unit_test(everything_else_says_nothing),
        cmocka_unit_test(no_status_but_200_says_anything),
        cmocka_unit_test(an_unnamed_worker_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
