/*
 * test_brevo_token.c - what the token endpoint says, and which token calls are made with.
 */
#include <stdlib.h>
#include <string.h>

#include "server/deliver/brevo_auth.h"
#include "server/ops/clock.h"
#include "tests/unit/unit.h"

static const int64_t second_us = US_PER_S;
static const int64_t start_us = INT64_C(5000) * US_PER_S;

/* ---- answers ------------------------------------------------------------------------------ */

static struct brevo_token_answer
read_exchange(struct http_exchange *exchange, const char *body)
{
    static struct brevo_token_answer answer;

    buffer_init(&exchange->answer, HTTP_CLIENT_BODY_MAX);
    if (body != NULL) {
        buffer_add_text(&exchange->answer, body);
    }
    brevo_token_read(exchange, &answer);
    buffer_done(&exchange->answer);
    return answer;
}

static struct brevo_token_answer
read_answer(long status, const char *body)
{
    struct http_exchange exchange = {
        .result = HTTP_ANSWERED, .status = status, .is_json = true, .retry_after_s = -1};

    return read_exchange(&exchange, body);
}

static void
takes_a_bearer_token_and_its_life(void **state)
{
    static const struct {
        const char *body;
        const char *header;
        int64_t life_ms;
    } cases[] = {
        {"{\"access_token\":\"eyJ.a-b_c~d+e/f==\",\"token_type\":\"Bearer\",\"expires_in\":3599,"
         "\"scope\":\"contacts:read\"}",
            "Authorization: Bearer eyJ.a-b_c~d+e/f==", 3599000},
        {"{\"access_token\":\"t\",\"token_type\":\"bearer\",\"expires_in\":1.5}",
            "Authorization: Bearer t", 1500},
        {"{\"access_token\":\"t\",\"token_type\":\"BEARER\"}", "Authorization: Bearer t",
            BREVO_TOKEN_LIFE_MS},
        {"{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":-1}",
            "Authorization: Bearer t", BREVO_TOKEN_LIFE_MS},
        {"{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":\"60\"}",
            "Authorization: Bearer t", BREVO_TOKEN_LIFE_MS},
        {"{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":1e300}",
            "Authorization: Bearer t", BREVO_TOKEN_LIFE_MAX_MS},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct brevo_token_answer answer = read_answer(200, cases[i].body);

        assert_int_equal(answer.problem, BREVO_TOKEN_FINE);
        assert_string_equal(answer.header, cases[i].header);
        assert_int_equal(answer.life_ms, cases[i].life_ms);
    }
}

static void
tells_refusals_from_what_passes(void **state)
{
    static const struct {
        long status;
        const char *body;
        enum brevo_token_problem problem;
    } cases[] = {
        {400, "{\"error\":\"invalid_scope\"}", BREVO_TOKEN_INVALID_SCOPE},
        {401, "{\"error\":\"invalid_client\",\"error_description\":\"no\"}",
            BREVO_TOKEN_INVALID_CLIENT},
        {400, "{\"error\":\"invalid_client\"}", BREVO_TOKEN_INVALID_CLIENT},
        {401, "", BREVO_TOKEN_INVALID_CLIENT},
        {401, "{\"code\":\"unauthorized\",\"message\":\"unrecognised IP address\"}",
            BREVO_TOKEN_IP_BLOCKED},
        {400, "{\"error\":\"unauthorized_client\"}", BREVO_TOKEN_REFUSED},
        {403, "<html>no</html>", BREVO_TOKEN_REFUSED},
        {400, "{\"error\":\"temporarily_unavailable\"}", BREVO_TOKEN_UNAVAILABLE},
        {429, NULL, BREVO_TOKEN_UNAVAILABLE},
        {500, "{\"error\":\"invalid_client\"}", BREVO_TOKEN_UNAVAILABLE},
        {502, "<html>", BREVO_TOKEN_UNAVAILABLE},
        {524, NULL, BREVO_TOKEN_UNAVAILABLE},
        {404, "not here", BREVO_TOKEN_BAD_ENDPOINT},
        {405, NULL, BREVO_TOKEN_BAD_ENDPOINT},
        {302, NULL, BREVO_TOKEN_BAD_ENDPOINT},
        {200, "<html>", BREVO_TOKEN_BAD_ENDPOINT},
        {204, NULL, BREVO_TOKEN_BAD_ENDPOINT},
        {200, "[]", BREVO_TOKEN_BAD_ENDPOINT},
        {200, "{\"access_token\":\"t\"}", BREVO_TOKEN_BAD_ENDPOINT},
        {200, "{\"access_token\":\"t\",\"token_type\":\"mac\"}",
            BREVO_TOKEN_BAD_ENDPOINT},
        {200, "{\"access_token\":\"\",\"token_type\":\"bearer\"}",
            BREVO_TOKEN_BAD_ENDPOINT},
        {200, "{\"access_token\":7,\"token_type\":\"bearer\"}", BREVO_TOKEN_BAD_ENDPOINT},
        {200, "{\"access_token\":\"t\\r\\nX: y\",\"token_type\":\"bearer\"}",
            BREVO_TOKEN_BAD_ENDPOINT},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct brevo_token_answer answer =
            read_answer(cases[i].status, cases[i].body);

        if (answer.problem != cases[i].problem) {
            fail_msg("%ld %s: %s", cases[i].status, cases[i].body,
                brevo_token_problem_name(answer.problem));
        }
        assert_string_equal(answer.header, "");
    }
}

static void
waits_for_who_does_not_answer_or_asks_for_time(void **state)
{
    struct http_exchange lost = {.result = HTTP_UNKNOWN, .retry_after_s = -1};
    struct http_exchange busy = {
        .result = HTTP_ANSWERED, .status = 429, .retry_after_s = 7};

    (void)state;
    assert_int_equal(read_exchange(&lost, NULL).problem, BREVO_TOKEN_UNAVAILABLE);
    assert_int_equal(read_exchange(&busy, NULL).after_ms, 7000);
    busy.retry_after_s = INT64_MAX / 2;
    assert_int_equal(read_exchange(&busy, NULL).after_ms, BREVO_TOKEN_LIFE_MS);
}

static void
a_token_that_is_no_header_is_not_taken(void **state)
{
    static char body[2 * BREVO_AUTH_SIZE];
    static char token[BREVO_AUTH_SIZE];

    (void)state;
    memset(token, 'a', sizeof(token) - 1);
    (void)snprintf(
        body, sizeof(body), "{\"access_token\":\"%s\",\"token_type\":\"Bearer\"}", token);
    assert_int_equal(read_answer(200, body).problem, BREVO_TOKEN_BAD_ENDPOINT);
    token[BREVO_AUTH_SIZE / 2] = '\0';
    (void)snprintf(
        body, sizeof(body), "{\"access_token\":\"%s\",\"token_type\":\"Bearer\"}", token);
    assert_int_equal(read_answer(200, body).problem, BREVO_TOKEN_FINE);
}

static void
every_problem_has_a_remedy_and_a_refusal_a_cause_of_pauses(void **state)
{
    (void)state;
    for (int i = BREVO_TOKEN_FINE + 1; i < BREVO_TOKEN_PROBLEM_COUNT; i++) {
        const enum brevo_token_problem problem = (enum brevo_token_problem)i;
        const char *cause = brevo_token_cause(problem);
        bool is_known = cause == NULL;

        for (size_t c = 0; c < BREVO_CAUSES && !is_known; c++) {
            is_known = strcmp(brevo_causes[c].name, cause) == 0;
        }
        assert_true(is_known);
        assert_non_null(brevo_token_remedy(problem));
        assert_int_equal(
            cause != NULL, problem >= BREVO_TOKEN_INVALID_CLIENT); /* those refuse */
    }
}

/* ---- the life of a token ------------------------------------------------------------------ */

static struct brevo_token token;

static int
set_up(void **state)
{
    (void)state;
    token = (struct brevo_token){0};
    return 0;
}

static void
obtain(int64_t life_s, int64_t now_us, uint32_t random)
{
    static struct brevo_token_answer answer;

    answer = (struct brevo_token_answer){.life_ms = life_s * MS_PER_S};
    (void)snprintf(answer.header, sizeof(answer.header), "Authorization: Bearer t");
    brevo_token_take(&token, &answer, now_us, now_us, random);
}

static void
fail_to(enum brevo_token_problem problem, int64_t after_ms, int64_t now_us)
{
    static struct brevo_token_answer answer;

    answer = (struct brevo_token_answer){.problem = problem, .after_ms = after_ms};
    brevo_token_take(&token, &answer, now_us, now_us, UINT32_MAX);
}

static void
the_next_is_asked_for_at_three_quarters_of_its_life_or_a_little_later(void **state)
{
    (void)state;
    assert_false(brevo_token_is_usable(&token, start_us));
    for (uint32_t random = 0; random < UINT32_MAX - 90000000; random += 90000000) {
        obtain(3600, start_us, random);
        assert_in_range(token.next_us - start_us, 2700 * second_us, 2880 * second_us);
    }
    assert_true(brevo_token_is_usable(&token, start_us + 3599 * second_us));
    assert_false(brevo_token_is_usable(&token, start_us + 3600 * second_us));
    obtain(1, start_us, 0);
    assert_int_equal(token.next_us, start_us + second_us); /* not at every step */
}

static void
a_failed_renewal_leaves_the_token_and_is_tried_ever_later(void **state)
{
    int64_t last_us = 0;

    (void)state;
    obtain(3600, start_us, 0);
    for (int i = 0; i < 20; i++) {
        fail_to(BREVO_TOKEN_INVALID_CLIENT, 0, start_us);
        assert_true(token.next_us >= start_us + second_us / 2);
        assert_true(token.next_us <= start_us + 60 * second_us);
        assert_true(brevo_token_is_usable(&token, start_us));
        last_us = token.next_us;
    }
    assert_true(last_us >= start_us + 30 * second_us);
    fail_to(BREVO_TOKEN_UNAVAILABLE, 90 * MS_PER_S, start_us); /* as it was asked to */
    assert_int_equal(token.next_us, start_us + 90 * second_us);
    obtain(3600, start_us, 0);
    assert_int_equal(token.wait_ms, 0);
}

static void
a_refused_token_is_thrown_away_and_its_successor_asked_for(void **state)
{
    (void)state;
    obtain(3600, start_us, 0);
    assert_true(brevo_token_refuse(&token, token.number, start_us + 1));
    assert_false(brevo_token_is_usable(&token, start_us + 1));
    assert_int_equal(token.next_us, start_us + 1);
    assert_true(brevo_token_refuse(&token, token.number, start_us + 2)); /* an echo */

    const unsigned first = token.number;

    obtain(3600, start_us + 3, 0);
    assert_true(brevo_token_refuse(&token, first, start_us + 4)); /* another one */
    assert_true(brevo_token_is_usable(&token, start_us + 4));
}

static void
two_refused_within_a_minute_are_not_about_the_token(void **state)
{
    (void)state;
    obtain(3600, start_us, 0);
    assert_true(brevo_token_refuse(&token, token.number, start_us));
    obtain(3600, start_us, 0);
    assert_false(brevo_token_refuse(&token, token.number, start_us + second_us));
    assert_false(brevo_token_is_usable(&token, start_us + second_us));
    obtain(3600, start_us, 0);
    assert_true(brevo_token_refuse(&token, token.number, start_us + 62 * second_us));
}

static void
an_endpoint_in_trouble_is_not_asked_sooner_for_a_refusal(void **state)
{
    (void)state;
    obtain(3600, start_us, 0);
    fail_to(BREVO_TOKEN_UNAVAILABLE, 30 * MS_PER_S, start_us);
    assert_true(brevo_token_refuse(&token, token.number, start_us));
    assert_int_equal(token.next_us, start_us + 30 * second_us);
}

/* ---- what calls are made with ------------------------------------------------------------- */

static struct config config;
static struct brevo_auth auth;

static void
a_key_is_there_at_once_and_for_ever(void **state)
{
    struct brevo_verdict verdict = {.outcome = BREVO_PAUSE, .reason = "unauthorized"};

    (void)state;
    config = (struct config){.brevo_api_key = (char[]){"k1"}};
    brevo_auth_init(&auth, &config);
    assert_int_equal(brevo_auth_wait_us(&auth, start_us), 0);
    assert_string_equal(brevo_auth_header(&auth), "api-key: k1");
    brevo_auth_judge(&auth, brevo_auth_number(&auth), &verdict, start_us);
    assert_int_equal(verdict.outcome, BREVO_PAUSE);
    assert_int_equal(brevo_auth_obtain(&auth), 0); /* nobody is asked */
    brevo_auth_done(&auth);
}

static void
no_call_begins_without_a_token_unless_nothing_is_sent(void **state)
{
    (void)state;
    config = (struct config){.brevo_client_id = (char[]){"c"}};
    brevo_auth_init(&auth, &config);
    assert_true(brevo_auth_wait_us(&auth, start_us) > 0);
    obtain(3600, start_us, 0);
    auth.token = token;
    assert_int_equal(brevo_auth_wait_us(&auth, start_us), 0);
    assert_true(brevo_auth_wait_us(&auth, start_us + 3600 * second_us) > 0);
    brevo_auth_done(&auth);
    config.brevo_mode = (char[]){"shadow"};
    brevo_auth_init(&auth, &config);
    assert_int_equal(brevo_auth_wait_us(&auth, start_us), 0);
    brevo_auth_done(&auth);
}

static void
only_the_refusal_of_a_token_is_about_the_token(void **state)
{
    static const struct {
        enum brevo_outcome outcome;
        const char *reason;
        enum brevo_outcome expected;
    } cases[] = {
        {BREVO_DELIVERED, "", BREVO_DELIVERED},
        {BREVO_PAUSE, "ip_blocked", BREVO_PAUSE},
        {BREVO_PAUSE, "forbidden_events", BREVO_PAUSE},
        {BREVO_RETRY, "server_error", BREVO_RETRY},
        {BREVO_PAUSE, "unauthorized", BREVO_AGAIN},
    };

    (void)state;
    config = (struct config){.brevo_client_id = (char[]){"c"}};
    brevo_auth_init(&auth, &config);
    obtain(3600, start_us, 0);
    auth.token = token;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct brevo_verdict verdict = {
            .outcome = cases[i].outcome, .reason = cases[i].reason};

        assert_int_equal(brevo_auth_wait_us(&auth, start_us), 0);
        brevo_auth_judge(&auth, 1, &verdict, start_us);
        assert_int_equal(verdict.outcome, cases[i].expected);
    }
    assert_true(brevo_auth_wait_us(&auth, start_us) > 0);
    brevo_auth_done(&auth);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_bearer_token_and_its_life),
        cmocka_unit_test(tells_refusals_from_what_passes),
        cmocka_unit_test(waits_for_who_does_not_answer_or_asks_for_time),
        cmocka_unit_test(a_token_that_is_no_header_is_not_taken),
        cmocka_unit_test(every_problem_has_a_remedy_and_a_refusal_a_cause_of_pauses),
        cmocka_unit_test_setup(
            the_next_is_asked_for_at_three_quarters_of_its_life_or_a_little_later,
            set_up),
        cmocka_unit_test_setup(
            a_failed_renewal_leaves_the_token_and_is_tried_ever_later, set_up),
        cmocka_unit_test_setup(
            a_refused_token_is_thrown_away_and_its_successor_asked_for, set_up),
        cmocka_unit_test_setup(
            two_refused_within_a_minute_are_not_about_the_token, set_up),
        cmocka_unit_test_setup(
            an_endpoint_in_trouble_is_not_asked_sooner_for_a_refusal, set_up),
        cmocka_unit_test_setup(a_key_is_there_at_once_and_for_ever, set_up),
        cmocka_unit_test_setup(
            no_call_begins_without_a_token_unless_nothing_is_sent, set_up),
        cmocka_unit_test_setup(only_the_refusal_of_a_token_is_about_the_token, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
