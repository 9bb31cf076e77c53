/*
 * timestamp.h - Twilio's several ways of writing a time, and Brevo's one.
 */
#pragma once

#include "mapping/base.h"

#define TIMESTAMP_MS_MAX INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

enum {
    TIMESTAMP_TEXT_SIZE = 32, /* "2026-01-01T00:00:00.123Z" and the NUL, with room */
};

/*
 * Epoch seconds, epoch milliseconds, or ISO 8601 ("2026-01-01T00:00:00[.fff][Z|+hh:mm]") to Unix
 * milliseconds. TaskRouter callbacks and Event Streams differ and some fields are documented in
 * neither, so all three are read everywhere. Digits behind the milliseconds are cut off, a time
 * without zone is UTC. False when it is none of them or outside the years 1970 to 9999.
 */
bool timestamp_parse(struct slice text, int64_t *ret_ms) MUST_USE;
/* The same for a number: below 10^11 it is seconds, else milliseconds. */
int64_t timestamp_from_number(int64_t number);
/* Days from 1970-01-01 to that date of the years 1 to 9999; the year of a Unix time from 1970 on. */
int64_t timestamp_days(int64_t year, int64_t month, int64_t day);
int64_t timestamp_year(int64_t unix_s);
/* "YYYY-MM-DDThh:mm:ss.mmmZ"; the nearest such text for a time outside 1970 to 9999. */
void timestamp_format(int64_t ms, char text[TIMESTAMP_TEXT_SIZE]);
