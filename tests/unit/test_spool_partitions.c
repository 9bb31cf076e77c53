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
open_spool(void)
{
    struct spool *opened = NULL;

    assert_int_equal(spool_open(path, BYTES_MAX, &opened), SPOOL_OK);
    assert_int_equal(spool_divide(opened, PARTITIONS), SPOOL_OK);
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
    spool = open_spool();
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
        assert_int_equal(spool_waiting_in(spool, i), expected[i]);
        total += expected[i];
    }
    assert_int_equal(spool_totals(spool).waiting, total);
}

/* Reads a row of the partition; `ends` it as drained, or only looks. */
static void
read_one(unsigned partition, bool drains)
{
    struct spool_rows rows;

    assert_int_equal(spool_read_in(spool, partition, 1, &rows), SPOOL_OK);
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
    spool = open_spool();
    check_waiting();
}

static void
what_was_set_aside_waits_again_in_its_partition(void **state)
{
    struct spool_rows rows;

    (void)state;
    assert_int_equal(spool_read_in(spool, 2, 1, &rows), SPOOL_OK);
    assert_int_equal(spool_set_aside(spool, &rows), SPOOL_OK);
    const int64_t id = rows.first_id;

    spool_rows_done(&rows);
    expected[2]--;
    check_waiting();
    read_one(2, true); /* the next one of this partition */
    assert_int_equal(spool_retry_aside(spool), SPOOL_OK);
    expected[2]++;
    check_waiting();
    assert_int_equal(spool_read_in(spool, 2, 1, &rows), SPOOL_OK);
    assert_int_equal(rows.first_id, id);
    spool_rows_done(&rows);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_partition_is_drained_around_what_waits_of_others),
        TEST(after_a_restart_the_rest_waits_in_its_partitions),
        TEST(what_was_set_aside_waits_again_in_its_partition),
    };

    return cmocka_run_group_tests_name("spool_partitions", tests, NULL, NULL);
}
