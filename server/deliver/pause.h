/*
 * pause.h - deliveries wait: why, told to everybody, and when to try again.
 *
 * While a pause is on, one record at a time is claimed as a probe, after 1 s, 2 s, ... 60 s. Its
 * success ends the pause. Nothing is parked meanwhile.
 */
#pragma once

#include "queue/queue.h"
#include "server/deliver/brevo.h"

enum {
    PAUSE_PROBE_MIN_MS = 1000,
    PAUSE_PROBE_MAX_MS = 60 * 1000,
};

enum pause_state {
    PAUSE_UNKNOWN, /* since the start: another life of this worker may have left one in Redis */
    PAUSE_OFF,
    PAUSE_ON,
};

struct pause {
    enum pause_state states[BREVO_CAUSES];
    enum brevo_endpoint refused[BREVO_CAUSES]; /* PAUSE_ON: where it was met */
    bool told[BREVO_CAUSES];                   /* it is in Redis */
    int64_t interval_ms;
    int64_t probe_us; /* no probe before */
};

bool pause_is_on(const struct pause *pause);
/* Records that may be claimed now: `max` without a pause, else 1 when a probe is due, or 0. */
size_t pause_allows(
    const struct pause *pause, size_t in_hand, size_t max, int64_t now_us);

/* A verdict said so. Returns the wait before the next probe. */
int64_t pause_begin(struct pause *pause, struct queue *queue,
    enum brevo_endpoint endpoint, const char *cause, int64_t now_us);
/*
 * A call succeeded: over is what concerns all of Brevo, and what was met at that endpoint. (A
 * key that may only read finds contacts and still must not write them.)
 */
void pause_end(struct pause *pause, struct queue *queue, enum brevo_endpoint endpoint);
