/*
 * test_queue_partitions.c - how work is spread over partitions.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "queue/handle.h"
#include "tests/unit/queue_fixture.h"

enum {
    MANY = 16, /* partitions */
};

static struct queue *
open_many(const char *consumer)
{
    struct queue_options options = default_options(consumer);

    (void)empty_redis(NULL);
    options.partitions = MANY;
    struct queue *many = open_queue(&options);

    assert_int_equal(queue_prepare(many), QUEUE_OK);
    return many;
}

static void
partitions_are_those_of_a_cluster_slot_hash(void **state)
{
    static const struct {
        const char *subject;
        unsigned slot; /* CLUSTER KEYSLOT of the text, 16384 slots */
    } cases[] = {
        {"", 0},
        {"123456789", 0x31C3},
        {"WT00000000000000000000000000000001", 0},
    };
    const uint64_t slot = (uint64_t)queue_partition(slice_of(cases[1].subject), 1U << 14);

    (void)state;
    assert_int_equal(queue_partition(slice_of(cases[0].subject), 16), 0);
    assert_int_equal(slot, cases[1].slot);
    assert_int_equal(queue_partition(slice_of(cases[2].subject), 1), 0);
}

static void
claims_from_all_partitions_fairly(void **state)
{
    bool seen[MANY] = {false};
    struct queue_record *records[MANY];
    struct queue_settlement settlements[MANY];
    size_t count = 0;

    (void)state;
    struct queue *many = open_many("worker-1");

    for (int i = 0; i < 400; i++) {
        char key[32];

        (void)snprintf(key, sizeof(key), "task.completed/WT%d", i);
        assert_int_equal(put_one(many, key, "taskrouter", key), QUEUE_PUT_NEW);
    }
    assert_int_equal(queue_claim(many, MANY, records, &count), QUEUE_OK);
    assert_int_equal(count, MANY);
    for (size_t i = 0; i < count; i++) {
        seen[records[i]->partition] = true;
        settlements[i] = (struct queue_settlement){.record = records[i],
            .outcome = i % 2 == 0 ? QUEUE_DELIVERED : QUEUE_FILTERED,
            .reason = "facts",
            .effect_key = records[i]->key};
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_true(seen[i]);
    }
    assert_int_equal(queue_settle(many, settlements, count), QUEUE_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(settlements[i].result, QUEUE_SETTLED);
        queue_record_free(&records[i]);
    }
    const struct queue_stats stats = balanced_stats(many);

    assert_int_equal(stats.delivered, MANY / 2);
    assert_int_equal(label_value(&stats.filtered_by, "facts"), MANY / 2);
    assert_int_equal(stats.pending, 400 - MANY);
    queue_close(&many);
}

static void
fills_its_room_from_one_busy_partition(void **state)
{
    struct queue_record *records[8];
    size_t count = 0;

    (void)state;
    struct queue *many = open_many("worker-1");

    for (int i = 0; i < 20; i++) { /* one subject: one partition */
        char key[32];
        struct queue_put put = {.subject = slice_of("WT1"), .bytes = slice_of("x")};

        (void)snprintf(key, sizeof(key), "k%d/WT1", i);
        put.key = slice_of(key);
        assert_int_equal(queue_put(many, &put, 1), QUEUE_OK);
    }
    for (int round = 0; round < 2; round++) {
        assert_int_equal(queue_claim(many, 8, records, &count), QUEUE_OK);
        assert_int_equal(count, 8);
        for (size_t i = 0; i < count; i++) {
            char key[32];

            (void)snprintf(key, sizeof(key), "k%zu/WT1", (size_t)round * 8 + i);
            assert_string_equal(records[i]->key, key); /* in the order put */
            queue_record_free(&records[i]);
        }
    }
    queue_close(&many);
}

static void
another_partition_count_is_refused(void **state)
{
    (void)state;
    struct queue *many = open_many(NULL);
    struct queue_options options = default_options(NULL);
    struct queue *one = open_queue(&options);

    assert_int_equal(queue_prepare(one), QUEUE_E_PARTITIONS);
    assert_non_null(strstr(queue_error(one), "16 partitions"));
    assert_int_equal(queue_ping(one), QUEUE_E_PARTITIONS);
    assert_int_equal(queue_ping(many), QUEUE_OK);
    queue_close(&one);
    queue_close(&many);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(partitions_are_those_of_a_cluster_slot_hash),
        TEST(claims_from_all_partitions_fairly),
        TEST(fills_its_room_from_one_busy_partition),
        TEST(another_partition_count_is_refused),
    };

    return cmocka_run_group_tests_name(
        "queue_partitions", tests, start_redis, stop_redis);
}
