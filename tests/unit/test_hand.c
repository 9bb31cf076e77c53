/*
 * test_hand.c - what becomes of records that are nobody's event: claimed, read, settled.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "queue/handle.h"
#include "server/deliver/hand.h"
#include "server/deliver/sink_test.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "tests/unit/queue_fixture.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_hand, tear_down_hand)

#define TEST_ID "0a1b2c3d-4e5f-4a6b-8c7d-0123456789ab"
#define SINK_TEST "sink.test/" TEST_ID
#define SINK_EVENT                                                              \
    "{\"specversion\":\"1.0\",\"type\":\"com.twilio.eventstreams.test-event\"," \
    "\"source\":\"Sink\",\"id\":\"AC0123456789abcdef0123456789abcdef\","        \
    "\"data\":{\"test_id\":\"" TEST_ID "\"}}"
#define HEX "0123456789abcdef0123456789abcdef"

static struct config config;
static struct hand hand;

static int
set_up_hand(void **state)
{
    config = (struct config){.plugin_wait_ms = 60 * 1000};
    (void)set_up(state);
    hand_init(&hand, queue, &config);
    return 0;
}

static int
tear_down_hand(void **state)
{
    hand_done(&hand);
    return tear_down(state);
}

/* One round of the worker's, up to where Brevo would be asked. */
static void
step(void)
{
    const int64_t now_us = clock_monotonic_us();

    (void)hand_claim(&hand, HAND_JOBS_MAX - hand.count, now_us);
    for (size_t i = 0; i < hand.count; i++) {
        struct job *job = hand.jobs[i];

        if (job->stage == JOB_CLAIMED && hand_may_read(&hand, i)) {
            job_parse(job);
        }
        if (job->stage == JOB_PARSED) {
            job_map(job, &config, now_us);
        }
        hand_keep(&hand, job, now_us);
    }
    hand_settle(&hand, now_us);
}

static void
expect_last_test(const char *id)
{
    struct queue_note note;

    assert_int_equal(sink_test_last(queue, &note), QUEUE_OK);
    assert_string_equal(note.text, id);
}

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

/* ---- records that workers died over ----------------------------------------------------- */

/* A worker claims all there is, and dies. */
static void
die_holding_all(void)
{
    struct queue *mortal = open_worker("worker-1");
    struct queue_record *records[HAND_JOBS_MAX] = {0};
    size_t count = 0;

    assert_int_equal(queue_claim(mortal, HAND_JOBS_MAX, records, &count), QUEUE_OK);
    for (size_t i = 0; i < count; i++) {
        queue_record_free(&records[i]);
    }
    queue_close(&mortal);
}

/* The next life of the worker. */
static struct queue *
be_born_again(void)
{
    struct queue *heir = open_worker("worker-1");

    hand_init(&hand, heir, &config);
    return heir;
}

static void
a_record_that_five_workers_died_over_is_parked_unread(void **state)
{
    (void)state;
    (void)put_one(queue, SINK_TEST, "event_streams", SINK_EVENT);
    for (int i = 0; i < JOB_LOST_POISON; i++) {
        die_holding_all();
    }
    struct queue *heir = be_born_again();

    step();
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.parked, 1);
    assert_int_equal(label_value(&stats.parked_by, "poison"), 1);
    expect_last_test("");
    queue_close(&heir);
}

static void
after_four_deaths_a_record_is_still_read(void **state)
{
    (void)state;
    (void)put_one(queue, SINK_TEST, "event_streams", SINK_EVENT);
    for (int i = 0; i < JOB_LOST_POISON - 1; i++) {
        die_holding_all();
    }
    struct queue *heir = be_born_again();

    step();
    assert_int_equal(balanced_stats(queue).filtered, 1);
    queue_close(&heir);
}

/* Whoever killed the worker twice, kills it again: nobody else may be in hand then. */
static void
suspects_are_read_alone_so_that_the_innocent_are_not_parked_with_the_guilty(void **state)
{
    (void)state;
    char key[KEY_SIZE_MAX];

    for (int i = 0; i < HAND_JOBS_MAX; i++) {
        (void)snprintf(key, sizeof(key), "reservation.accepted/WR%d", i);
        (void)put_one(queue, key, "taskrouter", "ReservationSid=WR1");
    }
    for (int i = 0; i < JOB_LOST_SUSPECT; i++) {
        die_holding_all();
    }
    struct queue *heir = be_born_again();

    (void)hand_claim(&hand, HAND_JOBS_MAX, clock_monotonic_us());
    assert_int_equal(hand.count, HAND_JOBS_MAX);
    for (size_t i = 0; i < hand.count; i++) {
        assert_false(hand_may_read(&hand, i));
    }
    hand_settle(&hand, clock_monotonic_us());
    assert_int_equal(hand.count, 1);
    assert_true(hand_may_read(&hand, 0));
    assert_int_equal(balanced_stats(queue).pending, HAND_JOBS_MAX);
    while (balanced_stats(queue).pending > 0) {
        step();
    }
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(label_value(&stats.parked_by, "poison"), -1);
    queue_close(&heir);
}

/* The events of a task keep their order; the second must not wait for one that waits for it. */
static void
what_follows_a_suspect_goes_back_so_that_they_do_not_wait_for_each_other(void **state)
{
    (void)state;
    (void)put_one(queue, "task.created/WT" HEX, "taskrouter", "EventType=task.created");
    for (int i = 0; i < JOB_LOST_SUSPECT; i++) {
        die_holding_all();
    }
    (void)put_one(
        queue, "task.completed/WT" HEX, "taskrouter", "EventType=task.completed");
    struct queue *heir = be_born_again();

    (void)hand_claim(&hand, HAND_JOBS_MAX, clock_monotonic_us());
    assert_int_equal(hand.count, 2);
    assert_false(hand_may_read(&hand, 0));
    hand_settle(&hand, clock_monotonic_us());
    assert_int_equal(hand.count, 1);
    assert_true(hand_may_read(&hand, 0));
    assert_int_equal(balanced_stats(queue).pending, 2);
    hand_done(&hand);
    queue_close(&heir);
}

/* After a long absence of Redis its claim may be taken over, by its own worker as well. */
static void
what_is_finished_is_settled_before_it_could_be_claimed_again(void **state)
{
    struct queue_options options = default_options("worker-2");

    (void)state;
    options.claim_deadline_ms = 1;
    struct queue *quick = open_queue(&options);

    hand_init(&hand, quick, &config);
    (void)put_one(quick, "task.completed/WT" HEX, "taskrouter", "EventType=x");
    (void)hand_claim(&hand, 1, clock_monotonic_us());
    job_deliver(hand.jobs[0]);
    (void)put_one(quick, "task.completed/WT2", "taskrouter", "EventType=x");
    (void)poll(NULL, 0, 5); /* the deadline is over */
    quick->scans[0].next_takeover_us = 0;
    assert_int_equal(hand_claim(&hand, 2, clock_monotonic_us()), 1);
    assert_string_equal(hand.jobs[1]->record->key, "task.completed/WT2");
    hand_settle(&hand, clock_monotonic_us());
    assert_int_equal(hand.count, 1);
    assert_int_equal(balanced_stats(quick).delivered, 1);
    hand_done(&hand);
    queue_close(&quick);
}

/* ---- what Redis refuses --------------------------------------------------------------------- */

/* Claimed and read; the effect has its key. */
static struct job *
have_mapped(const char *key)
{
    (void)put_one(queue, key, "taskrouter", "EventType=x");
    assert_int_equal(hand_claim(&hand, 1, clock_monotonic_us()), 1);
    struct job *job = hand.jobs[hand.count - 1];

    (void)snprintf(
        job->reading.event.effect_key, sizeof(job->reading.event.effect_key), "%s", key);
    job->stage = JOB_MAPPED;
    return job;
}

static void
an_effect_that_redis_refuses_holds_up_its_own_record_alone(void **state)
{
    const int64_t now_us = clock_monotonic_us();

    (void)state;
    (void)REDIS_DO(&redis, "LPUSH", "fb:{0}:e:" TASK, "theirs");
    struct job *refused = have_mapped(TASK);
    struct job *other = have_mapped("task.completed/WT2");

    hand_claim_effect(&hand, refused, now_us);
    hand_claim_effect(&hand, other, now_us);
    assert_int_equal(other->stage, JOB_READY);
    hand_settle(&hand, now_us);
    assert_int_equal(hand.count, 1);
    assert_int_equal(balanced_stats(queue).delayed, 1);
    assert_non_null(strstr(
        redis_reply_text(REDIS_DO(&redis, "HGET", TASK_RECORD, "w")).data, "WRONGTYPE"));
}

/* Each time is an attempt. */
static void
what_redis_refuses_every_time_is_parked_in_the_end(void **state)
{
    (void)state;
    (void)put_one(queue, SINK_TEST, "event_streams", SINK_EVENT);
    (void)REDIS_DO(&redis, "SET", "fb:note:sink_test", "theirs");
    step();
    assert_int_equal(balanced_stats(queue).delayed, 1);
    assert_int_equal(REDIS_NUMBER(&redis, "HGET", "fb:{0}:r:" SINK_TEST, "a"), 1);
    (void)REDIS_DO(&redis, "HSET", "fb:{0}:r:" SINK_TEST, "a", "299");
    (void)REDIS_DO(&redis, "ZADD", "fb:{0}:delayed", "1", SINK_TEST);
    step();
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(label_value(&stats.parked_by, "queue_refused"), 1);
}

/* It settles all the same, and that everybody waits is not this record's fault. */
static void
over_maxmemory_waiting_costs_no_attempt(void **state)
{
    (void)state;
    (void)put_one(queue, SINK_TEST, "event_streams", SINK_EVENT);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    step();
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(balanced_stats(queue).delayed, 1);
    assert_int_equal(REDIS_NUMBER(&redis, "HGET", "fb:{0}:r:" SINK_TEST, "a"), 0);
}

/* ---- Redis is away -------------------------------------------------------------------------- */

static void
nobody_says_that_redis_is_back_before_it_was_asked(void **state)
{
    struct pause pause;
    int64_t now_us = clock_monotonic_us();

    (void)state;
    pause_init(&pause, 1000);
    redis_fixture_kill(&redis);
    hand_look(&hand, &pause, now_us);
    const int64_t backoff_ms = hand.redis_backoff_ms;

    assert_int_not_equal(backoff_ms, 0);
    hand.redis_us = now_us; /* it may be asked again, but no look is due */
    hand_look(&hand, &pause, now_us);
    assert_int_equal(hand.redis_backoff_ms, backoff_ms);
    now_us += (int64_t)PAUSE_LOOK_MS * US_PER_MS;
    hand_look(&hand, &pause, now_us);
    assert_true(hand.redis_backoff_ms > backoff_ms);
    redis_fixture_restart(&redis, false);
    hand.redis_us = now_us;
    hand_look(&hand, &pause, now_us + (int64_t)PAUSE_LOOK_MS * US_PER_MS);
    assert_int_equal(hand.redis_backoff_ms, 0);
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
        TEST(a_record_that_five_workers_died_over_is_parked_unread),
        TEST(after_four_deaths_a_record_is_still_read),
        TEST(suspects_are_read_alone_so_that_the_innocent_are_not_parked_with_the_guilty),
        TEST(what_follows_a_suspect_goes_back_so_that_they_do_not_wait_for_each_other),
        TEST(what_is_finished_is_settled_before_it_could_be_claimed_again),
        TEST(an_effect_that_redis_refuses_holds_up_its_own_record_alone),
        TEST(what_redis_refuses_every_time_is_parked_in_the_end),
        TEST(over_maxmemory_waiting_costs_no_attempt),
        TEST(nobody_says_that_redis_is_back_before_it_was_asked),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("hand", tests, start_redis, stop_redis);
}
