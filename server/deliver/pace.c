/*
 * pace.c - the token bucket and its suspicious reading of limits.
 */
#include "server/deliver/pace.h"

enum {
    RESET_SECONDS_MAX = 3600,     /* above: milliseconds */
    RESET_EPOCH_MIN = 1000000000, /* above: a Unix time */
    WINDOW_OF_A_SECOND_MS = 2000, /* a window that short counts requests a second */
};

static const int64_t reset_epoch_ms_min = 1000000000000; /* above: a Unix time in ms */
/* Slower, and the calls of one delivery would not fit into a claim. */
static const double rate_min = 0.1;
static const double share_min = 0.01;
static const double burst_s = 0.25;

static double
at_least_min(double rate)
{
    return rate > rate_min ? rate : rate_min;
}

static double
burst(const struct pace *pace)
{
    const double tokens = pace->rate * burst_s;

    return tokens > 1 ? tokens : 1;
}

static double
tokens_at(const struct pace *pace, int64_t now_us)
{
    const double passed_s = (double)(now_us - pace->filled_us) / US_PER_S;
    const double tokens = pace->tokens + (passed_s > 0 ? passed_s * pace->rate : 0);

    return tokens < burst(pace) ? tokens : burst(pace);
}

void
pace_init(struct pace *pace, double max_rps, double rate_share, int64_t now_us)
{
    /* written so that a NaN falls on the safe side */
    const double share = rate_share >= share_min && rate_share <= 1 ? rate_share : 1;
    const bool is_fixed = max_rps > 0 && max_rps <= PACE_RATE_FIXED_MAX;

    *pace = (struct pace){
        .rate = at_least_min(is_fixed ? max_rps : PACE_RATE_DEFAULT * share),
        .share = share,
        .is_fixed = is_fixed,
        .tokens = 1,
        .filled_us = now_us,
        .blocked_us = now_us,
    };
}

int64_t
pace_wait_us(const struct pace *pace, int64_t now_us)
{
    const double missing = 1 - tokens_at(pace, now_us);
    const int64_t blocked_us = pace->blocked_us - now_us;
    const int64_t token_us =
        missing > 0 ? (int64_t)(missing / pace->rate * US_PER_S) + 1 : 0;

    return blocked_us > token_us ? blocked_us : token_us;
}

void
pace_take(struct pace *pace, int64_t now_us)
{
    pace->tokens = tokens_at(pace, now_us) - 1;
    pace->filled_us = now_us;
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

    if (until_us > pace->blocked_us) {
        pace->blocked_us = until_us;
    }
    pace->tokens = 0; /* and then slowly */
    pace->filled_us = pace->blocked_us;
}

void
pace_learn(
    struct pace *pace, const struct pace_limits *limits, int64_t now_us, int64_t now_ms)
{
    const int64_t reset_ms = pace_reset_ms(limits->reset, now_ms);

    if (reset_ms < 0) {
        return;
    }
    if (!pace->is_fixed && limits->limit > 0 && limits->limit <= PACE_RATE_LIMIT_MAX &&
        reset_ms <= WINDOW_OF_A_SECOND_MS) {
        pace->tokens = tokens_at(pace, now_us);
        pace->filled_us = pace->filled_us < now_us ? now_us : pace->filled_us;
        pace->rate = at_least_min((double)limits->limit * pace->share);
    }
    if (limits->remaining == 0) {
        pace_block(pace, reset_ms, now_us);
    }
}
