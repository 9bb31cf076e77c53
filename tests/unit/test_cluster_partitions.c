/*
 * test_cluster_partitions.c - partitions at several nodes: one that is away holds up its own only.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/audit.h"
#include "queue/facts.h"
#include "queue/handle.h"
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
        struct queue_effect effect = {.key = effects[i]};

        (void)snprintf(effects[i], sizeof(effects[i]), "effect/CH%zu", i);
        assert_int_equal(queue_effect_claim(queue, records[i], &effect), QUEUE_OK);
        assert_int_equal(effect.result, QUEUE_EFFECT_CLAIMED);
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

/* A proxy may hand a claim on when its worker has given it up: see claim.c. */
static void
a_claim_nobody_heard_of_is_taken_over_in_each_partition(void **state)
{
    struct queue_record *records[TASKS];
    bool has_tasks[QUEUE_PARTITIONS_CLUSTER] = {false};

    (void)state;
    queue->claim_deadline_ms = 1;
    assert_int_equal(put_tasks(0, TASKS), QUEUE_OK);
    claim_tasks(records, TASKS);
    for (size_t i = 0; i < TASKS; i++) {
        has_tasks[records[i]->partition] = true;
    }
    free_tasks(records, TASKS);
    (void)poll(NULL, 0, 5); /* the deadline is over */
    for (unsigned i = 0; i < QUEUE_PARTITIONS_CLUSTER; i++) {
        queue->scans[i].next_takeover_us = 0;
    }
    queue_set_unsettled(queue, UINT64_C(1) << 3); /* but one, which has some in hand */
    for (unsigned i = 0; i < QUEUE_PARTITIONS_CLUSTER; i++) {
        size_t count = 0; /* one at a time, so that not all are asked */

        assert_int_equal(queue_claim(queue, 1, records, &count), QUEUE_OK);
        if (count > 0) {
            has_tasks[records[0]->partition] = false;
            free_tasks(records, count);
        }
    }
    assert_true(has_tasks[3]);
    has_tasks[3] = false;
    for (unsigned i = 0; i < QUEUE_PARTITIONS_CLUSTER; i++) {
        assert_false(has_tasks[i]);
    }
}

/* Hysteresis: what was full has room again from 90 % on. */
static void
one_node_that_is_nearly_full_counts_until_it_has_room(void **state)
{
    struct queue_health health;
    struct queue_health before;

    (void)state;
    assert_int_equal(queue_health(queue, &before), QUEUE_OK);
    assert_false(before.weak[QUEUE_WEAK_MEMORY_FULL]);
    (void)REDIS_DO(&second, "CONFIG", "SET", "maxmemory", "1");
    assert_int_equal(queue_health(queue, &health), QUEUE_OK);
    queue_health_follow(&health, &before);
    assert_true(health.weak[QUEUE_WEAK_MEMORY_FULL]);
    assert_int_equal(health.maxmemory, 1);
    (void)REDIS_DO(&second, "CONFIG", "SET", "maxmemory", "0");
    before = health;
    assert_int_equal(queue_health(queue, &health), QUEUE_OK);
    queue_health_follow(&health, &before);
    assert_false(health.weak[QUEUE_WEAK_MEMORY_FULL]);
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

/* One wait is enough to learn it. */
static void
a_node_that_hangs_rests_with_all_its_partitions(void **state)
{
    int number = 0;

    (void)state;
    while (!is_at_second(task_key(number).data + strlen("task.completed/"))) {
        number++;
    }
    redis_fixture_signal(&second, SIGSTOP);
    const int64_t began_us = redis_now_us();

    assert_int_equal(put_tasks(number, 1), QUEUE_E_NODE);
    for (unsigned i = 0; i < QUEUE_PARTITIONS_CLUSTER; i++) {
        const int64_t until_us = handle_session(queue, i)->rest_until_us;

        /* several times as long as the wait has taken */
        assert_true(i % 2 == 0 ? until_us == 0
                               : until_us >= began_us + 4 * TIMEOUT_MS * US_PER_MS);
    }
}

static void
facts_and_items_of_a_subject_are_at_one_node(void **state)
{
    const struct fact told[] = {{slice_of("#ticket/a|b"), slice_of("x"), 1},
        {slice_of("+last"), slice_of("y"), 2}};

    (void)state;
    for (int i = 0; i < TASKS; i++) {
        struct queue_facts item = {.subject = task_key(i), .facts = told, .count = 2};

        assert_int_equal(queue_facts_merge(queue, &item, 1), QUEUE_OK);
        assert_int_equal(facts_find(&item.all, slice_of("#ticket=x"))->rank, 1);
        queue_facts_done(&item, 1);
    }
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
        TEST(a_claim_nobody_heard_of_is_taken_over_in_each_partition),
        TEST(one_node_that_is_nearly_full_counts_until_it_has_room),
        TEST(a_node_that_hangs_is_said_and_left_to_rest),
        TEST(a_node_that_hangs_rests_with_all_its_partitions),
        TEST(facts_and_items_of_a_subject_are_at_one_node),
        TEST(another_partition_count_is_refused),
        TEST(without_replicas_wait_replicas_acknowledges_nothing),
    };

    return cmocka_run_group_tests_name(
        "cluster_partitions", tests, cluster_start, cluster_stop);
}
