/*
 * pace.c - what one class of endpoints may be asked, and the suspicious reading of limits.
 */
#include "server/deliver/pace.h"

enum {
    RESET_SECONDS_MAX = 3600,     /* above: milliseconds */
    RESET_EPOCH_MIN = 1000000000, /* above: a Unix time */
    WINDOW_OF_A_SECOND_MS = 2000, /* a window that short counts requests a second */
    GRANT_US = 250 * 1000,        /* tokens are for now */
};

static const int64_t reset_epoch_ms_min = 1000000000000; /* above: a Unix time in ms */
/* Slower, and the calls of one delivery would not fit into a claim. */
static const double rate_min = 0.1;
static const double share_min = 0.01;
static const double holds_s = 0.25;
static const double hour_s = 3600;
static const double lot_s = 0.02; /* of a fast bucket so much is taken at a time */

static double
at_least(double number, double min)
{
    return number > min ? number : min;
}

/* written so that a NaN falls on the safe side */
static double
share_of(double rate_share)
{
    return rate_share >= share_min && rate_share <= 1 ? rate_share : 1;
}

static bool
is_rate(double max_rps)
{
    return max_rps > 0 && max_rps <= PACE_RATE_FIXED_MAX;
}

void
pace_init(struct pace *pace, double max_rps, double rate_share)
{
    const double share = share_of(rate_share);
    const bool is_fixed = is_rate(max_rps);

    *pace = (struct pace){
        .rate = at_least(is_fixed ? max_rps : PACE_RATE_DEFAULT * share, rate_min),
        .share = share,
        .is_fixed = is_fixed,
    };
}

/* What the bucket holds and what flows into it add up. */
static void
take_hourly(struct pace *pace, double max_per_hour, double at_once)
{
    pace->rate = (max_per_hour - at_once) / hour_s;
    pace->holds = at_once;
}

void
pace_init_hourly(struct pace *pace, double max_per_hour, double at_once)
{
    *pace = (struct pace){.share = 1, .is_fixed = true};
    take_hourly(pace, max_per_hour, at_once);
}

void
pace_init_unknown(
    struct pace *pace, double max_per_hour, double max_rps, double rate_share)
{
    *pace = (struct pace){
        .share = share_of(rate_share),
        .hourly = max_per_hour,
        .rate_max = is_rate(max_rps) ? max_rps : 0,
    };
    take_hourly(pace, max_per_hour, max_per_hour / 2);
}

static bool
has_tokens(const struct pace *pace, int64_t now_us)
{
    return pace->granted > 0 && now_us < pace->granted_until_us;
}

int64_t
pace_wait_us(const struct pace *pace, int64_t now_us)
{
    if (has_tokens(pace, now_us)) {
        return 0;
    }
    return pace->ask_us > now_us ? pace->ask_us - now_us : 1; /* to be asked first */
}

void
pace_take(struct pace *pace)
{
    pace->granted--;
}

bool
pace_must_ask(const struct pace *pace, int64_t now_us)
{
    return !has_tokens(pace, now_us) && now_us >= pace->ask_us;
}

struct queue_budget
pace_question(const struct pace *pace, size_t ready)
{
    const double lot = pace->rate * lot_s;

    return (struct queue_budget){
        .rate = pace->rate,
        .holds = pace->holds > 0 ? pace->holds : at_least(pace->rate * holds_s, 1),
        .wanted = lot > (double)ready ? (int64_t)lot : (int64_t)ready,
    };
}

void
pace_grant(struct pace *pace, const struct queue_budget *answer, int64_t now_us)
{
    pace->granted = answer->granted;
    pace->granted_until_us = now_us + GRANT_US;
    if (answer->granted == 0) {
        pace->ask_us = now_us + answer->wait_ms * US_PER_MS;
    }
}

void
pace_alone(struct pace *pace, int64_t now_us)
{
    pace->granted = 1;
    pace->granted_until_us = now_us + GRANT_US;
    pace->ask_us = now_us + (int64_t)(US_PER_S / pace->rate);
}

int64_t
pace_reset_ms(int64_t reset, int64_t now_ms)
{
    int64_t wait_ms =
        reset; /* milliseconds, unless the number looks like something else */

    if (reset < 0) {
        return -1;
    }
    if (reset > reset_epoch_ms_min) {
        wait_ms = reset - now_ms;
    } else if (reset > RESET_EPOCH_MIN) {
        wait_ms = reset * MS_PER_S - now_ms;
    } else if (reset <= RESET_SECONDS_MAX) {
        wait_ms = reset * MS_PER_S;
    }
    if (wait_ms < PACE_WAIT_MIN_MS) {
        return PACE_WAIT_MIN_MS;
    }
    return wait_ms < PACE_WAIT_MAX_MS ? wait_ms : PACE_WAIT_MAX_MS;
}

void
pace_block(struct pace *pace, int64_t wait_ms, int64_t now_us)
{
    const int64_t until_us = now_us + wait_ms * US_PER_MS;

    pace->ask_us = until_us > pace->ask_us ? until_us : pace->ask_us;
    pace->granted = 0;
}

/*
 * Whether two answers in a row, more than a window and less than a minute apart, both saw the end of
 * theirs: that of an hour comes but once.
 */
static bool
is_by_the_second(struct pace *pace, int64_t now_ms)
{
    const int64_t since_ms = now_ms - pace->short_ms;

    if (pace->hourly == 0 || (pace->short_ms > 0 && since_ms > WINDOW_OF_A_SECOND_MS &&
                                 since_ms < PACE_WAIT_MAX_MS)) {
        return true;
    }
    if (pace->short_ms == 0 || since_ms >= PACE_WAIT_MAX_MS) {
        pace->short_ms = now_ms;
    }
    return false;
}

static void
learn_rate(struct pace *pace, double rate)
{
    const bool is_over = pace->rate_max > 0 && rate > pace->rate_max;

    pace->rate = at_least(is_over ? pace->rate_max : rate, rate_min);
    pace->holds = 0;
    pace->short_ms = 0;
}

int64_t
pace_learn(struct pace *pace, const struct pace_limits *limits, int64_t now_ms)
{
    const int64_t reset_ms = pace_reset_ms(limits->reset, now_ms);

    if (reset_ms < 0) {
        return 0;
    }
    const bool is_short = reset_ms <= WINDOW_OF_A_SECOND_MS;

    if (!pace->is_fixed && limits->limit > 0 && limits->limit <= PACE_RATE_LIMIT_MAX &&
        is_short && is_by_the_second(pace, now_ms)) {
        learn_rate(pace, (double)limits->limit * pace->share);
    } else if (pace->hourly > 0 && !is_short) {
        take_hourly(pace, pace->hourly, pace->hourly / 2);
        pace->short_ms = 0;
    }
    return limits->remaining == 0 ? reset_ms : 0;
}
