/*
 * test_cluster.c - the node of our slot is found and followed, and a slot that moves loses nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "queue/audit.h"
#include "queue/cluster.h"
#include "queue/health.h"
#include "queue/parked.h"
#include "queue/witness.h"
#include "tests/unit/cluster_fixture.h"

static struct queue_put
a_put(const char *key)
{
    return (struct queue_put){.key = slice_of(key),
        .subject = slice_of("b"),
        .route = slice_of("r"),
        .bytes = slice_of("x")};
}

static int64_t
entries(struct redis_fixture *node)
{
    return REDIS_NUMBER(node, "XLEN", "fb:{0}:stream");
}

/* ---- finding ------------------------------------------------------------------------------ */

static void
partitions_are_in_the_slots_redis_says(void **state)
{
    (void)state;
    for (unsigned partition = 0; partition < QUEUE_PARTITIONS_MAX; partition++) {
        char key[32];

        (void)snprintf(key, sizeof(key), "fb:{%u}:stream", partition);
        assert_int_equal(
            cluster_slot(partition), REDIS_NUMBER(&first, "CLUSTER", "KEYSLOT", key));
    }
}

static void
any_node_says_whose_the_slot_is(void **state)
{
    struct queue_options options = default_options(NULL);
    struct queue_put put = a_put("a/b");

    (void)state;
    options.url = node_url(&second);
    struct queue *queue = open_queue(&options);

    assert_int_equal(queue_put(queue, &put, 1), QUEUE_OK);
    assert_int_equal(entries(&first), 1);
    queue_close(&queue);
}

static void
a_node_that_is_away_is_passed_over(void **state)
{
    struct queue_options options = default_options(NULL);
    char url[64];

    (void)state;
    (void)snprintf(
        url, sizeof(url), "cluster://127.0.0.1:1,127.0.0.1:%u", second.node_port);
    options.url = url;
    struct queue *queue = open_queue(&options);

    assert_int_equal(queue_ping(queue), QUEUE_OK);
    queue_close(&queue);
}

static void
a_slot_nobody_has_is_said(void **state)
{
    struct queue_put put = a_put("a/b");
    char slot[8];

    (void)state;
    struct queue *queue = open_in_cluster(NULL);

    (void)snprintf(slot, sizeof(slot), "%u", cluster_slot(0));
    (void)REDIS_DO(&first, "FLUSHALL");
    (void)REDIS_DO(&first, "CLUSTER", "DELSLOTS", slot);
    (void)REDIS_DO(&second, "CLUSTER", "DELSLOTS", slot);
    assert_int_equal(queue_put(queue, &put, 1), QUEUE_E_REFUSED);
    assert_non_null(strstr(queue_error(queue), "CLUSTERDOWN"));
    assert_int_equal(queue_put(queue, &put, 1), QUEUE_E_REFUSED);
    assert_non_null(strstr(queue_error(queue), "knows none that has our slot"));
    (void)REDIS_DO(&first, "CLUSTER", "ADDSLOTS", slot);
    assert_int_equal(queue_put(queue, &put, 1), QUEUE_OK);
    queue_close(&queue);
}

static void
a_redis_that_is_no_cluster_is_said(void **state)
{
    struct queue_options options = default_options(NULL);
    struct redis_fixture alone;
    char url[64];
    char port[8];

    (void)state;
    redis_fixture_start(&alone, false);
    (void)snprintf(port, sizeof(port), "%u", second.node_port + 1);
    (void)REDIS_DO(&alone, "CONFIG", "SET", "port", port);
    (void)snprintf(url, sizeof(url), "cluster://127.0.0.1:%s", port);
    options.url = url;
    struct queue *queue = open_queue(&options);

    assert_int_equal(queue_ping(queue), QUEUE_E_REFUSED);
    assert_non_null(strstr(queue_error(queue), "cluster support disabled"));
    queue_close(&queue);
    redis_fixture_stop(&alone);
}

/* ---- all in one slot ---------------------------------------------------------------------- */

static void
ignore_finding(void *context, const struct queue_finding *finding)
{
    (void)context;
    fail_msg("%.*s", (int)finding->name.size, finding->name.data);
}

static void
look_at_everything(struct queue *queue)
{
    const struct queue_audit_options audit_options = {.finding = ignore_finding};
    struct queue_audit audit;
    struct queue_witness witness = {.name = "0123456789abcdef"};
    struct queue_look look;
    struct queue_health health;
    struct queue_parked_walk *walk = NULL;
    struct queue_parked page[QUEUE_PARKED_PAGE];
    size_t count = 0;

    assert_int_equal(queue_health(queue, &health), QUEUE_OK);
    assert_int_equal(queue_witness_look(queue, &witness, &look), QUEUE_OK);
    assert_int_equal(queue_audit(queue, &audit_options, &audit), QUEUE_OK);
    assert_int_equal(queue_parked_open(queue, &walk), QUEUE_OK);
    assert_int_equal(queue_parked_next(walk, page, &count), QUEUE_OK);
    queue_parked_close(&walk);
}

static void
all_that_a_queue_does_it_does_in_a_cluster(void **state)
{
    const struct queue_pause pause = {.cause = "operator", .where = "-", .remedy = "x"};
    struct queue_note note;
    char link[16];

    (void)state;
    struct queue *queue = open_in_cluster("worker-1");

    assert_int_equal(put_one(queue, TASK, "r", "x"), QUEUE_PUT_NEW);
    struct queue_record *record = claim_one(queue);
    struct queue_effect effect = {.key = TASK};

    assert_int_equal(queue_effect_claim(queue, record, &effect), QUEUE_OK);
    assert_int_equal(effect.result, QUEUE_EFFECT_CLAIMED);
    assert_int_equal(
        settle_as(queue, record,
            (struct queue_settlement){.outcome = QUEUE_DELIVERED, .effect_key = TASK}),
        QUEUE_SETTLED);
    assert_int_equal(queue_link_put(queue, "WR1", "WT1"), QUEUE_OK);
    assert_int_equal(queue_link_get(queue, "WR1", link, sizeof(link)), QUEUE_OK);
    assert_string_equal(link, "WT1");
    assert_int_equal(queue_note_put(queue, "n", "text", 1), QUEUE_OK);
    assert_int_equal(queue_note_last(queue, "n", &note), QUEUE_OK);
    assert_string_equal(note.text, "text");
    assert_int_equal(queue_pause_put(queue, &pause), QUEUE_OK);
    look_at_everything(queue);
    const struct queue_stats stats = balanced_stats(queue);

    assert_int_equal(stats.delivered, 1);
    assert_int_equal(stats.paused.count, 1);
    queue_close(&queue);
}

/* ---- following ---------------------------------------------------------------------------- */

static void
a_call_follows_a_slot_that_has_moved(void **state)
{
    struct queue_put put = a_put("a/b");

    (void)state;
    struct queue *queue = open_in_cluster(NULL);

    assert_int_equal(queue_put(queue, &put, 1), QUEUE_OK);
    (void)queue_take_alarms(queue);
    move_slot();
    put.key = slice_of("c/b");
    if (queue_put(queue, &put, 1) !=
        QUEUE_OK) { /* the same call: nobody is told to repeat it */
        fail_msg("%s", queue_error(queue));
    }
    assert_int_equal(put.result, QUEUE_PUT_NEW);
    assert_int_equal(entries(&second), 2);
    assert_int_equal(queue_take_alarms(queue).moves, 1);
    queue_close(&queue);
}

static void
a_group_commit_follows_a_slot_that_has_moved(void **state)
{
    (void)state;
    commit = open_cluster_commit();
    (void)add(0);
    run_until_done();
    move_slot();
    (void)add(1);
    run_until_done();
    if (units[1].status != 0) {
        fail_msg("%s", group_commit_error(commit));
    }
    assert_int_equal(entries(&second), 2);
}

static void
a_slot_that_has_moved_is_noticed_without_traffic(void **state)
{
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    (void)state;
    commit = open_cluster_commit();
    run_until_healthy(true);
    (void)REDIS_DO(&first, "FLUSHALL");
    move_slot();
    while (REDIS_NUMBER(&second, "DBSIZE") == 0) { /* the greeting writes fb:{0}:meta */
        turn(100);
        assert_true(redis_now_us() < end_us);
    }
    run_until_healthy(true);
}

static void
nodes_that_send_to_and_fro_are_left_alone(void **state)
{
    struct queue_put put = a_put("a/b");

    (void)state;
    struct queue *queue = open_in_cluster(NULL);

    (void)REDIS_DO(&first, "FLUSHALL");
    believe(&first, &second);
    assert_int_equal(queue_put(queue, &put, 1), QUEUE_E_REFUSED);
    believe(&first, &second);
    commit = open_cluster_commit();
    (void)add(0);
    run_until_done();
    assert_int_equal(units[0].status, QUEUE_E_REFUSED);
    believe(&second, &second);
    assert_int_equal(queue_put(queue, &put, 1), QUEUE_OK);
    queue_close(&queue);
}

/* ---- while a slot moves ------------------------------------------------------------------- */

/* Refused, whatever is here and whatever there; nothing has changed, and it goes on behind. */
static void
a_put_into_a_slot_that_moves_is_refused_whole(void **state)
{
    static const char *const stages[] = {
        "fb:{0}:nothing", "fb:{0}:r:a/b", "fb:{0}:stats", "fb:{0}:stream", "all"};
    struct queue_put put = a_put("a/b");

    (void)state;
    struct queue *queue = open_in_cluster(NULL);

    assert_int_equal(queue_put(queue, &put, 1), QUEUE_OK);
    begin_move();
    for (size_t i = 0; i < LENGTH(stages); i++) {
        char key[8];

        if (strcmp(stages[i], "all") == 0) {
            move_all_keys();
        } else {
            move_key(stages[i]);
        }
        (void)snprintf(key, sizeof(key), "k%zu/b", i);
        put.key = slice_of(key);
        assert_int_equal(queue_put(queue, &put, 1), QUEUE_E_REFUSED);
    }
    end_move();
    put.key = slice_of("k0/b");
    assert_int_equal(queue_put(queue, &put, 1), QUEUE_OK);
    assert_int_equal(put.result, QUEUE_PUT_NEW);
    assert_int_equal(balanced_stats(queue).pending, 2);
    queue_close(&queue);
}

static void
a_group_commit_is_unhealthy_while_its_slot_moves(void **state)
{
    (void)state;
    commit = open_cluster_commit();
    run_until_healthy(true);
    begin_move();
    run_until_healthy(false); /* by its probes */
    (void)add(0);
    run_until_done();
    assert_int_equal(units[0].status, QUEUE_E_REFUSED);
    move_all_keys();
    end_move();
    run_until_healthy(true);
    (void)add(1);
    run_until_done();
    assert_int_equal(units[1].status, 0);
}

/* Everything the script names is here; the record it finds by itself is gone already. */
static void
a_claim_in_a_slot_that_moves_takes_nothing(void **state)
{
    struct queue_record *record = NULL;
    size_t count = 0;

    (void)state;
    struct queue *queue = open_in_cluster("worker-1");

    assert_int_equal(put_one(queue, TASK, "r", "x"), QUEUE_PUT_NEW);
    (void)REDIS_DO(&first, "ZADD", "fb:{0}:lost", "1", "x");
    (void)REDIS_DO(&first, "ZADD", "fb:{0}:delayed", "1e13", "x");
    begin_move();
    move_key(TASK_RECORD);
    assert_int_equal(queue_claim(queue, 1, &record, &count), QUEUE_E_REFUSED);
    assert_non_null(strstr(queue_error(queue), "TRYAGAIN"));
    assert_int_equal(redis_reply_number(redis_reply_at(
                         REDIS_DO(&first, "XPENDING", "fb:{0}:stream", "workers"), 0)),
        0);
    move_all_keys();
    end_move();
    record = claim_one(queue);
    assert_non_null(record);
    assert_string_equal(record->key, TASK);
    assert_int_equal(record->attempts, 1);
    assert_int_equal(settle_one(queue, record, QUEUE_PARKED, "x"), QUEUE_SETTLED);
    queue_close(&queue);
}

/* effects.lua deletes before it sets, and a key that is gone could not be set again. */
static void
an_effect_in_a_slot_that_moves_stays_claimed(void **state)
{
    struct queue_settlement settlement = {.outcome = QUEUE_DELIVERED, .effect_key = TASK};
    struct queue_effect effect = {.key = TASK};

    (void)state;
    struct queue *queue = open_in_cluster("worker-1");

    assert_int_equal(put_one(queue, TASK, "r", "x"), QUEUE_PUT_NEW);
    struct queue_record *record = claim_one(queue);

    assert_int_equal(queue_effect_claim(queue, record, &effect), QUEUE_OK);
    begin_move();
    settlement.record = record;
    assert_int_equal(queue_settle(queue, &settlement, 1), QUEUE_E_REFUSED);
    assert_int_equal(REDIS_NUMBER(&first, "EXISTS", "fb:{0}:e:" TASK), 1);
    move_all_keys();
    end_move();
    assert_int_equal(queue_settle(queue, &settlement, 1), QUEUE_OK);
    assert_int_equal(settlement.result, QUEUE_SETTLED);
    queue_record_free(&record);
    queue_close(&queue);
}

/* pause.lua, too, deletes before it sets: of the only pause the key goes with it. */
static void
a_pause_met_again_while_its_slot_moves_stays_shown(void **state)
{
    const struct queue_pause pause = {.cause = "operator", .where = "-", .remedy = "x"};
    struct queue_labels pauses;
    bool may_probe = false;

    (void)state;
    struct queue *queue = open_in_cluster("worker-1");

    assert_int_equal(queue_pause_put(queue, &pause), QUEUE_OK);
    begin_move();
    assert_int_equal(queue_pause_put(queue, &pause), QUEUE_E_REFUSED);
    move_all_keys();
    end_move();
    assert_int_equal(queue_pause_look(queue, 0, &pauses, &may_probe), QUEUE_OK);
    assert_int_equal(pauses.count, 1);
    queue_close(&queue);
}

static void
without_replicas_wait_replicas_acknowledges_nothing(void **state)
{
    struct queue_options options = default_options(NULL);
    struct queue_put put = a_put("a/b");

    (void)state;
    options.url = cluster_url("?wait_replicas=1");
    options.timeout_ms =
        6000; /* half of it for the replicas, the rest for a slow machine */
    struct queue *queue = open_queue(&options);

    const int64_t end_us = redis_now_us() + 4 * PATIENCE_US;

    do { /* a slow cluster may be down, or of two minds about the slot, for a moment */
        if (redis_now_us() > end_us) {
            fail_msg("queue_put: %s", queue_error(queue));
        }
        assert_int_not_equal(queue_put(queue, &put, 1), QUEUE_OK);
    } while (strstr(queue_error(queue), "too few replicas") == NULL);
    queue_close(&queue);
}

int
main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, cluster_set_up, cluster_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(partitions_are_in_the_slots_redis_says),
        TEST(any_node_says_whose_the_slot_is),
        TEST(a_node_that_is_away_is_passed_over),
        TEST(a_slot_nobody_has_is_said),
        TEST(a_redis_that_is_no_cluster_is_said),
        TEST(all_that_a_queue_does_it_does_in_a_cluster),
        TEST(a_call_follows_a_slot_that_has_moved),
        TEST(a_group_commit_follows_a_slot_that_has_moved),
        TEST(a_slot_that_has_moved_is_noticed_without_traffic),
        TEST(nodes_that_send_to_and_fro_are_left_alone),
        TEST(a_put_into_a_slot_that_moves_is_refused_whole),
        TEST(a_group_commit_is_unhealthy_while_its_slot_moves),
        TEST(a_claim_in_a_slot_that_moves_takes_nothing),
        TEST(an_effect_in_a_slot_that_moves_stays_claimed),
        TEST(a_pause_met_again_while_its_slot_moves_stays_shown),
        TEST(without_replicas_wait_replicas_acknowledges_nothing),
    };

    return cmocka_run_group_tests_name("cluster", tests, cluster_start, cluster_stop);
}
