/*
 * test_queue_parked.c - what was set aside is found, put back and dropped, and nothing is lost.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "queue/parked.h"
#include "tests/unit/queue_fixture.h"

enum {
    MANY = 3 * QUEUE_PARKED_PAGE + 7,
    KEY_MAX = 64,
};

static struct queue_parked_walk *walk;

static int
open_walk(void **state)
{
    (void)set_up(state);
    assert_int_equal(queue_parked_open(queue, &walk), QUEUE_OK);
    return 0;
}

static int
close_walk(void **state)
{
    queue_parked_close(&walk);
    return tear_down(state);
}

static void
park_one(struct queue *of, const char *key, const char *reason, const char *detail)
{
    (void)put_one(of, key, "taskrouter", "signed bytes");
    struct queue_record *record = claim_one(of);

    assert_non_null(record);
    assert_int_equal(
        settle_as(of, record,
            (struct queue_settlement){
                .outcome = QUEUE_PARKED, .reason = reason, .detail = detail}),
        QUEUE_SETTLED);
}

static void
park_many(struct queue *of)
{
    char key[KEY_MAX];

    for (int i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof(key), "task.completed/WT%d", i);
        park_one(of, key, "rejected", NULL);
    }
}

static bool
unpark_one(struct queue *of, enum queue_unpark act, const char *key)
{
    const struct queue_parked record = {.key = slice_of(key)};
    bool done = false;

    assert_int_equal(queue_unpark(of, act, &record, 1, &done), QUEUE_OK);
    return done;
}

static bool
find(const char *key, struct queue_parked *ret_record)
{
    bool found = false;

    assert_int_equal(
        queue_parked_find(walk, slice_of(key), ret_record, &found), QUEUE_OK);
    return found;
}

#define ASSERT_TEXT(slice, text) assert_true(slice_is((slice), (text)))

/* ---- looking ----------------------------------------------------------------------------- */

static void
a_parked_record_tells_why_since_when_and_what_went_wrong(void **state)
{
    (void)state;
    struct queue_parked page[QUEUE_PARKED_PAGE];
    size_t count = 0;

    park_one(queue, TASK, "rejected", "endpoint=events status=400");
    assert_int_equal(queue_parked_next(walk, page, &count), QUEUE_OK);
    assert_int_equal(count, 1);
    ASSERT_TEXT(page[0].key, TASK);
    ASSERT_TEXT(page[0].reason, "rejected");
    ASSERT_TEXT(page[0].detail, "endpoint=events status=400");
    assert_int_equal(page[0].attempts, 1);
    assert_int_equal(page[0].route_count, 1);
    ASSERT_TEXT(page[0].routes[0], "taskrouter");
    assert_int_equal(page[0].sizes[0], strlen("signed bytes"));
    assert_true(page[0].received_ms > 0);
    assert_true(page[0].parked_ms >= page[0].received_ms);
    assert_true(queue_parked_now_ms(walk) >= page[0].parked_ms);
    assert_int_equal(queue_parked_next(walk, page, &count), QUEUE_OK);
    assert_int_equal(count, 0);
}

static void
one_is_found_by_its_key_with_its_bytes(void **state)
{
    (void)state;
    struct queue_parked record = {0};

    park_one(queue, TASK, "rejected", NULL);
    assert_true(find(TASK, &record));
    ASSERT_TEXT(record.bytes[0], "signed bytes");
    ASSERT_TEXT(record.detail, "");
    assert_false(find("task.completed/WT2", &record));
}

static void
what_went_wrong_is_cut_not_refused(void **state)
{
    (void)state;
    struct queue_parked record = {0};
    char detail[2 * QUEUE_DETAIL_SIZE];

    memset(detail, 'x', sizeof(detail));
    detail[sizeof(detail) - 1] = '\0';
    park_one(queue, TASK, "rejected", detail);
    assert_true(find(TASK, &record));
    assert_int_equal(record.detail.size, QUEUE_DETAIL_SIZE - 1);
}

static void
what_went_wrong_before_a_delay_is_known_when_it_is_parked(void **state)
{
    (void)state;
    struct queue_parked record = {0};

    (void)put_one(queue, TASK, "taskrouter", "signed");
    (void)settle_as(queue, claim_one(queue),
        (struct queue_settlement){.outcome = QUEUE_DELAYED,
            .reason = "server_error",
            .detail = "endpoint=events status=500"});
    (void)settle_one(queue, claim_later(queue), QUEUE_PARKED, "retries_exhausted");
    assert_true(find(TASK, &record));
    ASSERT_TEXT(record.detail, "endpoint=events status=500");
    ASSERT_TEXT(record.reason, "retries_exhausted");
}

static size_t
count_pages(struct queue_parked_walk *of, size_t *ret_pages)
{
    struct queue_parked page[QUEUE_PARKED_PAGE];
    size_t count = 1;
    size_t total = 0;

    for (*ret_pages = 0; count > 0; ++*ret_pages) {
        assert_int_equal(queue_parked_next(of, page, &count), QUEUE_OK);
        total += count;
    }
    return total;
}

static void
a_long_list_comes_in_pages_each_record_once(void **state)
{
    (void)state;
    size_t pages = 0;

    park_many(queue);
    assert_int_equal(count_pages(walk, &pages), MANY);
    assert_int_equal(pages, 5); /* the last one is empty */
}

static void
records_parked_in_the_same_millisecond_are_all_shown(void **state)
{
    (void)state;
    size_t pages = 0;
    const char *const one_time[] = {"eval",
        "for _, k in ipairs(redis.call('zrange', KEYS[1], 0, -1)) do "
        "redis.call('zadd', KEYS[1], 1000, k) end",
        "1", "fb:{0}:parked", NULL};

    park_many(queue);
    (void)redis_fixture_do(&redis, one_time);
    assert_int_equal(count_pages(walk, &pages), MANY);
}

static void
all_partitions_are_walked(void **state)
{
    (void)state;
    struct queue_options options = default_options("worker-1");
    struct queue_parked record = {0};
    size_t pages = 0;
    bool found = false;

    (void)empty_redis(state);
    options.partitions = 16;
    struct queue *many = open_queue(&options);
    struct queue_parked_walk *over_many = NULL;

    assert_int_equal(queue_parked_open(many, &over_many), QUEUE_OK);
    park_many(many);
    assert_int_equal(count_pages(over_many, &pages), MANY);
    assert_int_equal(
        queue_parked_find(over_many, slice_of("task.completed/WT77"), &record, &found),
        QUEUE_OK);
    assert_true(found);
    queue_parked_close(&over_many);
    queue_close(&many);
}

/* ---- replay ------------------------------------------------------------------------------ */

static void
a_replayed_record_is_pending_with_its_bytes_and_new_attempts(void **state)
{
    (void)state;
    park_one(queue, TASK, "rejected", "endpoint=events status=400");
    assert_true(unpark_one(queue, QUEUE_REPLAY, TASK));
    struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.parked, 0);
    assert_int_equal(stats.pending, 1);
    assert_int_equal(label_value(&stats.parked_by, "rejected"), -1);
    struct queue_record *record = claim_one(queue);

    assert_int_equal(record->attempts, 1);
    ASSERT_TEXT(route_bytes(record, "taskrouter"), "signed bytes");
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_int_equal(balanced_stats(queue).delivered, 1);
}

static void
a_second_replay_changes_nothing(void **state)
{
    (void)state;
    park_one(queue, TASK, "rejected", NULL);
    assert_true(unpark_one(queue, QUEUE_REPLAY, TASK));
    assert_false(unpark_one(queue, QUEUE_REPLAY, TASK));
    assert_false(unpark_one(queue, QUEUE_DROP, TASK));
    struct queue_record *record = claim_one(queue);

    assert_false(unpark_one(queue, QUEUE_REPLAY, TASK)); /* a worker is at it */
    assert_int_equal(settle_one(queue, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    assert_false(unpark_one(queue, QUEUE_REPLAY, TASK));
    assert_null(claim_one(queue));
    assert_int_equal(balanced_stats(queue).delivered, 1);
}

static void
a_replay_does_not_repeat_a_delivered_effect(void **state)
{
    (void)state;
    const char *const key = "resolved/WT1";
    struct queue_effect effect = {.key = key};

    park_one(queue, TASK, "rejected", NULL);
    (void)put_one(queue, "task.completed/WT2", "taskrouter", "another route of the same");
    struct queue_record *other = claim_one(queue);

    assert_int_equal(queue_effect_claim(queue, other, &effect), QUEUE_OK);
    (void)settle_as(queue, other,
        (struct queue_settlement){.outcome = QUEUE_DELIVERED, .effect_key = key});
    assert_true(unpark_one(queue, QUEUE_REPLAY, TASK));
    struct queue_record *record = claim_one(queue);

    assert_int_equal(queue_effect_claim(queue, record, &effect), QUEUE_OK);
    assert_int_equal(effect.result, QUEUE_EFFECT_DONE);
    queue_record_free(&record);
}

/* Each of MANY once, though each is parked again before the next page is asked for. */
static void
replay_all(void)
{
    struct queue_parked page[QUEUE_PARKED_PAGE];
    bool done[QUEUE_PARKED_PAGE];
    size_t count = 1;
    size_t replayed = 0;

    while (count > 0) {
        assert_int_equal(queue_parked_next(walk, page, &count), QUEUE_OK);
        if (count > 0) {
            assert_int_equal(
                queue_unpark(queue, QUEUE_REPLAY, page, count, done), QUEUE_OK);
        }
        replayed += count;
        (void)poll(NULL, 0, 2); /* Redis's clock goes on before they are parked again */
        for (struct queue_record *record; (record = claim_one(queue)) != NULL;) {
            (void)settle_one(queue, record, QUEUE_PARKED, "rejected");
        }
        assert_true(replayed <= MANY + 1);
    }
    assert_int_equal(replayed, MANY);
    assert_int_equal(balanced_stats(queue).parked, MANY);
}

static void
replaying_all_ends_though_some_are_parked_again_at_once(void **state)
{
    (void)state;
    park_many(queue);
    replay_all();
}

static void
records_parked_before_redis_clock_went_back_are_replayed_too(void **state)
{
    (void)state;
    const char *const went_back[] = {"eval",
        "for _, k in ipairs(redis.call('zrange', KEYS[1], 50, -1)) do "
        "redis.call('zadd', KEYS[1], '9999999999999', k) end",
        "1", "fb:{0}:parked", NULL};

    park_many(queue);
    (void)redis_fixture_do(&redis, went_back);
    replay_all();
}

static void
a_replay_works_when_redis_is_over_maxmemory(void **state)
{
    (void)state;
    park_one(queue, TASK, "rejected", NULL);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    const bool done = unpark_one(queue, QUEUE_REPLAY, TASK);

    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    assert_true(done);
    assert_int_equal(balanced_stats(queue).pending, 1);
}

/* ---- drop -------------------------------------------------------------------------------- */

static void
a_dropped_record_has_no_bytes_and_refuses_copies_for_the_window(void **state)
{
    (void)state;
    park_one(queue, TASK, "rejected", "endpoint=events status=400");
    assert_true(unpark_one(queue, QUEUE_DROP, TASK));
    struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.dropped, 1);
    assert_int_equal(stats.parked, 0);
    assert_int_equal(REDIS_NUMBER(&redis, "HLEN", TASK_RECORD), 1);
    const int64_t ttl_ms = REDIS_NUMBER(&redis, "PTTL", TASK_RECORD);

    assert_in_range(ttl_ms, 1, default_options("x").dedupe_window_ms);
    assert_int_equal(put_one(queue, TASK, "plugin", "late"), QUEUE_PUT_DUPLICATE);
    assert_null(claim_one(queue));
    assert_false(unpark_one(queue, QUEUE_REPLAY, TASK));
}

/* ---- lost claims ------------------------------------------------------------------------- */

static void
a_claim_whose_worker_died_is_counted_and_a_retry_is_not(void **state)
{
    (void)state;
    struct queue *workers[4];

    (void)put_one(queue, TASK, "taskrouter", "signed");
    (void)settle_as(queue, claim_one(queue),
        (struct queue_settlement){.outcome = QUEUE_DELAYED, .reason = "server_error"});
    struct queue_record *record = claim_later(queue);

    assert_int_equal(record->lost_claims, 0);
    queue_record_free(&record);
    for (size_t i = 0; i < LENGTH(workers); i++) {
        workers[i] = open_worker("worker-1"); /* as after a crash */
        record = claim_one(workers[i]);
        assert_int_equal(record->lost_claims, i + 1);
        if (i + 1 < LENGTH(workers)) {
            queue_record_free(&record);
        }
    }
    (void)settle_one(workers[3], record, QUEUE_PARKED, "poison");
    assert_true(
        unpark_one(queue, QUEUE_REPLAY, TASK)); /* a person gives it another chance */
    record = claim_one(queue);
    assert_int_equal(record->lost_claims, 0);
    queue_record_free(&record);
    for (size_t i = 0; i < LENGTH(workers); i++) {
        queue_close(&workers[i]);
    }
}

static void
a_claim_taken_over_by_another_worker_is_counted(void **state)
{
    (void)state;
    struct queue_options options = default_options("worker-2");

    options.claim_deadline_ms = 1;
    struct queue *heir = open_queue(&options);

    (void)put_one(queue, TASK, "taskrouter", "signed");
    struct queue_record *lost = claim_one(queue);
    struct queue_record *record = claim_later(heir);

    assert_int_equal(record->lost_claims, 1);
    assert_int_equal(settle_one(queue, lost, QUEUE_PARKED, "rejected"), QUEUE_STALE);
    assert_int_equal(settle_one(heir, record, QUEUE_DELIVERED, NULL), QUEUE_SETTLED);
    queue_close(&heir);
}

static void
a_settled_claim_ends_the_count(void **state)
{
    (void)state;
    (void)put_one(queue, TASK, "taskrouter", "signed");
    struct queue_record *record = claim_one(queue);

    queue_record_free(&record);
    struct queue *restarted = open_worker("worker-1");

    record = claim_one(restarted);
    assert_int_equal(record->lost_claims, 1);
    (void)settle_as(restarted, record,
        (struct queue_settlement){.outcome = QUEUE_DELAYED, .reason = "server_error"});
    record = claim_later(restarted);
    assert_int_equal(record->lost_claims, 0);
    queue_record_free(&record);
    queue_close(&restarted);
}

/* Whoever settled it lived to tell. Poison was never read: a new route must not kill again. */
static void
a_new_route_of_a_parked_record_begins_anew_but_for_poison(void **state)
{
    static const struct {
        const char *reason;
        int64_t lost_claims;
    } cases[] = {{"rejected", 0}, {"poison", 1}};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        (void)empty_redis(NULL);
        (void)put_one(queue, TASK, "taskrouter", "signed");
        struct queue_record *lost = claim_one(queue);
        struct queue *heir = open_worker("worker-1");

        (void)settle_one(heir, claim_one(heir), QUEUE_PARKED, cases[i].reason);
        assert_int_equal(put_one(queue, TASK, "plugin", "who"), QUEUE_PUT_MERGED);
        struct queue_record *record = claim_one(heir);

        assert_int_equal(record->attempts, 1);
        assert_int_equal(record->lost_claims, cases[i].lost_claims);
        queue_record_free(&record);
        queue_record_free(&lost);
        queue_close(&heir);
    }
}

/* What it waited for may be told behind it, as when it came. */
static void
what_is_tried_anew_waits_anew(void **state)
{
    (void)state;
    for (int is_replayed = 0; is_replayed < 2; is_replayed++) {
        struct queue_settlement wait = {.outcome = QUEUE_DELAYED, .is_wait = true};

        (void)empty_redis(NULL);
        (void)put_one(queue, TASK, "taskrouter", "signed");
        struct queue_record *record = claim_one(queue);

        wait.record = record;
        assert_int_equal(queue_settle(queue, &wait, 1), QUEUE_OK);
        queue_record_free(&record);
        record = claim_later(queue);
        assert_true(record->waits_since_ms > 0);
        (void)settle_one(queue, record, QUEUE_PARKED, "rejected");
        if (is_replayed) {
            assert_true(unpark_one(queue, QUEUE_REPLAY, TASK));
        } else {
            assert_int_equal(put_one(queue, TASK, "plugin", "who"), QUEUE_PUT_MERGED);
        }
        record = claim_one(queue);
        assert_int_equal(record->waits_since_ms, 0);
        queue_record_free(&record);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_walk, close_walk)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_parked_record_tells_why_since_when_and_what_went_wrong),
        TEST(one_is_found_by_its_key_with_its_bytes),
        TEST(what_went_wrong_is_cut_not_refused),
        TEST(what_went_wrong_before_a_delay_is_known_when_it_is_parked),
        TEST(a_long_list_comes_in_pages_each_record_once),
        TEST(records_parked_in_the_same_millisecond_are_all_shown),
        TEST(all_partitions_are_walked),
        TEST(a_replayed_record_is_pending_with_its_bytes_and_new_attempts),
        TEST(a_second_replay_changes_nothing),
        TEST(a_replay_does_not_repeat_a_delivered_effect),
        TEST(replaying_all_ends_though_some_are_parked_again_at_once),
        TEST(records_parked_before_redis_clock_went_back_are_replayed_too),
        TEST(a_replay_works_when_redis_is_over_maxmemory),
        TEST(a_dropped_record_has_no_bytes_and_refuses_copies_for_the_window),
        TEST(a_claim_whose_worker_died_is_counted_and_a_retry_is_not),
        TEST(a_claim_taken_over_by_another_worker_is_counted),
        TEST(a_settled_claim_ends_the_count),
        TEST(a_new_route_of_a_parked_record_begins_anew_but_for_poison),
        TEST(what_is_tried_anew_waits_anew),
    };

    return cmocka_run_group_tests(tests, start_redis, stop_redis);
}
