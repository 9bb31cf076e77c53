/*
 * test_queue_health.c - whether a Redis can keep what is put into it is read, never assumed.
 */
#include "queue/health.h"
#include "tests/unit/queue_fixture.h"

#define GOOD                   \
    "# Server\r\n"             \
    "redis_version:7.0.15\r\n" \
    "loading:0\r\n"            \
    "used_memory:1000000\r\n"  \
    "aof_enabled:1\r\n"        \
    "aof_last_write_status:ok\r\n"

#define NONE QUEUE_WEAKNESS_COUNT

/* At most one lack each: `weakness`, or NONE. */
static const struct {
    const char *info;
    const char *fsync; /* NULL: not to be had */
    enum queue_fsync mode;
    enum queue_weakness weakness;
} cases[] = {
    {GOOD "maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n", "always", QUEUE_FSYNC_ALWAYS,
        NONE},
    {GOOD "maxmemory:9000000\r\nmaxmemory_policy:noeviction\r\n", "always",
        QUEUE_FSYNC_ALWAYS, NONE},
    {GOOD "maxmemory:9000000\r\nmaxmemory_policy:volatile-ttl\r\n", "always",
        QUEUE_FSYNC_ALWAYS, QUEUE_WEAK_EVICTION},
    {GOOD "maxmemory:1250000\r\nmaxmemory_policy:noeviction\r\n", "always",
        QUEUE_FSYNC_ALWAYS, QUEUE_WEAK_MEMORY_HIGH},
    {GOOD "maxmemory:1300000\r\nmaxmemory_policy:noeviction\r\n", "always",
        QUEUE_FSYNC_ALWAYS, NONE},
    {GOOD, "everysec", QUEUE_FSYNC_EVERYSEC, QUEUE_WEAK_FSYNC_EVERYSEC},
    {GOOD, "no", QUEUE_FSYNC_NO, QUEUE_WEAK_FSYNC_NO},
    {GOOD, NULL, QUEUE_FSYNC_UNKNOWN, QUEUE_WEAK_FSYNC_UNKNOWN},
    {GOOD, "sometimes", QUEUE_FSYNC_UNKNOWN, QUEUE_WEAK_FSYNC_UNKNOWN},
    {"aof_enabled:0\r\n", "always", QUEUE_FSYNC_OFF, QUEUE_WEAK_FSYNC_OFF},
    {"", "always", QUEUE_FSYNC_UNKNOWN, QUEUE_WEAK_FSYNC_UNKNOWN},
    {"redis_version:6.0.16\r\naof_enabled:1\r\n", "always", QUEUE_FSYNC_ALWAYS,
        QUEUE_WEAK_TOO_OLD},
    {"redis_version:6.2.0\r\naof_enabled:1\r\n", "always", QUEUE_FSYNC_ALWAYS, NONE},
    {"redis_version:unstable\r\naof_enabled:1\r\n", "always", QUEUE_FSYNC_ALWAYS, NONE},
    {"aof_enabled:1\r\naof_last_write_status:err\r\n", "always", QUEUE_FSYNC_ALWAYS,
        QUEUE_WEAK_APPEND_FAILING},
    {"aof_enabled:1\r\naof_last_bgrewrite_status:err\r\n", "always", QUEUE_FSYNC_ALWAYS,
        QUEUE_WEAK_REWRITE_FAILING},
    {"aof_enabled:1\r\nrdb_last_bgsave_status:err\r\n", "always", QUEUE_FSYNC_ALWAYS,
        QUEUE_WEAK_SNAPSHOT_FAILING},
    {"aof_enabled:1\r\nloading:1\r\n", "always", QUEUE_FSYNC_ALWAYS, QUEUE_WEAK_LOADING},
    {"aof_enabled:1\r\nrole:slave\r\n", "always", QUEUE_FSYNC_ALWAYS,
        QUEUE_WEAK_READ_ONLY},
};

static void
each_lack_is_seen_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct queue_health health;

        queue_health_read(slice_of(cases[i].info), slice_of(cases[i].fsync), &health);
        assert_int_equal(health.fsync, cases[i].mode);
        for (size_t j = 0; j < QUEUE_WEAKNESS_COUNT; j++) {
            if (health.weak[j] != (j == cases[i].weakness)) {
                fail_msg("case %zu: lack %zu is %d", i, j, health.weak[j]);
            }
        }
    }
}

/* used_memory is 1,000,000. */
static void
full_is_told_before_it_is_and_until_there_is_room_again(void **state)
{
    static const struct {
        const char *memory;
        bool is_full;
        bool stays_full; /* when it was before */
    } steps[] = {
        {"maxmemory:1060000\r\nmaxmemory_policy:noeviction\r\n", false, true},
        {"maxmemory:1050000\r\nmaxmemory_policy:noeviction\r\n", true, true},
        {"maxmemory:1\r\nmaxmemory_policy:noeviction\r\n", true, true},
        {"maxmemory:1100000\r\nmaxmemory_policy:noeviction\r\n", false, true},
        {"maxmemory:1120000\r\nmaxmemory_policy:noeviction\r\n", false, false},
        {"maxmemory:0\r\nmaxmemory_policy:noeviction\r\n", false, false},
        /* a cache is always full, and makes room by itself: QUEUE_WEAK_EVICTION */
        {"maxmemory:1\r\nmaxmemory_policy:allkeys-lru\r\n", false, false},
        /* what Redis does not count, as the buffers of replicas */
        {"maxmemory:1050000\r\nmaxmemory_policy:noeviction\r\n"
         "mem_not_counted_for_evict:100000\r\n",
            false, false},
    };
    struct queue_health full = {0};

    (void)state;
    full.weak[QUEUE_WEAK_MEMORY_FULL] = true;
    for (size_t i = 0; i < LENGTH(steps); i++) {
        AUTO(buffer_done) struct buffer info = {.max = 1024};
        struct queue_health health;

        buffer_add_text(&info, GOOD);
        buffer_add_text(&info, steps[i].memory);
        queue_health_read(buffer_slice(&info), slice_of("always"), &health);
        if (health.weak[QUEUE_WEAK_MEMORY_FULL] != steps[i].is_full) {
            fail_msg("step %zu", i);
        }
        queue_health_follow(&health, &full);
        if (health.weak[QUEUE_WEAK_MEMORY_FULL] != steps[i].stays_full) {
            fail_msg("step %zu, when it was full", i);
        }
    }
}

static void
replicas_are_counted_and_those_in_sync(void **state)
{
    struct queue_health health;

    (void)state;
    queue_health_read(
        slice_of("connected_slaves:2\r\n"
                 "slave0:ip=127.0.0.1,port=7001,state=online,offset=1,lag=0\r\n"
                 "slave1:ip=127.0.0.1,port=7002,state=wait_bgsave,offset=0,lag=0\r\n"),
        slice_of("always"), &health);
    assert_int_equal(health.replicas, 2);
    assert_int_equal(health.replicas_in_sync, 1);
}

static void
a_real_redis_tells_its_mode(void **state)
{
    struct queue_health health;

    (void)state;
    (void)REDIS_DO(&redis, "CONFIG", "SET", "appendonly", "yes");
    assert_int_equal(queue_health(queue, &health), QUEUE_OK);
    assert_int_equal(health.fsync, QUEUE_FSYNC_ALWAYS);
    assert_true(health.version[0] >= '6' && health.used_memory > 0);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "appendfsync", "everysec");
    assert_int_equal(queue_health(queue, &health), QUEUE_OK);
    assert_true(health.weak[QUEUE_WEAK_FSYNC_EVERYSEC]);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "appendonly", "no");
    assert_int_equal(queue_health(queue, &health), QUEUE_OK);
    assert_int_equal(health.fsync, QUEUE_FSYNC_OFF);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "appendfsync", "always");
}

/* As a managed Redis does. */
static void
what_may_not_be_asked_is_unknown(void **state)
{
    struct queue_health health;

    (void)state;
    (void)REDIS_DO(
        &redis, "ACL", "SETUSER", "default", "-config", "-acl|whoami", "-info");
    assert_int_equal(queue_health(queue, &health), QUEUE_OK);
    (void)REDIS_DO(&redis, "ACL", "SETUSER", "default", "+@all");
    assert_int_equal(health.fsync, QUEUE_FSYNC_UNKNOWN);
    assert_string_equal(health.version, "");
    assert_true(health.weak[QUEUE_WEAK_FSYNC_UNKNOWN]);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lack_is_seen_and_no_other),
        cmocka_unit_test(full_is_told_before_it_is_and_until_there_is_room_again),
        cmocka_unit_test(replicas_are_counted_and_those_in_sync),
        TEST(a_real_redis_tells_its_mode),
        TEST(what_may_not_be_asked_is_unknown),
    };

    return cmocka_run_group_tests_name("queue_health", tests, start_redis, stop_redis);
}
