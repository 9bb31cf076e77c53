/*
 * timestamp.c - reads and writes times by arithmetic on the Gregorian calendar: no time zone or
 * locale of the host can get in.
 *
 * Years are counted from March, so that a leap day is the last day of its year.
 */
#include "mapping/timestamp.h"

#include <stdio.h>

enum {
    SECONDS_PER_DAY = 86400,
    DAYS_PER_YEAR = 365,
    DAYS_PER_ERA = 146097,        /* 400 years */
    DAYS_BEFORE_1970 = 719468,    /* since 0000-03-01 */
    DAYS_PER_MARCH_TO_JULY = 153, /* 31 30 31 30 31, and the same again from August */
};

static const int64_t ms_number_min = INT64_C(100000000000);

struct moment {
    int64_t year;
    int64_t month;
    int64_t day;
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t ms;
    int64_t zone_minutes;
};

int64_t
timestamp_days(int64_t year, int64_t month, int64_t day)
{
    const int64_t y = month > 2 ? year : year - 1;
    const int64_t m = month > 2 ? month - 3 : month + 9;
    const int64_t leap_days = y / 4 - y / 100 + y / 400;

    return y * DAYS_PER_YEAR + leap_days + (DAYS_PER_MARCH_TO_JULY * m + 2) / 5 + day -
           1 - DAYS_BEFORE_1970;
}

static struct moment
date_of(int64_t days)
{
    const int64_t era = (days + DAYS_BEFORE_1970) / DAYS_PER_ERA;
    const int64_t of_era = (days + DAYS_BEFORE_1970) % DAYS_PER_ERA;
    /* 1460, 36524 and 146096: the last days of 4, 100 and 400 years, which are leap days */
    const int64_t year =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / DAYS_PER_YEAR;
    const int64_t of_year = of_era - (DAYS_PER_YEAR * year + year / 4 - year / 100);
    const int64_t m = (5 * of_year + 2) / DAYS_PER_MARCH_TO_JULY;
    const int64_t month = m < 10 ? m + 3 : m - 9;

    return (struct moment){
        .year = era * 400 + year + (month <= 2 ? 1 : 0),
        .month = month,
        .day = of_year - (DAYS_PER_MARCH_TO_JULY * m + 2) / 5 + 1,
    };
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
take_char(struct slice *text, char c)
{
    if (text->size == 0 || text->data[0] != c) {
        return false;
    }
    *text = slice_skip(*text, 1);
    return true;
}

static bool
take_digits(struct slice *text, size_t count, int64_t *ret_number)
{
    int64_t number = 0;

    if (text->size < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(text->data[i])) {
            return false;
        }
        number = number * 10 + (text->data[i] - '0');
    }
    *text = slice_skip(*text, count);
    *ret_number = number;
    return true;
}

/* ".fff" with one digit or more; nothing at all is fine too. */
static bool
take_fraction(struct slice *text, int64_t *ret_ms)
{
    int64_t weight = 100;
    int64_t ms = 0;

    if (!take_char(text, '.')) {
        *ret_ms = 0;
        return true;
    }
    if (text->size == 0 || !is_digit(text->data[0])) {
        return false;
    }
    for (; text->size > 0 && is_digit(text->data[0]); *text = slice_skip(*text, 1)) {
        ms += (text->data[0] - '0') * weight;
        weight /= 10;
    }
    *ret_ms = ms;
    return true;
}

/* "Z", "+hh:mm", "-hh:mm" or nothing. */
static bool
take_zone(struct slice *text, int64_t *ret_minutes)
{
    int64_t hours = 0;
    int64_t minutes = 0;

    if (text->size == 0 || take_char(text, 'Z')) {
        *ret_minutes = 0;
        return true;
    }
    const bool west = take_char(text, '-');

    if ((!west && !take_char(text, '+')) || !take_digits(text, 2, &hours) ||
        !take_char(text, ':') || !take_digits(text, 2, &minutes) || hours > 23 ||
        minutes > 59) {
        return false;
    }
    *ret_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

static bool
take_date(struct slice *text, struct moment *moment)
{
    return take_digits(text, 4, &moment->year) && take_char(text, '-') &&
           take_digits(text, 2, &moment->month) && take_char(text, '-') &&
           take_digits(text, 2, &moment->day);
}

static bool
take_time(struct slice *text, struct moment *moment)
{
    return take_digits(text, 2, &moment->hour) && take_char(text, ':') &&
           take_digits(text, 2, &moment->minute) && take_char(text, ':') &&
           take_digits(text, 2, &moment->second) && take_fraction(text, &moment->ms) &&
           take_zone(text, &moment->zone_minutes);
}

static bool
moment_exists(const struct moment *moment)
{
    if (moment->year < 1 || moment->month < 1 || moment->month > 12 || moment->day < 1 ||
        moment->hour > 23 || moment->minute > 59 || moment->second > 60) {
        return false; /* second 60: a leap second, read as the one after it */
    }
    /* A day behind the end of its month comes back as one of the next. */
    return date_of(timestamp_days(moment->year, moment->month, moment->day)).month ==
           moment->month;
}

static int64_t
moment_ms(const struct moment *moment)
{
    const int64_t days = timestamp_days(moment->year, moment->month, moment->day);
    const int64_t minutes = moment->hour * 60 + moment->minute - moment->zone_minutes;

    return (days * SECONDS_PER_DAY + minutes * 60 + moment->second) * 1000 + moment->ms;
}

static bool
parse_iso(struct slice text, int64_t *ret_ms)
{
    struct moment moment = {0};

    if (!take_date(&text, &moment) || !take_char(&text, 'T') ||
        !take_time(&text, &moment) || text.size != 0 || !moment_exists(&moment)) {
        return false;
    }
    *ret_ms = moment_ms(&moment);
    return true;
}

int64_t
timestamp_year(int64_t unix_s)
{
    return date_of(unix_s / SECONDS_PER_DAY).year;
}

bool
timestamp_parse(struct slice text, int64_t *ret_ms)
{
    int64_t ms = 0;

    if (slice_to_int64(text, &ms)) {
        ms = timestamp_from_number(ms);
    } else if (!parse_iso(text, &ms)) {
        return false;
    }
    if (ms < 0 || ms > TIMESTAMP_MS_MAX) {
        return false;
    }
    *ret_ms = ms;
    return true;
}

int64_t
timestamp_from_number(int64_t number)
{
    const bool is_seconds = number > -ms_number_min && number < ms_number_min;

    return is_seconds ? number * 1000 : number;
}

void
timestamp_format(int64_t ms, char text[TIMESTAMP_TEXT_SIZE])
{
    const int64_t clamped = ms < 0 ? 0 : ms > TIMESTAMP_MS_MAX ? TIMESTAMP_MS_MAX : ms;
    const int64_t seconds = clamped / 1000;
    const int64_t of_day = seconds % SECONDS_PER_DAY;
    const struct moment date = date_of(seconds / SECONDS_PER_DAY);

    (void)snprintf(text, TIMESTAMP_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
        (int)date.year, (int)date.month, (int)date.day, (int)(of_day / 3600),
        (int)(of_day / 60 % 60), (int)(of_day % 60), (int)(clamped % 1000));
}
