/*
 * test_queue_claim.c - who gets which record, and what a crash leaves behind.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "queue/handle.h"
#include "tests/unit/queue_fixture.h"

enum {
    MANY = 16,             /* partitions, records */
    HASTY_US = 200 * 1000, /* and yet longer than sending a claim takes */
};

static struct queue *
open_with_deadline(const char *consumer, int64_t deadline_ms)
{
    struct queue_options options = default_options(consumer);

    options.claim_deadline_ms = deadline_ms;
    return open_queue(&options);
}

/* ---- crash and takeover ------------------------------------------------------------------ */

static void
a_restarted_worker_takes_its_own_pending_first(void **state)
{
    (void)state;
    struct queue_record *before = put_and_claim(TASK);

    (void)put_one(queue, "task.completed/WT2", "taskrouter", "later");
    struct queue *restarted = open_worker("worker-1");
    struct queue_record *record = claim_one(restarted);

    assert_string_equal(record->key, TASK);
    assert_string_not_equal(record->token, before->token);
    assert_int_equal(record->attempts, 2);
    assert_int_equal(settle_one(queue, before, QUEUE_DELIVERED, NULL), QUEUE_STALE);
    assert_int_equal(balanced_stats(queue).delivered, 0);
    assert_int_equal(settle_one(restarted, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    record = claim_one(restarted);
    assert_string_equal(record->key, "task.completed/WT2");
    queue_record_free(&record);
    queue_close(&restarted);
}

static void
a_restarted_worker_finds_all_of_its_pending(void **state)
{
    struct queue_record *records[5];
    size_t count = 0;

    (void)state;
    for (int i = 0; i < 5; i++) {
        char key[32];

        (void)snprintf(key, sizeof(key), "task.completed/WT%d", i);
        (void)put_one(queue, key, "taskrouter", "signed");
    }
    assert_int_equal(queue_claim(queue, 5, records, &count), QUEUE_OK);
    assert_int_equal(count, 5);
    struct queue *restarted = open_worker("worker-1");

    for (size_t i = 0; i < 5; i++) { /* one by one, in their order */
        struct queue_record *record = claim_one(restarted);

        assert_string_equal(record->key, records[i]->key);
        queue_record_free(&record);
        queue_record_free(&records[i]);
    }
    assert_null(claim_one(restarted));
    queue_close(&restarted);
}

/* The new claim has seen the route that made the old one dirty. */
static void
a_new_claim_is_clean(void **state)
{
    (void)state;
    struct queue_record *before = put_and_claim(TASK);

    (void)put_one(queue, TASK, "plugin", "who");
    struct queue *restarted = open_worker("worker-1");
    struct queue_record *record = claim_one(restarted);

    assert_int_equal(record->route_count, 2);
    assert_int_equal(
        settle_one(restarted, record, QUEUE_FILTERED, "facts"), QUEUE_SETTLED);
    queue_record_free(&before);
    queue_close(&restarted);
}

static void
another_worker_leaves_a_fresh_claim_alone(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim(TASK);
    struct queue *other = open_with_deadline("worker-2", 60000);

    assert_null(claim_one(other));
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    queue_close(&other);
}

static void
another_worker_takes_over_after_the_deadline(void **state)
{
    (void)state;
    struct queue_record *before = put_and_claim(TASK);
    struct queue *other = open_with_deadline("worker-2", 1);
    struct queue_record *record = claim_later(other);

    assert_string_equal(record->key, TASK);
    assert_int_equal(settle_one(queue, before, QUEUE_PARKED, "stale"), QUEUE_STALE);
    assert_int_equal(settle_one(other, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.delivered, 1);
    assert_int_equal(stats.parked, 0);
    queue_close(&other);
}

static void
a_worker_is_not_handed_what_it_is_at_before_the_deadline(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim(TASK);

    assert_null(claim_one(queue));
    handle_recover(queue);
    assert_null(claim_one(queue));
    (void)REDIS_DO(&redis, "XGROUP", "DESTROY", "fb:{0}:stream", "workers");
    queue->scans[0].next_takeover_us = 0;
    assert_null(claim_one(queue));
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(balanced_stats(queue).delivered, 1);
}

/*
 * A proxy may hand a claim on when its worker has long given up on it, and asked again: what it
 * claimed bears a token of this incarnation, and nobody has it.
 */
static void
a_claim_nobody_heard_of_is_taken_over_after_the_deadline(void **state)
{
    (void)state;
    struct queue *quick = open_with_deadline("worker-3", 1);

    (void)put_one(quick, TASK, "taskrouter", "signed");
    struct queue_record *unheard = claim_one(quick);

    assert_non_null(unheard);
    queue_record_free(&unheard);
    struct queue_record *record = claim_later(quick);

    assert_int_equal(record->attempts, 2);
    assert_int_equal(record->lost_claims, 0); /* no worker died over it */
    assert_int_equal(settle_one(quick, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    queue_close(&quick);
}

/* Hasty only where an answer is to be lost: elsewhere a busy machine is waited for. */
static struct queue *
open_hasty(unsigned partitions)
{
    struct queue_options options = default_options("worker-1");

    options.partitions = partitions;
    struct queue *hasty = open_queue(&options);

    assert_int_equal(queue_prepare(hasty), QUEUE_OK);
    return hasty;
}

static void
put_numbered(unsigned partitions, size_t count)
{
    struct queue_options options = default_options(NULL);

    options.partitions = partitions;
    struct queue *patient = open_queue(&options);

    for (size_t i = 0; i < count; i++) {
        char key[32];

        (void)snprintf(key, sizeof(key), "task.completed/WT%zu", i);
        (void)put_one(patient, key, "taskrouter", "signed");
    }
    queue_close(&patient);
}

/* Redis runs the claim, but its answer meets nobody; `claimed` are claimed in the end. */
static void
lose_a_claim(struct queue *hasty, size_t max, int64_t claimed)
{
    struct queue_record *records[MANY] = {0};
    struct queue_options options = default_options(NULL);
    const int64_t timeout_us = hasty->session.timeout_us;
    size_t count = 0;

    redis_fixture_signal(&redis, SIGSTOP);
    hasty->session.timeout_us = HASTY_US;
    assert_int_equal(queue_claim(hasty, max, records, &count), -ETIMEDOUT);
    hasty->session.timeout_us = timeout_us;
    redis_fixture_signal(&redis, SIGCONT);
    options.partitions = hasty->session.partitions;
    struct queue *observer = open_queue(&options);

    const int64_t end_us = redis_now_us() + 10 * US_PER_S;

    while (balanced_stats(observer).claimed != claimed) {
        assert_true(redis_now_us() < end_us);
    }
    queue_close(&observer);
}

/* Claims `count` records, `max` at most in one call, and frees them. */
static void
claim_all(struct queue *hasty, size_t max, size_t count)
{
    const int64_t end_us = redis_now_us() + 10 * US_PER_S;

    while (count > 0 && redis_now_us() < end_us) {
        struct queue_record *records[MANY] = {0};
        size_t claimed = 0;

        assert_int_equal(
            queue_claim(hasty, max < count ? max : count, records, &claimed), QUEUE_OK);
        assert_in_range(claimed, 0, count);
        count -= claimed;
        for (size_t i = 0; i < claimed; i++) {
            queue_record_free(&records[i]);
        }
    }
    assert_int_equal(count, 0);
}

static void
a_claim_whose_answer_was_lost_is_found_again(void **state)
{
    (void)state;
    struct queue *hasty = open_hasty(1);

    assert_null(claim_one(hasty)); /* nothing of its own is pending */
    (void)put_one(queue, TASK, "taskrouter", "signed");
    lose_a_claim(hasty, 1, 1);
    struct queue_record *record = claim_later(hasty);

    assert_int_equal(settle_one(hasty, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    queue_close(&hasty);
}

static void
a_lost_claim_is_found_behind_what_is_in_hand(void **state)
{
    (void)state;
    struct queue *hasty = open_hasty(1);

    put_numbered(1, 7);
    claim_all(hasty, 5, 5);
    lose_a_claim(hasty, 2, 7);
    claim_all(hasty, 2, 2);
    assert_null(claim_one(hasty));
    queue_close(&hasty);
}

/* Its worker may have less room by now. */
static void
a_lost_claim_is_found_by_smaller_ones(void **state)
{
    (void)state;
    struct queue *hasty = open_hasty(1);

    put_numbered(1, 10);
    claim_all(hasty, 2, 2);
    lose_a_claim(hasty, 6, 8);
    claim_all(hasty, 1, 8);
    assert_null(claim_one(hasty));
    queue_close(&hasty);
}

/* Be it found by the next claim, or let go by that for a later one. */
static void
a_claim_that_nobody_received_is_no_attempt(void **state)
{
    (void)state;
    struct queue *hasty = open_hasty(1);

    put_numbered(1, 3);
    lose_a_claim(hasty, 3, 3);
    lose_a_claim(hasty, 3, 3);
    for (int i = 0; i < 3; i++) {
        struct queue_record *record = claim_later(hasty);

        assert_int_equal(record->attempts, 1);
        queue_record_free(&record);
    }
    queue_close(&hasty);
}

/* How many come when as many are asked for as there can be. */
static size_t
claim_most(struct queue *hasty)
{
    struct queue_record *records[MANY] = {0};
    size_t count = 0;

    assert_int_equal(queue_claim(hasty, MANY, records, &count), QUEUE_OK);
    for (size_t i = 0; i < count; i++) {
        queue_record_free(&records[i]);
    }
    return count;
}

/* Its answer may have been too large for the time there was. */
static void
a_claim_that_was_lost_is_not_asked_for_in_the_same_size_again(void **state)
{
    (void)state;
    struct queue *hasty = open_hasty(1);

    put_numbered(1, 40);
    lose_a_claim(hasty, 10, 10);
    assert_int_equal(claim_most(hasty), 1);
    assert_int_equal(claim_most(hasty), 2);
    assert_int_equal(claim_most(hasty), 4);
    assert_int_equal(claim_most(hasty), 8);
    assert_int_equal(claim_most(hasty), MANY);
    assert_int_equal(claim_most(hasty), 40 - 1 - 2 - 4 - 8 - MANY);
    queue_close(&hasty);
}

static void
a_lost_claim_is_waited_for_longer_by_whom_has_the_time(void **state)
{
    struct queue_record *record = NULL;
    size_t count = 0;

    (void)state;
    struct queue *hasty = open_hasty(1);

    redis_fixture_signal(&redis, SIGSTOP);
    hasty->session.timeout_us = HASTY_US;
    queue_set_patience(hasty, true);
    assert_int_equal(queue_claim(hasty, 1, &record, &count), -ETIMEDOUT);
    const int64_t began_us = redis_now_us();

    assert_int_equal(queue_claim(hasty, 1, &record, &count), -ETIMEDOUT);
    assert_true(redis_now_us() - began_us >= 2 * HASTY_US);
    assert_int_equal(hasty->session.timeout_us, HASTY_US);
    redis_fixture_signal(&redis, SIGCONT);
    queue_close(&hasty);
}

/* And is handed nothing twice, however many answers are lost. */
static void
claims_lost_one_after_the_other_are_found_once(void **state)
{
    (void)state;
    struct queue *hasty = open_hasty(1);

    put_numbered(1, 10);
    claim_all(hasty, 2, 2);
    lose_a_claim(hasty, 6, 8);
    claim_all(hasty, 2, 2);
    lose_a_claim(hasty, 3, 8);
    claim_all(hasty, 4, 6);
    assert_null(claim_one(hasty));
    queue_close(&hasty);
}

static void
a_lost_claim_is_found_in_every_partition(void **state)
{
    (void)state;
    (void)empty_redis(NULL);
    struct queue *hasty = open_hasty(MANY);

    put_numbered(MANY, 200);
    lose_a_claim(hasty, MANY, MANY);
    claim_all(hasty, 3, 200);
    assert_null(claim_one(hasty));
    queue_close(&hasty);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_restarted_worker_takes_its_own_pending_first),
        TEST(a_restarted_worker_finds_all_of_its_pending),
        TEST(a_new_claim_is_clean),
        TEST(another_worker_leaves_a_fresh_claim_alone),
        TEST(another_worker_takes_over_after_the_deadline),
        TEST(a_worker_is_not_handed_what_it_is_at_before_the_deadline),
        TEST(a_claim_nobody_heard_of_is_taken_over_after_the_deadline),
        TEST(a_claim_whose_answer_was_lost_is_found_again),
        TEST(a_lost_claim_is_found_behind_what_is_in_hand),
        TEST(a_lost_claim_is_found_by_smaller_ones),
        TEST(a_claim_that_nobody_received_is_no_attempt),
        TEST(a_claim_that_was_lost_is_not_asked_for_in_the_same_size_again),
        TEST(a_lost_claim_is_waited_for_longer_by_whom_has_the_time),
        TEST(claims_lost_one_after_the_other_are_found_once),
        TEST(a_lost_claim_is_found_in_every_partition),
    };

    return cmocka_run_group_tests_name("queue_claim", tests, start_redis, stop_redis);
}
