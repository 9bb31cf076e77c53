/*
 * test_durable_set.c - requests whose events are of several nodes, one of which is away.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/ingest/durable_set.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"
#include "tests/unit/cluster_fixture.h"

enum {
    EVENTS = 12, /* of the unit that has all */
    BUDGET_US = 2 * 1000 * 1000,
    PATH_SIZE = 64,
};

static char directory[] = "/tmp/flexbrevo-test-XXXXXX";
static atomic_bool redis_is_full;
static struct spooler *spooler;
static struct durable_set *set;
static char keys[EVENTS][32];
static struct queue_put events[EVENTS];
static struct durable_unit unit;
static int status;

static void
on_unit_done(struct durable_unit *done, int result)
{
    assert_ptr_equal(done, &unit);
    assert_int_equal(status, NOT_DONE);
    status = result;
}

static bool
is_at_second(size_t event)
{
    return queue_partition(events[event].subject, QUEUE_PARTITIONS_CLUSTER) % 2 == 1;
}

static void
open_set(bool has_spool)
{
    struct queue_options options = spread_options(NULL);
    const struct spooler_options spooler_options = {.state_dir = directory,
        .redis_url = options.url,
        .redis_is_full = &redis_is_full,
        .max_bytes = 64 * 1024 * 1024};
    char error[QUEUE_ERROR_SIZE] = "";

    if (has_spool && (spooler_open(&spooler_options, &spooler, error) != 0 ||
                         spooler_start(spooler) != 0)) {
        fail_msg("%s", error);
    }
    if (durable_set_open(&options, spooler, &set, error) != QUEUE_OK) {
        fail_msg("%s", error);
    }
}

static void
name_events(const char *type)
{
    for (size_t i = 0; i < EVENTS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "%s/WT%zu", type, i);
        events[i] = (struct queue_put){.key = slice_of(keys[i]),
            .subject = slice_of(keys[i] + strlen(type) + 1),
            .route = slice_of("taskrouter"),
            .bytes = slice_of("signed")};
    }
}

static int
set_up(void **state)
{
    (void)spread_set_up(state);
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    log_set_level(LOG_ERROR);
    name_events("task.completed");
    return 0;
}

static int
tear_down(void **state)
{
    static const char *const files[] = {"db", "db-wal", "db-shm", "lock"};
    char path[PATH_SIZE];

    redis_fixture_signal(&second, SIGCONT);
    durable_set_close(&set);
    spooler_close(&spooler);
    for (size_t i = 0; i < LENGTH(files); i++) {
        (void)snprintf(path, sizeof(path), "%s/spool-1.%s", directory, files[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(directory), 0);
    return spread_tear_down(state);
}

static void
set_turn(void)
{
    struct pollfd fds[DURABLE_SET_FDS];
    const size_t count = durable_set_watch(set, fds);

    (void)poll(fds, count, 20);
    durable_set_run(set, fds, clock_monotonic_us());
}

/* A unit of `count` events from `first_event` on. Returns how it ended. */
static int
make_durable(size_t first_event, size_t count)
{
    unit = (struct durable_unit){.puts = events + first_event,
        .put_count = count,
        .done = on_unit_done,
        .deadline_us = clock_monotonic_us() + BUDGET_US};
    status = NOT_DONE;
    durable_set_add(set, &unit);
    while (status == NOT_DONE) {
        set_turn();
        assert_true(clock_monotonic_us() < unit.deadline_us + PATIENCE_US);
    }
    return status;
}

static void
events_of_several_partitions_are_durable_together(void **state)
{
    (void)state;
    open_set(false);
    events[3] = events[0]; /* once more, among the others */
    assert_int_equal(make_durable(0, EVENTS), 0);
    for (size_t i = 0; i < EVENTS; i++) {
        assert_int_equal(events[i].result, i == 3 ? QUEUE_PUT_DUPLICATE : QUEUE_PUT_NEW);
    }
    assert_int_equal(make_durable(0, EVENTS), 0);
    for (size_t i = 0; i < EVENTS; i++) {
        assert_int_equal(events[i].result, QUEUE_PUT_DUPLICATE);
    }
    assert_int_equal(durable_set_waiting(set), 0);
}

static void
a_node_that_hangs_fails_its_own_events_only(void **state)
{
    (void)state;
    open_set(false);
    assert_int_equal(make_durable(0, EVENTS), 0);
    redis_fixture_signal(&second, SIGSTOP);
    for (size_t i = 0; i < EVENTS; i++) {
        assert_int_equal(make_durable(i, 1) != 0, is_at_second(i));
    }
    assert_int_not_equal(make_durable(0, EVENTS), 0);
    assert_true(durable_set_ready(set));
    assert_int_not_equal(durable_set_error(set)[0], '\0');
}

static void
run_until_spool_is_empty(void)
{
    const int64_t end_us = clock_monotonic_us() + PATIENCE_US;

    while (spooler_waiting(spooler) > 0) {
        set_turn();
        assert_true(clock_monotonic_us() < end_us);
    }
}

static void
with_a_spool_what_is_of_a_node_that_hangs_waits_there_and_nothing_else(void **state)
{
    size_t spooled = 0;

    (void)state;
    open_set(true);
    name_events("task.created");
    assert_int_equal(make_durable(0, EVENTS), 0); /* its partitions are connected to, */
    run_until_spool_is_empty(); /* which may take a busy machine more than a unit's time */
    name_events("task.completed");
    redis_fixture_signal(&second, SIGSTOP);
    assert_int_equal(make_durable(0, EVENTS), 0);
    for (size_t i = 0; i < EVENTS; i++) {
        assert_int_equal(
            events[i].result, is_at_second(i) ? QUEUE_PUT_SPOOLED : QUEUE_PUT_NEW);
        spooled += is_at_second(i) ? 1 : 0;
    }
    assert_in_range(spooled, 1, EVENTS - 1);
    assert_int_equal(spooler_waiting(spooler), spooled);
    for (unsigned i = 0; i < QUEUE_PARTITIONS_CLUSTER; i += 2) {
        assert_int_equal(spooler_waiting_in(spooler, i), 0);
    }
    redis_fixture_signal(&second, SIGCONT);
    run_until_spool_is_empty();
    assert_int_equal(make_durable(0, EVENTS), 0);
    for (size_t i = 0; i < EVENTS; i++) {
        assert_int_equal(events[i].result, QUEUE_PUT_DUPLICATE);
    }
}

/* Of the same partition as `event`, and nothing was put there yet. */
static void
name_another_of_its_partition(size_t event)
{
    static char key[32];
    const unsigned partition =
        queue_partition(events[event].subject, QUEUE_PARTITIONS_CLUSTER);

    for (int i = 100;; i++) {
        (void)snprintf(key, sizeof(key), "task.completed/WT%d", i);
        const struct slice subject = slice_of(key + strlen("task.completed/"));

        if (queue_partition(subject, QUEUE_PARTITIONS_CLUSTER) == partition) {
            events[EVENTS - 1].key = slice_of(key);
            events[EVENTS - 1].subject = subject;
            return;
        }
    }
}

/* Its record's name is somebody's list: until the next of its partition comes, it may be Redis. */
static void
a_row_that_is_refused_for_good_holds_up_its_own_partition_until_it_is_set_aside(
    void **state)
{
    const unsigned partition =
        queue_partition(events[0].subject, QUEUE_PARTITIONS_CLUSTER);
    char record[64];

    (void)state;
    (void)snprintf(record, sizeof(record), "fb:{%u}:r:%s", partition, keys[0]);
    (void)REDIS_DO(partition % 2 == 1 ? &second : &first, "RPUSH", record, "x");
    open_set(true);
    assert_int_equal(make_durable(0, 1), 0);
    assert_int_equal(events[0].result, QUEUE_PUT_SPOOLED);
    for (size_t i = 1; i < EVENTS - 1; i++) {
        if (queue_partition(events[i].subject, QUEUE_PARTITIONS_CLUSTER) != partition) {
            assert_int_equal(make_durable(i, 1), 0);
            assert_int_equal(events[i].result, QUEUE_PUT_NEW);
        }
    }
    assert_int_equal(spooler_waiting_in(spooler, partition), 1);
    name_another_of_its_partition(0);
    assert_int_equal(make_durable(EVENTS - 1, 1), 0);
    assert_int_equal(events[EVENTS - 1].result, QUEUE_PUT_SPOOLED);
    run_until_spool_is_empty();
    assert_int_equal(counter_get(metrics_counter(METRIC_SPOOL_ASIDE, NULL, NULL)), 1);
}

static void
a_cluster_with_a_node_that_is_nearly_full_is_spared_until_it_has_room(void **state)
{
    (void)state;
    atomic_store(&redis_is_full, true);
    open_set(true);
    assert_int_equal(make_durable(0, EVENTS), 0);
    for (size_t i = 0; i < EVENTS; i++) {
        assert_int_equal(events[i].result, QUEUE_PUT_SPOOLED);
    }
    atomic_store(&redis_is_full, false);
    run_until_spool_is_empty();
    assert_int_equal(make_durable(0, EVENTS), 0);
    assert_int_equal(events[0].result, QUEUE_PUT_DUPLICATE);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(events_of_several_partitions_are_durable_together),
        TEST(a_node_that_hangs_fails_its_own_events_only),
        TEST(with_a_spool_what_is_of_a_node_that_hangs_waits_there_and_nothing_else),
        TEST(
            a_row_that_is_refused_for_good_holds_up_its_own_partition_until_it_is_set_aside),
        TEST(a_cluster_with_a_node_that_is_nearly_full_is_spared_until_it_has_room),
    };

    return cmocka_run_group_tests_name("durable_set", tests, cluster_start, cluster_stop);
}
