/*
 * flow.c - one pace per class of endpoints, and the pauses.
 */
#include "server/deliver/flow.h"

#include <sys/param.h>

#include "server/deliver/doubt.h"
#include "server/ops/clock.h"

static const int64_t wait_max_us = (int64_t)FLOW_WAIT_MAX_MS * US_PER_MS;

/*
 * Our share of what Brevo allows in an hour where it says nothing else, and of that what looks, which
 * may be of the same kind, leave over.
 */
static double
batches_an_hour(const struct config *config)
{
    const double looks = config->brevo_lookup_after_ms > 0 ? DOUBT_LOOKS_AN_HOUR : 0;

    return MAX(
        FLOW_HOURLY_MAX * config->brevo_rate_share - looks, FLOW_BATCHES_AN_HOUR_MIN);
}

void
flow_init(struct flow *flow, const struct config *config, int64_t probe_ms)
{
    pause_init(&flow->pause, probe_ms);
    flow->pause.is_shadow = config_is_shadow(config);
    for (size_t i = 0; i < BREVO_CLASSES_PACED; i++) {
        pace_init(&flow->paces[i], config->brevo_max_rps, config->brevo_rate_share);
    }
    pace_init_hourly(
        &flow->paces[BREVO_CLASS_LOOKUPS], DOUBT_LOOKS_AN_HOUR, DOUBT_LOOKS_AT_ONCE);
    pace_init_unknown(&flow->paces[BREVO_CLASS_BATCHES], batches_an_hour(config),
        config->brevo_max_rps, config->brevo_rate_share);
}

size_t
flow_claimable(const struct flow *flow, size_t in_hand, size_t max, int64_t now_us)
{
    for (size_t i = 0; i < BREVO_CLASSES_PACED; i++) {
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

bool
flow_must_ask(const struct flow *flow, enum brevo_endpoint endpoint, int64_t now_us)
{
    return pace_must_ask(&flow->paces[brevo_endpoint_class(endpoint)], now_us);
}

int
flow_ask(struct flow *flow, struct queue *queue, enum brevo_endpoint endpoint,
    size_t ready, int64_t now_us)
{
    const enum brevo_class class = brevo_endpoint_class(endpoint);
    struct queue_budget budget = pace_question(&flow->paces[class], ready);
    const int r = queue_budget_take(queue, brevo_class_name(class), &budget);

    if (r == QUEUE_OK) {
        pace_grant(&flow->paces[class], &budget, now_us);
    } else if (r == QUEUE_E_NODE ||
               r == QUEUE_E_REFUSED) { /* the bucket's; events go on */
        pace_alone(&flow->paces[class], now_us);
    }
    return r;
}

bool
flow_waits_too_long(const struct job *job, int64_t wait_ms, int64_t now_us)
{
    const int64_t age_ms = (now_us - job->claimed_us) / US_PER_MS;
    const int64_t end_ms = age_ms + wait_ms + BREVO_TIMEOUT_MS + FLOW_MARGIN_MS;

    return end_ms > FLOW_CLAIM_DEADLINE_MS ||
           (!job->has_begun && wait_ms > FLOW_WAIT_MAX_MS);
}

void
flow_rest(
    struct flow *flow, enum brevo_endpoint endpoint, int64_t wait_ms, int64_t now_us)
{
    pace_block(&flow->paces[brevo_endpoint_class(endpoint)], wait_ms, now_us);
}

void
flow_take(struct flow *flow, enum brevo_endpoint endpoint)
{
    const enum brevo_class class = brevo_endpoint_class(endpoint);

    pace_take(&flow->paces[class]);
    flow->taken[class]++;
}

void
flow_skip(const struct flow *flow, struct job *job, int64_t now_us)
{
    if (brevo_endpoint_class(job->next) == BREVO_CLASS_LOOKUPS &&
        !flow_must_ask(flow, job->next, now_us) &&
        flow_wait_us(flow, job->next, now_us) > 0) {
        doubt_skip(job);
    }
}

/* Told to all workers; one that is not reached finds out by itself. */
static void
block(struct flow *flow, struct queue *queue, enum brevo_class class, int64_t wait_ms,
    int64_t now_us)
{
    struct pace *pace = &flow->paces[class];
    struct queue_budget budget = pace_question(pace, 0);

    pace_block(pace, wait_ms, now_us);
    budget.wanted = 0;
    budget.block_ms = wait_ms;
    (void)!queue_budget_take(queue, brevo_class_name(class), &budget);
}

void
flow_learn_limits(struct flow *flow, struct queue *queue, enum brevo_endpoint endpoint,
    const struct http_exchange *exchange, int64_t told_ms)
{
    const enum brevo_class class = brevo_endpoint_class(endpoint);
    const struct pace_limits limits = {
        .limit = exchange->ratelimit_limit,
        .remaining = exchange->ratelimit_remaining,
        .reset = exchange->ratelimit_reset,
    };
    const int64_t learnt_ms = pace_learn(&flow->paces[class], &limits, clock_unix_ms());

    if (learnt_ms > 0 || told_ms > 0) {
        block(flow, queue, class, MAX(learnt_ms, told_ms), clock_monotonic_us());
    }
}

void
flow_learn_failure(
    struct flow *flow, enum brevo_endpoint endpoint, const struct brevo_verdict *verdict)
{
    const enum brevo_class class = brevo_endpoint_class(endpoint);

    if (class >= BREVO_CLASSES_PACED) {
        return;
    }
    flow->failures[class] = verdict->is_failure ? flow->failures[class] + 1 : 0;
    if (flow->failures[class] >= FLOW_FAILURES_MAX &&
        !pause_stops_all(&flow->pause, false)) {
        pause_begin(&flow->pause, endpoint, BREVO_AWAY);
        flow->failures[class] = 0;
    }
}

void
flow_learn(struct flow *flow, struct queue *queue, const struct job *job,
    const struct brevo_verdict *verdict)
{
    flow_learn_limits(flow, queue, job->next, &job->exchange,
        verdict->is_rate_limit ? verdict->after_ms : 0);
    if (verdict->outcome == BREVO_UNTOLD && verdict->after_ms > 0) {
        flow_rest(flow, job->next, verdict->after_ms, clock_monotonic_us());
    }
    flow_learn_failure(flow, job->next, verdict);
    if (verdict->outcome == BREVO_PAUSE) {
        pause_begin(&flow->pause, job->next, verdict->reason);
    } else if (job->is_probe && (verdict->outcome == BREVO_DELIVERED ||
                                    verdict->outcome == BREVO_NO_CONTACT)) {
        pause_end(&flow->pause, queue, job->next, job_needs_events(job));
        if (!job_needs_events(
                job)) { /* nobody knows of /events: the first failure tells */
            flow->failures[BREVO_CLASS_EVENTS] = FLOW_FAILURES_MAX - 1;
        }
    } else if (job->is_probe && verdict->outcome != BREVO_DROP &&
               verdict->outcome != BREVO_AGAIN) { /* those go on */
        pause_postpone(&flow->pause, queue);
    }
}
