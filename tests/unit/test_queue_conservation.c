/*
 * test_queue_conservation.c - accepted = delivered + filtered + parked + dropped + pending,
 * after each of many random steps of two workers, a producer and mishaps.
 *
 * The seed is printed; run with it as the argument to see the same steps again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/audit.h"
#include "tests/unit/queue_helpers.h"

enum {
    STEPS = 2000,
    KEYS = 40,
    WORKERS = 2,
    HELD_MAX = 8,
    PARTITIONS = 4,
    SETTLE_ROUNDS = 4000,
    AUDIT_EVERY = 50, /* steps */
};

struct holder {
    struct queue *queue;
    struct queue_record *held[HELD_MAX];
    size_t count;
};

static uint64_t seed = 20240501;
static uint64_t random_state;
static struct holder holders[WORKERS];

/* xorshift64 */
static unsigned
random_below(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state % limit);
}

static struct queue *
open_holder(unsigned index)
{
    static const char *const names[WORKERS] = {"worker-1", "worker-2"};
    struct queue_options options = default_options(names[index]);

    options.partitions = PARTITIONS;
    options.claim_deadline_ms = 1;
    return open_queue(&options);
}

static void
put_something(struct holder *holder)
{
    static const char *const routes[] = {"plugin", "taskrouter", "event_streams"};
    char key[32];

    (void)snprintf(key, sizeof(key), "task.completed/WT%u", random_below(KEYS));
    (void)put_one(holder->queue, key, routes[random_below(LENGTH(routes))], "bytes");
}

static void
claim_something(struct holder *holder)
{
    size_t count = 0;

    assert_int_equal(queue_claim(holder->queue, HELD_MAX - holder->count,
                         holder->held + holder->count, &count),
        QUEUE_OK);
    holder->count += count;
}

static void
settle_something(struct holder *holder)
{
    if (holder->count == 0) {
        return;
    }
    struct queue_record *record = holder->held[--holder->count];
    struct queue_settlement settlement = {.record = record,
        .outcome = (enum queue_outcome)random_below(QUEUE_PARKED + 1),
        .reopens = random_below(2) == 1,
        .reason = random_below(2) == 0 ? "one" : "two",
        .delay_ms = random_below(3),
        .free_attempt = random_below(2) == 0,
        .effect_key = random_below(2) == 0 ? record->key : NULL};

    assert_int_equal(queue_settle(holder->queue, &settlement, 1), QUEUE_OK);
    queue_record_free(&record);
}

/* kill -9 and a new start: what it held is pending under its name. */
static void
crash(struct holder *holder)
{
    while (holder->count > 0) {
        queue_record_free(&holder->held[--holder->count]);
    }
    queue_close(&holder->queue);
    holder->queue = open_holder((unsigned)(holder - holders));
}

static void
destroy_a_group(void)
{
    char stream[32];

    (void)snprintf(stream, sizeof(stream), "fb:{%u}:stream", random_below(PARTITIONS));
    (void)REDIS_DO(&redis, "XGROUP", "CREATE", stream, "other", "0", "MKSTREAM");
    (void)REDIS_DO(&redis, "XGROUP", "DESTROY", stream, "other");
    (void)REDIS_DO(&redis, "XGROUP", "DESTROY", stream, "workers");
}

static void
step(void)
{
    struct holder *holder = &holders[random_below(WORKERS)];
    const unsigned dice = random_below(100);

    if (dice < 45) {
        put_something(holder);
    } else if (dice < 65) {
        claim_something(holder);
    } else if (dice < 97) {
        settle_something(holder);
    } else if (dice < 99) {
        crash(holder);
    } else {
        destroy_a_group();
    }
}

/* A group that was destroyed is made again by the next claim. */
static void
refuse_finding(void *context, const struct queue_finding *finding)
{
    (void)context;
    if (!slice_is(finding->name, "no_group")) {
        fail_msg("%.*s %.*s", (int)finding->name.size, finding->name.data,
            (int)finding->key.size, finding->key.data);
    }
}

/* Every record is where it says it is, and as many are where they were counted. */
static void
audit_all(void)
{
    const struct queue_audit_options options = {.finding = refuse_finding};
    struct queue_audit audit;
    const int64_t *records = audit.records;

    assert_int_equal(queue_audit(holders[0].queue, &options, &audit), QUEUE_OK);
    assert_int_equal(records[QUEUE_PLACE_DELIVERED], audit.stats.delivered);
    assert_int_equal(records[QUEUE_PLACE_FILTERED], audit.stats.filtered);
    assert_int_equal(records[QUEUE_PLACE_PARKED], audit.stats.parked);
    assert_int_equal(records[QUEUE_PLACE_DELAYED], audit.stats.delayed);
    assert_int_equal(records[QUEUE_PLACE_PENDING] + records[QUEUE_PLACE_CLAIMED] +
                         records[QUEUE_PLACE_DELAYED],
        audit.stats.pending);
}

static int
set_up(void **state)
{
    (void)empty_redis(state);
    random_state = seed;
    for (unsigned i = 0; i < WORKERS; i++) {
        holders[i] = (struct holder){.queue = open_holder(i)};
        assert_int_equal(queue_prepare(holders[i].queue), QUEUE_OK);
    }
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WORKERS; i++) {
        crash(&holders[i]);
        queue_close(&holders[i].queue);
    }
    return 0;
}

static void
holds_after_every_step(void **state)
{
    struct queue_stats stats = {0};

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < STEPS; i++) {
        step();
        stats = balanced_stats(holders[0].queue);
        if (i % AUDIT_EVERY == 0) {
            audit_all();
        }
    }
    /* The sequence has been everywhere. */
    assert_true(stats.delivered > 0 && stats.filtered > 0 && stats.parked > 0);
    assert_true(stats.group_recreated > 0);
}

static void
deliver_all(struct holder *holder)
{
    claim_something(holder);
    while (holder->count > 0) {
        (void)settle_one(
            holder->queue, holder->held[--holder->count], QUEUE_DELIVERED, NULL);
    }
}

/* After the mishaps every record can still be brought to its end. */
static void
everything_can_be_settled_in_the_end(void **state)
{
    (void)state;
    for (int i = 0; i < STEPS / 4; i++) {
        step();
    }
    crash(&holders[1]);
    for (int i = 0; i < SETTLE_ROUNDS && balanced_stats(holders[0].queue).pending > 0;
         i++) {
        for (int j = 0; j < WORKERS; j++) {
            deliver_all(&holders[j]);
        }
    }
    const struct queue_stats stats = balanced_stats(holders[0].queue);

    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.accepted, stats.delivered + stats.filtered + stats.parked);
}

int
main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(holds_after_every_step, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            everything_can_be_settled_in_the_end, set_up, tear_down),
    };

    if (count > 1) {
        seed = strtoull(arguments[1], NULL, 10);
    }
    return cmocka_run_group_tests_name(
        "queue_conservation", tests, start_redis, stop_redis);
}
