/*
 * worker.c - claims records, turns them into Brevo requests, settles them.
 *
 * One thread, a few jobs in hand. worker_step() is the whole way of an event; it is run whenever
 * an answer may have come or a little time has passed, and moves every job as far as it can go.
 * Redis calls block shortly, HTTP calls never.
 */
#include "server/deliver/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/param.h>
#include <unistd.h>

#include "queue/crash_point.h"
#include "queue/jitter.h"
#include "server/deliver/attribute_watch.h"
#include "server/deliver/batch.h"
#include "server/deliver/cost.h"
#include "server/deliver/outcome.h"
#include "server/deliver/seeking.h"
#include "server/deliver/shadow.h"
#include "server/ops/clock.h"

enum {
    CONNECTIONS_MAX = HAND_JOBS_MAX,
    PACED_DELAY_MIN_MS = 1000,
    IDLE_MIN_MS = 10,
    IDLE_MAX_MS = 100,
    REDIS_TIMEOUT_MS = 1500,
    DRAIN_AWAY_MS = 3000,
};

struct worker {
    const struct config *config;
    struct queue *queue;
    struct http_client *client;
    struct hand hand;
    struct flow flow;
    struct cost cost;
    struct attribute_watch attributes;
    struct batch batch;
    struct seeking seeking;
    struct shadow shadow;
    struct brevo_auth auth;
    struct call_tools tools;
    int64_t now_us;   /* of this step */
    int64_t claim_us; /* no claim before */
    int64_t idle_ms;

    pthread_t thread;
    bool is_started;
    int stop_fd;
    atomic_bool is_stopping;
    int64_t drain_ms; /* written before is_stopping */
};

/* ---- claimed ------------------------------------------------------------------------------ */

static bool
may_claim(const struct worker *worker)
{
    return !worker->is_stopping && batch_room(&worker->batch, worker->now_us) > 0 &&
           brevo_auth_wait_us(&worker->auth, worker->now_us) == 0;
}

/* Returns how many came. */
static size_t
claim(struct worker *worker)
{
    struct hand *hand = &worker->hand;
    const size_t room = batch_room(&worker->batch, worker->now_us);

    if (!may_claim(worker) || worker->now_us < worker->claim_us) {
        return 0;
    }
    const size_t max =
        flow_claimable(&worker->flow, hand->count, hand->count + room, worker->now_us);
    const struct pause *pause = &worker->flow.pause;
    const unsigned probed =
        hand_has_probe(hand) ? 0 : pause_probe_shelves(pause, worker->now_us);

    queue_set_shelves(worker->queue, pause_closed_shelves(pause), probed);
    const size_t count = hand_claim(hand, max, worker->now_us);

    for (size_t i = hand->count - count; i < hand->count; i++) {
        hand->jobs[i]->is_probe = pause_stops_all(pause, false);
    }
    if (count > 0) {
        worker->idle_ms = IDLE_MIN_MS;
        return count;
    }
    /* Nothing came: look again later, then ever later. */
    worker->claim_us = worker->now_us + worker->idle_ms * US_PER_MS;
    worker->idle_ms = backoff_after(worker->idle_ms, IDLE_MIN_MS, IDLE_MAX_MS);
    return 0;
}

/* ---- paused ------------------------------------------------------------------------------- */

/* True when a pause has put the job back, or out of the way. */
static bool
paused(struct worker *worker, struct job *job)
{
    return flow_puts_away(
        &worker->flow, job, hand_has_probe(&worker->hand), worker->now_us);
}

/* ---- paced -------------------------------------------------------------------------------- */

/* True when the next call may start now. What would wait too long goes back instead. */
static bool
paced(struct worker *worker, struct job *job)
{
    const int64_t auth_us = brevo_auth_wait_us(&worker->auth, worker->now_us);

    if (auth_us == 0) {
        hand_ask(&worker->hand, &worker->flow, job->next, worker->now_us);
        flow_skip(&worker->flow, job, worker->now_us);
    }
    const int64_t wait_us =
        MAX(auth_us, flow_wait_us(&worker->flow, job->next, worker->now_us));
    const int64_t wait_ms = wait_us / US_PER_MS;

    if (worker->is_stopping) {
        job_release(job);
    } else if (flow_waits_too_long(job, wait_ms, worker->now_us)) {
        job_delay(
            job, "paced", wait_ms > PACED_DELAY_MIN_MS ? wait_ms : PACED_DELAY_MIN_MS);
    }
    return job->stage == JOB_READY && wait_us == 0;
}

static void
call(struct worker *worker, struct job *job)
{
    if (job->is_shadow) {
        shadow_keep(&worker->shadow, job);
        return;
    }
    flow_take(&worker->flow, job->next);
    CRASH_POINT("call_due");
    job->auth_number = brevo_auth_number(&worker->auth);
    job_call(job, worker->config, brevo_auth_header(&worker->auth), worker->client);
}

/* ---- answered ----------------------------------------------------------------------------- */

static void
judge(struct worker *worker, struct job *job)
{
    const struct brevo_question question = {
        .endpoint = job->next,
        .attempts = job->record->attempts,
        .now_ms = clock_unix_ms(),
        .random = jitter_number(),
    };
    struct brevo_verdict verdict;

    CRASH_POINT("call_answered");
    brevo_judge(&question, &job->exchange, &verdict);
    brevo_auth_judge(&worker->auth, job->auth_number, &verdict, worker->now_us);
    flow_learn(&worker->flow, worker->queue, job, &verdict);
    outcome_of_call(job, &verdict, worker->config);
    job_advance(job, &verdict);
    CRASH_POINT("call_judged");
}

/* ---- the spine ---------------------------------------------------------------------------- */

/* claimed → parsed → mapped → (paused) → paced → delivered to Brevo → settled */
static void
worker_step(struct worker *worker)
{
    struct hand *hand = &worker->hand;

    worker->now_us = clock_monotonic_us();
    brevo_auth_run(&worker->auth, &worker->tools, worker->now_us, worker->is_stopping);
    worker->flow.pause.is_barred = brevo_auth_wait_us(&worker->auth, worker->now_us) > 0;
    hand_look(hand, &worker->flow.pause, worker->now_us);
    batch_take(&worker->batch, worker->now_us);
    const size_t claimed = claim(worker);

    for (size_t i = 0; i < hand->count; i++) {
        struct job *job = hand->jobs[i]; /* oldest first */

        if (job->stage == JOB_CLAIMED && hand_may_read(hand, i)) {
            job_parse(job);
        }
        if (job->stage == JOB_PARSED) {
            job_map(job, worker->config, worker->now_us);
        }
        if (job->stage == JOB_ANSWERED) {
            judge(worker, job);
        }
        seeking_step(&worker->seeking, hand, job, worker->client, worker->now_us);
        hand_keep(hand, job, worker->now_us); /* what others shall know */
        if (job->stage == JOB_MAPPED && !paused(worker, job) && !hand_follows(hand, i)) {
            CRASH_POINT("effect_due");
            hand_claim_effect(hand, job, worker->now_us);
        }
        if (job->stage == JOB_READY && !paused(worker, job) &&
            (job->is_shadow || paced(worker, job))) {
            call(worker, job);
        }
    }
    batch_run(&worker->batch, claimed > 0, worker->now_us);
    hand_settle(hand, worker->now_us);
    cost_run(&worker->cost, hand, &worker->flow, worker->now_us);
    attribute_watch_run(&worker->attributes, worker->now_us, worker->is_stopping);
}

/* ---- the thread --------------------------------------------------------------------------- */

/* Until something can happen by itself: a claim is due, a token is there. */
static int
wait_ms(const struct worker *worker)
{
    const int64_t auth_us = brevo_auth_wait_us(&worker->auth, worker->now_us);
    const int64_t claim_us = worker->claim_us - worker->now_us;
    const int64_t call_us =
        MAX(auth_us, hand_ready_us(&worker->hand, &worker->flow, worker->now_us));
    int64_t wait_us = (int64_t)IDLE_MAX_MS * US_PER_MS;

    wait_us = may_claim(worker) ? MIN(claim_us, wait_us) : wait_us;
    wait_us = MIN(call_us, wait_us);
    return wait_us > US_PER_MS ? (int)((wait_us + US_PER_MS - 1) / US_PER_MS) : 1;
}

static void
wait_and_hear(struct worker *worker)
{
    struct pollfd ready[] = {
        {.fd = http_client_fd(worker->client), .events = POLLIN},
        {.fd = worker->stop_fd, .events = POLLIN},
    };

    (void)poll(ready, worker->is_stopping ? 1 : 2, wait_ms(worker));
    http_client_run(worker->client);
}

static void
drain(struct worker *worker)
{
    const int64_t began_us = clock_monotonic_us();
    const int64_t away_us = (int64_t)DRAIN_AWAY_MS * US_PER_MS;
    int64_t left_us = worker->drain_ms * US_PER_MS;

    hand_release_unsent(&worker->hand);
    CRASH_POINT("drain_began");
    worker_step(worker);
    CRASH_POINT("drain_released");
    while (worker->hand.count > 0 && clock_monotonic_us() - began_us < left_us) {
        wait_and_hear(worker);
        worker_step(worker);
        /* Calls to a Redis that is away take their time too: less is left for Brevo. */
        if (worker->hand.redis_backoff_ms != 0 && left_us > away_us) {
            left_us = away_us;
        }
    }
    http_client_close(&worker->client); /* now the rest has an answer too: unknown */
    worker_step(worker);
}

static void *
worker_main(void *context)
{
    struct worker *worker = context;

    while (!worker->is_stopping) {
        worker_step(worker);
        wait_and_hear(worker);
    }
    drain(worker);
    return NULL;
}

/* ---- opened, started, stopped, closed ----------------------------------------------------- */

static int
open_queue(struct worker *worker, const struct worker_options *options,
    char ret_error[WORKER_ERROR_SIZE])
{
    const struct queue_options queue_options = {
        .url = options->redis_url,
        .consumer = options->consumer,
        .partitions = queue_default_partitions(options->redis_url),
        .dedupe_window_ms = options->config->dedupe_window_ms,
        .keep_bodies_ms = options->config->keep_bodies_ms,
        .claim_deadline_ms = FLOW_CLAIM_DEADLINE_MS,
        .timeout_ms = REDIS_TIMEOUT_MS,
    };
    const int r = queue_open(&queue_options, &worker->queue, ret_error);

    return r > 0 ? -EINVAL : r;
}

static int
open_client(struct worker *worker, char ret_error[WORKER_ERROR_SIZE])
{
    const int r = http_client_open(CONNECTIONS_MAX, &worker->client);

    if (r != 0) {
        (void)snprintf(
            ret_error, WORKER_ERROR_SIZE, "cannot set up HTTP: worker: %s", strerror(-r));
        return r;
    }
    worker->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->stop_fd < 0) {
        (void)snprintf(ret_error, WORKER_ERROR_SIZE,
            "cannot make an eventfd: worker: %s (raise the limit of open files)",
            strerror(errno));
        return -EMFILE;
    }
    return 0;
}

int
worker_open(const struct worker_options *options, struct worker **ret_worker,
    char ret_error[WORKER_ERROR_SIZE])
{
    const struct config *config = options->config;
    AUTO(worker_close) struct worker *worker = calloc(1, sizeof(*worker));

    if (worker == NULL) {
        (void)snprintf(ret_error, WORKER_ERROR_SIZE, "out of memory: worker");
        return -ENOMEM;
    }
    worker->stop_fd = -1;
    worker->config = config;
    worker->idle_ms = IDLE_MIN_MS;
    int r = open_queue(worker, options, ret_error);

    r = r == 0 ? open_client(worker, ret_error) : r;
    if (r != 0) {
        return r;
    }
    hand_init(&worker->hand, worker->queue, config);
    flow_init(&worker->flow, config, FLOW_CLAIM_DEADLINE_MS);
    brevo_auth_init(&worker->auth, config);
    worker->tools = (struct call_tools){
        config, worker->client, &worker->flow, &worker->hand, &worker->auth};
    attribute_watch_init(&worker->attributes, &worker->tools);
    batch_init(&worker->batch, &worker->tools);
    shadow_init(&worker->shadow, config);
    *ret_worker = worker;
    worker = NULL;
    return 0;
}

int
worker_start(struct worker *worker)
{
    const int r = pthread_create(&worker->thread, NULL, worker_main, worker);

    worker->is_started = r == 0;
    return -r;
}

void
worker_stop(struct worker *worker, int64_t timeout_ms)
{
    const uint64_t one = 1;

    if (!worker->is_started) {
        return;
    }
    worker->drain_ms = timeout_ms;
    atomic_store(&worker->is_stopping, true);
    (void)!write(worker->stop_fd, &one, sizeof(one)); /* a full one is readable, too */
    (void)pthread_join(worker->thread, NULL);
    worker->is_started = false;
}

void
worker_close(struct worker **worker_pointer)
{
    struct worker *worker = *worker_pointer;

    if (worker == NULL) {
        return;
    }
    http_client_close(&worker->client);
    brevo_auth_done(&worker->auth);
    attribute_watch_done(&worker->attributes);
    batch_done(&worker->batch);
    hand_done(&worker->hand);
    queue_close(&worker->queue);
    if (worker->stop_fd >= 0) {
        (void)close(worker->stop_fd);
    }
    free(worker);
    *worker_pointer = NULL;
}
