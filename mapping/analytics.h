/*
 * analytics.h - what a task's end, and a change of an agent's activity, adds to which counters.
 *
 * Queues are looked at by task, not by ticket: who is handed on waits in the next queue, too. A
 * counter's name says what it counts, and of whom:
 *
 *   "<what> <channel> <direction> <queue>"    of a queue; "unknown" is what nobody told
 *   "activity_ms <agent's SID> <activity>"    of an agent
 *
 * Times are summed in milliseconds. Pure. See docs/decisions/0039-analytics.md.
 */
#pragma once

#include "mapping/event.h"
#include "mapping/fact.h"

enum {
    ANALYTICS_TEXT_MAX =
        96, /* bytes of a queue's or activity's name: longer ones are cut */
    ANALYTICS_NAME_SIZE = 160, /* of a counter, with the NUL */
    ANALYTICS_COUNTS_MAX = 8,  /* of one record */
    ANALYTICS_DAY_SIZE = 11,   /* "2026-11-29" */
    ANALYTICS_AGENT_SIZE = 35, /* a SID and the NUL */
    ANALYTICS_WAITS = 10,      /* ANALYTICS_WAIT and those behind it, by length */
};

enum analytics_what {
    ANALYTICS_HANDLED, /* how a task ended: each has one of these */
    ANALYTICS_ABANDONED,
    ANALYTICS_SHORT,
    ANALYTICS_UNSERVED,
    ANALYTICS_CANCELED,
    ANALYTICS_WAIT, /* until an agent took it: so many were over within analytics_waits_s[0] */
    ANALYTICS_WAIT_MS = ANALYTICS_WAIT + ANALYTICS_WAITS,
    ANALYTICS_HANDLE, /* since: how many, and how long */
    ANALYTICS_HANDLE_MS,
    ANALYTICS_WRAPUP, /* and behind that */
    ANALYTICS_WRAPUP_MS,
    ANALYTICS_ABANDON, /* until who waited gave up */
    ANALYTICS_ABANDON_MS,
    ANALYTICS_ACTIVITY_MS, /* an agent's */
    ANALYTICS_WHAT_COUNT
};

enum {
    ANALYTICS_OUTCOMES = ANALYTICS_WAIT, /* the first so many are outcomes */
};

/* Upper bounds of waits, in seconds; the last one has none. */
extern const int64_t analytics_waits_s[ANALYTICS_WAITS - 1];

struct analytics_count {
    char name[ANALYTICS_NAME_SIZE];
    int64_t value;
};

/* What one record adds. */
struct analytics {
    char day[ANALYTICS_DAY_SIZE]; /* Twilio's, in rules->zone */
    struct analytics_count counts[ANALYTICS_COUNTS_MAX];
    size_t count; /* 0: nothing */
    char agent[ANALYTICS_AGENT_SIZE];
    const char
        *agent_name; /* borrowed from the payload; NULL: not known, or not wanted */
};

/*
 * Of the end of a task of ours that is no survey, by what is known of it in `facts`, which are its
 * ticket's. Anything else adds nothing.
 */
void analytics_of_task(struct event_reading *reading, const struct facts *facts,
    const struct rules *rules, struct analytics *ret_analytics);
/* Of the time an agent was in the activity before, when a record tells of the next one. */
void analytics_of_agent(const struct event *event, const struct rules *rules,
    struct analytics *ret_analytics);

/* A counter's name, read. Texts point into it. */
struct analytics_name {
    enum analytics_what what;
    struct slice channel; /* absent: of an agent */
    struct slice direction;
    struct slice queue;
    struct slice agent;
    struct slice activity;
};

/* False: none of ours. */
bool analytics_name_read(struct slice name, struct analytics_name *ret_name) MUST_USE;
/* "handled", ... */
const char *analytics_what_name(enum analytics_what what);
/* The day of a time, as counters are kept by. */
void analytics_day(
    int64_t unix_ms, const struct zone *zone, char ret_day[ANALYTICS_DAY_SIZE]);
