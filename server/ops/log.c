/*
 * log.c - one line, one write.
 *
 * A log must never stop the service it tells about. Standard error may be a pipe whose reader
 * hangs: a line waits LOG_WAIT_MS for room once, then it and its followers are dropped without
 * waiting and counted, and the first line that fits again is preceded by the count.
 */
#include "server/ops/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "mapping/timestamp.h"
#include "server/ops/clock.h"

enum {
    LOG_WAIT_MS = 50,
    LOG_ESCAPE_SIZE = 4, /* "\xNN" */
};

static const char cut_mark[] = "...";

static const char *const level_names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARN] = "warn",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

static _Atomic(enum log_level) highest_level = LOG_INFO;
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;
static int64_t dropped_count; /* under `writing` */

struct line {
    char text[LOG_LINE_MAX];
    size_t size;
    bool cut;
};

void
log_set_level(enum log_level level)
{
    atomic_store_explicit(&highest_level, level, memory_order_relaxed);
}

enum log_level
log_get_level(void)
{
    return atomic_load_explicit(&highest_level, memory_order_relaxed);
}

const char *
log_level_name(enum log_level level)
{
    return level_names[level];
}

bool
log_level_parse(struct slice text, enum log_level *ret_level)
{
    for (size_t i = 0; i < LENGTH(level_names); i++) {
        if (slice_is(text, level_names[i])) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    if (slice_is(text, "verbose")) { /* the connector's older name for it */
        *ret_level = LOG_DEBUG;
        return true;
    }
    return false;
}

/* All of `text` or, when the line is full, nothing more ever: an escape is never halved. */
static void
line_add(struct line *line, const char *text, size_t size)
{
    const size_t reserved = sizeof(cut_mark); /* its NUL is the place of the line end */

    if (line->cut || size > sizeof(line->text) - reserved - line->size) {
        line->cut = true;
        return;
    }
    for (size_t i = 0; i < size; i++) {
        line->text[line->size++] = text[i];
    }
}

/* A quote that stands around a value, key="...", rather than inside of it. */
static bool
is_outer_quote(const char *text, size_t i)
{
    return (i > 0 && text[i - 1] == '=') || text[i + 1] == '\0' || text[i + 1] == ' ';
}

/* What could break a line apart, drive a terminal or end a quoted value early. */
static void
line_add_escaped(struct line *line, const char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; text[i] != '\0' && !line->cut; i++) {
        const unsigned char c = (unsigned char)text[i];

        if (c == '\\' || (c == '"' && !is_outer_quote(text, i))) {
            line_add(line, (const char[]){'\\', (char)c}, 2);
        } else if (c == '\n') {
            line_add(line, "\\n", 2);
        } else if (c < ' ' || c > '~') {
            line_add(line, (const char[]){'\\', 'x', digits[c >> 4], digits[c & 15]},
                LOG_ESCAPE_SIZE);
        } else {
            line_add(line, (const char[]){(char)c}, 1);
        }
    }
}

static void
line_end(struct line *line)
{
    if (line->cut) {
        for (const char *mark = cut_mark; *mark != '\0'; mark++) {
            line->text[line->size++] = *mark;
        }
    }
    line->text[line->size++] = '\n';
}

static void
line_format(struct line *line, enum log_level level, const char *event, const char *pairs)
{
    char timestamp[TIMESTAMP_TEXT_SIZE];

    timestamp_format(clock_unix_ms(), timestamp);
    line_add_escaped(line, timestamp);
    line_add(line, " ", 1);
    line_add_escaped(line, level_names[level]);
    line_add(line, " ", 1);
    line_add_escaped(line, event);
    if (*pairs != '\0') {
        line_add(line, " ", 1);
        line_add_escaped(line, pairs);
    }
    line_end(line);
}

/*
 * A pipe that polls writable has room for a page, so a write of LOG_LINE_MAX does not block.
 * False: the line is lost.
 */
static bool
line_write(const struct line *line, int wait_ms)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t written;

    if (poll(&out, 1, wait_ms) <= 0) {
        return false;
    }
    do {
        written = write(STDERR_FILENO, line->text, line->size);
    } while (written < 0 && errno == EINTR);
    return written >= 0;
}

static bool
write_drop_count(void)
{
    struct line line = {.size = 0};
    char pairs[sizeof("lines=") + 20]; /* an int64_t has at most 20 characters */

    (void)snprintf(pairs, sizeof(pairs), "lines=%lld", (long long)dropped_count);
    line_format(&line, LOG_WARN, "log_dropped", pairs);
    return line_write(&line, 0);
}

static void log_write(enum log_level level, const char *event, const char *format,
    va_list arguments) PRINTF(3, 0);

static void
log_write(enum log_level level, const char *event, const char *format, va_list arguments)
{
    char pairs[LOG_LINE_MAX];
    struct line line = {.size = 0};
    const int saved_errno = errno; /* callers log first and act on errno after */

    if (level > log_get_level()) {
        return;
    }
    if (vsnprintf(pairs, sizeof(pairs), format, arguments) < 0) {
        pairs[0] = '\0';
    }
    line_format(&line, level, event, pairs);

    (void)pthread_mutex_lock(&writing);
    if (dropped_count > 0 && write_drop_count()) {
        dropped_count = 0;
    }
    if (!line_write(&line, dropped_count > 0 ? 0 : LOG_WAIT_MS)) {
        dropped_count++;
    }
    (void)pthread_mutex_unlock(&writing);
    errno = saved_errno;
}

void
log_error(const char *event, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_write(LOG_ERROR, event, format, arguments);
    va_end(arguments);
}

void
log_warn(const char *event, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_write(LOG_WARN, event, format, arguments);
    va_end(arguments);
}

void
log_info(const char *event, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_write(LOG_INFO, event, format, arguments);
    va_end(arguments);
}

void
log_debug(const char *event, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_write(LOG_DEBUG, event, format, arguments);
    va_end(arguments);
}
