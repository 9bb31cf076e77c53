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
        {"redis://:secret@h", {.host = "h", .port = 6379, .password = "secret"}},
        {"redis://me:secret@h:1/0",
            {.host = "h", .port = 1, .user = "me", .password = "secret"}},
        {"redis://me:p%40ss%2Fw%3aord@h",
            {.host = "h", .port = 6379, .user = "me", .password = "p@ss/w:ord"}},
        {"redis://me:p@ss:w@h",
            {.host = "h", .port = 6379, .user = "me", .password = "p@ss:w"}},
        {"unix:///run/redis.sock", {.path = "/run/redis.sock"}},
        {"unix:///run/a%20b?db=3", {.path = "/run/a b", .db = 3}},
        {"unix:///r?password=%26&db=1&user=me",
            {.path = "/r", .db = 1, .user = "me", .password = "&"}},
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
        assert_string_equal(url.user, expected->user);
        assert_string_equal(url.password, expected->password);
        assert_int_equal(url.port, expected->port);
        assert_int_equal(url.db, expected->db);
    }
}

static void
refuses_other_urls_without_repeating_secrets(void **state)
{
    static const struct {
        const char *url;
        const char *because;
    } cases[] = {
        {"", "redis://host"},
        {"localhost:6379", "redis://host"},
        {"http://s3cret@h", "redis://host"},
        {"REDIS://h", "redis://host"},
        {"rediss://u:s3cret@h", "hiredis_ssl"},
        {"sentinel://h", "not supported by this version"},
        {"cluster://h", "not supported by this version"},
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

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char error[QUEUE_ERROR_SIZE] = "";
        struct redis_url url = {.port = 1};

        if (redis_url_parse(cases[i].url, &url, error) != QUEUE_E_URL ||
            strstr(error, cases[i].because) == NULL) {
            fail_msg("%s: %s", cases[i].url, error);
        }
        assert_null(strstr(error, "s3cret"));
        assert_int_equal(url.port, 1); /* untouched */
    }
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
        cmocka_unit_test(refuses_other_urls_without_repeating_secrets),
        cmocka_unit_test(takes_the_longest_socket_path),
    };

    return cmocka_run_group_tests_name("redis_url", tests, NULL, NULL);
}
