/*
 * zone.h - the time zone days are counted in, as plain values.
 *
 * Read from the zone's file (TZif, RFC 8536) by whoever has files. The C library keeps one zone for
 * the whole process, in the environment; here two configurations may have different ones.
 */
#pragma once

#include "mapping/base.h"

enum {
    ZONE_CHANGES_MAX = 256, /* since the year 2000 */
    ZONE_FILE_MAX = 64 * 1024,
};

/* "M10.5.0/3": the last Sunday of October, at 3:00 by the time that ends then. */
struct zone_day {
    int month;
    int week; /* 5: the last one */
    int weekday;
    int time_s;
};

/* Zeroed it is UTC. Offsets are east of it. */
struct zone {
    int first_s; /* before the first change */
    size_t count;
    int64_t changes_s[ZONE_CHANGES_MAX]; /* Unix time */
    int offsets_s[ZONE_CHANGES_MAX];
    bool has_rule; /* behind the last change: */
    bool has_summer;
    int standard_s;
    int summer_s;
    struct zone_day begins; /* of summer */
    struct zone_day ends;
};

/* From the bytes of a zone's file. False when they are none, or none we can read. */
bool zone_read(struct slice bytes, struct zone *ret_zone) MUST_USE;

int zone_offset_s(const struct zone *zone, int64_t unix_s);
