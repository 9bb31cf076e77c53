/*
 * redis_watch.c - looks after the Redis in use, every few seconds.
 */
#include "server/service/redis_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"
#include "server/service/redis_health.h"
#include "server/service/witness.h"

enum {
    LOOK_EVERY_MS = 2000,
    TIMEOUT_MS = 500,
    FULL_COUNTS_MS = 30 * 1000, /* after the look that saw it */
};

struct redis_watch {
    struct queue *queue;
    struct witness *witness;
    bool witness_fails;
    const char *require;
    int64_t next_us; /* not before */
    bool answers;
    bool has_answered;
    struct queue_health health; /* the latest there was */
    int64_t health_us;
};

int
redis_watch_open(const struct redis_watch_options *options,
    struct redis_watch **ret_watch, char ret_error[REDIS_WATCH_ERROR_SIZE])
{
    struct redis_watch *watch = calloc(1, sizeof(*watch));

    if (watch == NULL) {
        (void)snprintf(ret_error, REDIS_WATCH_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    const struct queue_options queue_options = {
        .url = options->redis_url,
        .partitions = options->partitions,
        .timeout_ms = TIMEOUT_MS,
    };
    const int r = queue_open(&queue_options, &watch->queue, ret_error);

    watch->witness = witness_open(options->state_dir);
    if (r != QUEUE_OK || watch->witness == NULL) {
        redis_watch_close(&watch);
        return r > 0 ? -EINVAL : r < 0 ? r : -ENOMEM;
    }
    watch->require = options->require;
    *ret_watch = watch;
    return 0;
}

/* ---- what is new ----------------------------------------------------------------------------- */

static void
set_degraded(const char *cause, bool is_there)
{
    counter_set(metrics_counter(METRIC_REDIS_DEGRADED, cause, NULL), is_there ? 1 : 0);
}

static void
say_lacks(const struct queue_health *old, const struct queue_health *now)
{
    for (size_t i = 0; i < QUEUE_WEAKNESS_COUNT; i++) {
        const struct redis_lack *lack = redis_lack((enum queue_weakness)i);

        set_degraded(lack->name, now->weak[i]);
        if (now->weak[i] && !old->weak[i]) {
            log_warn("redis_degraded", "cause=%s means=\"%s\" do=\"%s\"", lack->name,
                lack->means, lack->remedy);
        } else if (old->weak[i] && !now->weak[i]) {
            log_info("redis_mended", "cause=%s", lack->name);
        }
    }
}

static void
say_mode(struct redis_watch *watch, const struct queue_health *now)
{
    const char *mode = queue_fsync_name(now->fsync);

    if (watch->has_answered && watch->health.fsync == now->fsync) {
        return;
    }
    counter_set(
        metrics_counter(METRIC_REDIS_FSYNC, queue_fsync_name(watch->health.fsync), NULL),
        0);
    counter_set(metrics_counter(METRIC_REDIS_FSYNC, mode, NULL), 1);
    log_info("redis_mode", "fsync=%s version=%s", mode,
        now->version[0] != '\0' ? now->version : "unknown");
}

static void
note_answer(struct redis_watch *watch, bool answers)
{
    set_degraded("unreachable", !answers);
    if (watch->answers && !answers) {
        log_warn("redis_unreachable", "error=\"%s\"", queue_error(watch->queue));
    } else if (!watch->answers && answers && watch->has_answered) {
        log_info("redis_reached", "after=absence");
    }
    watch->answers = answers;
}

static void
ask_witness(struct redis_watch *watch)
{
    const bool fails = witness_run(watch->witness, watch->queue) != QUEUE_OK;

    if (fails && !watch->witness_fails) {
        log_warn("witness_failed", "error=\"%s\"", queue_error(watch->queue));
    }
    watch->witness_fails = fails;
}

static void
look(struct redis_watch *watch)
{
    struct queue_health now;
    const int r = queue_health(watch->queue, &now);

    watch->next_us = clock_monotonic_us() + (int64_t)LOOK_EVERY_MS * US_PER_MS;
    note_answer(watch, r == QUEUE_OK);
    if (r != QUEUE_OK) {
        return;
    }
    queue_health_follow(&now, &watch->health);
    say_mode(watch, &now);
    say_lacks(&watch->health, &now);
    watch->health = now;
    watch->health_us = clock_monotonic_us();
    watch->has_answered = true;
    ask_witness(watch);
}

bool
redis_watch_start(struct redis_watch *watch, char ret_error[REDIS_WATCH_ERROR_SIZE])
{
    look(watch);
    return !watch->answers ||
           !redis_health_refuses(&watch->health, watch->require, ret_error);
}

void
redis_watch_run(struct redis_watch *watch)
{
    if (clock_monotonic_us() >= watch->next_us) {
        look(watch);
    }
}

bool
redis_watch_is_full(const struct redis_watch *watch, int64_t now_us)
{
    return watch->health.weak[QUEUE_WEAK_MEMORY_FULL] &&
           now_us - watch->health_us <= (int64_t)FULL_COUNTS_MS * US_PER_MS;
}

void
redis_watch_close(struct redis_watch **watch)
{
    if (*watch != NULL) {
        if ((*watch)->answers) { /* what came since the last look is witnessed, too */
            ask_witness(*watch);
        }
        witness_close(&(*watch)->witness);
        queue_close(&(*watch)->queue);
        free(*watch);
    }
    *watch = NULL;
}

/* ---- for a person ---------------------------------------------------------------------------- */

void
redis_watch_describe(const struct redis_watch *watch, struct buffer *text)
{
    const struct queue_health *health = &watch->health;

    if (!watch->has_answered) {
        buffer_add_text(text, "redis mode: not known yet\n");
        return;
    }
    buffer_addf(text, "redis mode: fsync=%s version=%s replicas=%lld/%lld%s\n",
        queue_fsync_name(health->fsync),
        health->version[0] != '\0' ? health->version : "unknown",
        (long long)health->replicas_in_sync, (long long)health->replicas,
        watch->answers ? "" : " (as of the last answer)");
    for (size_t i = 0; i < QUEUE_WEAKNESS_COUNT; i++) {
        if (health->weak[i]) {
            const struct redis_lack *lack = redis_lack((enum queue_weakness)i);

            buffer_addf(text, "redis degraded: %s: %s (%s)\n", lack->name, lack->means,
                lack->remedy);
        }
    }
}
