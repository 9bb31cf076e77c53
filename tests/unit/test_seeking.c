/*
 * test_seeking.c - what becomes of an event when Twilio is asked whose it is.
 */
#include <string.h>

#include "server/deliver/seeking.h"
#include "tests/unit/json_of.h"

#define CH "CH0123456789abcdef0123456789abcdef"
#define IS "IS0123456789abcdef0123456789abcdef"
#define FOUND \
    "{\"participants\":[{\"messaging_binding\":{\"address\":\"+34600000001\"}}]}"

static char account[] = "AC1";
static char token[] = "token";
static char key[] = "SK1";
static char secret[] = "secret";
static char url[] = "http://127.0.0.1:1";
static char record_key[] = "task.created/WT1";

static struct config config;
static struct hand hand;
static struct seeking seeking;
static struct queue_record record;

/* An event that names no customer, and knows its conversation. */
static void
seek(struct job *job, int64_t attempts)
{
    config = (struct config){.identity_asks_twilio = true,
        .account_sid = account,
        .auth_token = token,
        .conversations_url = url};
    record = (struct queue_record){
        .key = record_key, .attempts = attempts, .waits_since_ms = 1};
    hand = (struct hand){.config = &config, .jobs = {job}, .count = 1};
    seeking = (struct seeking){0};
    *job = (struct job){.record = &record, .stage = JOB_ASKED};
    job->reading.lacks_customer = true;
    job->reading.event.conversation_sid = CH;
    job->says.ticket = CH;
    buffer_init(&job->url, BREVO_URL_SIZE_MAX);
}

static void
done(struct job *job)
{
    http_exchange_done(&job->exchange);
    buffer_done(&job->url);
    payload_release(&job->payload);
}

/* After 429 and what is no answer it is asked again, and not for ever; else it is over. */
static void
an_answer_is_final_unless_it_may_pass(void **state)
{
    static const struct {
        enum http_exchange_result result;
        long status;
        int64_t retry_after_s;
        const char *answer;
        int64_t attempts;
        enum job_stage stage;
        int64_t delay_least_ms;
        size_t facts;
    } cases[] = {
        {HTTP_ANSWERED, 200, -1, FOUND, 1, JOB_TELLING, 0, 1},
        {HTTP_ANSWERED, 200, -1, "{\"participants\":[]}", 1, JOB_TELLING, 0, 0},
        {HTTP_ANSWERED, 200, -1, "<html>", 1, JOB_TELLING, 0, 0},
        {HTTP_ANSWERED, 404, -1, FOUND, 1, JOB_TELLING, 0, 0},
        {HTTP_ANSWERED, 401, -1, FOUND, 1, JOB_TELLING, 0, 0},
        {HTTP_ANSWERED, 429, -1, "", 1, JOB_FINISHED, 15000, 0},
        {HTTP_ANSWERED, 429, 300, "", 1, JOB_FINISHED, 300000, 0},
        {HTTP_ANSWERED, 429, INT64_MAX, "", 1, JOB_FINISHED, 600000, 0},
        {HTTP_ANSWERED, 503, -1, "", 4, JOB_FINISHED, 120000, 0},
        {HTTP_NOT_SENT, 0, -1, "", 1, JOB_FINISHED, 15000, 0},
        {HTTP_UNKNOWN, 0, -1, "", 1, JOB_FINISHED, 15000, 0},
        {HTTP_UNKNOWN, 0, -1, "", SEEKING_ATTEMPTS_MAX, JOB_TELLING, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct job job;

        seek(&job, cases[i].attempts);
        job.exchange = (struct http_exchange){.result = cases[i].result,
            .status = cases[i].status,
            .retry_after_s = cases[i].retry_after_s};
        buffer_init(&job.exchange.answer, HTTP_CLIENT_BODY_MAX);
        buffer_addf(&job.exchange.answer, "%s", cases[i].answer);
        seeking_step(&seeking, &hand, &job, NULL, 0);
        assert_int_equal(job.stage, cases[i].stage);
        assert_int_equal(job.has_sought, cases[i].stage == JOB_TELLING);
        assert_int_equal(job.says.fact_count, cases[i].facts);
        assert_in_range(job.settlement.delay_ms, cases[i].delay_least_ms,
            2 * cases[i].delay_least_ms);
        assert_false(seeking_may_help(&job, &config) && job.has_sought);
        done(&job);
    }
}

static void
it_is_asked_where_that_may_help(void **state)
{
    struct job job;

    (void)state;
    seek(&job, 1);
    assert_true(seeking_may_help(&job, &config));
    config.auth_token = NULL;
    assert_false(seeking_may_help(&job, &config));
    config.api_key_sid = key;
    config.api_key_secret = secret;
    assert_true(seeking_may_help(&job, &config));
    config.identity_asks_twilio = false;
    assert_false(seeking_may_help(&job, &config));
    config.identity_asks_twilio = true;
    job.reading.event.conversation_sid = NULL;
    assert_false(seeking_may_help(&job, &config));
    job.reading.event.conversation_sid = CH;
    job.reading.lacks_customer = false;
    assert_false(seeking_may_help(&job, &config));
    done(&job);
}

static void
answer(struct job *job, enum http_exchange_result result, int64_t retry_after_s,
    int64_t now_us)
{
    http_exchange_done(&job->exchange);
    job->stage = JOB_ASKED;
    job->exchange = (struct http_exchange){
        .result = result, .status = 404, .retry_after_s = retry_after_s};
    seeking_step(&seeking, &hand, job, NULL, now_us);
}

/* Until another one may ask, by who is put back now. */
static int64_t
rest_ms(struct job *job, int64_t now_us)
{
    job->stage = JOB_SEEKING;
    job->settlement = (struct queue_settlement){0};
    seeking_step(&seeking, &hand, job, NULL, now_us);
    assert_int_equal(job->stage, JOB_FINISHED);
    assert_int_equal(job->settlement.outcome, QUEUE_DELAYED);
    assert_true(job->settlement.free_attempt);
    assert_string_equal(job->settlement.reason, "twilio_away");
    return job->settlement.delay_ms;
}

/* The next one would only find out the same: it waits, for which nothing counts. */
static void
nobody_asks_while_twilio_is_away(void **state)
{
    static const struct {
        enum http_exchange_result result;
        int64_t retry_after_s;
        int64_t rest_ms; /* the least; 0: none */
        int64_t more_ms; /* it may be longer, with the turn's 2 s */
    } cases[] = {
        {HTTP_UNKNOWN, -1, 7500, 7500},
        {HTTP_UNKNOWN, -1, 15000, 15000},
        {HTTP_NOT_SENT, -1, 30000, 30000},
        {HTTP_UNKNOWN, -1, 60000, 60000},
        {HTTP_UNKNOWN, -1, 60000, 60000},
        {HTTP_UNKNOWN, 300, 300000, 0},
        {HTTP_ANSWERED, -1, 0, 0},
        {HTTP_UNKNOWN, -1, 7500, 7500},
    };
    struct job job;

    (void)state;
    seek(&job, 1);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        answer(&job, cases[i].result, cases[i].retry_after_s, 5);
        if (cases[i].rest_ms > 0) {
            assert_in_range(rest_ms(&job, 5), cases[i].rest_ms + 1000,
                cases[i].rest_ms + cases[i].more_ms + 2000);
        } else {
            assert_int_equal(seeking.until_us, 0);
        }
    }
    done(&job);
}

/* Not all would have their five attempts before it is over: they end as if they had. */
static void
nobody_waits_for_ever_for_twilio(void **state)
{
    static const int64_t hour_us = INT64_C(3600) * 1000 * US_PER_MS;
    struct job job;

    (void)state;
    seek(&job, 1);
    config.rules.identity_wait_ms = 1000;
    answer(&job, HTTP_UNKNOWN, -1, 0);
    answer(&job, HTTP_UNKNOWN, 600, hour_us - 5000);
    assert_in_range(rest_ms(&job, hour_us - 1), 599000 + 30000, 600000 + 60000);
    /* As long as its ticket had time to say who it is, it has not waited for Twilio. */
    assert_in_range(rest_ms(&job, hour_us), 599000 + 30000, 600000 + 60000);
    job.stage = JOB_SEEKING;
    seeking_step(&seeking, &hand, &job, NULL, hour_us + 1001 * US_PER_MS);
    assert_int_equal(job.stage, JOB_TELLING);
    assert_true(job.has_sought);
    /* A backlog was not waiting for Twilio, either. */
    seek(&job, 1);
    answer(&job, HTTP_UNKNOWN, -1, 2 * hour_us);
    assert_in_range(rest_ms(&job, 2 * hour_us + 1), 7500 + 30000, 15000 + 60000);
    done(&job);
}

/* Twilio limits how many requests there are at once. */
static void
one_is_asked_at_a_time(void **state)
{
    struct http_client *client = NULL;
    struct job first;
    struct job second;

    (void)state;
    assert_int_equal(http_client_open(2, &client), 0);
    seek(&second, 1);
    seek(&first, 1);
    hand.jobs[1] = &second;
    hand.count = 2;
    first.stage = second.stage = JOB_SEEKING;
    config.api_key_sid = key;
    config.api_key_secret = secret;
    second.payload = json_of("{'chat_service_sid':'" IS "'}");
    seeking_step(&seeking, &hand, &first, client, 0);
    seeking_step(&seeking, &hand, &second, client, 0);
    assert_int_equal(first.stage, JOB_ASKING);
    assert_int_equal(second.stage, JOB_FINISHED); /* deliveries shall have the room */
    assert_int_equal(second.settlement.outcome, QUEUE_DELAYED);
    assert_true(second.settlement.free_attempt);
    assert_string_equal(second.settlement.reason, "twilio_busy");
    assert_in_range(second.settlement.delay_ms, 1000, 2000);
    assert_string_equal(first.exchange.url,
        "http://127.0.0.1:1/v1/Conversations/" CH "/Participants?PageSize=100");
    assert_string_equal(first.exchange.user, "SK1");
    first.stage = JOB_TELLING;
    second.stage = JOB_SEEKING;
    seeking_step(&seeking, &hand, &second, client, 0);
    assert_string_equal(second.exchange.url,
        "http://127.0.0.1:1/v1/Services/" IS "/Conversations/" CH
        "/Participants?PageSize=100");
    http_client_close(&client);
    assert_int_equal(first.stage, JOB_ASKED);
    assert_int_equal(second.stage, JOB_ASKED);
    done(&first);
    done(&second);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_final_unless_it_may_pass),
        cmocka_unit_test(it_is_asked_where_that_may_help),
        cmocka_unit_test(nobody_asks_while_twilio_is_away),
        cmocka_unit_test(nobody_waits_for_ever_for_twilio),
        cmocka_unit_test(one_is_asked_at_a_time),
    };

    return cmocka_run_group_tests_name("seeking", tests, NULL, NULL);
}
