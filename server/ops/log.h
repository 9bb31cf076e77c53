/*
 * log.h - one line per decision, to standard error.
 *
 *   2026-01-01T00:00:00.123Z info delivered key=task.completed/WT... event=SUPPORT_RESOLVED ms=41
 *
 * The first word names what happened, key=value pairs follow. Control characters, what is not
 * ASCII, and quotes inside a value are escaped; lines are cut at LOG_LINE_MAX. A line that
 * standard error does not take in time is dropped, and counted in the next one that fits.
 *
 * Nothing personal and nothing secret is passed in: SIDs and record keys identify, e-mail
 * addresses, phone numbers, names, bodies and tokens never appear. Thread-safe.
 */
#pragma once

#include "mapping/base.h"

enum log_level {
    LOG_ERROR,
    LOG_WARN,
    LOG_INFO,
    LOG_DEBUG,
};

enum {
    LOG_LINE_MAX = 1024,
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
const char *log_level_name(enum log_level level); /* "error", "warn", "info", "debug" */
/* The same names; "verbose" is debug. */
bool log_level_parse(struct slice text, enum log_level *ret_level) MUST_USE;

void log_error(const char *event, const char *format, ...) PRINTF(2, 3);
void log_warn(const char *event, const char *format, ...) PRINTF(2, 3);
void log_info(const char *event, const char *format, ...) PRINTF(2, 3);
void log_debug(const char *event, const char *format, ...) PRINTF(2, 3);
