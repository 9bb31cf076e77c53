/*
 * test_queue_effect.c - what Brevo sees once, whoever sends it.
 */
#include <stdio.h>

#include "queue/redis.h"
#include "tests/unit/queue_fixture.h"

static enum queue_effect_result
claim_effect(struct queue *worker, const struct queue_record *record)
{
    struct queue_effect effect = {.key = EFFECT, .word = "EV1"};

    assert_int_equal(queue_effect_claim(worker, record, &effect), QUEUE_OK);
    return effect.result;
}

static void
end(struct queue *worker, struct queue_record *record, enum queue_outcome outcome,
    enum queue_settle_result expected)
{
    struct queue_settlement settlement = {
        .record = record, .outcome = outcome, .reason = "why", .effect_key = EFFECT};

    assert_int_equal(queue_settle(worker, &settlement, 1), QUEUE_OK);
    assert_int_equal(settlement.result, expected);
    queue_record_free(&record);
}

static void
is_claimed_by_one_record_at_a_time(void **state)
{
    (void)state;
    struct queue_record *first = put_and_claim("a/WT1");
    struct queue_record *second = put_and_claim("b/WT1");

    assert_int_equal(claim_effect(queue, first), QUEUE_EFFECT_CLAIMED);
    assert_int_equal(claim_effect(queue, first), QUEUE_EFFECT_CLAIMED); /* asked again */
    assert_int_equal(claim_effect(queue, second), QUEUE_EFFECT_BUSY);
    /* behind the claim deadline it says that somebody may have acted upon it */
    assert_in_range(REDIS_NUMBER(&redis, "PTTL", EFFECT_KEY), 86000000, 86400000);
    end(queue, first, QUEUE_DELIVERED, QUEUE_SETTLED);
    assert_int_equal(claim_effect(queue, second), QUEUE_EFFECT_DONE);
    assert_in_range(REDIS_NUMBER(&redis, "PTTL", EFFECT_KEY), 86000000, 86400000);
    queue_record_free(&second);
}

static void
is_free_again_when_not_delivered(void **state)
{
    static const enum queue_outcome outcomes[] = {
        QUEUE_FILTERED, QUEUE_DELAYED, QUEUE_RELEASED, QUEUE_PARKED};

    (void)state;
    for (size_t i = 0; i < LENGTH(outcomes); i++) {
        (void)empty_redis(NULL);
        struct queue_record *record = put_and_claim("a/WT1");

        assert_int_equal(claim_effect(queue, record), QUEUE_EFFECT_CLAIMED);
        end(queue, record, outcomes[i], QUEUE_SETTLED);
        assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", EFFECT_KEY), 0);
    }
}

static void
is_done_where_the_settlement_says_so_whatever_the_outcome(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim("a/WT1");
    struct queue_record *second = put_and_claim("b/WT1");
    struct queue_settlement settlement = {.record = record,
        .outcome = QUEUE_FILTERED,
        .reason = "why",
        .effect_key = EFFECT,
        .completes_effect = true};

    assert_int_equal(claim_effect(queue, record), QUEUE_EFFECT_CLAIMED);
    assert_int_equal(queue_settle(queue, &settlement, 1), QUEUE_OK);
    assert_int_equal(claim_effect(queue, second), QUEUE_EFFECT_DONE);
    queue_record_free(&record);
    queue_record_free(&second);
}

static void
is_done_before_the_record_is_settled_where_that_is_said(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim("a/WT1");
    struct queue_record *second = put_and_claim("b/WT1");

    assert_int_equal(claim_effect(queue, record), QUEUE_EFFECT_CLAIMED);
    assert_int_equal(queue_effect_complete(queue, record, EFFECT), QUEUE_OK);
    assert_int_equal(claim_effect(queue, second), QUEUE_EFFECT_DONE);
    assert_int_equal(claim_effect(queue, record), QUEUE_EFFECT_OURS);
    end(queue, record, QUEUE_DELIVERED, QUEUE_SETTLED);
    queue_record_free(&second);
}

static void
is_not_freed_by_who_does_not_hold_it(void **state)
{
    (void)state;
    struct queue_record *first = put_and_claim("a/WT1");
    struct queue_record *second = put_and_claim("b/WT1");

    assert_int_equal(claim_effect(queue, first), QUEUE_EFFECT_CLAIMED);
    end(queue, second, QUEUE_DELAYED, QUEUE_SETTLED);
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", EFFECT_KEY), 1);
    queue_record_free(&first);
}

/* The crash between completing the effect and settling the record. */
static void
is_ours_when_only_the_settle_was_missing(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim("a/WT1");

    (void)REDIS_DO(&redis, "SET", EFFECT_KEY, "done a/WT1");
    assert_int_equal(claim_effect(queue, record), QUEUE_EFFECT_OURS);
    queue_record_free(&record);
}

static void
is_taken_over_by_the_restarted_worker_at_once(void **state)
{
    (void)state;
    struct queue_record *before = put_and_claim("a/WT1");

    assert_int_equal(claim_effect(queue, before), QUEUE_EFFECT_CLAIMED);
    struct queue *restarted = open_worker("worker-1");
    struct queue_record *other = NULL;
    struct queue_record *again = claim_one(restarted);

    assert_string_equal(again->key, "a/WT1");
    (void)put_one(queue, "b/WT1", "taskrouter", "signed");
    other = claim_one(restarted);
    assert_int_equal(claim_effect(restarted, other), QUEUE_EFFECT_CLAIMED);
    assert_int_equal(claim_effect(restarted, again), QUEUE_EFFECT_BUSY);
    queue_record_free(&before);
    queue_record_free(&other);
    queue_record_free(&again);
    queue_close(&restarted);
}

static void
follows_the_later_claim_of_its_record(void **state)
{
    struct queue_options options = default_options("worker-2");

    (void)state;
    options.claim_deadline_ms = 1;
    struct queue *other = open_queue(&options);
    struct queue_record *before = put_and_claim("a/WT1");

    assert_int_equal(claim_effect(queue, before), QUEUE_EFFECT_CLAIMED);
    struct queue_record *after = claim_later(other);

    after->now_ms = before->now_ms + 1; /* whatever the clock's grain */
    assert_int_equal(claim_effect(other, after), QUEUE_EFFECT_CLAIMED);
    (void)REDIS_DO(&redis, "SET", EFFECT_KEY,
        "claimed worker-2/0123456789abcdef/0 9999999999999 9999999999998 a/WT1");
    assert_int_equal(claim_effect(queue, before), QUEUE_EFFECT_BUSY);
    end(queue, before, QUEUE_DELIVERED, QUEUE_STALE);
    /* Stale or not, Brevo has it: nobody may send it again. */
    assert_int_equal(claim_effect(other, after), QUEUE_EFFECT_OURS);
    queue_record_free(&after);
    queue_close(&other);
}

static void
is_taken_over_after_the_deadline(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim("a/WT1");

    (void)REDIS_DO(&redis, "SET", EFFECT_KEY,
        "claimed worker-9/0123456789abcdef/0 9999999999999 1 b/WT1");
    assert_int_equal(claim_effect(queue, record), QUEUE_EFFECT_BUSY);
    (void)REDIS_DO(
        &redis, "SET", EFFECT_KEY, "claimed worker-9/0123456789abcdef/0 1000 1 b/WT1");
    assert_int_equal(claim_effect(queue, record), QUEUE_EFFECT_CLAIMED);
    queue_record_free(&record);
}

static void
lives_in_the_partition_of_its_subject(void **state)
{
    struct queue_effect effect = {.key = EFFECT};
    struct queue_options options = default_options("worker-1");
    char key[64];

    (void)empty_redis(state);
    options.partitions = 16;
    struct queue *many = open_queue(&options);

    (void)put_one(many, "a/WT7", "taskrouter", "x");
    struct queue_record *record = claim_one(many);

    assert_int_equal(queue_effect_claim(many, record, &effect), QUEUE_OK);
    (void)snprintf(
        key, sizeof(key), "fb:{%u}:e:" EFFECT, queue_partition(slice_of("WT1"), 16));
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", key), 1);
    queue_record_free(&record);
    queue_close(&many);
}

static void
what_was_delivered_under_an_earlier_key_is_not_delivered_again(void **state)
{
    static const struct {
        const char *value;
        enum queue_effect_result expected;
    } cases[] = {
        {"done a/WT1", QUEUE_EFFECT_OURS},
        {"done b/WT1", QUEUE_EFFECT_DONE},
        {"claimed w/1/2 9999999999999 1 0 EV1 b/WT1", QUEUE_EFFECT_BUSY},
        {"claimed w/1/2 9999999999999 1 0 EV1 a/WT1", QUEUE_EFFECT_CLAIMED},
        {"claimed w/1/2 9999999999999 1 b/WT1", QUEUE_EFFECT_BUSY},
        {"claimed w/1/2 1 1 b/WT1", QUEUE_EFFECT_CLAIMED},
        {"doubted 1 EV1", QUEUE_EFFECT_CLAIMED},
        {"claimed", QUEUE_EFFECT_CLAIMED},
        {"what else", QUEUE_EFFECT_CLAIMED},
        {"", QUEUE_EFFECT_CLAIMED},
    };

    (void)state;
    struct queue_record *record = put_and_claim("a/WT1");

    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct queue_effect effect = {
            .key = EFFECT, .earlier_keys = {"earlier/WT2"}, .earlier_count = 1};

        (void)REDIS_DO(&redis, "SET", "fb:{0}:e:earlier/WT2", cases[i].value);
        assert_int_equal(queue_effect_claim(queue, record, &effect), QUEUE_OK);
        assert_int_equal(effect.result, cases[i].expected);
    }
    queue_record_free(&record);
}

static void
of_its_earlier_names_the_one_it_was_done_by_counts(void **state)
{
    static const struct {
        const char *first;
        const char *second;
        enum queue_effect_result expected;
    } cases[] = {
        {"claimed w/1/2 9999999999999 1 0 EV1 b/WT1", "done b/WT1", QUEUE_EFFECT_DONE},
        {"done b/WT1", "claimed w/1/2 9999999999999 1 0 EV1 b/WT1", QUEUE_EFFECT_DONE},
        {"claimed w/1/2 9999999999999 1 0 EV1 b/WT1", "", QUEUE_EFFECT_BUSY},
        {"", "done a/WT1", QUEUE_EFFECT_OURS},
    };

    (void)state;
    struct queue_record *record = put_and_claim("a/WT1");

    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct queue_effect effect = {.key = EFFECT,
            .earlier_keys = {"earlier/WT2", "earlier/WT3"},
            .earlier_count = 2};

        (void)REDIS_DO(&redis, "SET", "fb:{0}:e:earlier/WT2", cases[i].first);
        (void)REDIS_DO(&redis, "SET", "fb:{0}:e:earlier/WT3", cases[i].second);
        assert_int_equal(queue_effect_claim(queue, record, &effect), QUEUE_OK);
        assert_int_equal(effect.result, cases[i].expected);
    }
    queue_record_free(&record);
}

/* It was claimed all the same, and that is given back: nobody shall find it in doubt. */
static void
is_busy_where_its_subject_is_called_otherwise_by_now(void **state)
{
    static const struct {
        const char *known; /* by the subject; "" nothing */
        const char *text;
        enum queue_effect_result expected;
    } cases[] = {
        {"", "", QUEUE_EFFECT_CLAIMED},
        {"7 KD1", "KD1", QUEUE_EFFECT_CLAIMED},
        {"6 KD1", "KD1", QUEUE_EFFECT_CLAIMED},
        {"7 KD1", "", QUEUE_EFFECT_BUSY},
        {"7 KD1", "KD2", QUEUE_EFFECT_BUSY},
        {"", "KD1", QUEUE_EFFECT_BUSY},
    };

    (void)state;
    struct queue_record *record = put_and_claim("a/WT1");

    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct queue_effect effect = {.key = EFFECT,
            .subject = "WT1",
            .fact_name = "-ticket",
            .fact_text = cases[i].text};

        (void)REDIS_DO(&redis, "DEL", "fb:{0}:f:WT1");
        if (cases[i].known[0] != '\0') {
            (void)REDIS_DO(&redis, "HSET", "fb:{0}:f:WT1", "-ticket", cases[i].known);
        }
        assert_int_equal(queue_effect_claim(queue, record, &effect), QUEUE_OK);
        assert_int_equal(effect.result, cases[i].expected);
    }
    end(queue, record, QUEUE_DELAYED, QUEUE_SETTLED);
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", EFFECT_KEY), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(is_claimed_by_one_record_at_a_time),
        TEST(is_free_again_when_not_delivered),
        TEST(is_done_where_the_settlement_says_so_whatever_the_outcome),
        TEST(is_done_before_the_record_is_settled_where_that_is_said),
        TEST(is_not_freed_by_who_does_not_hold_it),
        TEST(is_ours_when_only_the_settle_was_missing),
        TEST(is_taken_over_by_the_restarted_worker_at_once),
        TEST(follows_the_later_claim_of_its_record),
        TEST(is_taken_over_after_the_deadline),
        TEST(lives_in_the_partition_of_its_subject),
        TEST(what_was_delivered_under_an_earlier_key_is_not_delivered_again),
        TEST(of_its_earlier_names_the_one_it_was_done_by_counts),
        TEST(is_busy_where_its_subject_is_called_otherwise_by_now),
    };

    return cmocka_run_group_tests_name("queue_effect", tests, start_redis, stop_redis);
}
