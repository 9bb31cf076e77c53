/*
 * test_queue_put.c - what becomes of an event that is put.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/queue_fixture.h"

static void
merges_routes_and_knows_duplicates(void **state)
{
    (void)state;
    assert_int_equal(put_one(queue, TASK, "taskrouter", "a"), QUEUE_PUT_NEW);
    assert_int_equal(put_one(queue, TASK, "taskrouter", "b"), QUEUE_PUT_DUPLICATE);
    assert_int_equal(put_one(queue, TASK, "plugin", "c"), QUEUE_PUT_MERGED);
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.accepted, 1);
    assert_int_equal(stats.pending, 1);
    struct queue_record *record = claim_one(queue);

    assert_int_equal(record->route_count, 2);
    assert_true(slice_is(route_bytes(record, "taskrouter"), "a"));
    assert_true(slice_is(route_bytes(record, "plugin"), "c"));
    queue_record_free(&record);
}

static void
answers_each_put_of_one_call(void **state)
{
    const struct slice key = slice_of(TASK);
    struct queue_put puts[] = {
        {.key = key, .route = slice_of("a"), .bytes = slice_of("1")},
        {.key = key, .route = slice_of("a"), .bytes = slice_of("2")},
        {.key = slice_of("x/y"), .route = slice_of("a"), .bytes = slice_of("3")},
        {.key = key, .route = slice_of("b"), .bytes = slice_of("4")},
    };

    (void)state;
    assert_int_equal(queue_put(queue, puts, LENGTH(puts)), QUEUE_OK);
    assert_int_equal(puts[0].result, QUEUE_PUT_NEW);
    assert_int_equal(puts[1].result, QUEUE_PUT_DUPLICATE);
    assert_int_equal(puts[2].result, QUEUE_PUT_NEW);
    assert_int_equal(puts[3].result, QUEUE_PUT_MERGED);
    assert_int_equal(balanced_stats(queue).accepted, 2);
}

static void
tells_known_from_new_in_one_call(void **state)
{
    struct queue_put puts[] = {
        {.key = slice_of("new/1"), .route = slice_of("a"), .bytes = slice_of("1")},
        {.key = slice_of(TASK), .route = slice_of("plugin"), .bytes = slice_of("2")},
        {.key = slice_of(TASK), .route = slice_of("b"), .bytes = slice_of("3")},
        {.key = slice_of("new/2"), .route = slice_of("a"), .bytes = slice_of("4")},
    };

    (void)state;
    assert_int_equal(put_one(queue, TASK, "plugin", "known"), QUEUE_PUT_NEW);
    assert_int_equal(queue_put(queue, puts, LENGTH(puts)), QUEUE_OK);
    assert_int_equal(puts[0].result, QUEUE_PUT_NEW);
    assert_int_equal(puts[1].result, QUEUE_PUT_DUPLICATE);
    assert_int_equal(puts[2].result, QUEUE_PUT_MERGED);
    assert_int_equal(puts[3].result, QUEUE_PUT_NEW);
    assert_int_equal(balanced_stats(queue).accepted, 3);
}

static void
stores_more_than_one_call_can_carry(void **state)
{
    enum {
        COUNT = 300,
    };
    static char keys[COUNT][16];
    static struct queue_put puts[COUNT];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k/%zu", i);
        puts[i] = (struct queue_put){.key = slice_of(keys[i]), .bytes = slice_of("x")};
    }
    assert_int_equal(queue_put(queue, puts, COUNT), QUEUE_OK);
    assert_int_equal(balanced_stats(queue).pending, COUNT);
}

static void
carries_any_bytes(void **state)
{
    const char bytes[] = "\0\r\n$5\r\n\xff%s";
    struct queue_put put = {.key = slice_of(TASK),
        .route = slice_of("plugin"),
        .bytes = {.data = bytes, .size = sizeof(bytes)}};

    (void)state;
    assert_int_equal(queue_put(queue, &put, 1), QUEUE_OK);
    struct queue_record *record = claim_one(queue);

    assert_true(slice_equal(record->routes[0].bytes, put.bytes));
    queue_record_free(&record);
}

static void
refuses_a_ninth_route(void **state)
{
    char route[] = "r0";
    struct queue_put put = {
        .key = slice_of(TASK), .route = slice_of(route), .bytes = slice_of("x")};

    (void)state;
    for (int i = 0; i < QUEUE_ROUTES_MAX; i++) {
        route[1] = (char)('0' + i);
        assert_int_equal(queue_put(queue, &put, 1), QUEUE_OK);
    }
    route[1] = '8';
    assert_int_equal(queue_put(queue, &put, 1), QUEUE_E_REFUSED);
    assert_non_null(strstr(queue_error(queue), "routes"));
    struct queue_record *record = claim_one(queue);

    assert_int_equal(record->route_count, QUEUE_ROUTES_MAX);
    queue_record_free(&record);
}

static void
refuses_a_key_that_is_no_text(void **state)
{
    struct queue_put puts[] = {
        {.key = {.data = "a\0b", .size = 3}},
        {.key = {0}},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(puts); i++) {
        assert_int_equal(queue_put(queue, &puts[i], 1), -EINVAL);
    }
    assert_int_equal(balanced_stats(queue).accepted, 0);
}

/* Somebody overwrote a key with another type. Redis runs no script back. */
static void
a_call_that_is_refused_has_stored_none_of_it(void **state)
{
    static const char *const overwritten[] = {
        "fb:{0}:r:x/y", "fb:{0}:parked", "fb:{0}:stats", "fb:{0}:stream"};
    struct queue_put puts[] = {
        {.key = slice_of("new/1"), .route = slice_of("a"), .bytes = slice_of("1")},
        {.key = slice_of(TASK), .route = slice_of("plugin"), .bytes = slice_of("2")},
        {.key = slice_of("x/y"), .route = slice_of("a"), .bytes = slice_of("3")},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(overwritten); i++) {
        (void)empty_redis(NULL);
        assert_int_equal(queue_prepare(queue), QUEUE_OK);
        (void)put_one(queue, TASK, "taskrouter", "known");
        (void)settle_one(queue, claim_one(queue), QUEUE_PARKED, "why");
        (void)put_one(queue, "x/y", "b", "known");
        (void)REDIS_DO(&redis, "RENAME", overwritten[i], "fb:{0}:before");
        (void)REDIS_DO(&redis, "SET", overwritten[i], "theirs");
        assert_int_equal(queue_put(queue, puts, LENGTH(puts)), QUEUE_E_REFUSED);
        (void)REDIS_DO(&redis, "RENAME", "fb:{0}:before", overwritten[i]);
        const struct queue_stats stats = balanced_stats(queue);

        assert_int_equal(stats.accepted, 2);
        assert_int_equal(stats.parked, 1);
        assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", "fb:{0}:r:new/1"), 0);
        assert_int_equal(queue_put(queue, puts, LENGTH(puts)), QUEUE_OK);
        assert_int_equal(balanced_stats(queue).accepted, 3);
    }
}

/* What was made of a record must not wait for memory that only its settling frees. */
static void
what_is_derived_is_stored_over_maxmemory(void **state)
{
    struct queue_put put = {.key = slice_of("derived/1"),
        .subject = slice_of("1"),
        .route = slice_of("a"),
        .bytes = slice_of("bytes")};

    (void)state;
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    const int refused = queue_put(queue, &put, 1);
    const int kept = queue_put_derived(queue, &put, 1);

    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(refused, QUEUE_E_REFUSED);
    assert_int_equal(kept, QUEUE_OK);
    assert_int_equal(put.result, QUEUE_PUT_NEW);
    assert_int_equal(balanced_stats(queue).accepted, 1);
    assert_int_equal(queue_put_derived(queue, &put, 1), QUEUE_OK);
    assert_int_equal(put.result, QUEUE_PUT_DUPLICATE);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(merges_routes_and_knows_duplicates),
        TEST(answers_each_put_of_one_call),
        TEST(tells_known_from_new_in_one_call),
        TEST(stores_more_than_one_call_can_carry),
        TEST(carries_any_bytes),
        TEST(refuses_a_ninth_route),
        TEST(refuses_a_key_that_is_no_text),
        TEST(a_call_that_is_refused_has_stored_none_of_it),
        TEST(what_is_derived_is_stored_over_maxmemory),
    };

    return cmocka_run_group_tests_name("queue_put", tests, start_redis, stop_redis);
}
