/*
 * test_cost.c - what a note of the costs says, and how long a backlog takes by it.
 */
#include <math.h>
#include <stdlib.h>

#include "server/deliver/cost.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "tests/unit/queue_fixture.h"

static const struct config config = {.brevo_max_rps = 8};
static struct hand hand;
static struct flow flow;
static struct cost cost;
static int64_t now_us;

static bool
reads(const char *text, struct cost_said *said)
{
    struct queue_note note = {0};

    (void)snprintf(note.text, sizeof note.text, "%s", text);
    return cost_read(&note, said);
}

static void
a_backlog_takes_what_its_dearest_class_allows(void **state)
{
    struct cost_said said;

    (void)state;
    assert_true(reads("contacts=0.250@8.00 events=0.500@8.00", &said));
    assert_int_equal(cost_backlog_s(0, &said, NULL), 0);
    assert_int_equal(cost_backlog_s(16000, &said, NULL), 1001);
    assert_true(reads("contacts=2.000@8.00 events=0.500@8.00", &said));
    assert_int_equal(cost_backlog_s(16000, &said, NULL), 4001);
    assert_true(reads("contacts=2.000@80.00 events=0.500@8.00", &said));
    assert_int_equal(cost_backlog_s(16000, &said, NULL), 1001);
}

/* "When will we be up to date": more comes while the backlog is delivered. */
static void
what_comes_meanwhile_takes_its_time_too(void **state)
{
    struct cost_said said;

    (void)state;
    assert_true(reads("contacts=0.250@8.00 events=0.500@8.00 arrive=4.000", &said));
    assert_int_equal(cost_backlog_s(16000, &said, NULL), 1 + 1000 * 4 / 3);
    assert_int_equal(cost_backlog_s(0, &said, NULL), 0);
}

/* More comes than can be delivered: it will be long, and is no "never". */
static void
what_never_ends_at_this_pace_ends_some_day(void **state)
{
    struct cost_said said;

    (void)state;
    assert_true(reads("contacts=0.250@8.00 events=0.500@8.00 arrive=99.000", &said));
    assert_in_range(cost_backlog_s(16000, &said, NULL), 9990, 10011);
}

static void
before_anything_was_delivered_each_record_counts_as_a_new_customers(void **state)
{
    const struct config learning = {.brevo_rate_share = 0.8};
    const struct config fixed = {.brevo_max_rps = 100, .brevo_rate_share = 0.8};

    (void)state;
    assert_int_equal(cost_backlog_s(800, NULL, &learning), 201);
    assert_int_equal(cost_backlog_s(800, NULL, &fixed), 17);
}

static void
what_is_no_note_of_ours_says_nothing(void **state)
{
    static const char *const texts[] = {"", "contacts=1@8", "contacts=1@8 events=1",
        "contacts=1@0 events=1@8", "contacts=-1@8 events=1@8",
        "contacts=nan@8 events=1@8", "contacts=1@inf events=1@8", "contacts events",
        "contacts=@ events=@", "contacts=1@8 events=1@8 arrive=-1",
        "contacts=1@8 events=1@8 arrive=inf"};
    struct cost_said said;

    (void)state;
    for (size_t i = 0; i < LENGTH(texts); i++) {
        assert_false(reads(texts[i], &said));
    }
}

/* ---- noted --------------------------------------------------------------------------------- */

static int
set_up_cost(void **state)
{
    (void)set_up(state);
    flow = (struct flow){0};
    hand_init(&hand, queue, &config);
    flow_init(&flow, &config, FLOW_CLAIM_DEADLINE_MS);
    cost = (struct cost){0};
    now_us = 1;
    assert_int_equal(pause_look(&flow.pause, queue, now_us), QUEUE_OK);
    cost_run(&cost, &hand, &flow, now_us);
    return 0;
}

static int
tear_down_cost(void **state)
{
    hand_done(&hand);
    return tear_down(state);
}

/* A minute in which so many records were settled, by so many calls for a contact. */
static struct cost_said
after_a_minute(int64_t settled, int64_t taken)
{
    struct queue_note note;
    struct cost_said said;

    now_us += 60 * US_PER_S;
    hand.settled += settled;
    flow.taken[BREVO_CLASS_CONTACTS] += taken;
    cost_run(&cost, &hand, &flow, now_us);
    assert_int_equal(queue_note_last(queue, COST_NOTE, &note), QUEUE_OK);
    assert_true(cost_read(&note, &said));
    return said;
}

static void
what_is_asked_while_brevo_is_away_is_no_cost_of_records(void **state)
{
    (void)state;
    assert_float_equal(after_a_minute(100, 50).calls[BREVO_CLASS_CONTACTS], 0.5, 0.001);
    pause_begin(&flow.pause, BREVO_CONTACT_LOOKUP, BREVO_AWAY);
    assert_float_equal(after_a_minute(0, 360).calls[BREVO_CLASS_CONTACTS], 0.5, 0.001);
    assert_float_equal(after_a_minute(90, 0).calls[BREVO_CLASS_CONTACTS], 0.5, 0.001);
    pause_init(&flow.pause, FLOW_CLAIM_DEADLINE_MS);
    flow.pause.has_looked = true;
    assert_float_equal(after_a_minute(100, 50).calls[BREVO_CLASS_CONTACTS], 0.5, 0.001);
}

static void
how_much_comes_is_noted_even_while_nothing_is_delivered(void **state)
{
    (void)state;
    (void)REDIS_DO(&redis, "HSET", "fb:{0}:stats", "accepted", "1000");
    assert_float_equal(after_a_minute(100, 50).arrive, 0, 0.001);
    (void)REDIS_DO(&redis, "HSET", "fb:{0}:stats", "accepted", "1120");
    assert_float_equal(after_a_minute(100, 50).arrive, 2, 0.001);
    pause_begin(&flow.pause, BREVO_CONTACT_LOOKUP, BREVO_AWAY);
    (void)REDIS_DO(&redis, "HSET", "fb:{0}:stats", "accepted", "1360");
    assert_float_equal(after_a_minute(0, 0).arrive, 3, 0.1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_cost, tear_down_cost)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backlog_takes_what_its_dearest_class_allows),
        cmocka_unit_test(
            before_anything_was_delivered_each_record_counts_as_a_new_customers),
        cmocka_unit_test(what_comes_meanwhile_takes_its_time_too),
        cmocka_unit_test(what_never_ends_at_this_pace_ends_some_day),
        cmocka_unit_test(what_is_no_note_of_ours_says_nothing),
        TEST(what_is_asked_while_brevo_is_away_is_no_cost_of_records),
        TEST(how_much_comes_is_noted_even_while_nothing_is_delivered),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
