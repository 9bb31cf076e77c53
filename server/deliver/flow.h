/*
 * flow.h - when Brevo may be asked: the pace of each class of endpoints, and the pauses.
 */
#pragma once

#include "server/config/config.h"
#include "server/deliver/job.h"
#include "server/deliver/pause.h"

struct flow {
    struct pace paces[BREVO_CLASS_COUNT];
    struct pause pause;
    int64_t taken[BREVO_CLASS_COUNT]; /* calls that were ever begun */
    /* Calls in a row that Brevo, or the way there, failed. */
    int64_t failures[BREVO_CLASSES_PACED];
};

enum {
    FLOW_WAIT_MAX_MS = 3 * 1000, /* longer: better not begin with a record */
    FLOW_MARGIN_MS = 2 * 1000,   /* to settle, with a slow Redis */
    FLOW_HOURLY_MAX =
        100, /* requests of a kind that Brevo's general plan limits by the hour */
    FLOW_BATCHES_AN_HOUR_MIN = 10,
    FLOW_FAILURES_MAX = 12, /* in a row: more than one cut of a network can hit at once */
    /*
     * A delivery is mostly at most six calls (lookup, by phone, creation, without its phone, numbers,
     * event), and nobody may take its claim over meanwhile: without time for one more it goes back.
     */
    FLOW_CLAIM_DEADLINE_MS = 6 * BREVO_TIMEOUT_MS + FLOW_WAIT_MAX_MS + FLOW_MARGIN_MS,
};

void flow_init(struct flow *flow, const struct config *config, int64_t probe_ms);

/*
 * How many records may be claimed beside the `in_hand` ones, at most `max` in all. While all
 * deliveries wait it is one at a time, and for a probe only.
 */
size_t flow_claimable(
    const struct flow *flow, size_t in_hand, size_t max, int64_t now_us);
/*
 * Before a call: whether a pause forbids it. Then the job is finished, to go back to pending or
 * on a shelf. The first job to need what a probe must find out becomes the probe, when it is this
 * worker's turn and it has none (`has_probe`).
 */
bool flow_puts_away(
    const struct flow *flow, struct job *job, bool has_probe, int64_t now_us);
/* Until a call may start; 0: now. Pauses apart. */
int64_t flow_wait_us(
    const struct flow *flow, enum brevo_endpoint endpoint, int64_t now_us);
/*
 * Whether the next call, `wait_ms` from now, would come too late: its claim would not outlive it, or
 * nothing is lost by handing the record back. (A delivery that has begun would only ask the same
 * again.)
 */
bool flow_waits_too_long(const struct job *job, int64_t wait_ms, int64_t now_us);
void flow_take(struct flow *flow, enum brevo_endpoint endpoint);
/* Nobody here asks this class for so long. */
void flow_rest(
    struct flow *flow, enum brevo_endpoint endpoint, int64_t wait_ms, int64_t now_us);
/* After asking: what there is no call to be had for, and is nothing to wait for, is done without. */
void flow_skip(const struct flow *flow, struct job *job, int64_t now_us);
/* What all workers may ask together is in Redis: whether it is to be asked, for `ready` calls. */
bool flow_must_ask(const struct flow *flow, enum brevo_endpoint endpoint, int64_t now_us);
int flow_ask(struct flow *flow, struct queue *queue, enum brevo_endpoint endpoint,
    size_t ready, int64_t now_us) MUST_USE;

/* What an answer's headers say about the limits of its class; `told_ms`: wait, said a 429. */
void flow_learn_limits(struct flow *flow, struct queue *queue,
    enum brevo_endpoint endpoint, const struct http_exchange *exchange, int64_t told_ms);
/*
 * Whether one call after the other of a class that deliveries need fails, whatever it is about: then
 * Brevo is away, and all wait for one probe instead of each for its own next attempt.
 */
void flow_learn_failure(
    struct flow *flow, enum brevo_endpoint endpoint, const struct brevo_verdict *verdict);
/*
 * What an answer says about Brevo, whatever it says about its event: limits, pauses and their
 * ends. Only a probe ends a pause: any other call began before.
 */
void flow_learn(struct flow *flow, struct queue *queue, const struct job *job,
    const struct brevo_verdict *verdict);
