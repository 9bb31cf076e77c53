/*
 * pause.h - deliveries wait: why, for all workers at once, and when to try again.
 *
 * Redis has every pause, and each worker looks twice a second. Brevo's refusals are pauses of one
 * kind: one worker at a time, whose turn Redis gives, tries one waiting record, after 1 s, 2 s,
 * ... 60 s; its success ends the pause for all. The operator's pauses are the other kind and end by
 * command. Nothing is parked meanwhile and no attempt is counted.
 *
 * What stops every delivery stops claiming; what stops only some puts those records on a shelf of
 * the queue, out of the way of the others, until it is over.
 */
#pragma once

#include "mapping/rules.h"
#include "queue/queue.h"
#include "server/deliver/brevo.h"

#define PAUSE_OPERATOR "operator" /* the cause; of one event "operator:task.completed" */

enum {
    PAUSE_LOOK_MS = 500,
    PAUSE_PROBE_MIN_MS = 1000,
    PAUSE_PROBE_MAX_MS = 60 * 1000,
};

/* Of the queue. The numbers are in Redis: new ones come last. */
enum pause_shelf {
    PAUSE_SHELF_NONE,
    PAUSE_SHELF_ALL,    /* refused while everything waits */
    PAUSE_SHELF_EVENTS, /* needs /events, which is forbidden */
    PAUSE_SHELF_TYPE,   /* and EVENT_TYPE_COUNT of them: the operator paused this event */
};

struct pause {
    bool is_shadow; /* nothing is sent: what Brevo refused once does not matter */
    struct queue_labels shown; /* as Redis had it at the last look */
    bool met[BREVO_CAUSES];    /* here, since then: the next look tells Redis */
    enum brevo_endpoint refused[BREVO_CAUSES]; /* where it was met */
    bool has_looked;
    bool is_barred; /* there is nothing to probe with: the turn is another worker's */
    bool may_probe;
    int64_t turn_end_us; /* of may_probe */
    int64_t look_us;     /* no look before */
    int64_t turn_ms;     /* how long a probe may take, and a turn may begin one */
};

void pause_init(struct pause *pause, int64_t turn_ms);

/* It is time for the next look. */
bool pause_wants_look(const struct pause *pause, int64_t now_us);
/*
 * Tells Redis what was met here, and looks. Says in the log and the metrics what began and what is
 * over.
 * 0: done; else the queue's result, and all stays as it was.
 */
int pause_look(struct pause *pause, struct queue *queue, int64_t now_us) MUST_USE;

/* Nothing may be delivered, or nothing but a probe. Before the first look: not even that. */
bool pause_stops_all(const struct pause *pause, bool is_probe);
/* This worker's turn to probe. */
bool pause_may_probe(const struct pause *pause, int64_t now_us);
/* The shelf of what may not be delivered though other records may; none: it may. */
enum pause_shelf pause_shelf_of(
    const struct pause *pause, enum event_type type, bool needs_events);
/* Where a record goes that Brevo refused for this cause. */
enum pause_shelf pause_shelf_met(const char *cause);
/* Shelves whose records must stay there, and those that a probe may come from, as bits. */
unsigned pause_closed_shelves(const struct pause *pause);
unsigned pause_probe_shelves(const struct pause *pause, int64_t now_us);

/* A verdict said so. It holds here at once, elsewhere after the next look. */
void pause_begin(struct pause *pause, enum brevo_endpoint endpoint, const char *cause);
/*
 * A probe's call succeeded: over is what concerns all of Brevo, and what was met at that endpoint.
 * (A key that may only read finds contacts and still must not write them.) One that needs no /events
 * ends BREVO_AWAY, wherever that was met: nothing it could call may be left to tell.
 */
void pause_end(struct pause *pause, struct queue *queue, enum brevo_endpoint endpoint,
    bool needs_events);
/* A probe's call said nothing of the kind: the turn is over. */
void pause_postpone(struct pause *pause, struct queue *queue);
