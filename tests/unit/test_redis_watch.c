/*
 * test_redis_watch.c - for how long what was seen of Redis counts.
 */
#include <stdlib.h>
#include <unistd.h>

#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/service/redis_watch.h"
#include "tests/unit/queue_fixture.h"

static const int64_t second_us = 1000 * US_PER_MS;

static struct redis_watch *
watch_from(const char *state_dir)
{
    const struct redis_watch_options options = {
        .redis_url = redis.url,
        .require = "none",
        .state_dir = state_dir,
        .partitions = 1,
    };
    struct redis_watch *watch = NULL;
    char error[REDIS_WATCH_ERROR_SIZE] = "";

    if (redis_watch_open(&options, &watch, error) != 0 ||
        !redis_watch_start(watch, error)) {
        fail_msg("%s", error);
    }
    return watch;
}

/* Only this connection may hang; whether there is room decides about everybody's events. */
static void
that_redis_was_full_counts_no_longer_than_half_a_minute(void **state)
{
    char state_dir[] = "/tmp/fb-test-XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(state_dir));
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    struct redis_watch *watch = watch_from(state_dir);
    const int64_t seen_us = clock_monotonic_us();

    assert_true(redis_watch_is_full(watch, seen_us));
    assert_true(redis_watch_is_full(watch, seen_us + 20 * second_us));
    assert_false(redis_watch_is_full(watch, seen_us + 31 * second_us));
    redis_watch_close(&watch);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(chdir(state_dir), 0);
    (void)unlink("witness");
    (void)unlink("witness.lock");
    (void)rmdir(state_dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            that_redis_was_full_counts_no_longer_than_half_a_minute, set_up, tear_down),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("redis_watch", tests, start_redis, stop_redis);
}
