/*
 * test_queue_doubt.c - effects that Brevo may have seen, and nobody knows.
 */
#include "queue/redis.h"
#include "tests/unit/queue_fixture.h"

static struct queue_effect
claim_with(struct queue *worker, const struct queue_record *record, const char *word)
{
    struct queue_effect effect = {.key = EFFECT, .word = word};

    assert_int_equal(queue_effect_claim(worker, record, &effect), QUEUE_OK);
    assert_int_equal(effect.result, QUEUE_EFFECT_CLAIMED);
    return effect;
}

/* Settled, with a doubt or without; claimed again as soon as it is there. */
static struct queue_record *
delay(struct queue *worker, struct queue_record *record, bool is_doubted)
{
    struct queue_settlement settlement = {.record = record,
        .outcome = QUEUE_DELAYED,
        .reason = "why",
        .effect_key = EFFECT,
        .is_doubted = is_doubted};

    assert_int_equal(queue_settle(worker, &settlement, 1), QUEUE_OK);
    queue_record_free(&record);
    record = claim_later(worker);
    assert_non_null(record);
    return record;
}

static void
is_doubted_after_a_claim_that_ended_so_until_it_is_delivered(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim("a/WT1");
    const int64_t began_ms = record->now_ms;

    assert_int_equal(claim_with(queue, record, "EV1").doubted_ms, 0);
    record = delay(queue, record, false);
    assert_int_equal(claim_with(queue, record, "EV1").doubted_ms, 0);
    record = delay(queue, record, true);
    const struct queue_effect doubted = claim_with(queue, record, "EV2");

    assert_in_range(doubted.doubted_ms, began_ms, record->now_ms);
    assert_string_equal(doubted.doubted_word, "EV1");
    /* whoever waits, or asks again, changes nothing */
    assert_int_equal(claim_with(queue, record, "EV2").doubted_ms, doubted.doubted_ms);
    record = delay(queue, record, false);
    assert_int_equal(claim_with(queue, record, "EV2").doubted_ms, doubted.doubted_ms);
    assert_int_equal(
        settle_as(queue, record,
            (struct queue_settlement){.outcome = QUEUE_DELIVERED, .effect_key = EFFECT}),
        QUEUE_SETTLED);
    assert_true(
        slice_is(redis_reply_text(REDIS_DO(&redis, "GET", EFFECT_KEY)), "done a/WT1"));
}

static void
is_doubted_by_every_record_that_has_it(void **state)
{
    static const struct {
        const char *ended_by;
        const char *word;
    } cases[] = {{NULL, "EV1"}, {"EV1@57", "EV1@57"}, {"EV 1", "EV1"}};

    for (size_t i = 0; i < LENGTH(cases); i++) {
        (void)empty_redis(state);
        struct queue_record *first = put_and_claim("a/WT1");
        struct queue_record *second = put_and_claim("b/WT1");
        struct queue_settlement settlement = {.record = first,
            .outcome = QUEUE_PARKED,
            .reason = "why",
            .effect_key = EFFECT,
            .is_doubted = true,
            .doubted_word = cases[i].ended_by};

        (void)claim_with(queue, first, "EV1");
        assert_int_equal(queue_settle(queue, &settlement, 1), QUEUE_OK);
        const struct queue_effect effect = claim_with(queue, second, "EV2");

        assert_true(effect.doubted_ms > 0);
        assert_string_equal(effect.doubted_word, cases[i].word);
        queue_record_free(&first);
        queue_record_free(&second);
    }
}

/* Whether it had sent anything nobody can tell any more: at the latest just now. */
static void
is_doubted_when_the_worker_died_over_it(void **state)
{
    (void)state;
    struct queue_record *before = put_and_claim("a/WT1");

    (void)claim_with(queue, before, "EV1");
    struct queue *restarted = open_worker("worker-1");
    struct queue_record *again = claim_one(restarted);
    const struct queue_effect effect = claim_with(restarted, again, "EV1");

    assert_in_range(effect.doubted_ms, again->now_ms, again->now_ms + 10 * 1000);
    assert_string_equal(effect.doubted_word, "EV1");
    queue_record_free(&before);
    queue_record_free(&again);
    queue_close(&restarted);
}

static void
is_doubted_since_the_end_of_a_claim_that_is_long_over(void **state)
{
    static const struct {
        const char *value;
        const char *word;
    } cases[] = {
        {"claimed w/1/2 1000 1 0 EV1 b/WT1", "EV1"},
        {"claimed w/1/2 1000 1 900 EV1 b/WT1", "EV1"},
        {"claimed w/1/2 1000 1 b/WT1", "EV2"}, /* as earlier versions wrote it */
        {"doubted 1000 EV1", "EV1"},
    };

    (void)state;
    struct queue_record *record = put_and_claim("a/WT1");

    for (size_t i = 0; i < LENGTH(cases); i++) {
        (void)REDIS_DO(&redis, "SET", EFFECT_KEY, cases[i].value);
        const struct queue_effect effect = claim_with(queue, record, "EV2");

        assert_int_equal(effect.doubted_ms, 1000);
        assert_string_equal(effect.doubted_word, cases[i].word);
    }
    queue_record_free(&record);
}

/* What may have been sent by it was, whatever it is called now. */
static void
is_doubted_where_it_was_by_an_earlier_name(void **state)
{
    static const struct {
        const char *own;
        const char *earlier[2];
        int64_t since_ms;
        const char *word;
    } cases[] = {
        {"", {"doubted 1000 EV1@57", ""}, 1000, "EV1@57"},
        {"", {"doubted 1000 EV1", "doubted 2000 EV3"}, 2000, "EV3"},
        {"", {"doubted 2000 EV1", "doubted 1000 EV3"}, 2000, "EV1"},
        {"doubted 3000 EV7", {"doubted 2000 EV1", ""}, 3000, "EV7"},
        {"doubted 1000 EV7", {"doubted 2000 EV1", ""}, 2000, "EV1"},
        {"", {"claimed w/1/2 1000 1 0 EV1 b/WT1", ""}, 1000, "EV1"},
        {"", {"claimed w/1/2 1000 1 900 EV1@57 b/WT1", ""}, 1000, "EV1@57"},
        {"", {"claimed w/1/2 1000 1 b/WT1", ""}, 1000, ""},
    };

    (void)state;
    struct queue_record *record = put_and_claim("a/WT1");

    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct queue_effect effect = {.key = EFFECT,
            .earlier_keys = {"earlier/WT2", "earlier/WT3"},
            .earlier_count = 2,
            .word = "EV2"};

        (void)REDIS_DO(&redis, "SET", EFFECT_KEY, cases[i].own);
        (void)REDIS_DO(&redis, "SET", "fb:{0}:e:earlier/WT2", cases[i].earlier[0]);
        (void)REDIS_DO(&redis, "SET", "fb:{0}:e:earlier/WT3", cases[i].earlier[1]);
        assert_int_equal(queue_effect_claim(queue, record, &effect), QUEUE_OK);
        assert_int_equal(effect.result, QUEUE_EFFECT_CLAIMED);
        assert_int_equal(effect.doubted_ms, cases[i].since_ms);
        assert_string_equal(effect.doubted_word, cases[i].word);
    }
    /* its own, of a worker that died, is over whenever it would have ended */
    struct queue_effect effect = {
        .key = EFFECT, .earlier_keys = {"earlier/WT2"}, .earlier_count = 1};

    (void)REDIS_DO(&redis, "DEL", EFFECT_KEY);
    (void)REDIS_DO(&redis, "SET", "fb:{0}:e:earlier/WT2",
        "claimed w/1/2 9999999999999 1 0 EV1 a/WT1");
    assert_int_equal(queue_effect_claim(queue, record, &effect), QUEUE_OK);
    assert_int_equal(effect.doubted_ms, record->now_ms);
    assert_string_equal(effect.doubted_word, "EV1");
    queue_record_free(&record);
}

/* Its clock went back: what was is not later than now. */
static void
is_never_doubted_since_the_future(void **state)
{
    (void)state;
    struct queue_record *record = put_and_claim("a/WT1");

    (void)REDIS_DO(&redis, "SET", EFFECT_KEY, "doubted 99999999999999 EV1");
    assert_in_range(claim_with(queue, record, "EV1").doubted_ms, record->now_ms,
        record->now_ms + 10 * 1000);
    queue_record_free(&record);
}

static void
is_not_doubted_by_who_does_not_hold_it(void **state)
{
    (void)state;
    struct queue_record *first = put_and_claim("a/WT1");
    struct queue_record *second = put_and_claim("b/WT1");

    (void)claim_with(queue, first, "EV1");
    second = delay(queue, second, true);
    assert_int_equal(claim_with(queue, first, "EV1").doubted_ms, 0);
    queue_record_free(&first);
    queue_record_free(&second);
}

static void
a_word_that_is_none_is_not_kept(void **state)
{
    static const char *const words[] = {NULL, "", "EV 1", "EV1\n"};

    (void)state;
    struct queue_record *record = put_and_claim("a/WT1");

    for (size_t i = 0; i < LENGTH(words); i++) {
        (void)REDIS_DO(&redis, "DEL", EFFECT_KEY);
        (void)claim_with(queue, record, words[i]);
        record = delay(queue, record, true);
        assert_string_equal(claim_with(queue, record, "EV1").doubted_word, "-");
    }
    queue_record_free(&record);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(is_doubted_after_a_claim_that_ended_so_until_it_is_delivered),
        TEST(is_doubted_by_every_record_that_has_it),
        TEST(is_doubted_when_the_worker_died_over_it),
        TEST(is_doubted_since_the_end_of_a_claim_that_is_long_over),
        TEST(is_doubted_where_it_was_by_an_earlier_name),
        TEST(is_never_doubted_since_the_future),
        TEST(is_not_doubted_by_who_does_not_hold_it),
        TEST(a_word_that_is_none_is_not_kept),
    };

    return cmocka_run_group_tests_name("queue_doubt", tests, start_redis, stop_redis);
}
