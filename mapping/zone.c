/*
 * zone.c - reads a zone's file, and tells its offset at a time.
 *
 * A file has the changes there were, and a rule for those to come: some compilers of the zones' data
 * leave to the rule all that it can say, others write changes up to 2037.
 */
#include "mapping/zone.h"

#include <string.h>

#include "mapping/timestamp.h"

enum {
    HEADER_SIZE = 44,
    COUNTS_AT = 20,
    TYPE_SIZE = 6,
    NARROW = 4, /* bytes of a time in the file's first part */
    WIDE = 8,
    OFFSET_MAX_S = 26 * 3600,
    RULE_TIME_MAX_H = 167,
    DAY_S = 86400,
    WEEK = 7,
    THURSDAY = 4, /* 1970-01-01 */
    RULE_SIZE_MAX = 64,
};

static const int64_t since_s = INT64_C(946684800); /* 2000-01-01 */

/* ---- bytes --------------------------------------------------------------------------------- */

static int64_t
number_at(const char *data, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)data;
    uint64_t number = (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0; /* of two's complement */

    for (size_t i = 0; i < size; i++) {
        number = number << 8 | bytes[i];
    }
    return (int64_t)number;
}

/* A part of the file, its header taken off. */
struct part {
    struct slice times;
    struct slice indices;
    struct slice types;
    size_t size; /* header included */
};

static bool
read_part(struct slice bytes, size_t time_size, struct part *ret_part)
{
    enum {
        UTC,
        STANDARD,
        LEAPS,
        TIMES,
        TYPES,
        LETTERS,
        COUNTS
    };
    size_t counts[COUNTS];

    if (bytes.size < HEADER_SIZE || memcmp(bytes.data, "TZif", 4) != 0) {
        return false;
    }
    for (size_t i = 0; i < COUNTS; i++) {
        const int64_t count = number_at(bytes.data + COUNTS_AT + 4 * i, 4);

        if (count < 0 || count > ZONE_FILE_MAX) {
            return false;
        }
        counts[i] = (size_t)count;
    }
    const size_t times = counts[TIMES] * time_size;
    const size_t types = counts[TYPES] * TYPE_SIZE;

    *ret_part = (struct part){
        .size = HEADER_SIZE + times + counts[TIMES] + types + counts[LETTERS] +
                counts[LEAPS] * (time_size + 4) + counts[STANDARD] + counts[UTC],
    };
    if (ret_part->size > bytes.size || counts[TYPES] == 0) {
        return false;
    }
    const char *data = bytes.data + HEADER_SIZE;

    ret_part->times = (struct slice){data, times};
    ret_part->indices = (struct slice){data + times, counts[TIMES]};
    ret_part->types = (struct slice){data + times + counts[TIMES], types};
    return true;
}

static bool
offset_of(const struct part *part, size_t type, int *ret_s)
{
    if (type >= part->types.size / TYPE_SIZE) {
        return false;
    }
    *ret_s = (int)number_at(part->types.data + type * TYPE_SIZE, 4);
    return *ret_s > -OFFSET_MAX_S && *ret_s < OFFSET_MAX_S;
}

static bool
read_changes(const struct part *part, struct zone *zone)
{
    bool is_read = offset_of(part, 0, &zone->first_s);

    for (size_t i = 0; is_read && i < part->indices.size; i++) {
        const int64_t time_s = number_at(part->times.data + i * WIDE, WIDE);
        int offset_s = 0;

        is_read = offset_of(part, (unsigned char)part->indices.data[i], &offset_s);
        if (time_s < since_s) {
            zone->first_s = offset_s;
        } else if (zone->count < ZONE_CHANGES_MAX) {
            zone->changes_s[zone->count] = time_s;
            zone->offsets_s[zone->count++] = offset_s;
        }
    }
    return is_read;
}

/* ---- the rule: "CET-1CEST,M3.5.0,M10.5.0/3" ------------------------------------------------- */

static bool
take(struct slice *text, char c)
{
    if (text->size == 0 || text->data[0] != c) {
        return false;
    }
    *text = slice_skip(*text, 1);
    return true;
}

static bool
take_number(struct slice *text, int most, int *ret_number)
{
    int number = 0;
    size_t i = 0;

    for (; i < text->size && i < 3 && text->data[i] >= '0' && text->data[i] <= '9'; i++) {
        number = number * 10 + (text->data[i] - '0');
    }
    *text = slice_skip(*text, i);
    *ret_number = number;
    return i > 0 && number <= most;
}

/* "CET", "<+03>" */
static bool
take_name(struct slice *text)
{
    const bool is_quoted = take(text, '<');
    size_t i = 0;

    while (i < text->size &&
           (is_quoted ? text->data[i] != '>'
                      : (text->data[i] >= 'A' && text->data[i] <= 'Z') ||
                            (text->data[i] >= 'a' && text->data[i] <= 'z'))) {
        i++;
    }
    *text = slice_skip(*text, i);
    return i >= 3 && (!is_quoted || take(text, '>'));
}

/* "-1", "3:30", "-5:30:00" */
static bool
take_time(struct slice *text, int *ret_s)
{
    const bool is_negative = take(text, '-');
    int hours;
    int minutes = 0;
    int seconds = 0;

    if (!is_negative) {
        (void)take(text, '+');
    }
    if (!take_number(text, RULE_TIME_MAX_H, &hours) ||
        (take(text, ':') && (!take_number(text, 59, &minutes) ||
                                (take(text, ':') && !take_number(text, 59, &seconds))))) {
        return false;
    }
    *ret_s = (is_negative ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool
take_day(struct slice *text, struct zone_day *day)
{
    day->time_s = 2 * 3600;
    return take(text, ',') && take(text, 'M') && take_number(text, 12, &day->month) &&
           day->month > 0 && take(text, '.') && take_number(text, 5, &day->week) &&
           day->week > 0 && take(text, '.') && take_number(text, 6, &day->weekday) &&
           (!take(text, '/') || take_time(text, &day->time_s));
}

/* An empty one says nothing of what is to come. */
static bool
read_rule(struct slice text, struct zone *zone)
{
    int west_s;

    if (text.size == 0) {
        return true;
    }
    if (!take_name(&text) || !take_time(&text, &west_s)) {
        return false;
    }
    zone->has_rule = true;
    zone->standard_s = -west_s;
    if (text.size == 0) {
        return true;
    }
    zone->has_summer = true;
    zone->summer_s = zone->standard_s + 3600;
    if (!take_name(&text)) {
        return false;
    }
    if (text.size > 0 && text.data[0] != ',') {
        if (!take_time(&text, &west_s)) {
            return false;
        }
        zone->summer_s = -west_s;
    }
    return take_day(&text, &zone->begins) && take_day(&text, &zone->ends) &&
           text.size == 0;
}

bool
zone_read(struct slice bytes, struct zone *ret_zone)
{
    struct part narrow;
    struct part wide;

    *ret_zone = (struct zone){0};
    if (bytes.size > ZONE_FILE_MAX || !read_part(bytes, NARROW, &narrow)) {
        return false;
    }
    bytes = slice_skip(bytes, narrow.size);
    if (!read_part(bytes, WIDE, &wide)) {
        return false; /* of the first version: today no compiler writes it */
    }
    bytes = slice_skip(bytes, wide.size);
    if (!take(&bytes, '\n') || bytes.size == 0 || bytes.size > RULE_SIZE_MAX ||
        bytes.data[bytes.size - 1] != '\n') {
        return false;
    }
    bytes.size--;
    return read_changes(&wide, ret_zone) && read_rule(bytes, ret_zone);
}

/* ---- the offset ---------------------------------------------------------------------------- */

/* When a rule's day is in `year`, in seconds of the zone's own time. */
static int64_t
day_s(const struct zone_day *day, int64_t year)
{
    const int next = day->month % 12 + 1;
    const int64_t first = timestamp_days(year, day->month, 1);
    const int64_t end = timestamp_days(year + (next == 1 ? 1 : 0), next, 1);
    int64_t days = first + (day->weekday - (first + THURSDAY) % WEEK + WEEK) % WEEK +
                   (int64_t)WEEK * (day->week - 1);

    while (days >= end) {
        days -= WEEK;
    }
    return days * DAY_S + day->time_s;
}

static bool
is_summer(const struct zone *zone, int64_t unix_s)
{
    const int64_t year = timestamp_year(unix_s + zone->standard_s);
    const int64_t begins_s = day_s(&zone->begins, year) - zone->standard_s;
    const int64_t ends_s = day_s(&zone->ends, year) - zone->summer_s;

    return begins_s < ends_s ? unix_s >= begins_s && unix_s < ends_s
                             : unix_s >= begins_s || unix_s < ends_s;
}

int
zone_offset_s(const struct zone *zone, int64_t unix_s)
{
    size_t passed = 0;

    while (passed < zone->count && zone->changes_s[passed] <= unix_s) {
        passed++;
    }
    if (passed == zone->count && zone->has_rule) {
        return zone->has_summer && is_summer(zone, unix_s) ? zone->summer_s
                                                           : zone->standard_s;
    }
    return passed > 0 ? zone->offsets_s[passed - 1] : zone->first_s;
}
