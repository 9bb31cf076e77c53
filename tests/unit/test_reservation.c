/*
 * test_reservation.c - what a plugin said of a reservation waits for whoever knows its task.
 */
#include "server/deliver/reservation.h"
#include "server/ops/log.h"
#include "tests/unit/queue_fixture.h"

enum {
    NOW_MS = 1780000000,
};

static struct queue_record record;
static struct job job;

/* So long after its receipt, and after it was read first; 0: it is read first. */
static void
fold_again(int64_t age_ms, int64_t waited_ms, int64_t attempts)
{
    record = (struct queue_record){.key = (char[]){"task.completed/WR1"},
        .now_ms = NOW_MS,
        .received_ms = NOW_MS - age_ms,
        .attempts = attempts,
        .waits_since_ms = waited_ms > 0 ? NOW_MS - waited_ms : 0};
    job = (struct job){.record = &record, .reservation_sid = "WR1"};
    assert_int_equal(reservation_fold(queue, &job, 0), QUEUE_OK);
}

static void
fold(int64_t age_ms, int64_t waited_ms)
{
    fold_again(age_ms, waited_ms, 1);
}

static void
waits_for_its_task_at_no_cost(void **state)
{
    (void)state;
    fold(RESERVATION_GIVE_UP_MS - 1, RESERVATION_GIVE_UP_MS - 1);
    assert_int_equal(job.settlement.outcome, QUEUE_DELAYED);
    assert_true(job.settlement.free_attempt);
}

/* A backlog had both wait, and it is read first. */
static void
is_looked_at_again_however_old_it_is_when_it_is_read_first(void **state)
{
    static const struct {
        int64_t waited_ms;
        int64_t delay_ms;
    } looks[] = {{0, RESERVATION_FIRST_WAIT_MS},
        {RESERVATION_FIRST_MS, RESERVATION_WAIT_MS},
        {RESERVATION_GIVE_UP_MS - 1, RESERVATION_WAIT_MS}};

    (void)state;
    for (size_t i = 0; i < LENGTH(looks); i++) {
        fold(RESERVATION_GIVE_UP_MS * 6, looks[i].waited_ms);
        assert_int_equal(job.settlement.outcome, QUEUE_DELAYED);
        assert_true(job.settlement.free_attempt);
        assert_int_equal(job.settlement.delay_ms, looks[i].delay_ms);
    }
}

static void
is_given_up_when_nobody_knows_it_for_long(void **state)
{
    (void)state;
    for (int64_t attempts = 1; attempts < RESERVATION_LOOKS_MAX; attempts++) {
        fold_again(RESERVATION_GIVE_UP_MS * 6, RESERVATION_GIVE_UP_MS, attempts);
        assert_int_equal(
            job.settlement.outcome, QUEUE_DELAYED); /* all may have stood still */
        assert_false(job.settlement.free_attempt);
        assert_int_equal(job.settlement.delay_ms, RESERVATION_WAIT_MS);
    }
    fold_again(RESERVATION_GIVE_UP_MS, RESERVATION_GIVE_UP_MS, RESERVATION_LOOKS_MAX);
    assert_int_equal(job.settlement.outcome, QUEUE_PARKED);
    assert_string_equal(job.settlement.reason, "unresolved_reservation");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(waits_for_its_task_at_no_cost),
        TEST(is_looked_at_again_however_old_it_is_when_it_is_read_first),
        TEST(is_given_up_when_nobody_knows_it_for_long),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
