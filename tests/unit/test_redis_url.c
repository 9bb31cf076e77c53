/*
 * test_redis_url.c - which URLs of Redis are understood.
 */
#include <string.h>

#include "queue/redis_url.h"
#include "tests/unit/unit.h"

static void
reads_urls(void **state)
{
    static const struct {
        const char *url;
        struct redis_url expected;
    } cases[] = {
        {"redis://localhost", {.host = "localhost", .port = 6379}},
        {"redis://localhost/", {.host = "localhost", .port = 6379}},
        {"redis://10.0.0.1:7000/2", {.host = "10.0.0.1", .port = 7000, .db = 2}},
        {"redis://[::1]:7000", {.host = "::1", .port = 7000}},
        {"redis://[::1]", {.host = "::1", .port = 6379}},
        {"redis://:secret@h", {.host = "h", .port = 6379, .login.password = "secret"}},
        {"redis://me:secret@h:1/0", {.host = "h", .port = 1, .login = {"me", "secret"}}},
        {"redis://me:p%40ss%2Fw%3aord@h",
            {.host = "h", .port = 6379, .login = {"me", "p@ss/w:ord"}}},
        {"redis://me:p@ss:w@h", {.host = "h", .port = 6379, .login = {"me", "p@ss:w"}}},
        {"unix:///run/redis.sock", {.path = "/run/redis.sock"}},
        {"unix:///run/a%20b?db=3", {.path = "/run/a b", .db = 3}},
        {"unix:///r?password=%26&db=1&user=me",
            {.path = "/r", .db = 1, .login = {"me", "&"}}},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct redis_url *expected = &cases[i].expected;
        char error[QUEUE_ERROR_SIZE] = "";
        struct redis_url url = {0};

        if (redis_url_parse(cases[i].url, &url, error) != QUEUE_OK) {
            fail_msg("%s: %s", cases[i].url, error);
        }
        assert_string_equal(url.host, expected->host);
        assert_string_equal(url.path, expected->path);
        assert_string_equal(url.login.user, expected->login.user);
        assert_string_equal(url.login.password, expected->login.password);
        assert_int_equal(url.port, expected->port);
        assert_int_equal(url.db, expected->db);
    }
}

static const struct {
    const char *url;
    const char *because;
} refused[] = {
    {"", "redis://[user"},
    {"localhost:6379", "redis://[user"},
    {"http://s3cret@h", "redis://[user"},
    {"REDIS://h", "redis://[user"},
    {"rediss://u:s3cret@h", "stunnel"},
    {"sentinel://10.0.0.1", "master's name is missing"},
    {"sentinel://10.0.0.1/", "master's name is missing"},
    {"sentinel://:s3cret@10.0.0.1", "master's name is missing"},
    {"sentinel:///m", "host is missing"},
    {"sentinel://10.0.0.1,/m", "host is missing"},
    {"sentinel://sentinel.example.com/m", "by their addresses"},
    {"sentinel://localhost:26379/m", "by their addresses"},
    {"sentinel://10.0.0.1:x/m", "port"},
    {"sentinel://s3cret@10.0.0.1/m", "user:password"},
    {"sentinel://10.0.0.1/m/x", "database"},
    {"sentinel://10.0.0.1/m?db=1", "none of db, user, password"},
    {"sentinel://10.0.0.1/m?password=s3cret", "sentinel_password"},
    {"sentinel://10.0.0.1/m?sentinel_user=s3cret", "needs a password"},
    {"sentinel://10.0.0.1/m?wait_replicas", "wait_replicas is not a number"},
    {"sentinel://10.0.0.1/m?wait_replicas=17", "wait_replicas is not a number"},
    {"sentinel://10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,"
     "10.0.0.8,10.0.0.9/m",
        "more than 8"},
    {"cluster://h", "by their addresses"},
    {"cluster://", "host is missing"},
    {"cluster://10.0.0.1,", "host is missing"},
    {"cluster://10.0.0.1:0", "port"},
    {"cluster://s3cret@10.0.0.1", "user:password"},
    {"cluster://10.0.0.1/0", "database 0 only"},
    {"cluster://10.0.0.1/s3cret", "database 0 only"},
    {"cluster://10.0.0.1?db=1", "none of db, user, password"},
    {"cluster://10.0.0.1?wait_replicas=x", "wait_replicas is not a number"},
    {"redis://", "host is missing"},
    {"redis://u:s3cret@", "host is missing"},
    {"redis://s3cret@h", "user:password"},
    {"redis://u:@h", "user:password"},
    {"redis://u:%zz@h", "% escape"},
    {"redis://u:s3cret%4@h", "% escape"},
    {"redis://u:s3cret%00@h", "% escape"},
    {"redis://h:0", "port"},
    {"redis://h:65536", "port"},
    {"redis://h:s3cret", "port"},
    {"redis://h:", "port"},
    {"redis://[::1", "IPv6"},
    {"redis://[::1]x", "IPv6"},
    {"redis://h/s3cret", "database"},
    {"redis://h/-1", "database"},
    {"redis://h/1?x=s3cret", "database"},
    {"unix://relative.sock", "absolute"},
    {"unix:///s?s3cret", "none of db, user, password"},
    {"unix:///s?db=", "database"},
    {"unix:///s?db=s3cret", "database"},
    {"unix:///s?user=s3cret", "needs a password"},
    {"unix:///1234567890123456789012345678901234567890123456789012345678901234567890"
     "1234567890123456789012345678901234567",
        "107 bytes"},
};

static void
refuses_other_urls_without_repeating_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(refused); i++) {
        char error[QUEUE_ERROR_SIZE] = "";
        struct redis_url url = {.port = 1};

        if (redis_url_parse(refused[i].url, &url, error) != QUEUE_E_URL ||
            strstr(error, refused[i].because) == NULL) {
            fail_msg("%s: %s", refused[i].url, error);
        }
        assert_null(strstr(error, "s3cret"));
        assert_int_equal(url.port, 1); /* untouched */
    }
}

static void
reads_sentinels(void **state)
{
    char error[QUEUE_ERROR_SIZE] = "";
    struct redis_url url = {0};

    (void)state;
    if (redis_url_parse(
            "sentinel://me:a%2fb@10.0.0.1,10.0.0.2:7000,[fd00::3]:1/my%2fone/2"
            "?sentinel_password=p%26w&wait_replicas=2&sentinel_user=w",
            &url, error) != QUEUE_OK) {
        fail_msg("%s", error);
    }
    assert_string_equal(url.host, ""); /* asked for later */
    assert_int_equal(url.guide_count, 3);
    assert_string_equal(url.guides[0].host, "10.0.0.1");
    assert_int_equal(url.guides[0].port, 26379);
    assert_string_equal(url.guides[1].host, "10.0.0.2");
    assert_int_equal(url.guides[1].port, 7000);
    assert_string_equal(url.guides[2].host, "fd00::3");
    assert_int_equal(url.guides[2].port, 1);
    assert_string_equal(url.master, "my/one");
    assert_int_equal(url.db, 2);
    assert_string_equal(url.login.user, "me");
    assert_string_equal(url.login.password, "a/b");
    assert_string_equal(url.sentinel_login.user, "w");
    assert_string_equal(url.sentinel_login.password, "p&w");
    assert_int_equal(url.wait_replicas, 2);
    assert_false(url.is_cluster);
}

static void
reads_the_nodes_of_a_cluster(void **state)
{
    char error[QUEUE_ERROR_SIZE] = "";
    struct redis_url url = {0};

    (void)state;
    if (redis_url_parse("cluster://me:a%2fb@10.0.0.1,[fd00::3]:7001/?wait_replicas=1",
            &url, error) != QUEUE_OK) {
        fail_msg("%s", error);
    }
    assert_true(url.is_cluster);
    assert_string_equal(url.host, ""); /* asked for later */
    assert_int_equal(url.guide_count, 2);
    assert_string_equal(url.guides[0].host, "10.0.0.1");
    assert_int_equal(url.guides[0].port, 6379);
    assert_string_equal(url.guides[1].host, "fd00::3");
    assert_int_equal(url.guides[1].port, 7001);
    assert_string_equal(url.login.user, "me");
    assert_string_equal(url.login.password, "a/b");
    assert_int_equal(url.wait_replicas, 1);
}

static void
takes_the_longest_socket_path(void **state)
{
    char text[7 + REDIS_PATH_SIZE] = "unix://";
    char error[QUEUE_ERROR_SIZE] = "";
    struct redis_url url = {0};

    (void)state;
    memset(text + 7, '/', REDIS_PATH_SIZE - 1);
    text[7 + REDIS_PATH_SIZE - 1] = '\0';
    assert_int_equal(redis_url_parse(text, &url, error), QUEUE_OK);
    assert_int_equal(strlen(url.path), 107);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_urls),
        cmocka_unit_test(reads_sentinels),
        cmocka_unit_test(reads_the_nodes_of_a_cluster),
        cmocka_unit_test(refuses_other_urls_without_repeating_secrets),
        cmocka_unit_test(takes_the_longest_socket_path),
    };

    return cmocka_run_group_tests_name("redis_url", tests, NULL, NULL);
}
