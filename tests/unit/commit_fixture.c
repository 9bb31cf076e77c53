/*
 * commit_fixture.c - a group commit, units for it, and turns of an event loop.
 */
#include "tests/unit/commit_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

struct test_unit units[UNITS_MAX];
int done_count;
struct group_commit *commit;

struct group_commit *
open_commit(const char *url, unsigned partitions)
{
    struct queue_options options = default_options(NULL);
    struct group_commit *opened = NULL;
    char error[QUEUE_ERROR_SIZE] = "";

    options.url = url;
    options.partitions = partitions;
    options.timeout_ms = TIMEOUT_MS;
    if (group_commit_open(&options, &opened, error) != QUEUE_OK) {
        fail_msg("%s", error);
    }
    return opened;
}

int
commit_set_up(void **state)
{
    (void)empty_redis(state);
    memset(units, 0, sizeof(units));
    done_count = 0;
    commit = open_commit(redis.url, 1);
    return 0;
}

int
commit_tear_down(void **state)
{
    (void)state;
    group_commit_close(&commit);
    return 0;
}

void
on_done(struct commit_unit *unit, int status)
{
    struct test_unit *test = (struct test_unit *)unit;

    assert_int_equal(test->status, NOT_DONE);
    test->status = status;
    test->order = ++done_count;
}

struct test_unit *
prepare(size_t index)
{
    struct test_unit *test = &units[index];

    (void)snprintf(test->key, sizeof(test->key), "task.completed/WT%zu", index);
    test->put = (struct queue_put){.key = slice_of(test->key),
        .subject = slice_of(test->key + strlen("task.completed/")),
        .route = slice_of("taskrouter"),
        .bytes = slice_of("signed")};
    test->unit = (struct commit_unit){.puts = &test->put,
        .put_count = 1,
        .done = on_done,
        .deadline_us = redis_now_us() + PATIENCE_US};
    test->status = NOT_DONE;
    return test;
}

struct test_unit *
add(size_t index)
{
    struct test_unit *test = prepare(index);

    group_commit_add(commit, &test->unit);
    return test;
}

/* One turn of an event loop. */
void
turn(int wait_max_ms)
{
    const int timeout_ms = group_commit_timeout_ms(commit, redis_now_us());
    struct pollfd ready = {.fd = group_commit_fd(commit),
        .events = (short)(POLLIN | (group_commit_wants_write(commit) ? POLLOUT : 0))};

    (void)poll(
        &ready, 1, timeout_ms < 0 || timeout_ms > wait_max_ms ? wait_max_ms : timeout_ms);
    group_commit_run(commit, redis_now_us());
}

void
run_until_done(void)
{
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    while (group_commit_waiting(commit) > 0) {
        turn(100);
        assert_true(redis_now_us() < end_us);
    }
}

void
run_until_healthy(bool healthy)
{
    const int64_t end_us = redis_now_us() + PATIENCE_US;

    while (group_commit_healthy(commit) != healthy) {
        turn(100);
        assert_true(redis_now_us() < end_us);
    }
}

int64_t
stored(void)
{
    return REDIS_NUMBER(&redis, "XLEN", "fb:{0}:stream");
}
