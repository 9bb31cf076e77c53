/*
 * flow.c - one pace per class of endpoints, and the pauses.
 */
#include "server/deliver/flow.h"

#include "server/ops/clock.h"

static const int64_t wait_max_us = (int64_t)FLOW_WAIT_MAX_MS * US_PER_MS;

void
flow_init(
    struct flow *flow, const struct config *config, int64_t probe_ms, int64_t now_us)
{
    pause_init(&flow->pause, probe_ms);
    flow->pause.is_shadow = config_is_shadow(config);
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
    if (!pause_stops_all(&flow->pause, false)) {
        return max - in_hand;
    }
    return in_hand == 0 && pause_may_probe(&flow->pause, now_us) ? 1 : 0;
}

bool
flow_puts_away(const struct flow *flow, struct job *job, bool has_probe, int64_t now_us)
{
    const struct pause *pause = &flow->pause;
    const enum pause_shelf shelf =
        pause_shelf_of(pause, job->reading.event.type, job_needs_events(job));

    if (pause_stops_all(pause, job->is_probe)) {
        job_release(job);
        return true;
    }
    if (shelf == PAUSE_SHELF_EVENTS && !has_probe && pause_may_probe(pause, now_us)) {
        job->is_probe = true;
    }
    if (shelf == PAUSE_SHELF_NONE || (shelf == PAUSE_SHELF_EVENTS && job->is_probe)) {
        return false;
    }
    job_shelve(job, "paused", shelf);
    return true;
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
flow_learn_limits(
    struct flow *flow, enum brevo_endpoint endpoint, const struct http_exchange *exchange)
{
    const struct pace_limits limits = {
        .limit = exchange->ratelimit_limit,
        .remaining = exchange->ratelimit_remaining,
        .reset = exchange->ratelimit_reset,
    };

    pace_learn(&flow->paces[brevo_endpoint_class(endpoint)], &limits,
        clock_monotonic_us(), clock_unix_ms());
}

void
flow_learn(struct flow *flow, struct queue *queue, const struct job *job,
    const struct brevo_verdict *verdict)
{
    flow_learn_limits(flow, job->next, &job->exchange);
    if (verdict->is_rate_limit) {
        pace_block(&flow->paces[brevo_endpoint_class(job->next)], verdict->after_ms,
            clock_monotonic_us());
    }
    if (verdict->outcome == BREVO_PAUSE) {
        pause_begin(&flow->pause, job->next, verdict->reason);
    } else if (job->is_probe && (verdict->outcome == BREVO_DELIVERED ||
                                    verdict->outcome == BREVO_NO_CONTACT)) {
        pause_end(&flow->pause, queue, job->next);
    } else if (job->is_probe && verdict->outcome != BREVO_DROP) { /* it goes on */
        pause_postpone(&flow->pause, queue);
    }
}
