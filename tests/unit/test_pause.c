/*
 * test_pause.c - what a worker may do while deliveries wait, as it sees it.
 */
#include <string.h>

#include "server/deliver/flow.h"
#include "server/ops/log.h"
#include "tests/unit/queue_fixture.h"

enum {
    TURN_MS = 45 * 1000,
};

static const int64_t long_us = INT64_C(1000) * 1000 * 1000;

static struct pause here;
static struct pause there; /* another worker's */
static struct queue *other;
static int64_t now_us;

static int
set_up_pauses(void **state)
{
    (void)set_up(state);
    other = open_worker("worker-2");
    pause_init(&here, TURN_MS);
    pause_init(&there, TURN_MS);
    now_us = 1;
    return 0;
}

static int
tear_down_pauses(void **state)
{
    queue_close(&other);
    return tear_down(state);
}

/* Time goes on, and both look. */
static void
both_look(void)
{
    now_us += (int64_t)PAUSE_LOOK_MS * US_PER_MS;
    assert_int_equal(pause_look(&here, queue, now_us), QUEUE_OK);
    assert_int_equal(pause_look(&there, other, now_us), QUEUE_OK);
}

static void
make_probe_due(void)
{
    (void)REDIS_DO(&redis, "HSET", "fb:paused", ".probe", "1 1000 -");
}

static void
put_by_command(const char *cause)
{
    const struct queue_pause pause = {.cause = cause, .where = "-", .remedy = "resume"};

    assert_int_equal(queue_pause_put(queue, &pause), QUEUE_OK);
}

static void
nothing_is_delivered_before_the_first_look(void **state)
{
    (void)state;
    assert_true(pause_stops_all(&here, false));
    assert_true(pause_stops_all(&here, true));
    both_look();
    assert_false(pause_stops_all(&here, false));
    assert_int_equal(pause_closed_shelves(&here), 0);
}

static void
a_refusal_stops_this_worker_at_once_and_the_others_with_their_next_look(void **state)
{
    (void)state;
    both_look();
    pause_begin(&here, BREVO_EVENT, "unauthorized");
    assert_true(pause_stops_all(&here, false));
    assert_false(pause_stops_all(&there, false));
    both_look();
    assert_true(pause_stops_all(&here, false));
    assert_true(pause_stops_all(&there, false));
    assert_false(pause_stops_all(&there, true)); /* a probe may go */
    assert_false(pause_may_probe(&here, now_us));
}

static void
the_success_of_a_probe_lets_all_go_on(void **state)
{
    (void)state;
    both_look();
    pause_begin(&here, BREVO_EVENT, "unauthorized");
    both_look();
    make_probe_due();
    both_look();
    assert_true(pause_may_probe(&here, now_us));
    assert_false(pause_may_probe(&there, now_us));
    assert_true((pause_probe_shelves(&here, now_us) & 1U << PAUSE_SHELF_ALL) != 0);
    assert_int_equal(pause_probe_shelves(&there, now_us), 0);
    pause_end(
        &here, queue, BREVO_CONTACT_LOOKUP, true); /* any endpoint answers for the key */
    both_look();
    assert_false(pause_stops_all(&here, false));
    assert_false(pause_stops_all(&there, false));
    assert_false(pause_may_probe(&here, now_us));
}

static void
who_has_no_token_leaves_the_turn_to_others(void **state)
{
    (void)state;
    both_look();
    pause_begin(&here, BREVO_TOKEN, "unauthorized");
    here.is_barred = true;
    both_look();
    make_probe_due();
    both_look();
    assert_false(pause_may_probe(&here, now_us));
    assert_true(pause_may_probe(&there, now_us));
}

static void
a_turn_ends_by_itself(void **state)
{
    (void)state;
    both_look();
    pause_begin(&here, BREVO_EVENT, "ip_blocked");
    both_look();
    make_probe_due();
    both_look();
    assert_true(pause_may_probe(&here, now_us));
    assert_false(pause_may_probe(&here, now_us + long_us));
}

static void
a_probe_that_says_nothing_gives_the_turn_back(void **state)
{
    (void)state;
    both_look();
    pause_begin(&here, BREVO_EVENT, "unauthorized");
    both_look();
    make_probe_due();
    both_look();
    pause_postpone(&here, queue);
    assert_false(pause_may_probe(&here, now_us));
    both_look();
    assert_false(pause_may_probe(&here, now_us)); /* not due */
    assert_true(pause_stops_all(&here, false));
}

/* The phone is another contact's: the same probe asks once more, without it. */
static void
a_probe_that_asks_once_more_keeps_its_turn(void **state)
{
    static const struct {
        enum brevo_outcome outcome;
        bool keeps;
    } cases[] = {{BREVO_DROP, true}, {BREVO_AGAIN, true}, {BREVO_RETRY, false}};
    const struct config config = {0};
    const struct job probe = {
        .is_probe = true,
        .next = BREVO_CONTACT_UPSERT,
        .exchange = {.ratelimit_limit = -1,
            .ratelimit_remaining = -1,
            .ratelimit_reset = -1},
    };
    struct flow flow;

    (void)state;
    both_look();
    pause_begin(&here, BREVO_CONTACT_UPSERT, "forbidden_contacts");
    both_look();
    make_probe_due();
    both_look();
    flow_init(&flow, &config, TURN_MS);
    flow.pause = here;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct brevo_verdict verdict = {.outcome = cases[i].outcome, .reason = ""};

        flow_learn(&flow, queue, &probe, &verdict);
        assert_int_equal(pause_may_probe(&flow.pause, now_us), cases[i].keeps);
    }
}

static void
forbidden_contacts_end_where_they_were_met(void **state)
{
    (void)state;
    both_look();
    pause_begin(&here, BREVO_CONTACT_UPSERT, "forbidden_contacts");
    both_look();
    assert_true(pause_stops_all(&there, false));
    pause_end(&there, other, BREVO_CONTACT_LOOKUP, true); /* the key may read */
    pause_end(&there, other, BREVO_EVENT, true);
    both_look();
    assert_true(pause_stops_all(&there, false));
    pause_end(&there, other, BREVO_CONTACT_UPSERT, true);
    both_look();
    assert_false(pause_stops_all(&here, false));
}

/* Of a version that knew no endpoints: the first word of its remedy stands there. */
static void
a_pause_of_an_earlier_version_ends_with_any_success_of_its_class(void **state)
{
    (void)state;
    (void)REDIS_DO(&redis, "HSET", "fb:paused", "forbidden_contacts",
        "1700000000000 Brevo refuses /contacts to this API key");
    both_look();
    both_look();
    assert_true(pause_may_probe(&here, now_us));
    pause_end(&here, queue, BREVO_EVENT, true); /* says nothing of contacts */
    both_look();
    assert_true(pause_stops_all(&there, false));
    pause_end(&here, queue, BREVO_CONTACT_LOOKUP, true);
    both_look();
    assert_false(pause_stops_all(&there, false));
}

/* The queue's head may be all too old to be told: then nothing that probes calls /events. */
static void
what_needs_no_events_ends_an_absence_that_was_met_there_and_no_refusal(void **state)
{
    (void)state;
    both_look();
    pause_begin(&here, BREVO_EVENT, BREVO_AWAY);
    pause_begin(&here, BREVO_EVENT, "forbidden_events");
    both_look();
    pause_end(&here, queue, BREVO_CONTACT_LOOKUP, true);
    both_look();
    assert_true(pause_stops_all(&there, false));
    pause_end(&here, queue, BREVO_CONTACT_LOOKUP, false);
    both_look();
    assert_false(pause_stops_all(&there, false));
    assert_int_equal(
        pause_shelf_of(&there, EVENT_TASK_CREATED, true), PAUSE_SHELF_EVENTS);
}

static void
a_turn_ends_with_the_pause_it_was_for(void **state)
{
    (void)state;
    both_look();
    pause_begin(&here, BREVO_EVENT, "unauthorized");
    both_look();
    make_probe_due();
    both_look();
    pause_end(&here, queue, BREVO_EVENT, true);
    pause_begin(&there, BREVO_EVENT, "unauthorized");
    both_look();
    both_look();
    assert_true(pause_stops_all(&here, false));
    assert_false(pause_may_probe(&here, now_us));
}

static void
a_turn_ends_when_another_ends_the_pause(void **state)
{
    (void)state;
    both_look();
    pause_begin(&here, BREVO_EVENT, "unauthorized");
    both_look();
    make_probe_due();
    both_look();
    assert_true(pause_may_probe(&here, now_us));
    pause_end(&there, other, BREVO_EVENT, true);
    both_look();
    pause_begin(&there, BREVO_EVENT, "unauthorized");
    both_look();
    both_look();
    assert_false(pause_may_probe(&here, now_us));
}

static void
a_turn_goes_on_while_something_else_is_paused(void **state)
{
    (void)state;
    both_look();
    pause_begin(&here, BREVO_CONTACT_LOOKUP, "unauthorized");
    pause_begin(&here, BREVO_EVENT, "forbidden_events");
    both_look();
    make_probe_due();
    both_look();
    pause_end(&here, queue, BREVO_CONTACT_LOOKUP, true);
    both_look();
    assert_true(pause_may_probe(&here, now_us));
    assert_false(pause_may_probe(&there, now_us));
}

/* A probe that begins at the end of a turn may take as long as a claim. */
static void
nobody_else_probes_before_the_last_probe_of_a_turn_can_be_over(void **state)
{
    (void)state;
    both_look();
    pause_begin(&here, BREVO_EVENT, "unauthorized");
    both_look();
    make_probe_due();
    both_look();
    const struct slice probe =
        redis_reply_text(REDIS_DO(&redis, "HGET", "fb:paused", ".probe"));
    int64_t due_ms = 0;

    assert_true(slice_to_int64(slice_before(probe, ' '), &due_ms));
    const struct redisReply *time = REDIS_DO(&redis, "TIME");
    int64_t now_s = 0;

    assert_true(slice_to_int64(redis_reply_text(redis_reply_at(time, 0)), &now_s));
    assert_in_range(due_ms - now_s * 1000, 2 * TURN_MS - 10 * 1000, 2 * TURN_MS + 1000);
    assert_false(pause_may_probe(&here, now_us + (TURN_MS + 1) * US_PER_MS));
}

static void
forbidden_events_stop_only_what_needs_them(void **state)
{
    (void)state;
    both_look();
    pause_begin(&here, BREVO_EVENT, "forbidden_events");
    both_look();
    assert_false(pause_stops_all(&there, false));
    assert_int_equal(
        pause_shelf_of(&there, EVENT_TASK_CREATED, true), PAUSE_SHELF_EVENTS);
    assert_int_equal(pause_shelf_of(&there, EVENT_TASK_CREATED, false), PAUSE_SHELF_NONE);
    assert_int_equal(pause_closed_shelves(&there), 1U << PAUSE_SHELF_EVENTS);
    assert_int_equal(pause_shelf_met("forbidden_events"), PAUSE_SHELF_EVENTS);
    assert_int_equal(pause_shelf_met("forbidden_contacts"), PAUSE_SHELF_ALL);
}

static void
by_command_even_a_probe_is_stopped_and_nobody_asks_for_a_turn(void **state)
{
    (void)state;
    both_look();
    pause_begin(&here, BREVO_EVENT, "unauthorized");
    put_by_command("operator");
    both_look();
    make_probe_due();
    both_look();
    assert_true(pause_stops_all(&here, true));
    assert_false(pause_may_probe(&here, now_us));
    assert_int_equal(queue_pause_remove(queue, "operator"), QUEUE_OK);
    both_look();
    both_look();
    assert_true(pause_may_probe(&here, now_us) != pause_may_probe(&there, now_us));
}

static void
by_command_one_event_waits_on_its_own_shelf(void **state)
{
    const enum pause_shelf shelf = PAUSE_SHELF_TYPE + EVENT_TASK_COMPLETED;

    (void)state;
    put_by_command("operator:task.completed");
    both_look();
    assert_false(pause_stops_all(&here, false));
    assert_int_equal(pause_shelf_of(&here, EVENT_TASK_COMPLETED, false), shelf);
    assert_int_equal(pause_shelf_of(&here, EVENT_TASK_CREATED, true), PAUSE_SHELF_NONE);
    assert_int_equal(pause_closed_shelves(&here), 1U << shelf);
    assert_int_equal(pause_probe_shelves(&here, now_us), 0);
}

static void
a_refusal_met_while_redis_is_away_is_told_when_it_is_back(void **state)
{
    (void)state;
    both_look();
    redis_fixture_kill(&redis);
    pause_begin(&here, BREVO_EVENT, "unauthorized");
    now_us += (int64_t)PAUSE_LOOK_MS * US_PER_MS;
    assert_int_not_equal(pause_look(&here, queue, now_us), QUEUE_OK);
    assert_true(pause_stops_all(&here, false));
    redis_fixture_restart(&redis, false);
    both_look();
    assert_true(pause_stops_all(&there, false));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_pauses, tear_down_pauses)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_delivered_before_the_first_look),
        TEST(a_refusal_stops_this_worker_at_once_and_the_others_with_their_next_look),
        TEST(the_success_of_a_probe_lets_all_go_on),
        TEST(who_has_no_token_leaves_the_turn_to_others),
        TEST(a_turn_ends_by_itself),
        TEST(a_probe_that_says_nothing_gives_the_turn_back),
        TEST(a_probe_that_asks_once_more_keeps_its_turn),
        TEST(forbidden_contacts_end_where_they_were_met),
        TEST(a_pause_of_an_earlier_version_ends_with_any_success_of_its_class),
        TEST(what_needs_no_events_ends_an_absence_that_was_met_there_and_no_refusal),
        TEST(a_turn_ends_with_the_pause_it_was_for),
        TEST(a_turn_ends_when_another_ends_the_pause),
        TEST(a_turn_goes_on_while_something_else_is_paused),
        TEST(nobody_else_probes_before_the_last_probe_of_a_turn_can_be_over),
        TEST(forbidden_events_stop_only_what_needs_them),
        TEST(by_command_even_a_probe_is_stopped_and_nobody_asks_for_a_turn),
        TEST(by_command_one_event_waits_on_its_own_shelf),
        TEST(a_refusal_met_while_redis_is_away_is_told_when_it_is_back),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
