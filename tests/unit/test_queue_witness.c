/*
 * test_queue_witness.c - a Redis that comes back empty, older or as another one is noticed, once.
 */
#include <stdio.h>
#include <string.h>

#include "queue/session.h"
#include "queue/witness.h"
#include "tests/unit/queue_fixture.h"

static struct queue_witness witness;

static int
set_up_witness(void **state)
{
    witness = (struct queue_witness){.name = "00000000000000aa"};
    return set_up(state);
}

static void
put_some(unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char key[40];

        (void)snprintf(key, sizeof(key), "task.completed/WT%u", first + i);
        (void)put_one(queue, key, "taskrouter", "signed");
    }
}

static struct queue_look
look(void)
{
    struct queue_look seen;

    if (queue_witness_look(queue, &witness, &seen) != QUEUE_OK) {
        fail_msg("queue_witness_look: %s", queue_error(queue));
    }
    return seen;
}

static void
a_healthy_redis_is_fine_however_often_one_looks(void **state)
{
    (void)state;
    assert_int_equal(look().sight, QUEUE_SIGHT_FINE);
    put_some(0, 3);
    const struct queue_look seen = look();

    assert_int_equal(seen.sight, QUEUE_SIGHT_FINE);
    assert_true(seen.is_news);
    assert_int_equal(witness.marks[0], 3);
    assert_int_equal(witness.unsettled, 3);
    assert_false(look().is_news); /* nothing to keep when nothing has changed */
}

static void
an_emptied_redis_is_another_one_and_told_once(void **state)
{
    (void)state;
    put_some(0, 5);
    (void)look();
    (void)REDIS_DO(&redis, "FLUSHALL");
    put_some(5, 9); /* more than were there before: counting alone would be fooled */
    const struct queue_look seen = look();

    assert_int_equal(seen.sight, QUEUE_SIGHT_REPLACED);
    assert_int_equal(seen.missing, 5);
    assert_int_equal(seen.unsettled, 5);
    assert_int_equal(look().sight, QUEUE_SIGHT_FINE);
    assert_int_equal(look().sight, QUEUE_SIGHT_FINE);
    assert_int_equal(witness.marks[0], 9);
    put_some(14, 1); /* and it is set up again */
    assert_int_equal(REDIS_NUMBER(&redis, "HGET", "fb:meta", "partitions"), 1);
}

/* As an append-only file cut behind the second event, or a backup, brings it back. */
static void
go_back_to_two(void)
{
    (void)REDIS_DO(&redis, "HSET", "fb:{0}:stats", "accepted", "2");
    (void)REDIS_DO(&redis, "ZADD", "fb:{0}:witnesses", "2", witness.name);
}

static void
an_older_redis_went_back_and_the_gap_is_counted(void **state)
{
    (void)state;
    put_some(0, 5);
    (void)look();
    go_back_to_two();
    const struct queue_look seen = look();

    assert_int_equal(seen.sight, QUEUE_SIGHT_WENT_BACK);
    assert_int_equal(seen.missing, 3);
    assert_int_equal(look().sight, QUEUE_SIGHT_FINE);
    assert_int_equal(witness.marks[0], 2);
}

static void
new_events_do_not_hide_that_old_ones_are_gone(void **state)
{
    (void)state;
    put_some(0, 5);
    (void)look();
    go_back_to_two();
    put_some(5, 20);
    assert_int_equal(look().sight, QUEUE_SIGHT_WENT_BACK);
    assert_int_equal(look().sight, QUEUE_SIGHT_FINE);
}

/* Who dies before the witness is kept comes again with the old one. */
static void
it_is_told_again_to_who_did_not_keep_it(void **state)
{
    (void)state;
    put_some(0, 5);
    (void)look();
    const struct queue_witness kept = witness;

    go_back_to_two();
    assert_int_equal(look().sight, QUEUE_SIGHT_WENT_BACK);
    witness = kept;
    assert_int_equal(look().sight, QUEUE_SIGHT_WENT_BACK);
}

/* The other way round: the mark was made, and the witness not kept. */
static void
a_mark_ahead_of_the_witness_is_fine(void **state)
{
    (void)state;
    put_some(0, 2);
    (void)look();
    const struct queue_witness kept = witness;

    put_some(2, 2);
    (void)look();
    witness = kept;
    assert_int_equal(look().sight, QUEUE_SIGHT_FINE);
    assert_int_equal(witness.marks[0], 4);
}

static void
witnesses_do_not_disturb_each_other(void **state)
{
    struct queue_witness other = {.name = "00000000000000bb"};
    struct queue_look seen;

    (void)state;
    put_some(0, 5);
    (void)look();
    assert_int_equal(queue_witness_look(queue, &other, &seen), QUEUE_OK);
    go_back_to_two();
    (void)REDIS_DO(&redis, "ZREM", "fb:{0}:witnesses", other.name);
    assert_int_equal(look().sight, QUEUE_SIGHT_WENT_BACK);
    (void)look(); /* makes a new mark of its own */
    assert_int_equal(queue_witness_look(queue, &other, &seen), QUEUE_OK);
    assert_int_equal(seen.sight, QUEUE_SIGHT_WENT_BACK);
}

static void
a_witness_forgotten_among_many_raises_no_false_alarm(void **state)
{
    (void)state;
    put_some(0, 2);
    (void)look();
    put_some(2, 2);
    for (int i = 0; i < QUEUE_WITNESSES_MAX; i++) {
        struct queue_witness other = {0};
        struct queue_look seen;

        (void)snprintf(other.name, sizeof(other.name), "%016d", i);
        assert_int_equal(queue_witness_look(queue, &other, &seen), QUEUE_OK);
    }
    assert_int_equal(
        REDIS_NUMBER(&redis, "ZCARD", "fb:{0}:witnesses"), QUEUE_WITNESSES_MAX);
    assert_int_equal(look().sight, QUEUE_SIGHT_FINE);
}

static void
over_maxmemory_one_still_looks_and_the_mark_waits(void **state)
{
    (void)state;
    put_some(0, 2);
    (void)look();
    put_some(2, 2);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    const struct queue_look seen = look();

    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(seen.sight, QUEUE_SIGHT_FINE);
    assert_int_equal(witness.marks[0], 2);
    (void)look();
    assert_int_equal(witness.marks[0], 4);
}

static void
one_partition_of_many_is_enough(void **state)
{
    struct queue_options options = default_options(NULL);
    struct queue *many;
    struct queue_look seen;

    (void)state;
    (void)empty_redis(NULL);
    options.partitions = QUEUE_PARTITIONS_MAX;
    many = open_queue(&options);
    for (unsigned i = 0; i < 200; i++) {
        char key[40];

        (void)snprintf(key, sizeof(key), "task.completed/WT%u", i);
        (void)put_one(many, key, "taskrouter", "signed");
    }
    assert_int_equal(queue_witness_look(many, &witness, &seen), QUEUE_OK);
    assert_int_equal(seen.sight, QUEUE_SIGHT_FINE);
    unsigned one = 1;

    while (witness.marks[one] == 0) {
        one++;
    }
    const int64_t lost = witness.marks[one];

    (void)REDIS_DO(&redis, "DEL", partition_name(one, "stats").text,
        partition_name(one, "witnesses").text);
    assert_int_equal(queue_witness_look(many, &witness, &seen), QUEUE_OK);
    queue_close(&many);
    assert_int_equal(seen.sight, QUEUE_SIGHT_WENT_BACK);
    assert_int_equal(seen.missing, lost);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_witness, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_healthy_redis_is_fine_however_often_one_looks),
        TEST(an_emptied_redis_is_another_one_and_told_once),
        TEST(an_older_redis_went_back_and_the_gap_is_counted),
        TEST(new_events_do_not_hide_that_old_ones_are_gone),
        TEST(it_is_told_again_to_who_did_not_keep_it),
        TEST(a_mark_ahead_of_the_witness_is_fine),
        TEST(witnesses_do_not_disturb_each_other),
        TEST(a_witness_forgotten_among_many_raises_no_false_alarm),
        TEST(over_maxmemory_one_still_looks_and_the_mark_waits),
        TEST(one_partition_of_many_is_enough),
    };

    return cmocka_run_group_tests_name("queue_witness", tests, start_redis, stop_redis);
}
