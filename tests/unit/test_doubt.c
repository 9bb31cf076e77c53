/*
 * test_doubt.c - what Brevo may have, and what its answer makes of that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/deliver/doubt.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"
#include "tests/unit/unit.h"

enum {
    CLAIMED_MS = 1780000000, /* Redis time, whatever the unit of its beginning */
    AFTER_MS = 180 * 1000,
};

static struct queue_record record;
static struct job job;

/* It has a contact, and is in doubt since `age_ms` before its claim. */
static int
set_up(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    counter_set(metrics_counter(METRIC_LOOKUPS_FORBIDDEN, NULL, NULL), 0);
    record = (struct queue_record){
        .key = (char[]){"task.completed/WT1"}, .now_ms = CLAIMED_MS, .attempts = 2};
    job = (struct job){
        .record = &record,
        .stage = JOB_READY,
        .next = BREVO_EVENT,
        .contact_id = 57,
        .contact_id_text = "57",
        .lookup_after_ms = AFTER_MS,
        .doubted_ms = CLAIMED_MS - AFTER_MS,
        .doubted_word = "EV1",
        .event = json_pack("{s:s}", "event_name", "SUPPORT_RESOLVED"),
        .reading.event = {.source_event_id = "EV2", .date_ms = INT64_C(1796000400000)},
    };
    buffer_init(&job.url, BREVO_URL_SIZE_MAX);
    buffer_init(&job.exchange.answer, HTTP_CLIENT_BODY_MAX);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    buffer_done(&job.exchange.answer);
    buffer_done(&job.url);
    json_decref(job.event);
    return 0;
}

static int64_t
counted(const char *result)
{
    return counter_get(metrics_counter(METRIC_BREVO_LOOKUPS, result, NULL));
}

/* ---- taken and left ------------------------------------------------------------------------ */

static void
is_waited_out_at_no_cost_before_it_is_looked_for(void **state)
{
    static const struct {
        int64_t age_ms;
        int64_t delay_ms; /* 0: none */
    } cases[] = {
        {-1000, AFTER_MS}, /* a clock that went back */
        {0, AFTER_MS},
        {1000, AFTER_MS - 1000},
        {AFTER_MS - 1, 1},
        {AFTER_MS, 0},
        {100 * AFTER_MS, 0},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct queue_effect effect = {
            .doubted_ms = CLAIMED_MS - cases[i].age_ms, .doubted_word = "EV7"};

        job.stage = JOB_READY;
        job.settlement = (struct queue_settlement){0};
        doubt_take(&job, &effect, 0);
        assert_int_equal(job.stage, cases[i].delay_ms > 0 ? JOB_FINISHED : JOB_READY);
        assert_int_equal(job.settlement.delay_ms, cases[i].delay_ms);
        assert_int_equal(job.settlement.free_attempt, cases[i].delay_ms > 0);
        assert_false(job.settlement.is_doubted); /* it is as it was */
        assert_string_equal(job.doubted_word, "EV7");
    }
}

static void
is_of_no_interest_where_nothing_is_looked_up(void **state)
{
    const struct queue_effect effect = {.doubted_ms = CLAIMED_MS};

    (void)state;
    job.lookup_after_ms = 0;
    job.doubted_ms = 0;
    doubt_take(&job, &effect, 0);
    assert_int_equal(job.stage, JOB_READY);
    job_next(&job, BREVO_EVENT);
    assert_int_equal(job.next, BREVO_EVENT);
}

static void
is_left_behind_where_brevos_word_was_not_heard_and_nowhere_else(void **state)
{
    static const struct {
        enum brevo_endpoint endpoint;
        struct brevo_verdict verdict;
        bool is_doubted;
    } cases[] = {
        {BREVO_EVENT, {.outcome = BREVO_RETRY, .is_unseen = true, .after_ms = 1}, true},
        {BREVO_EVENT, {.outcome = BREVO_PARK, .is_unseen = true}, true},
        {BREVO_EVENT, {.outcome = BREVO_RETRY, .maybe_done = true, .after_ms = 1}, false},
        {BREVO_EVENT, {.outcome = BREVO_RETRY, .after_ms = 1}, false},
        {BREVO_EVENT, {.outcome = BREVO_PARK}, false},
        {BREVO_CONTACT_UPSERT, {.outcome = BREVO_RETRY, .is_unseen = true, .after_ms = 1},
            false},
        {BREVO_EVENT_LOOKUP, {.outcome = BREVO_RETRY, .is_unseen = true, .after_ms = 1},
            false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct brevo_verdict verdict = cases[i].verdict;

        verdict.reason = "why";
        job.settlement = (struct queue_settlement){0};
        job.next = cases[i].endpoint;
        job_advance(&job, &verdict);
        assert_int_equal(job.stage, JOB_FINISHED);
        assert_int_equal(job.settlement.is_doubted, cases[i].is_doubted);
        if (verdict.outcome == BREVO_RETRY) {
            assert_int_equal(job.settlement.delay_ms, cases[i].is_doubted ? AFTER_MS : 1);
        }
    }
}

/* ---- looked for ---------------------------------------------------------------------------- */

static void
is_looked_for_by_contact_name_and_day(void **state)
{
    (void)state;
    job_next(&job, BREVO_EVENT);
    assert_int_equal(job.next, BREVO_EVENT_LOOKUP);
    brevo_url(&job.url, "https://api.example.com/v3", job.next, "", "");
    doubt_write_query(&job, &job.url);
    assert_string_equal(job.url.data,
        "https://api.example.com/v3/events?contact_id=57&event_name=SUPPORT_RESOLVED"
        "&startDate=2026-11-29&endDate=2026-12-01&limit=25");
}

/* Whoever it is now: the customer may be known better than when it was sent. */
static void
is_looked_for_at_whom_it_was_sent_to_as_well(void **state)
{
    static const struct fact facts_told[] = {
        {.name = {"+contact", 8}, .text = {"61", 2}, .rank = 1},
        {.name = {"+contact", 8}, .text = {"6x", 2}, .rank = 1},
    };
    static const struct {
        const char *mark;
        const struct fact *told; /* by its ticket */
        int64_t contact_id;
        const char *word;
        const char *query;
    } cases[] = {
        {"EV1@61", NULL, 57, "EV1", "?contact_id=57&contact_id=61&event_name="},
        {"EV1@57", NULL, 57, "EV1", "?contact_id=57&event_name="},
        {"EV1@61", NULL, 0, "EV1", "?contact_id=61&event_name="},
        {"-@61", NULL, 57, "-", "?contact_id=57&contact_id=61&event_name="},
        {"EV1", NULL, 57, "EV1",
            "?contact_id=57&event_name="}, /* or by an earlier version */
        {"EV1", &facts_told[0], 57, "EV1", "?contact_id=57&contact_id=61&event_name="},
        {"EV1@62", &facts_told[0], 57, "EV1", "?contact_id=57&contact_id=62&event_name="},
        {"EV1", &facts_told[1], 57, "EV1", "?contact_id=57&event_name="},
        {"EV@x", NULL, 57, "EV@x", "?contact_id=57&event_name="},
        {"EV1@0", NULL, 57, "EV1@0", "?contact_id=57&event_name="},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct queue_effect effect = {.doubted_ms = CLAIMED_MS - AFTER_MS};
        static struct facts facts;

        (void)snprintf(effect.doubted_word, QUEUE_WORD_SIZE, "%s", cases[i].mark);
        job.doubted_contact[0] = '\0';
        job.contact_id = cases[i].contact_id;
        facts = (struct facts){.count = cases[i].told != NULL ? 1 : 0};
        if (cases[i].told != NULL) {
            facts.items[0] = *cases[i].told;
        }
        doubt_hear(&job, &facts);
        doubt_take(&job, &effect, 0);
        job_next(&job, BREVO_EVENT);
        assert_int_equal(job.next, BREVO_EVENT_LOOKUP);
        buffer_clear(&job.url);
        doubt_write_query(&job, &job.url);
        assert_string_equal(job.doubted_word, cases[i].word);
        assert_memory_equal(job.url.data, cases[i].query, strlen(cases[i].query));
    }
}

static void
whom_it_was_sent_to_is_left_behind_with_it(void **state)
{
    static const struct brevo_verdict lost = {
        .outcome = BREVO_RETRY, .reason = "why", .is_unseen = true, .after_ms = 1};
    static const struct {
        const char *word; /* it was in doubt before */
        const char *source;
        const char *mark;
    } cases[] = {{"", "EV2", "EV2@57"}, {"EV1", "EV2", "EV1@57"}};
    char long_id[QUEUE_WORD_SIZE];

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        (void)snprintf(job.doubted_word, QUEUE_WORD_SIZE, "%s", cases[i].word);
        job.reading.event.source_event_id = cases[i].source;
        job.next = BREVO_EVENT;
        job_advance(&job, &lost);
        assert_string_equal(job.settlement.doubted_word, cases[i].mark);
    }
    memset(long_id, 'x', sizeof long_id);
    long_id[sizeof long_id - 1] = '\0';
    job.doubted_word[0] = '\0';
    job.reading.event.source_event_id = long_id;
    job.settlement.doubted_word = NULL;
    job_advance(&job, &lost);
    assert_true(job.settlement.is_doubted);
    assert_null(job.settlement.doubted_word);
}

static void
is_not_looked_for_without_a_contact(void **state)
{
    const int64_t before = counted("failed");

    (void)state;
    job.contact_id = 0;
    job_next(&job, BREVO_EVENT);
    assert_int_equal(job.next, BREVO_EVENT);
    assert_int_equal(counted("failed"), before + 1);
}

static void
judge(const char *answer)
{
    job.doubted_ms = CLAIMED_MS - AFTER_MS;
    job.stage = JOB_ANSWERED;
    job.next = BREVO_EVENT_LOOKUP;
    job.exchange.status = 200;
    buffer_clear(&job.exchange.answer);
    buffer_add_text(&job.exchange.answer, answer);
    job_advance(&job, &(struct brevo_verdict){.outcome = BREVO_DELIVERED, .reason = ""});
}

#define EVENT(id) "{\"event_properties\":{\"source_event_id\":\"" id "\"}}"
#define LIST(events) "{\"count\":9,\"events\":[" events "]}"

static void
is_delivered_when_it_is_there_by_either_word(void **state)
{
    static const char *const answers[] = {
        LIST(EVENT("EV1")),
        LIST(EVENT("EV2")),
        LIST(EVENT("EV8") "," EVENT("EV2")),
        LIST("null,7,{},{\"event_properties\":[]}," EVENT("EV1")),
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(answers); i++) {
        const int64_t before = counted("found");

        judge(answers[i]);
        assert_int_equal(job.stage, JOB_FINISHED);
        assert_int_equal(job.settlement.outcome, QUEUE_DELIVERED);
        assert_int_equal(counted("found"), before + 1);
    }
}

/* They were sent by one word, once. */
static void
the_answer_to_another_survey_is_not_ours(void **state)
{
#define ANSWER(survey) \
    "{\"event_properties\":{\"source_event_id\":\"EV1\",\"survey_id\":" survey "}}"
    static const struct {
        const char *answer;
        const char *result;
    } cases[] = {
        {LIST(ANSWER("\"csat\"")), "absent"},
        {LIST(ANSWER("7")), "absent"},
        {LIST(EVENT("EV1")), "absent"},
        {LIST(ANSWER("\"csat\"") "," ANSWER("\"nps\"")), "found"},
    };

    (void)state;
    memcpy(job.reading.event.survey_id, "nps", sizeof "nps");
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const int64_t before = counted(cases[i].result);

        judge(cases[i].answer);
        assert_int_equal(counted(cases[i].result), before + 1);
        job.is_sent = false;
    }
}

/* What it carried when it was sent may be old by now: that is said by itself, and it is delivered. */
static void
numbers_it_was_to_carry_are_said_when_it_is_there(void **state)
{
    (void)state;
    job.has_numbers = true;
    judge(LIST(EVENT("EV2")));
    assert_int_equal(job.stage, JOB_MEETING);
    job_next(&job, BREVO_EVENT);
    assert_int_equal(job.stage, JOB_FINISHED);
    assert_int_equal(job.settlement.outcome, QUEUE_DELIVERED);
}

static void
is_sent_again_when_it_is_not_there_or_cannot_be_told(void **state)
{
    static const struct {
        const char *answer;
        const char *result;
    } cases[] = {
        {LIST(""), "absent"}, {"{\"count\":0}", "absent"}, {LIST(EVENT("EV8")), "absent"},
        {LIST("{\"source_event_id\":\"EV1\"}"), "absent"},
        {LIST("{\"event_properties\":{\"source_event_id\":1}}"), "absent"},
        {"", "failed"}, {"<html>", "failed"}, {"[]", "failed"}, {"{}", "failed"},
        {"{\"events\":" EVENT("EV1") "}", "failed"},
        {"{\"count\":1,\"events\":[" EVENT("EV1"), "failed"}, /* cut */
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const int64_t before = counted(cases[i].result);

        judge(cases[i].answer);
        assert_int_equal(job.stage, JOB_READY);
        assert_int_equal(job.next, BREVO_EVENT);
        assert_int_equal(counted(cases[i].result), before + 1);
    }
}

static void
is_sent_again_when_brevo_will_not_tell_or_may_not_be_asked(void **state)
{
    (void)state;
    job.next = BREVO_EVENT_LOOKUP;
    job_advance(
        &job, &(struct brevo_verdict){.outcome = BREVO_UNTOLD, .reason = "failed"});
    assert_int_equal(job.next, BREVO_EVENT);
    assert_int_equal(job.stage, JOB_READY);

    const int64_t limited = counted("limited");
    const int64_t forbidden = counted("forbidden");

    doubt_skip(&job);
    assert_int_equal(counted("limited"), limited + 1);
    job.next = BREVO_EVENT_LOOKUP;
    job_advance(&job, &(struct brevo_verdict){
                          .outcome = BREVO_UNTOLD, .reason = "forbidden", .after_ms = 1});
    assert_int_equal(job.next, BREVO_EVENT);
    doubt_skip(&job); /* the next one */
    assert_int_equal(counted("forbidden"), forbidden + 2);
    assert_int_equal(
        counter_get(metrics_counter(METRIC_LOOKUPS_FORBIDDEN, NULL, NULL)), 1);
    judge(LIST("")); /* somebody gave the key the right */
    assert_int_equal(
        counter_get(metrics_counter(METRIC_LOOKUPS_FORBIDDEN, NULL, NULL)), 0);
}

/* Its doubt stays, and comes back with it: for an hour. */
static void
a_look_that_fails_is_tried_again_and_not_for_ever(void **state)
{
    static const struct brevo_verdict verdict = {
        .outcome = BREVO_RETRY, .reason = "server_error", .after_ms = 7};

    (void)state;
    job.next = BREVO_EVENT_LOOKUP;
    job_advance(&job, &verdict);
    assert_int_equal(job.stage, JOB_FINISHED);
    assert_int_equal(job.settlement.outcome, QUEUE_DELAYED);
    assert_int_equal(job.settlement.delay_ms, 7);
    assert_false(job.settlement.is_doubted);
    job.stage = JOB_ANSWERED;
    job.doubted_ms = CLAIMED_MS - DOUBT_LOOKS_MS;
    job_advance(&job, &verdict);
    assert_int_equal(job.stage, JOB_READY);
    assert_int_equal(job.next, BREVO_EVENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(is_waited_out_at_no_cost_before_it_is_looked_for),
        TEST(is_of_no_interest_where_nothing_is_looked_up),
        TEST(is_left_behind_where_brevos_word_was_not_heard_and_nowhere_else),
        TEST(is_looked_for_by_contact_name_and_day),
        TEST(is_looked_for_at_whom_it_was_sent_to_as_well),
        TEST(whom_it_was_sent_to_is_left_behind_with_it),
        TEST(is_not_looked_for_without_a_contact),
        TEST(is_delivered_when_it_is_there_by_either_word),
        TEST(the_answer_to_another_survey_is_not_ours),
        TEST(numbers_it_was_to_carry_are_said_when_it_is_there),
        TEST(is_sent_again_when_it_is_not_there_or_cannot_be_told),
        TEST(is_sent_again_when_brevo_will_not_tell_or_may_not_be_asked),
        TEST(a_look_that_fails_is_tried_again_and_not_for_ever),
    };

    return cmocka_run_group_tests_name("doubt", tests, NULL, NULL);
}
