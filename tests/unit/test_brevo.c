/*
 * test_brevo.c - URLs, and what each answer means.
 */
#include <string.h>

#include "server/deliver/brevo.h"
#include "tests/unit/unit.h"

static const int64_t now_unix_ms = 1780000000000;

#define IP_BLOCKED                                                                \
    "{\"code\":\"unauthorized\",\"message\":\"We have detected you are using an " \
    "unrecognised IP address 192.0.2.7. https://app.brevo.com/security/authorised_ips\"}"
#define SMS_TAKEN                                                               \
    "{\"code\":\"invalid_parameter\",\"message\":\"Unable to update contact\"," \
    "\"metadata\":{\"duplicate_identifiers\":[\"SMS\"]}}"
#define SMS_TAKEN_IN_WORDS                                                            \
    "{\"code\":\"duplicate_parameter\",\"message\":\"SMS is already associated with " \
    "another Contact\"}"
#define BAD_PHONE "{\"code\":\"invalid_parameter\",\"message\":\"Invalid phone number\"}"
#define BAD_LIST "{\"code\":\"invalid_parameter\",\"message\":\"list id does not exist\"}"
#define HTML "<html><body>Error 524</body></html>"

struct answer {
    long status;
    bool is_json;
    const char *body;
};

/* Judges an answer as the worker would have got it. */
static struct brevo_verdict
judge(enum brevo_endpoint endpoint, const struct answer *given, int64_t attempts)
{
    const struct brevo_question question = {
        .endpoint = endpoint, .attempts = attempts, .now_ms = now_unix_ms, .random = 77};
    struct http_exchange exchange = {
        .result = HTTP_ANSWERED,
        .status = given->status,
        .is_json = given->is_json,
        .ratelimit_limit = -1,
        .ratelimit_remaining = -1,
        .ratelimit_reset = -1,
        .retry_after_s = -1,
    };
    struct brevo_verdict verdict;

    buffer_init(&exchange.answer, HTTP_CLIENT_BODY_MAX);
    if (given->body != NULL) {
        buffer_add_text(&exchange.answer, given->body);
    }
    brevo_judge(&question, &exchange, &verdict);
    buffer_done(&exchange.answer);
    return verdict;
}

struct expectation {
    enum brevo_endpoint endpoint;
    struct answer answer;
    enum brevo_outcome outcome;
    const char *reason;
};

static void
check(const struct expectation *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct brevo_verdict verdict =
            judge(cases[i].endpoint, &cases[i].answer, 1);

        if (verdict.outcome != cases[i].outcome ||
            strcmp(verdict.reason, cases[i].reason) != 0) {
            fail_msg("%s %ld %s: outcome %d, reason %s",
                brevo_endpoint_name(cases[i].endpoint), cases[i].answer.status,
                cases[i].answer.body != NULL ? cases[i].answer.body : "",
                (int)verdict.outcome, verdict.reason);
        }
    }
}

static void
any_2xx_is_delivered_whatever_its_body(void **state)
{
    static const struct expectation cases[] = {
        {BREVO_EVENT, {204, false, NULL}, BREVO_DELIVERED, ""},
        {BREVO_EVENT, {200, true, "\"\""}, BREVO_DELIVERED, ""},
        {BREVO_EVENT, {202, true, "{\"code\":\"unauthorized\"}"}, BREVO_DELIVERED, ""},
        {BREVO_EVENT, {207, true, "not json"}, BREVO_DELIVERED, ""},
        {BREVO_CONTACT_UPSERT, {201, true, "{\"id\":1}"}, BREVO_DELIVERED, ""},
        {BREVO_CONTACT_UPSERT, {204, false, NULL}, BREVO_DELIVERED, ""},
        {BREVO_CONTACT_LOOKUP, {200, true, "{}"}, BREVO_DELIVERED, ""},
    };

    (void)state;
    check(cases, LENGTH(cases));
}

static void
credentials_and_addresses_pause_and_park_nothing(void **state)
{
    static const struct expectation cases[] = {
        {BREVO_EVENT, {401, true, "{\"code\":\"unauthorized\"}"}, BREVO_PAUSE,
            "unauthorized"},
        {BREVO_EVENT, {401, false, NULL}, BREVO_PAUSE, "unauthorized"},
        {BREVO_EVENT, {401, true, IP_BLOCKED}, BREVO_PAUSE, "ip_blocked"},
        {BREVO_CONTACT_LOOKUP, {401, false, IP_BLOCKED}, BREVO_PAUSE, "ip_blocked"},
        {BREVO_CONTACT_UPSERT, {401, true, "see authorised_ips"}, BREVO_PAUSE,
            "ip_blocked"},
        {BREVO_CONTACT_LOOKUP, {403, false, NULL}, BREVO_PAUSE, "forbidden_contacts"},
        {BREVO_CONTACT_UPSERT, {403, true, "{}"}, BREVO_PAUSE, "forbidden_contacts"},
        {BREVO_EVENT, {403, true, "{}"}, BREVO_PAUSE, "forbidden_events"},
    };

    (void)state;
    check(cases, LENGTH(cases));
}

static void
what_is_wrong_with_a_batch_stops_no_event(void **state)
{
    static const struct expectation cases[] = {
        {BREVO_EVENT_BATCH, {202, true, "{\"count\":7}"}, BREVO_DELIVERED, ""},
        {BREVO_EVENT_BATCH, {400, true, "{\"status\":\"failed\"}"}, BREVO_UNTOLD,
            "failed"},
        {BREVO_EVENT_BATCH, {413, false, NULL}, BREVO_UNTOLD, "failed"},
        {BREVO_EVENT_BATCH, {403, true, "{}"}, BREVO_UNTOLD, "forbidden"},
        {BREVO_EVENT_BATCH, {404, true, "{}"}, BREVO_UNTOLD, "unserved"},
        {BREVO_EVENT_BATCH, {405, false, NULL}, BREVO_UNTOLD, "unserved"},
        {BREVO_EVENT_BATCH, {501, false, NULL}, BREVO_UNTOLD, "unserved"},
        {BREVO_EVENT_BATCH, {429, false, NULL}, BREVO_RETRY, "rate_limited"},
        {BREVO_EVENT_BATCH, {503, false, NULL}, BREVO_RETRY, "server_error"},
        {BREVO_EVENT_BATCH, {401, false, NULL}, BREVO_PAUSE, "unauthorized"},
    };

    (void)state;
    check(cases, LENGTH(cases));
    for (size_t i = 1; i <= 6; i++) {
        assert_int_equal(judge(BREVO_EVENT_BATCH, &cases[i].answer, 1).after_ms,
            i <= 2 ? 0 : BREVO_FORBIDDEN_MS);
    }
}

static void
every_pause_names_its_remedy(void **state)
{
    static const char *const causes[] = {
        "unauthorized", "ip_blocked", "forbidden_contacts", "forbidden_events", "away"};

    (void)state;
    assert_int_equal(LENGTH(causes), BREVO_CAUSES);
    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        assert_string_equal(brevo_causes[i].name, causes[i]);
        assert_non_null(strstr(brevo_causes[i].remedy, "brevo.com/"));
    }
    assert_non_null(
        strstr(brevo_causes[1].remedy, "https://app.brevo.com/security/authorised_ips"));
}

static void
a_refused_identifier_is_dropped_from_contacts_only(void **state)
{
    static const struct expectation cases[] = {
        {BREVO_CONTACT_UPSERT, {400, true, SMS_TAKEN}, BREVO_DROP, "identifier_refused"},
        {BREVO_CONTACT_UPSERT, {400, true, SMS_TAKEN_IN_WORDS}, BREVO_DROP,
            "identifier_refused"},
        {BREVO_CONTACT_UPSERT, {400, true, BAD_PHONE}, BREVO_DROP, "identifier_refused"},
        {BREVO_CONTACT_UPSERT, {400, true, BAD_LIST}, BREVO_PARK, "rejected"},
        {BREVO_CONTACT_UPSERT,
            {400, true, "{\"metadata\":{\"duplicate_identifiers\":[]}}"}, BREVO_PARK,
            "rejected"},
        {BREVO_EVENT, {400, true, BAD_PHONE}, BREVO_PARK, "rejected"},
    };

    (void)state;
    check(cases, LENGTH(cases));
}

static void
says_which_identifier_brevo_refuses(void **state)
{
    static const struct {
        const char *body;
        unsigned refused;
    } cases[] = {
        {SMS_TAKEN, REQUEST_SMS},
        {SMS_TAKEN_IN_WORDS, REQUEST_SMS},
        {BAD_PHONE, REQUEST_PHONES},
        {"{\"metadata\":{\"duplicate_identifiers\":[\"ext_id\",\"WHATSAPP\"]}}",
            REQUEST_EXT_ID | REQUEST_WHATSAPP},
        {"{\"metadata\":{\"duplicate_identifiers\":[\"email\",7]}}", 0},
        {"{\"message\":\"SMS or EXT_ID are already associated with another Contact\"}",
            REQUEST_SMS | REQUEST_EXT_ID},
        {"{\"message\":\"email is already associated with another Contact\"}", 0},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct answer answer = {400, true, cases[i].body};
        const struct brevo_verdict verdict = judge(BREVO_CONTACT_UPSERT, &answer, 1);

        assert_int_equal(verdict.outcome, BREVO_DROP);
        assert_int_equal(verdict.refused, cases[i].refused);
    }
}

static void
what_can_never_be_accepted_is_parked(void **state)
{
    static const long statuses[] = {400, 404, 405, 406, 410, 413, 415, 418, 422, 451};

    (void)state;
    for (size_t i = 0; i < LENGTH(statuses); i++) {
        const struct expectation cases[] = {
            {BREVO_EVENT, {statuses[i], true, "{}"}, BREVO_PARK, "rejected"},
            {BREVO_CONTACT_UPSERT, {statuses[i], false, NULL}, BREVO_PARK, "rejected"},
        };

        check(cases, LENGTH(cases));
    }
    check(&(struct expectation){BREVO_EVENT, {402, true, "{}"}, BREVO_PARK,
              "payment_required"},
        1);
}

static void
a_contact_that_cannot_be_looked_up_counts_as_new(void **state)
{
    static const struct expectation cases[] = {
        {BREVO_CONTACT_LOOKUP, {404, true, "{\"code\":\"document_not_found\"}"},
            BREVO_NO_CONTACT, "no_contact"},
        {BREVO_CONTACT_LOOKUP, {400, true, BAD_PHONE}, BREVO_NO_CONTACT, "no_contact"},
        {BREVO_CONTACT_LOOKUP, {405, false, NULL}, BREVO_NO_CONTACT, "no_contact"},
        {BREVO_CONTACT_LOOKUP, {501, false, NULL}, BREVO_NO_CONTACT, "no_contact"},
        {BREVO_CONTACT_UPSERT, {501, false, NULL}, BREVO_RETRY, "server_error"},
    };

    (void)state;
    check(cases, LENGTH(cases));
}

/* What sends events may lack the right to see them: that stops nothing else. */
static void
an_event_that_cannot_be_looked_up_stops_nothing(void **state)
{
    static const struct expectation cases[] = {
        {BREVO_EVENT_LOOKUP, {403, true, "{}"}, BREVO_UNTOLD, "forbidden"},
        {BREVO_EVENT_LOOKUP, {400, true, "{}"}, BREVO_UNTOLD, "failed"},
        {BREVO_EVENT_LOOKUP, {402, true, "{}"}, BREVO_UNTOLD, "failed"},
        {BREVO_EVENT_LOOKUP, {404, true, "{}"}, BREVO_UNTOLD, "failed"},
        {BREVO_EVENT_LOOKUP, {501, false, NULL}, BREVO_UNTOLD, "failed"},
        {BREVO_EVENT_LOOKUP, {401, false, NULL}, BREVO_PAUSE, "unauthorized"},
        {BREVO_EVENT_LOOKUP, {429, false, NULL}, BREVO_RETRY, "rate_limited"},
        {BREVO_EVENT_LOOKUP, {502, false, HTML}, BREVO_RETRY, "server_error"},
    };

    (void)state;
    check(cases, LENGTH(cases));
    assert_int_equal(
        judge(BREVO_EVENT_LOOKUP, &cases[0].answer, 1).after_ms, BREVO_FORBIDDEN_MS);
    assert_int_equal(judge(BREVO_EVENT_LOOKUP, &cases[1].answer, 1).after_ms, 0);
}

static void
what_passes_by_itself_is_retried(void **state)
{
    static const struct expectation cases[] = {
        {BREVO_EVENT, {408, false, NULL}, BREVO_RETRY, "request_timeout"},
        {BREVO_EVENT, {409, false, NULL}, BREVO_RETRY, "conflict"},
        {BREVO_CONTACT_UPSERT, {425, true, "{\"code\":\"account_in_process\"}"},
            BREVO_RETRY, "too_early"},
        {BREVO_CONTACT_LOOKUP, {500, true, "{}"}, BREVO_RETRY, "server_error"},
        {BREVO_EVENT, {502, false, HTML}, BREVO_RETRY, "server_error"},
        {BREVO_EVENT, {503, true, "not json"}, BREVO_RETRY, "server_error"},
        {BREVO_EVENT, {524, false, HTML}, BREVO_RETRY, "server_error"},
        {BREVO_EVENT, {599, false, NULL}, BREVO_RETRY, "server_error"},
        {BREVO_EVENT, {302, false, NULL}, BREVO_RETRY, "server_error"},
    };

    (void)state;
    check(cases, LENGTH(cases));
}

static void
says_when_a_repeat_may_be_a_duplicate(void **state)
{
    static const struct {
        enum http_exchange_result result;
        const char *reason;
        bool maybe_done;
    } cases[] = {
        {HTTP_NOT_SENT, "not_sent", false},
        {HTTP_UNKNOWN, "no_answer", true},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct brevo_question question = {.endpoint = BREVO_EVENT, .attempts = 1};
        const struct http_exchange exchange = {.result = cases[i].result};
        struct brevo_verdict verdict;

        brevo_judge(&question, &exchange, &verdict);
        assert_int_equal(verdict.outcome, BREVO_RETRY);
        assert_string_equal(verdict.reason, cases[i].reason);
        assert_int_equal(verdict.maybe_done, cases[i].maybe_done);
    }
    assert_true(judge(BREVO_EVENT, &(struct answer){502, false, HTML}, 1).maybe_done);
    assert_true(judge(BREVO_EVENT, &(struct answer){500, false, HTML}, 1).maybe_done);
    assert_false(judge(BREVO_EVENT, &(struct answer){429, false, NULL}, 1).maybe_done);
}

/* What stands before Brevo answers for it; Brevo's own 500 and 503 are its word, and a refusal. */
static void
says_whether_brevos_own_word_was_heard(void **state)
{
    static const int unheard[] = {502, 504, 520, 522, 524, 527};
    static const int heard[] = {500, 503, 505, 508};

    (void)state;
    for (size_t i = 0; i < LENGTH(unheard); i++) {
        assert_true(
            judge(BREVO_EVENT, &(struct answer){unheard[i], false, HTML}, 1).is_unseen);
    }
    for (size_t i = 0; i < LENGTH(heard); i++) {
        assert_false(
            judge(BREVO_EVENT, &(struct answer){heard[i], false, HTML}, 1).is_unseen);
    }
}

static void
a_rate_limit_waits_by_the_header_and_counts_no_attempt(void **state)
{
    static const struct {
        int64_t reset;
        int64_t retry_after_s;
        int64_t wait_ms;
    } cases[] = {
        {-1, -1, 1000},
        {2, -1, 2000},
        {0, -1, 100},
        {45, -1, 45000},
        {1000000000, -1, 60000},
        {-1, 7, 7000},
        {-1, 0, 1000},
        {2, 7, 7000},
        {9, 7, 9000},
        {-1, 86400, 60000},
        {-1, INT64_MAX, 60000},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct brevo_question question = {.endpoint = BREVO_EVENT,
            .attempts = BREVO_ATTEMPTS_MAX,
            .now_ms = now_unix_ms};
        const struct http_exchange exchange = {
            .result = HTTP_ANSWERED,
            .status = 429,
            .ratelimit_reset = cases[i].reset,
            .retry_after_s = cases[i].retry_after_s,
        };
        struct brevo_verdict verdict;

        brevo_judge(&question, &exchange, &verdict);
        assert_int_equal(verdict.outcome, BREVO_RETRY);
        assert_true(verdict.is_rate_limit);
        assert_int_equal(verdict.after_ms, cases[i].wait_ms);
    }
}

static void
retries_spread_and_grow_to_their_cap(void **state)
{
    static const uint32_t draws[] = {0, 1, 999, 123456789, UINT32_MAX};
    static const struct {
        int64_t attempts;
        int64_t max_ms;
    } cases[] = {{0, 1000}, {1, 2000}, {2, 4000}, {5, 32000}, {30, BREVO_BACKOFF_MAX_MS},
        {BREVO_ATTEMPTS_MAX - 1, BREVO_BACKOFF_MAX_MS}};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        for (size_t j = 0; j < LENGTH(draws); j++) {
            const struct brevo_question question = {.endpoint = BREVO_EVENT,
                .attempts = cases[i].attempts,
                .random = draws[j]};
            const struct http_exchange exchange = {.result = HTTP_NOT_SENT};
            struct brevo_verdict verdict;

            brevo_judge(&question, &exchange, &verdict);
            assert_in_range(verdict.after_ms, BREVO_BACKOFF_MIN_MS, cases[i].max_ms);
        }
    }
}

static void
a_retry_is_never_sooner_than_brevo_asks(void **state)
{
    static const struct {
        int64_t retry_after_s;
        int64_t min_ms;
        int64_t max_ms;
    } cases[] = {
        {-1, BREVO_BACKOFF_MIN_MS, 2 * BREVO_BACKOFF_MIN_MS},
        {0, BREVO_BACKOFF_MIN_MS, 2 * BREVO_BACKOFF_MIN_MS},
        {7, 7000, 7000},
        {86400, PACE_WAIT_MAX_MS, PACE_WAIT_MAX_MS},
        {INT64_MAX, PACE_WAIT_MAX_MS, PACE_WAIT_MAX_MS},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct brevo_question question = {
            .endpoint = BREVO_EVENT, .attempts = 1, .random = UINT32_MAX};
        const struct http_exchange exchange = {.result = HTTP_ANSWERED,
            .status = 503,
            .ratelimit_reset = -1,
            .retry_after_s = cases[i].retry_after_s};
        struct brevo_verdict verdict;

        brevo_judge(&question, &exchange, &verdict);
        assert_int_equal(verdict.outcome, BREVO_RETRY);
        assert_in_range(verdict.after_ms, cases[i].min_ms, cases[i].max_ms);
    }
}

static void
attempts_end_in_the_parked_list(void **state)
{
    const struct answer answer = {503, false, NULL};
    const struct brevo_verdict verdict = judge(BREVO_EVENT, &answer, BREVO_ATTEMPTS_MAX);

    (void)state;
    assert_int_equal(verdict.outcome, BREVO_PARK);
    assert_string_equal(verdict.reason, "retries_exhausted");
}

static void
keeps_brevos_code_but_never_a_sentence_with_an_address(void **state)
{
    static const struct {
        const char *body;
        bool is_json;
        const char *code;
    } cases[] = {
        {"{\"code\":\"invalid_parameter\",\"message\":\"x\"}", true, "invalid_parameter"},
        {"{\"code\":\"api-key not found\"}", true, "api-key not found"},
        {"{\"code\":\"jane@example.com is taken\"}", true, ""},
        {"{\"code\":\"a\\nb\"}", true, ""},
        {"{\"code\":42}", true, ""},
        {"{\"message\":\"x\"}", true, ""},
        {"[\"code\"]", true, ""},
        {"{\"code\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
            true, ""},
        {"{\"code\":\"invalid_parameter\"}", false, ""},
        {"{\"code\":", true, ""},
        {NULL, true, ""},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct answer answer = {400, cases[i].is_json, cases[i].body};

        assert_string_equal(judge(BREVO_EVENT, &answer, 1).code, cases[i].code);
    }
}

static void
encodes_every_identifier_in_a_url(void **state)
{
    static const struct {
        enum brevo_endpoint endpoint;
        const char *type;
        const char *value;
        const char *url;
    } cases[] = {
        {BREVO_CONTACT_LOOKUP, "email_id", "jane+x@example.com",
            "http://b/v3/contacts/jane%2Bx%40example.com?identifierType=email_id"},
        {BREVO_CONTACT_LOOKUP, "phone_id", "+34600000001",
            "http://b/v3/contacts/%2B34600000001?identifierType=phone_id"},
        {BREVO_CONTACT_LOOKUP, "ext_id", "a/b?c#d \xc3\xa9%",
            "http://b/v3/contacts/a%2Fb%3Fc%23d%20%C3%A9%25?identifierType=ext_id"},
        {BREVO_CONTACT_UPSERT, NULL, NULL, "http://b/v3/contacts"},
        {BREVO_EVENT, NULL, NULL, "http://b/v3/events"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(buffer_done) struct buffer url = {.max = BREVO_URL_SIZE_MAX};

        brevo_url(&url, "http://b/v3", cases[i].endpoint, cases[i].type, cases[i].value);
        assert_false(url.failed);
        assert_string_equal(url.data, cases[i].url);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_2xx_is_delivered_whatever_its_body),
        cmocka_unit_test(credentials_and_addresses_pause_and_park_nothing),
        cmocka_unit_test(what_is_wrong_with_a_batch_stops_no_event),
        cmocka_unit_test(every_pause_names_its_remedy),
        cmocka_unit_test(a_refused_identifier_is_dropped_from_contacts_only),
        cmocka_unit_test(says_which_identifier_brevo_refuses),
        cmocka_unit_test(what_can_never_be_accepted_is_parked),
        cmocka_unit_test(a_contact_that_cannot_be_looked_up_counts_as_new),
        cmocka_unit_test(an_event_that_cannot_be_looked_up_stops_nothing),
        cmocka_unit_test(what_passes_by_itself_is_retried),
        cmocka_unit_test(says_when_a_repeat_may_be_a_duplicate),
        cmocka_unit_test(says_whether_brevos_own_word_was_heard),
        cmocka_unit_test(a_rate_limit_waits_by_the_header_and_counts_no_attempt),
        cmocka_unit_test(retries_spread_and_grow_to_their_cap),
        cmocka_unit_test(a_retry_is_never_sooner_than_brevo_asks),
        cmocka_unit_test(attempts_end_in_the_parked_list),
        cmocka_unit_test(keeps_brevos_code_but_never_a_sentence_with_an_address),
        cmocka_unit_test(encodes_every_identifier_in_a_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
