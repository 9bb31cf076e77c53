/*
 * test_spool_partitions.c - a spool whose partitions are drained each by itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/spool.h"
#include "tests/unit/unit.h"

enum {
    PARTITIONS = 16,
    EVENTS = 100,
    PATH_SIZE = 64,
    BYTES_MAX = 1024 * 1024,
};

static char directory[] = "/tmp/flexbrevo-test-XXXXXX";
static char path[PATH_SIZE];
static struct spool *spool;
static int64_t expected[PARTITIONS]; /* events of each */

static struct spool *
open_spool(unsigned partitions)
{
    struct spool *opened = NULL;

    assert_int_equal(spool_open(path, BYTES_MAX, partitions, &opened), SPOOL_OK);
    return opened;
}

static void
add_event(int number)
{
    char key[32];

    (void)snprintf(key, sizeof(key), "t/WT%d", number);
    struct queue_put put = {.key = slice_of(key),
        .subject = slice_of(key + 2),
        .route = slice_of("r"),
        .bytes = slice_of("x")};

    assert_int_equal(spool_add(spool, &put, 1, 1), SPOOL_OK);
    assert_int_equal(put.result, QUEUE_PUT_SPOOLED);
    expected[queue_partition(put.subject, PARTITIONS)]++;
}

static int
set_up(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/spool.db", directory);
    spool = open_spool(PARTITIONS);
    memset(expected, 0, sizeof(expected));
    for (int i = 0; i < EVENTS; i++) {
        add_event(i);
    }
    return 0;
}

static int
tear_down(void **state)
{
    static const char *const endings[] = {"", "-wal", "-shm"};

    (void)state;
    spool_close(&spool);
    for (size_t i = 0; i < LENGTH(endings); i++) {
        char file[PATH_SIZE + 8];

        (void)snprintf(file, sizeof(file), "%s%s", path, endings[i]);
        (void)unlink(file);
    }
    return rmdir(directory);
}

static void
check_waiting(void)
{
    int64_t total = 0;

    for (unsigned i = 0; i < PARTITIONS; i++) {
        assert_int_equal(spool_totals_in(spool, i).waiting, expected[i]);
        total += expected[i];
    }
    assert_int_equal(spool_totals(spool).waiting, total);
}

/* Reads a row of the partition; `ends` it as drained, or only looks. */
static void
read_one(unsigned partition, bool drains)
{
    struct spool_rows rows;

    assert_int_equal(spool_read(spool, partition, 1, &rows), SPOOL_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(queue_partition(rows.puts[0].subject, PARTITIONS), partition);
    if (drains) {
        assert_int_equal(spool_drained(spool, &rows), SPOOL_OK);
        expected[partition]--;
    }
    spool_rows_done(&rows);
}

static void
a_partition_is_drained_around_what_waits_of_others(void **state)
{
    (void)state;
    check_waiting();
    while (expected[5] > 0) {
        read_one(5, true);
        read_one(4, false);
    }
    check_waiting();
    add_event(EVENTS); /* and one more of some partition: found like the others */
    check_waiting();
    for (unsigned i = 0; i < PARTITIONS; i++) {
        while (expected[i] > 0) {
            read_one(i, true);
        }
    }
    check_waiting();
}

static void
after_a_restart_the_rest_waits_in_its_partitions(void **state)
{
    (void)state;
    read_one(3, true);
    read_one(7, true);
    spool_close(&spool);
    spool = open_spool(PARTITIONS);
    check_waiting();
}

static int64_t
set_one_aside(unsigned partition)
{
    struct spool_rows rows;

    assert_int_equal(spool_read(spool, partition, 1, &rows), SPOOL_OK);
    assert_int_equal(spool_set_aside(spool, &rows), SPOOL_OK);
    spool_rows_done(&rows);
    expected[partition]--;
    return rows.first_id;
}

static void
what_was_set_aside_is_read_and_drained_with_its_partition(void **state)
{
    struct spool_rows rows;

    (void)state;
    const int64_t id = set_one_aside(2);

    (void)set_one_aside(9);
    check_waiting();
    assert_int_equal(spool_totals(spool).aside, 2);
    assert_int_equal(spool_totals_in(spool, 2).aside, 1);
    read_one(2, true); /* the next one of this partition */
    assert_int_equal(spool_read_one(spool, 2, SPOOL_ASIDE, 0, &rows), SPOOL_OK);
    assert_int_equal(rows.first_id, id);
    assert_int_equal(spool_drained(spool, &rows), SPOOL_OK);
    spool_rows_done(&rows);
    assert_int_equal(spool_read_one(spool, 2, SPOOL_ASIDE, 0, &rows), SPOOL_OK);
    assert_int_equal(rows.count, 0);
    assert_int_equal(spool_totals_in(spool, 2).aside, 0);
    assert_int_equal(spool_totals_in(spool, 9).aside, 1);
    check_waiting();
}

static void
what_is_passed_over_is_of_its_partition(void **state)
{
    struct spool_rows rows;

    (void)state;
    assert_int_equal(spool_read(spool, 4, 1, &rows), SPOOL_OK);
    const int64_t first_id = rows.first_id;

    spool_rows_done(&rows);
    assert_int_equal(spool_read_one(spool, 4, SPOOL_WAITING, first_id, &rows), SPOOL_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(queue_partition(rows.puts[0].subject, PARTITIONS), 4);
    assert_int_equal(spool_drained(spool, &rows), SPOOL_OK);
    spool_rows_done(&rows);
    expected[4]--;
    check_waiting();
    assert_int_equal(spool_read(spool, 4, 1, &rows), SPOOL_OK); /* and is still there */
    assert_int_equal(rows.first_id, first_id);
    spool_rows_done(&rows);
}

/* The file is the same whatever the queue is: who moves into a cluster keeps what waits. */
static void
a_spool_of_one_redis_is_a_spool_of_a_cluster_and_the_other_way_round(void **state)
{
    (void)state;
    spool_close(&spool);
    spool = open_spool(1);
    assert_int_equal(spool_totals_in(spool, 0).waiting, EVENTS);
    add_event(EVENTS);
    spool_close(&spool);
    spool = open_spool(PARTITIONS);
    check_waiting();
    read_one(7, true);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_partition_is_drained_around_what_waits_of_others),
        TEST(after_a_restart_the_rest_waits_in_its_partitions),
        TEST(what_was_set_aside_is_read_and_drained_with_its_partition),
        TEST(what_is_passed_over_is_of_its_partition),
        TEST(a_spool_of_one_redis_is_a_spool_of_a_cluster_and_the_other_way_round),
    };

    return cmocka_run_group_tests_name("spool_partitions", tests, NULL, NULL);
}
