/*
 * test_cluster_partitions.c - partitions at several nodes: one that is away holds up its own only.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/audit.h"
#include "queue/health.h"
#include "queue/parked.h"
#include "queue/witness.h"
#include "tests/unit/cluster_fixture.h"

enum {
    TASKS = 40,
};

static struct queue *queue;

static int
set_up_queue(void **state)
{
    (void)spread_set_up(state);
    const struct queue_options options = spread_options("worker-1");

    queue = open_queue(&options);
    assert_int_equal(queue_prepare(queue), QUEUE_OK);
    return 0;
}

static int
tear_down_queue(void **state)
{
    redis_fixture_signal(&second, SIGCONT);
    queue_close(&queue);
    return spread_tear_down(state);
}

static bool
is_at_second(const char *subject)
{
    return queue_partition(slice_of(subject), QUEUE_PARTITIONS_CLUSTER) % 2 == 1;
}

/* "task.completed/WT<n>" */
static struct slice
task_key(int number)
{
    static char keys[TASKS][32];

    (void)snprintf(keys[number], sizeof(keys[number]), "task.completed/WT%d", number);
    return slice_of(keys[number]);
}

static int
put_tasks(int first_number, int count)
{
    struct queue_put puts[TASKS];

    for (int i = 0; i < count; i++) {
        const struct slice key = task_key(first_number + i);

        puts[i] = (struct queue_put){.key = key,
            .subject = slice_skip(key, strlen("task.completed/")),
            .route = slice_of("r"),
            .bytes = slice_of("x")};
    }
    return queue_put(queue, puts, (size_t)count);
}

/* Claims until there are `count`, for at most 5 s. */
static void
claim_tasks(struct queue_record **records, size_t count)
{
    const int64_t end_us = redis_now_us() + PATIENCE_US;
    size_t have = 0;

    while (have < count) {
        size_t got = 0;

        assert_true(redis_now_us() < end_us);
        if (queue_claim(queue, count - have, records + have, &got) == QUEUE_OK) {
            have += got;
        }
    }
}

static void
free_tasks(struct queue_record **records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        queue_record_free(&records[i]);
    }
}

static void
fail_on_finding(void *context, const struct queue_finding *finding)
{
    (void)context;
    fail_msg("%.*s", (int)finding->name.size, finding->name.data);
}

static void
look_at_everything(void)
{
    const struct queue_audit_options audit_options = {.finding = fail_on_finding};
    struct queue_audit audit;
    struct queue_witness witness = {.name = "0123456789abcdef"};
    struct queue_look look;
    struct queue_health health;

    assert_int_equal(queue_health(queue, &health), QUEUE_OK);
    assert_int_equal(health.fsync, QUEUE_FSYNC_OFF);
    assert_int_equal(queue_witness_look(queue, &witness, &look), QUEUE_OK);
    assert_int_equal(queue_audit(queue, &audit_options, &audit), QUEUE_OK);
    assert_int_equal(audit.records[QUEUE_PLACE_DELIVERED], TASKS / 2);
    assert_int_equal(audit.records[QUEUE_PLACE_PARKED], TASKS / 2);
}

static void
records_of_all_nodes_are_handled_as_of_one(void **state)
{
    struct queue_record *records[TASKS];
    struct queue_settlement settlements[TASKS];
    char effects[TASKS][32];

    (void)state;
    assert_int_equal(put_tasks(0, TASKS), QUEUE_OK);
    claim_tasks(records, TASKS);
    for (size_t i = 0; i < TASKS;
         i++) { /* effects in other partitions than the records */
        enum queue_effect_result effect = QUEUE_EFFECT_BUSY;

        (void)snprintf(effects[i], sizeof(effects[i]), "effect/CH%zu", i);
        assert_int_equal(
            queue_effect_claim(queue, records[i], effects[i], &effect), QUEUE_OK);
        assert_int_equal(effect, QUEUE_EFFECT_CLAIMED);
        settlements[i] = (struct queue_settlement){.record = records[i],
            .outcome = i % 2 == 0 ? QUEUE_DELIVERED : QUEUE_PARKED,
            .reason = "x",
            .effect_key = effects[i]};
    }
    assert_int_equal(queue_settle(queue, settlements, TASKS), QUEUE_OK);
    for (size_t i = 0; i < TASKS; i++) {
        assert_int_equal(settlements[i].result, QUEUE_SETTLED);
    }
    look_at_everything();
    assert_int_equal(balanced_stats(queue).delivered, TASKS / 2);
    assert_true(REDIS_NUMBER(&first, "DBSIZE") > TASKS / 4);
    assert_true(REDIS_NUMBER(&second, "DBSIZE") > TASKS / 4);
    free_tasks(records, TASKS);
}

static void
a_node_that_hangs_holds_up_its_own_settlements_only(void **state)
{
    struct queue_record *records[TASKS];
    struct queue_settlement settlements[TASKS];

    (void)state;
    assert_int_equal(put_tasks(0, TASKS), QUEUE_OK);
    claim_tasks(records, TASKS);
    for (size_t i = 0; i < TASKS; i++) {
        settlements[i] = (struct queue_settlement){.record = records[i],
            .outcome = QUEUE_DELIVERED,
            .effect_key = records[i]->key};
    }
    redis_fixture_signal(&second, SIGSTOP);
    assert_int_equal(queue_settle(queue, settlements, TASKS), QUEUE_E_NODE);
    size_t left = 0;

    for (size_t i = 0; i < TASKS; i++) {
        assert_int_equal(settlements[i].result,
            records[i]->partition % 2 == 1 ? QUEUE_UNSETTLED : QUEUE_SETTLED);
        if (settlements[i].result == QUEUE_UNSETTLED) {
            settlements[left++] = settlements[i];
        }
    }
    redis_fixture_signal(&second, SIGCONT);
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    while (queue_settle(queue, settlements, left) != QUEUE_OK) {
        assert_true(redis_now_us() < end_us);
    }
    assert_int_equal(balanced_stats(queue).delivered, TASKS);
    free_tasks(records, TASKS);
}

/* What the node had claimed for us, without our hearing of it, comes with a later claim. */
static void
a_node_that_hangs_holds_up_its_own_claims_only(void **state)
{
    struct queue_record *records[TASKS];
    bool seen[TASKS] = {false};
    size_t count = 0;

    (void)state;
    assert_int_equal(put_tasks(0, TASKS), QUEUE_OK);
    redis_fixture_signal(&second, SIGSTOP);
    assert_int_equal(queue_claim(queue, TASKS, records, &count), QUEUE_OK);
    assert_int_equal(queue_take_alarms(queue).partitions_away, 8);
    assert_in_range(count, 1, TASKS - 1);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(records[i]->partition % 2, 0);
    }
    redis_fixture_signal(&second, SIGCONT);
    claim_tasks(records + count, TASKS - count);
    assert_int_equal(queue_take_alarms(queue).partitions_away, 0);
    for (size_t i = 0; i < TASKS; i++) {
        const int number = atoi(records[i]->key + strlen("task.completed/WT"));

        assert_false(seen[number]);
        seen[number] = true;
        assert_int_equal(settle_one(queue, records[i], QUEUE_PARKED, "x"), QUEUE_SETTLED);
    }
    assert_int_equal(balanced_stats(queue).parked, TASKS);
}

static void
a_node_that_hangs_is_said_and_left_to_rest(void **state)
{
    struct queue_health health;

    (void)state;
    redis_fixture_signal(&second, SIGSTOP);
    assert_int_equal(put_tasks(0, TASKS), QUEUE_E_NODE);
    assert_non_null(strstr(queue_error(queue), "in time"));
    const int64_t began_us = redis_now_us();

    assert_int_equal(queue_health(queue, &health), QUEUE_E_NODE);
    assert_int_equal(queue_ping(queue), QUEUE_OK); /* the other one */
    for (int i = 0; i < TASKS; i++) {
        const struct slice key = task_key(i);
        const bool is_away = is_at_second(key.data + strlen("task.completed/"));

        assert_int_equal(put_tasks(i, 1), is_away ? QUEUE_E_NODE : QUEUE_OK);
    }
    /* Not asked again each time: that would be 300 ms for each of twenty. */
    assert_true(redis_now_us() - began_us < 20 * TIMEOUT_MS * US_PER_MS / 2);
}

static void
another_partition_count_is_refused(void **state)
{
    struct queue_options options = spread_options(NULL);

    (void)state;
    options.partitions = 1;
    struct queue *one = open_queue(&options);

    assert_int_equal(queue_prepare(one), QUEUE_E_PARTITIONS);
    assert_non_null(strstr(queue_error(one), "16 partitions, not 1"));
    queue_close(&one);
}

static void
without_replicas_wait_replicas_acknowledges_nothing(void **state)
{
    struct queue_options options = spread_options("worker-1");

    (void)state;
    queue_close(&queue);
    options.url = cluster_url("?wait_replicas=1");
    queue = open_queue(&options);
    assert_int_equal(put_tasks(0, TASKS), QUEUE_E_REFUSED);
    assert_non_null(strstr(queue_error(queue), "too few replicas"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_queue, tear_down_queue)
    const struct CMUnitTest tests[] = {
        TEST(records_of_all_nodes_are_handled_as_of_one),
        TEST(a_node_that_hangs_holds_up_its_own_settlements_only),
        TEST(a_node_that_hangs_holds_up_its_own_claims_only),
        TEST(a_node_that_hangs_is_said_and_left_to_rest),
        TEST(another_partition_count_is_refused),
        TEST(without_replicas_wait_replicas_acknowledges_nothing),
    };

    return cmocka_run_group_tests_name(
        "cluster_partitions", tests, cluster_start, cluster_stop);
}
