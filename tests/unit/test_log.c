/*
 * test_log.c - one line per decision, whatever the values hold and whoever reads.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/ops/log.h"
#include "tests/unit/unit.h"

enum {
    PIPE_BYTES = 64 * 1024,
    THREADS = 4,
    LINES_PER_THREAD = 100,
    TIMESTAMP_LENGTH = sizeof("2026-01-01T00:00:00.123Z") - 1,
};

static int real_stderr;
static int reader;

/* Standard error becomes a pipe whose other end is `reader`. */
static int
capture(void **state)
{
    int ends[2];

    (void)state;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    real_stderr = dup(STDERR_FILENO);
    reader = ends[0];
    log_set_level(LOG_INFO);
    return dup2(ends[1], STDERR_FILENO) < 0 || close(ends[1]) != 0 ? -1 : 0;
}

static int
release(void **state)
{
    (void)state;
    if (dup2(real_stderr, STDERR_FILENO) < 0 || close(real_stderr) != 0) {
        return -1;
    }
    return close(reader);
}

/* What was logged so far, NUL-terminated. */
static char *
logged(void)
{
    static char text[PIPE_BYTES + 1];
    struct pollfd ready = {.fd = reader, .events = POLLIN};
    size_t size = 0;

    while (size < PIPE_BYTES && poll(&ready, 1, 0) > 0) {
        const ssize_t got = read(reader, text + size, PIPE_BYTES - size);

        assert_true(got > 0);
        size += (size_t)got;
    }
    text[size] = '\0';
    return text;
}

static void
expect_logged(const char *behind_timestamp)
{
    const char *text = logged();

    assert_true(strlen(text) > TIMESTAMP_LENGTH);
    assert_int_equal(text[TIMESTAMP_LENGTH - 1], 'Z');
    assert_string_equal(text + TIMESTAMP_LENGTH, behind_timestamp);
}

static void
writes_time_level_event_and_pairs(void **state)
{
    (void)state;
    log_info("delivered", "key=%s ms=%d", "task.completed/WT1", 41);
    expect_logged(" info delivered key=task.completed/WT1 ms=41\n");
    log_warn("paused", "cause=%s", "unauthorized");
    expect_logged(" warn paused cause=unauthorized\n");
    log_error("started", "%s", "");
    expect_logged(" error started\n");
}

static void
leaves_out_what_is_below_the_level(void **state)
{
    (void)state;
    log_debug("hidden", "a=%d", 1);
    assert_string_equal(logged(), "");
    log_set_level(LOG_DEBUG);
    log_debug("shown", "a=%d", 1);
    expect_logged(" debug shown a=1\n");
    log_set_level(LOG_ERROR);
    log_warn("hidden", "a=%d", 1);
    assert_string_equal(logged(), "");
    assert_int_equal(log_get_level(), LOG_ERROR);
}

static void
escapes_what_could_forge_a_line(void **state)
{
    static const struct {
        const char *value;
        const char *expected;
    } cases[] = {
        {"a\nb", " info x v=a\\nb\n"},
        {"\r\t\x1b[31m", " info x v=\\x0d\\x09\\x1b[31m\n"},
        {"caf\xc3\xa9\x7f", " info x v=caf\\xc3\\xa9\\x7f\n"},
        {"back\\slash", " info x v=back\\\\slash\n"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        log_info("x", "v=%s", cases[i].value);
        expect_logged(cases[i].expected);
    }
}

static void
escapes_quotes_inside_a_value_only(void **state)
{
    (void)state;
    log_info("x", "error=\"%s\" code=%d", "field \"key\"s is bad", 7);
    expect_logged(" info x error=\"field \\\"key\\\"s is bad\" code=7\n");
}

static void
cuts_long_lines_and_keeps_their_end(void **state)
{
    char value[2 * LOG_LINE_MAX];
    const char *text;

    (void)state;
    memset(value, '\n', sizeof(value)); /* each becomes two characters */
    value[sizeof(value) - 1] = '\0';
    log_info("long", "v=%s", value);
    text = logged();
    assert_in_range(strlen(text), LOG_LINE_MAX - 2, LOG_LINE_MAX);
    assert_string_equal(text + strlen(text) - strlen("\\n...\n"), "\\n...\n");
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void
drops_and_counts_lines_nobody_reads(void **state)
{
    const char *text;
    const char *count;

    (void)state;
    for (int i = 0; i < PIPE_BYTES / 40; i++) { /* a line has over 40 bytes */
        log_info("flood", "number=%06d more=%s", i, "0123456789");
    }
    text = logged();
    assert_int_equal(text[strlen(text) - 1], '\n'); /* no line was torn */
    log_info("after", "n=%d", 1);
    text = logged();
    count = strstr(text, " warn log_dropped lines=");
    assert_non_null(count);
    assert_true(count[strlen(" warn log_dropped lines=")] > '0');
    assert_non_null(strstr(count, " info after n=1\n"));
    log_info("later", "n=%d", 2);
    expect_logged(" info later n=2\n"); /* the count is told once */
}

static void *
log_many(void *context)
{
    for (int i = 0; i < LINES_PER_THREAD; i++) {
        log_info("line", "thread=%d i=%d", *(const int *)context, i);
    }
    return NULL;
}

static void
keeps_the_lines_of_threads_apart(void **state)
{
    pthread_t threads[THREADS];
    int number = 7;
    size_t lines = 0;

    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, &number), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (const char *line = logged(); *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_int_equal(
            strncmp(line + TIMESTAMP_LENGTH, " info line thread=7 i=", 22), 0);
        lines++;
    }
    assert_int_equal(lines, THREADS * LINES_PER_THREAD);
}

static void
knows_its_levels_by_name(void **state)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    enum log_level level = LOG_ERROR;

    (void)state;
    for (size_t i = 0; i < LENGTH(names); i++) {
        assert_true(log_level_parse(slice_of(names[i]), &level));
        assert_int_equal(level, i);
        assert_string_equal(log_level_name(level), names[i]);
    }
    assert_true(log_level_parse(slice_of("verbose"), &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_false(log_level_parse(slice_of("loud"), &level));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, capture, release)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_time_level_event_and_pairs),
        TEST(leaves_out_what_is_below_the_level),
        TEST(escapes_what_could_forge_a_line),
        TEST(escapes_quotes_inside_a_value_only),
        TEST(cuts_long_lines_and_keeps_their_end),
        TEST(drops_and_counts_lines_nobody_reads),
        TEST(keeps_the_lines_of_threads_apart),
        TEST(knows_its_levels_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
