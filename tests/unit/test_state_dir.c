/*
 * test_state_dir.c - the locks and names a restart depends on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/service/embedded_redis.h"
#include "server/service/state_dir.h"
#include "tests/unit/unit.h"

static int
make_directory(void **state)
{
    char *path = strdup("/tmp/flexbrevo-test-XXXXXX");

    *state = path;
    return path != NULL && mkdtemp(path) != NULL ? 0 : -1;
}

static int
remove_directory(void **state)
{
    char *path = *state;
    static const char *const files[] = {
        "id", "id.lock", "lock", "worker-1.lock", "worker-2.lock"};

    for (size_t i = 0; i < LENGTH(files); i++) {
        char file[200];

        (void)snprintf(file, sizeof(file), "%s/%s", path, files[i]);
        (void)unlink(file);
    }
    const int r = rmdir(path);

    free(path);
    return r;
}

static void
makes_missing_parents_for_the_owner_only(void **state)
{
    char error[STATE_DIR_ERROR_SIZE] = "";
    char path[200];
    struct stat status = {0};

    (void)snprintf(path, sizeof(path), "%s/a/b", (const char *)*state);
    assert_int_equal(state_dir_prepare(path, error), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(state_dir_prepare(path, error), 0);
    (void)rmdir(path);
    (void)snprintf(path, sizeof(path), "%s/a", (const char *)*state);
    (void)rmdir(path);
}

static void
names_a_directory_that_cannot_be_used(void **state)
{
    char error[STATE_DIR_ERROR_SIZE] = "";

    (void)state;
    assert_int_equal(state_dir_prepare("/proc/flexbrevo", error), -ENOENT);
    assert_non_null(strstr(error, "/proc/flexbrevo"));
    assert_non_null(strstr(error, "state_dir"));
}

static void
a_lock_is_refused_until_its_holder_lets_go(void **state)
{
    int first = -1;
    int second = -1;

    assert_int_equal(state_dir_lock(*state, "lock", 0, &first), 0);
    assert_int_equal(state_dir_lock(*state, "lock", 0, &second), -EWOULDBLOCK);
    assert_int_equal(second, -1);
    (void)close(first);
    assert_int_equal(state_dir_lock(*state, "lock", 0, &second), 0);
    (void)close(second);
}

static void
a_lock_lasts_as_long_as_a_child_holds_it(void **state)
{
    int fd = -1;
    int ends[2] = {-1, -1};
    char byte = 0;

    assert_int_equal(state_dir_lock(*state, "lock", 0, &fd), 0);
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();

    if (child == 0) {
        (void)close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1); /* until the parent closes its end */
    }
    (void)close(fd);
    assert_int_equal(state_dir_lock(*state, "lock", 0, &fd), -EWOULDBLOCK);
    (void)close(ends[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(state_dir_lock(*state, "lock", 1000, &fd), 0);
    (void)close(fd);
    (void)close(ends[0]);
}

static void
a_worker_finds_its_own_name_again_after_a_restart(void **state)
{
    char before[STATE_DIR_CONSUMER_SIZE];
    char after[STATE_DIR_CONSUMER_SIZE];
    int fd = -1;

    assert_int_equal(state_dir_consumer(*state, before, &fd), 0);
    (void)close(fd);
    assert_int_equal(state_dir_consumer(*state, after, &fd), 0);
    (void)close(fd);
    assert_string_equal(before, after);
}

static void
two_live_workers_never_share_a_name(void **state)
{
    char first[STATE_DIR_CONSUMER_SIZE];
    char second[STATE_DIR_CONSUMER_SIZE];
    int first_fd = -1;
    int second_fd = -1;

    assert_int_equal(state_dir_consumer(*state, first, &first_fd), 0);
    assert_int_equal(state_dir_consumer(*state, second, &second_fd), 0);
    assert_string_not_equal(first, second);
    (void)close(first_fd);
    (void)close(second_fd);
}

static void
a_damaged_id_is_made_anew(void **state)
{
    char name[STATE_DIR_CONSUMER_SIZE];
    char path[200];
    int fd = -1;

    (void)snprintf(path, sizeof(path), "%s/id", (const char *)*state);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    (void)fputs("not hex", file);
    (void)fclose(file);
    assert_int_equal(state_dir_consumer(*state, name, &fd), 0);
    assert_int_equal(strlen(name), 16 + strlen("-1"));
    (void)close(fd);
}

static void
a_socket_path_too_long_is_refused(void **state)
{
    char url[EMBEDDED_REDIS_URL_SIZE];
    char path[120];

    (void)state;
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[107 - strlen("/redis.sock")] = '\0';
    assert_int_equal(embedded_redis_url(path, url, sizeof(url)), 0);
    assert_int_equal(strlen(url), strlen("unix://") + 107);
    path[107 - strlen("/redis.sock")] = 'x';
    path[108 - strlen("/redis.sock")] = '\0';
    assert_int_equal(embedded_redis_url(path, url, sizeof(url)), -ENAMETOOLONG);
}

int
main(void)
{
#define IN_DIRECTORY(test) \
    cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(makes_missing_parents_for_the_owner_only),
        cmocka_unit_test(names_a_directory_that_cannot_be_used),
        IN_DIRECTORY(a_lock_is_refused_until_its_holder_lets_go),
        IN_DIRECTORY(a_lock_lasts_as_long_as_a_child_holds_it),
        IN_DIRECTORY(a_worker_finds_its_own_name_again_after_a_restart),
        IN_DIRECTORY(two_live_workers_never_share_a_name),
        IN_DIRECTORY(a_damaged_id_is_made_anew),
        cmocka_unit_test(a_socket_path_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
