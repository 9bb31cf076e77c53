/*
 * pace.h - how fast one class of Brevo's endpoints may be asked.
 *
 * The tokens are in a bucket of all workers (queue/budget.h), which holds at most a quarter of a
 * second's worth, so that no second sees much more than its rate. The rate is configured, or learnt:
 * Brevo's documented 10 requests a second until an answer's x-sib-ratelimit-* headers say otherwise,
 * of which we use our share.
 *
 * The headers are documented without units, so they are read with suspicion:
 *   reset  seconds; above 3600 milliseconds; above 10^9 a Unix time in s, above 10^12 in ms.
 *   limit  a rate per second when the window ends within 2 s and the number is one Brevo's plans
 *          could have (at most 1000); otherwise it belongs to an hourly bucket and sets no rate.
 *   remaining 0: nothing before the reset, but never longer than a minute: then one request
 *          asks again.
 * No rate is below one request in ten seconds: the calls of one delivery follow each other while
 * its claim lasts.
 *
 * Pure: the time is a parameter, monotonic.
 */
#pragma once

#include "queue/budget.h"

enum {
    PACE_RATE_DEFAULT = 10,        /* requests a second, Brevo's general plan */
    PACE_RATE_LIMIT_MAX = 1000,    /* more is no rate per second */
    PACE_RATE_FIXED_MAX = 1000000, /* more is no limit: as if none were configured */
    PACE_WAIT_MIN_MS = 100,
    PACE_WAIT_MAX_MS = 60 * 1000,
};

struct pace {
    double rate;  /* tokens a second */
    double holds; /* that a bucket holds; 0: a quarter of a second's */
    double share;
    bool is_fixed;
    double hourly;   /* pace_init_unknown(): as long as nothing better is known; else 0 */
    double rate_max; /* of what is learnt then; 0: any */
    int64_t short_ms; /* when an answer looked like a rate, and was not yet believed */
    int64_t granted;  /* tokens in hand */
    int64_t granted_until_us;
    int64_t ask_us; /* for more, not before */
};

/* What an answer said; -1 is absent. */
struct pace_limits {
    int64_t limit;
    int64_t remaining;
    int64_t reset;
};

/* `max_rps`: above 0 it is the rate, whatever answers say. `rate_share`: 0 .. 1. */
void pace_init(struct pace *pace, double max_rps, double rate_share);

/* So many in any hour, some of them at once, whatever answers say. */
void pace_init_hourly(struct pace *pace, double max_per_hour, double at_once);

/*
 * Nobody knows whether it is limited by the hour or by the second: by the hour, until two answers tell
 * a rate (one may just have seen its hour end) and until one tells of hours again. Of a rate it is
 * `rate_share`, up to `max_rps`, where that is above 0.
 */
void pace_init_unknown(
    struct pace *pace, double max_per_hour, double max_rps, double rate_share);

/* Until a request may start; 0: now, with pace_take(). Above 0 also when it must be asked first. */
int64_t pace_wait_us(const struct pace *pace, int64_t now_us);
void pace_take(struct pace *pace);

/* Whether the bucket is to be asked for tokens, for `ready` requests; and its answer. */
bool pace_must_ask(const struct pace *pace, int64_t now_us);
struct queue_budget pace_question(const struct pace *pace, size_t ready);
void pace_grant(struct pace *pace, const struct queue_budget *answer, int64_t now_us);
/* Nobody knows what the bucket holds: one token, and the next when one has flowed in. */
void pace_alone(struct pace *pace, int64_t now_us);

/*
 * An answer of Brevo's came: `now_ms` is Unix time, for a reset that is one. Returns for how long
 * (ms) nobody may ask any more; 0: go on.
 */
int64_t pace_learn(
    struct pace *pace, const struct pace_limits *limits, int64_t now_ms) MUST_USE;
/* Nobody may ask for so long. */
void pace_block(struct pace *pace, int64_t wait_ms, int64_t now_us);

/* A reset header as a wait, PACE_WAIT_MIN_MS .. PACE_WAIT_MAX_MS; -1 when `reset` is absent. */
int64_t pace_reset_ms(int64_t reset, int64_t now_ms);
