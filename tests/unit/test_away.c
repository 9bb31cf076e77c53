/*
 * test_away.c - Brevo fails one call after the other: then all wait for one that does not.
 */
#include "server/deliver/flow.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "tests/unit/queue_fixture.h"

static const struct config config = {.brevo_rate_share = 0.8, .brevo_max_rps = 1000};
static const struct brevo_verdict failed = {.outcome = BREVO_RETRY,
    .reason = "not_sent",
    .after_ms = BREVO_BACKOFF_MAX_MS,
    .is_failure = true};
static const struct brevo_verdict said = {.outcome = BREVO_DELIVERED, .reason = ""};
static const struct brevo_verdict refused = {.outcome = BREVO_PARK, .reason = "rejected"};

static struct flow flow;
static struct job job;
static int64_t now_us;

static void
look(void)
{
    now_us += (int64_t)PAUSE_LOOK_MS * US_PER_MS;
    assert_int_equal(pause_look(&flow.pause, queue, now_us), QUEUE_OK);
}

static int
set_up_away(void **state)
{
    (void)set_up(state);
    flow_init(&flow, &config, FLOW_CLAIM_DEADLINE_MS);
    job = (struct job){.stage = JOB_ANSWERED, .next = BREVO_CONTACT_LOOKUP};
    now_us = 1;
    look();
    return 0;
}

static void
fails(int times)
{
    for (int i = 0; i < times; i++) {
        flow_learn(&flow, queue, &job, &failed);
    }
}

/* This worker's turn, which others have had for long. */
static void
take_turn(void)
{
    (void)REDIS_DO(&redis, "HSET", "fb:paused", ".probe", "1 8000 -");
    look();
    assert_true(pause_may_probe(&flow.pause, now_us));
    job.is_probe = true;
}

static void
one_failure_after_the_other_stops_all(void **state)
{
    (void)state;
    fails(FLOW_FAILURES_MAX - 1);
    assert_false(pause_stops_all(&flow.pause, false));
    fails(1);
    assert_true(pause_stops_all(&flow.pause, false));
    look();
    assert_string_equal(flow.pause.shown.items[0].name, BREVO_AWAY);
}

static void
any_answer_in_between_says_that_brevo_is_there(void **state)
{
    (void)state;
    fails(FLOW_FAILURES_MAX - 1);
    flow_learn(&flow, queue, &job, &said);
    fails(FLOW_FAILURES_MAX - 1);
    flow_learn(&flow, queue, &job, &refused);
    fails(FLOW_FAILURES_MAX - 1);
    assert_false(pause_stops_all(&flow.pause, false));
}

static void
what_was_sent_before_prolongs_no_pause_and_begins_none_after_it(void **state)
{
    (void)state;
    fails(FLOW_FAILURES_MAX);
    look();
    take_turn();
    job.is_probe = false;
    fails(FLOW_FAILURES_MAX - 1);
    assert_true(pause_may_probe(&flow.pause, now_us));
    job.is_probe = true;
    flow_learn(&flow, queue, &job, &said);
    look();
    assert_false(pause_stops_all(&flow.pause, false));
    job.is_probe = false;
    fails(FLOW_FAILURES_MAX - 1);
    assert_false(pause_stops_all(&flow.pause, false));
}

/* Too old to be told, it never asks for events. */
static void
ended_by_what_needs_no_events_one_failure_of_those_begins_it_again(void **state)
{
    (void)state;
    job.next = BREVO_EVENT;
    fails(FLOW_FAILURES_MAX);
    look();
    take_turn();
    job.mute = "too_old";
    job.next = BREVO_CONTACT_LOOKUP;
    flow_learn(&flow, queue, &job, &said);
    look();
    assert_false(pause_stops_all(&flow.pause, false));
    job = (struct job){.stage = JOB_ANSWERED, .next = BREVO_EVENT};
    fails(1);
    assert_true(pause_stops_all(&flow.pause, false));
}

/* Contacts alone may be served while events are not. */
static void
a_success_of_the_class_that_failed_ends_it(void **state)
{
    (void)state;
    fails(FLOW_FAILURES_MAX);
    look();
    take_turn();
    job.next = BREVO_EVENT;
    flow_learn(&flow, queue, &job, &said);
    look();
    assert_true(pause_stops_all(&flow.pause, false));
    job.next = BREVO_CONTACT_UPSERT; /* met at the look */
    flow_learn(&flow, queue, &job, &said);
    look();
    assert_false(pause_stops_all(&flow.pause, false));
}

static void
contacts_that_are_served_do_not_hide_that_events_are_not(void **state)
{
    (void)state;
    for (int i = 0; i < FLOW_FAILURES_MAX; i++) {
        job.next = BREVO_CONTACT_LOOKUP;
        flow_learn(&flow, queue, &job, &said);
        job.next = BREVO_EVENT;
        fails(1);
    }
    assert_true(pause_stops_all(&flow.pause, false));
}

/* Deliveries go on without them. */
static void
looks_for_events_that_fail_stop_nobody(void **state)
{
    (void)state;
    job.next = BREVO_EVENT_LOOKUP;
    fails(2 * FLOW_FAILURES_MAX);
    assert_false(pause_stops_all(&flow.pause, false));
}

/* A backlog waits for it, and each second counts. */
static void
it_is_looked_for_every_ten_seconds(void **state)
{
    (void)state;
    fails(FLOW_FAILURES_MAX);
    look();
    take_turn();
    flow_learn(&flow, queue, &job, &failed);
    /* "<not before> <interval> -" */
    const struct slice probe =
        redis_reply_text(REDIS_DO(&redis, "HGET", "fb:paused", ".probe"));
    const struct slice due = slice_before(probe, ' ');
    int64_t interval_ms = 0;

    assert_true(
        slice_to_int64(slice_before(slice_skip(probe, due.size + 1), ' '), &interval_ms));
    assert_int_equal(interval_ms, 10 * 1000);
}

static void
a_probe_in_vain_is_no_attempt_of_its_record(void **state)
{
    static const struct {
        enum brevo_endpoint next;
        bool is_probe;
        bool maybe_done;
        bool is_unseen;
        bool is_in_vain;
    } cases[] = {
        {BREVO_CONTACT_LOOKUP, true, false, false, true},
        {BREVO_EVENT, true, false, false, true},
        {BREVO_CONTACT_UPSERT, true, true, true, true},
        {BREVO_EVENT, true, true, true, false},           /* Brevo may have it */
        {BREVO_CONTACT_UPSERT, true, true, false, false}, /* Brevo failed over it */
        {BREVO_CONTACT_LOOKUP, false, false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct brevo_verdict verdict = failed;

        verdict.maybe_done = cases[i].maybe_done;
        verdict.is_unseen = cases[i].is_unseen;
        job = (struct job){.stage = JOB_ANSWERED,
            .next = cases[i].next,
            .is_probe = cases[i].is_probe,
            .settlement.outcome = QUEUE_RELEASED};
        job_advance(&job, &verdict);
        assert_int_equal(job.settlement.outcome, QUEUE_DELAYED);
        assert_int_equal(job.settlement.free_attempt, cases[i].is_in_vain);
        assert_int_equal(job.settlement.shelf,
            cases[i].is_in_vain ? PAUSE_SHELF_ALL : PAUSE_SHELF_NONE);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_away, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_failure_after_the_other_stops_all),
        TEST(any_answer_in_between_says_that_brevo_is_there),
        TEST(what_was_sent_before_prolongs_no_pause_and_begins_none_after_it),
        TEST(a_success_of_the_class_that_failed_ends_it),
        TEST(ended_by_what_needs_no_events_one_failure_of_those_begins_it_again),
        TEST(contacts_that_are_served_do_not_hide_that_events_are_not),
        TEST(looks_for_events_that_fail_stop_nobody),
        TEST(it_is_looked_for_every_ten_seconds),
        TEST(a_probe_in_vain_is_no_attempt_of_its_record),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
