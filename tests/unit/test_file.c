/*
 * test_file.c - whole files: read with a limit, replaced at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ops/file.h"
#include "tests/unit/unit.h"

#define FILE_NAME "name" /* each test runs inside the directory */

static int
enter_directory(void **state)
{
    static char directory[] = "/tmp/file-XXXXXX";

    *state = directory;
    return mkdtemp(directory) != NULL && chdir(directory) == 0 ? 0 : -1;
}

static int
leave_directory(void **state)
{
    (void)unlink(FILE_NAME);
    return chdir("/") == 0 ? rmdir(*state) : -1;
}

static void
assert_holds(const char *expected)
{
    AUTO(buffer_done) struct buffer text = {0};

    assert_int_equal(file_read(FILE_NAME, 100, &text), 0);
    assert_true(slice_is(buffer_slice(&text), expected));
}

static void
a_file_is_replaced_whole_and_is_for_nobody_else(void **state)
{
    struct stat status;

    (void)state;
    assert_int_equal(file_replace(FILE_NAME, slice_of("a longer first text")), 0);
    assert_int_equal(file_replace(FILE_NAME, slice_of("second")), 0);
    assert_holds("second");
    assert_int_equal(stat(FILE_NAME, &status), 0);
    assert_int_equal(status.st_mode & 07777, S_IRUSR | S_IWUSR);
    assert_int_equal(access(FILE_NAME ".new", F_OK), -1);
}

static void
what_a_dead_writer_left_is_written_anew(void **state)
{
    const int fd = open(FILE_NAME ".new", O_WRONLY | O_CREAT, 0644);

    (void)state;
    assert_int_equal(write(fd, "half of much more than", 22), 22);
    assert_int_equal(close(fd), 0);
    assert_int_equal(file_replace(FILE_NAME, slice_of("all of it")), 0);
    assert_holds("all of it");
}

static void
a_failure_leaves_the_old_file(void **state)
{
    (void)state;
    assert_int_equal(file_replace(FILE_NAME, slice_of("old")), 0);
    assert_int_equal(mkdir(FILE_NAME ".new", 0700), 0); /* in the way */
    assert_int_equal(file_replace(FILE_NAME, slice_of("new")), -EEXIST);
    assert_int_equal(rmdir(FILE_NAME ".new"), 0);
    assert_holds("old");
    assert_int_equal(file_replace("missing/" FILE_NAME, slice_of("new")), -ENOENT);
}

static void
more_than_the_limit_is_not_read(void **state)
{
    AUTO(buffer_done) struct buffer whole = {0};
    AUTO(buffer_done) struct buffer cut = {0};

    (void)state;
    assert_int_equal(file_replace(FILE_NAME, slice_of("12345")), 0);
    assert_int_equal(file_read(FILE_NAME, 5, &whole), 0);
    assert_int_equal(file_read(FILE_NAME, 4, &cut), -EFBIG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_replaced_whole_and_is_for_nobody_else),
        cmocka_unit_test(what_a_dead_writer_left_is_written_anew),
        cmocka_unit_test(a_failure_leaves_the_old_file),
        cmocka_unit_test(more_than_the_limit_is_not_read),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
