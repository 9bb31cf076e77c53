/*
 * flow.c - one pace per class of endpoints, one pause for all: every delivery needs both classes.
 */
#include "server/deliver/flow.h"

#include "server/ops/clock.h"

static const int64_t wait_max_us = (int64_t)FLOW_WAIT_MAX_MS * US_PER_MS;

void
flow_init(struct flow *flow, const struct config *config, int64_t now_us)
{
    *flow = (struct flow){0};
    for (size_t i = 0; i < BREVO_CLASS_COUNT; i++) {
        pace_init(
            &flow->paces[i], config->brevo_max_rps, config->brevo_rate_share, now_us);
    }
}

size_t
flow_claimable(const struct flow *flow, size_t in_hand, size_t max, int64_t now_us)
{
    for (size_t i = 0; i < BREVO_CLASS_COUNT; i++) {
        if (pace_wait_us(&flow->paces[i], now_us) > wait_max_us) {
            return 0;
        }
    }
    return pause_allows(&flow->pause, in_hand, max, now_us);
}

int64_t
flow_wait_us(const struct flow *flow, enum brevo_endpoint endpoint, int64_t now_us)
{
    return pace_wait_us(&flow->paces[brevo_endpoint_class(endpoint)], now_us);
}

void
flow_take(struct flow *flow, enum brevo_endpoint endpoint, int64_t now_us)
{
    pace_take(&flow->paces[brevo_endpoint_class(endpoint)], now_us);
}

void
flow_learn(struct flow *flow, struct queue *queue, enum brevo_endpoint endpoint,
    const struct http_exchange *exchange, struct brevo_verdict *verdict)
{
    const enum brevo_class class = brevo_endpoint_class(endpoint);
    const int64_t now_us = clock_monotonic_us();
    const struct pace_limits limits = {
        .limit = exchange->ratelimit_limit,
        .remaining = exchange->ratelimit_remaining,
        .reset = exchange->ratelimit_reset,
    };

    pace_learn(&flow->paces[class], &limits, now_us, clock_unix_ms());
    if (verdict->outcome == BREVO_PAUSE) {
        verdict->after_ms =
            pause_begin(&flow->pause, queue, endpoint, verdict->reason, now_us);
    } else if (verdict->is_rate_limit) {
        pace_block(&flow->paces[class], verdict->after_ms, now_us);
    } else if (verdict->outcome == BREVO_DELIVERED ||
               verdict->outcome == BREVO_NO_CONTACT) {
        pause_end(&flow->pause, queue, endpoint);
    }
}
