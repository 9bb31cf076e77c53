/*
 * pause.c - keeps the causes of pauses, here, in Redis, in the metrics and in the log.
 */
#include "server/deliver/pause.h"

#include <string.h>

#include "server/ops/log.h"
#include "server/ops/metrics.h"

bool
pause_is_on(const struct pause *pause)
{
    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        if (pause->states[i] == PAUSE_ON) {
            return true;
        }
    }
    return false;
}

size_t
pause_allows(const struct pause *pause, size_t in_hand, size_t max, int64_t now_us)
{
    if (!pause_is_on(pause)) {
        return max - in_hand;
    }
    return in_hand == 0 && now_us >= pause->probe_us ? 1 : 0;
}

/* Once a second at first, then ever slower; a second refusal of calls sent together is no news. */
static void
schedule_probe(struct pause *pause, bool was_on, int64_t now_us)
{
    if (!was_on) {
        pause->interval_ms = PAUSE_PROBE_MIN_MS;
    } else if (now_us >= pause->probe_us) {
        pause->interval_ms =
            backoff_after(pause->interval_ms, PAUSE_PROBE_MIN_MS, PAUSE_PROBE_MAX_MS);
    } else {
        return;
    }
    pause->probe_us = now_us + pause->interval_ms * US_PER_MS;
}

int64_t
pause_begin(struct pause *pause, struct queue *queue, enum brevo_endpoint endpoint,
    const char *cause, int64_t now_us)
{
    schedule_probe(pause, pause_is_on(pause), now_us);
    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        const struct brevo_cause *known = &brevo_causes[i];

        if (strcmp(known->name, cause) != 0) {
            continue;
        }
        if (pause->states[i] != PAUSE_ON) {
            log_error("paused", "cause=%s remedy=\"%s\"", cause, known->remedy);
            counter_set(metrics_counter(METRIC_BREVO_PAUSED, cause, NULL), 1);
            pause->states[i] = PAUSE_ON;
            pause->refused[i] = endpoint;
            pause->told[i] = false;
        }
        /* When Redis is away now, the next probe tells it. */
        if (!pause->told[i]) {
            pause->told[i] = queue_pause_put(queue, cause, known->remedy) == QUEUE_OK;
        }
    }
    return pause->interval_ms;
}

/* What an earlier life left behind ends with any success of its class. */
static bool
is_over(const struct pause *pause, size_t index, enum brevo_endpoint endpoint)
{
    const struct brevo_cause *cause = &brevo_causes[index];

    if (pause->states[index] == PAUSE_ON && !cause->is_general) {
        return pause->refused[index] == endpoint;
    }
    return pause->states[index] != PAUSE_OFF &&
           (cause->is_general || cause->class == brevo_endpoint_class(endpoint));
}

void
pause_end(struct pause *pause, struct queue *queue, enum brevo_endpoint endpoint)
{
    for (size_t i = 0; i < BREVO_CAUSES; i++) {
        const char *cause = brevo_causes[i].name;

        if (!is_over(pause, i, endpoint)) {
            continue;
        }
        if (pause->states[i] == PAUSE_ON) {
            log_info("resumed", "cause=%s", cause);
            counter_set(metrics_counter(METRIC_BREVO_PAUSED, cause, NULL), 0);
            pause->states[i] = PAUSE_UNKNOWN; /* off here, still on in Redis */
        }
        if (queue_pause_remove(queue, cause) == QUEUE_OK) {
            pause->states[i] = PAUSE_OFF;
        }
    }
}
