/*
 * test_hand.c - what becomes of records that are nobody's event: claimed, read, settled.
 */
#include <stdio.h>
#include <string.h>

#include "server/deliver/sink_test.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "tests/unit/hand_fixture.h"

static void
a_sinks_test_is_remembered_and_settled_as_facts(void **state)
{
    (void)state;
    (void)put_one(queue, SINK_TEST, "event_streams", SINK_EVENT);
    step();
    assert_int_equal(hand.count, 0);
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.filtered, 1);
    assert_int_equal(label_value(&stats.filtered_by, "facts"), 1);
    expect_last_test(TEST_ID);
}

static void
a_test_that_comes_again_is_the_same_test(void **state)
{
    (void)state;
    (void)put_one(queue, SINK_TEST, "event_streams", SINK_EVENT);
    step();
    assert_int_equal(
        put_one(queue, SINK_TEST, "event_streams", SINK_EVENT), QUEUE_PUT_DUPLICATE);
    step();
    assert_int_equal(balanced_stats(queue).filtered, 1);
    assert_int_equal(REDIS_NUMBER(&redis, "ZCARD", "fb:note:sink_test"), 1);
}

static void
a_test_kept_by_a_worker_that_died_then_is_kept_once(void **state)
{
    (void)state;
    struct job job;

    (void)put_one(queue, SINK_TEST, "event_streams", SINK_EVENT);
    job_start(&job, claim_one(queue), clock_monotonic_us());
    job_parse(&job);
    assert_int_equal(job.stage, JOB_FOLDING);
    assert_int_equal(sink_test_keep(queue, &job), QUEUE_OK);
    job_done(&job); /* never settled */

    struct queue *heir = open_worker("worker-1"); /* its own records come back first */

    hand_init(&hand, heir, &config);
    step();
    assert_int_equal(balanced_stats(queue).filtered, 1);
    assert_int_equal(REDIS_NUMBER(&redis, "ZCARD", "fb:note:sink_test"), 1);
    queue_close(&heir);
}

static void
over_maxmemory_a_test_waits_and_is_not_lost(void **state)
{
    (void)state;
    (void)put_one(queue, SINK_TEST, "event_streams", SINK_EVENT);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    step();
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(hand.count, 0);
    assert_int_equal(balanced_stats(queue).delayed, 1);
    expect_last_test("");
}

static void
while_redis_is_away_a_test_stays_in_hand(void **state)
{
    (void)state;
    (void)put_one(queue, SINK_TEST, "event_streams", SINK_EVENT);
    assert_int_equal(hand_claim(&hand, 1, clock_monotonic_us()), 1);
    redis_fixture_kill(&redis);
    step();
    assert_int_equal(hand.count, 1);
    assert_int_not_equal(hand.redis_backoff_ms, 0);
    redis_fixture_restart(&redis, false);
}

/* ---- other records without an event ----------------------------------------------------------- */

struct record {
    const char *key;
    const char *route;
    const char *bytes;
};

/* Claimed and gone in one round: not delivered, not waiting for a twin, not asked about again. */
static void
expect_settled_at_once(const struct record *record, enum queue_outcome outcome)
{
    const struct queue_stats before = balanced_stats(queue);

    assert_int_equal(
        put_one(queue, record->key, record->route, record->bytes), QUEUE_PUT_NEW);
    step();
    const struct queue_stats after = balanced_stats(queue);

    if (hand.count != 0 || after.pending != before.pending ||
        after.filtered - before.filtered != (outcome == QUEUE_FILTERED) ||
        after.parked - before.parked != (outcome == QUEUE_PARKED)) {
        fail_msg("%s is not settled", record->key);
    }
}

static void
facts_of_every_source_are_filtered_at_once(void **state)
{
    static const struct record facts[] = {
        {"task.updated/EV" HEX, "taskrouter",
            "EventType=task.updated&Sid=EV" HEX "&TaskSid=WT" HEX},
        {"worker.activity.update/EV" HEX, "taskrouter",
            "EventType=worker.activity.update&Sid=EV" HEX "&WorkerSid=WK" HEX},
        {"worker.activity.update/WK" HEX "/0123456789abcdef", "taskrouter",
            "EventType=worker.activity.update&WorkerSid=WK" HEX},
        {"conversation.active/CH" HEX "/1767225600123", "event_streams",
            "{\"type\":\"com.twilio.conversations.conversation-state.updated\",\"data\":{"
            "\"ConversationSid\":\"CH" HEX "\",\"StateTo\":\"active\"}}"},
        {"message.delivered/SM" HEX, "event_streams",
            "{\"type\":\"com.twilio.messaging.message.delivered\",\"data\":{"
            "\"messageSid\":\"SM" HEX "\",\"messageStatus\":\"DELIVERED\"}}"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(facts); i++) {
        expect_settled_at_once(&facts[i], QUEUE_FILTERED);
    }
}

static void
what_could_not_be_keyed_is_parked_whatever_its_source(void **state)
{
    static const struct record raws[] = {
        {"raw/taskrouter/a1", "taskrouter", "a=1"},
        {"raw/event-streams/a2", "event_streams", "[{"},
        {"raw/conversations/a3", "conversations", ""},
        {"raw/interactions/a4", "interactions", "%"},
        {"raw/survey/a5", "survey", "{\"Score\":"},
        {"raw/messaging/a6", "messaging", "\xff\xfe"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(raws); i++) {
        expect_settled_at_once(&raws[i], QUEUE_PARKED);
    }
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(label_value(&stats.parked_by, "unparseable"), LENGTH(raws));
}

static void
a_record_of_a_route_we_do_not_know_is_parked(void **state)
{
    (void)state;
    expect_settled_at_once(
        &(struct record){"task.completed/WT" HEX, "pigeon", "coo"}, QUEUE_PARKED);
}

/* ---- the words for a person ------------------------------------------------------------------ */

static void
a_tests_age_is_told_in_the_unit_that_fits(void **state)
{
    static const struct {
        int64_t age_s;
        const char *expected;
    } ages[] = {
        {-5, "0 s ago"},
        {0, "0 s ago"},
        {59, "59 s ago"},
        {60, "1 min ago"},
        {3599, "59 min ago"},
        {3600, "1 h ago"},
        {86399, "23 h ago"},
        {86400 * 40, "40 d ago"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(ages); i++) {
        struct queue_note note = {.text = TEST_ID, .time_ms = 1767225600000};
        char text[SINK_TEST_TEXT_SIZE];

        note.now_ms = note.time_ms + ages[i].age_s * MS_PER_S;
        sink_test_write(&note, text);
        assert_memory_equal(text, TEST_ID "  ", strlen(TEST_ID "  "));
        assert_string_equal(text + strlen(TEST_ID "  "), ages[i].expected);
    }
}

/* A completion of WT1, as the hand has it when it was judged. */
static struct job *
have_judged(const char *ticket, const char *ticket_link)
{
    (void)put_one(queue, "task.completed/WT1", "taskrouter", "EventType=x");
    assert_int_equal(hand_claim(&hand, 1, clock_monotonic_us()), 1);
    struct job *job = hand.jobs[hand.count - 1];

    job->reading.event.type = EVENT_TASK_COMPLETED;
    job->reading.event.task_sid = "WT1";
    (void)snprintf(job->ticket, sizeof job->ticket, "%s", ticket);
    (void)snprintf(job->ticket_link, sizeof job->ticket_link, "%s", ticket_link);
    job->reading.event.effect_key[0] = 'x'; /* it has one */
    event_set_ticket(&job->reading.event, &config.rules, job->ticket);
    job->lookup_after_ms = 60 * 1000;
    job->stage = JOB_MAPPED;
    return job;
}

/* Another worker has told so, and looked whether anything was done under the name before. */
static void
a_ticket_that_has_got_another_name_meanwhile_is_asked_about_again(void **state)
{
    (void)state;
    (void)REDIS_DO(&redis, "HSET", "fb:{0}:f:KD1", "-ticket", "7 matter-1");
    struct job *job = have_judged("KD1", "");

    hand_claim_effect(&hand, job, clock_monotonic_us());
    assert_int_equal(job->stage, JOB_FINISHED);
    assert_string_equal(job->settlement.reason, "effect_busy");
    hand_settle(&hand, clock_monotonic_us());
    assert_int_equal(balanced_stats(queue).delayed, 1);
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", "fb:{0}:e:resolved/KD1"), 0);
}

static void
what_was_done_under_a_name_a_ticket_had_is_done(void **state)
{
    static const struct {
        const char *value;
        enum job_stage stage;
        const char *reason; /* "": of none */
    } cases[] = {
        {"done x/WT2", JOB_FINISHED, "already_delivered"},
        {"claimed w/1/2 9999999999999 1 0 EV1 x/WT2", JOB_FINISHED, "effect_busy"},
        {"doubted 9999999999999 EV1", JOB_FINISHED, "unknown_outcome"},
        {"doubted 1000 EV1", JOB_READY, ""},
    };

    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_int_equal(tear_down_hand(state), 0);
        assert_int_equal(set_up_hand(state), 0);
        (void)REDIS_DO(&redis, "SET", "fb:{0}:e:resolved/KD1", cases[i].value);
        struct job *job = have_judged("matter-1", "");

        (void)snprintf(job->called[job->called_count++], EVENT_TICKET_SIZE, "KD1");
        hand_claim_effect(&hand, job, clock_monotonic_us());
        assert_int_equal(job->stage, cases[i].stage);
        if (job->stage == JOB_FINISHED) {
            assert_string_equal(job->settlement.reason, cases[i].reason);
            hand_settle(&hand, clock_monotonic_us());
            assert_int_equal(
                REDIS_NUMBER(&redis, "EXISTS", "fb:{0}:e:resolved/matter-1"), 0);
        } else {
            assert_int_equal(job->doubted_ms, 1000);
            assert_string_equal(job->doubted_word, "EV1");
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sinks_test_is_remembered_and_settled_as_facts),
        TEST(a_test_that_comes_again_is_the_same_test),
        TEST(a_test_kept_by_a_worker_that_died_then_is_kept_once),
        TEST(over_maxmemory_a_test_waits_and_is_not_lost),
        TEST(while_redis_is_away_a_test_stays_in_hand),
        TEST(facts_of_every_source_are_filtered_at_once),
        TEST(what_could_not_be_keyed_is_parked_whatever_its_source),
        TEST(a_record_of_a_route_we_do_not_know_is_parked),
        TEST(a_tests_age_is_told_in_the_unit_that_fits),
        TEST(a_ticket_that_has_got_another_name_meanwhile_is_asked_about_again),
        TEST(what_was_done_under_a_name_a_ticket_had_is_done),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("hand", tests, start_redis, stop_redis);
}
