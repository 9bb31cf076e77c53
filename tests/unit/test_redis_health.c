/*
 * test_redis_health.c - which lack of Redis refuses a start under which redis.require.
 */
#include <string.h>

#include "server/service/redis_health.h"
#include "tests/unit/unit.h"

static const char *const levels[] = {"none", "everysec", "always"};

/* Refused from this level on; past the last: by none. */
static const struct {
    enum queue_weakness weakness;
    size_t refused_from;
} cases[QUEUE_WEAKNESS_COUNT] = {
    {QUEUE_WEAK_TOO_OLD, 0},
    {QUEUE_WEAK_FSYNC_OFF, 1},
    {QUEUE_WEAK_FSYNC_NO, 1},
    {QUEUE_WEAK_EVICTION, 1},
    {QUEUE_WEAK_FSYNC_EVERYSEC, 2},
    {QUEUE_WEAK_FSYNC_UNKNOWN, 2},
    {QUEUE_WEAK_MEMORY_HIGH, 3},
    {QUEUE_WEAK_MEMORY_FULL, 3},
    {QUEUE_WEAK_APPEND_FAILING, 3},
    {QUEUE_WEAK_REWRITE_FAILING, 3},
    {QUEUE_WEAK_SNAPSHOT_FAILING, 3},
    {QUEUE_WEAK_LOADING, 3},
    {QUEUE_WEAK_READ_ONLY, 3},
};

static void
each_lack_refuses_from_its_level_on_and_says_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        for (size_t level = 0; level < LENGTH(levels); level++) {
            struct queue_health health = {0};
            char error[REDIS_HEALTH_ERROR_SIZE] = "";

            health.weak[cases[i].weakness] = true;
            const bool refused = redis_health_refuses(&health, levels[level], error);

            if (refused != (level >= cases[i].refused_from)) {
                fail_msg("%s under %s: %d", redis_lack(cases[i].weakness)->name,
                    levels[level], refused);
            }
            if (refused) {
                assert_non_null(strstr(error, redis_lack(cases[i].weakness)->remedy));
                assert_non_null(strstr(error, ": redis.url ("));
                assert_int_equal(error[strlen(error) - 1], ')'); /* not cut */
            }
        }
    }
}

static void
one_that_lacks_nothing_is_never_refused(void **state)
{
    const struct queue_health health = {0};
    char error[REDIS_HEALTH_ERROR_SIZE] = "";

    (void)state;
    assert_false(redis_health_refuses(&health, "always", error));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lack_refuses_from_its_level_on_and_says_what_to_do),
        cmocka_unit_test(one_that_lacks_nothing_is_never_refused),
    };

    return cmocka_run_group_tests_name("redis_health", tests, NULL, NULL);
}
