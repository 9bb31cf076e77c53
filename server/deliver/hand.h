/*
 * hand.h - the records in hand: claimed from the queue, settled there, oldest first.
 *
 * When Redis is away, everything stays in hand: what Brevo has accepted waits here for its settle
 * and is not sent again from memory. Calls back off meanwhile; the log says "away" and "back"
 * once each. Of a cluster, partitions whose node is away wait by themselves, and others go on.
 */
#pragma once

#include "server/deliver/contact_cache.h"
#include "server/deliver/flow.h"

enum {
    HAND_LIVE_MAX = 8,   /* that are on their way by themselves */
    HAND_BATCH_MAX = 24, /* and of a backlog those that wait for a batch, or are in one */
    HAND_JOBS_MAX = HAND_LIVE_MAX +
                    HAND_BATCH_MAX, /* the most a crash can leave sent but unsettled */
};

struct hand {
    struct queue *queue;
    const struct config *config;
    struct job pool[HAND_JOBS_MAX];
    struct job
        *jobs[HAND_JOBS_MAX]; /* `count` in hand, oldest first; then the free ones */
    size_t count;
    struct contact_cache contacts;
    int64_t settled;          /* records ever, those that come again left out */
    int64_t redis_us;         /* no call before */
    int64_t redis_backoff_ms; /* 0: Redis is there */
    int64_t partitions_away;  /* of a cluster, as said last */
};

/* The queue is borrowed. */
void hand_init(struct hand *hand, struct queue *queue, const struct config *config);
/* Lets go of everything; what was not settled is still claimed. */
void hand_done(struct hand *hand);

/* Looks at the pauses when it is time. */
void hand_look(struct hand *hand, struct pause *pause, int64_t now_us);
/* Asks what Brevo may be asked, when it is time: for the jobs that are ready, one call at least. */
void hand_ask(
    struct hand *hand, struct flow *flow, enum brevo_endpoint endpoint, int64_t now_us);
/* Until a call may start, or is asked for again; 0: now. */
int64_t hand_wait_us(const struct hand *hand, const struct flow *flow,
    enum brevo_endpoint endpoint, int64_t now_us);
/* The same, of the first job that is ready; INT64_MAX: none is. */
int64_t hand_ready_us(const struct hand *hand, const struct flow *flow, int64_t now_us);
/*
 * Claims up to `max` more records, max <= HAND_JOBS_MAX - count; none while a suspect is in hand
 * that is not finished. What is finished and waits for Redis to hear it is not taken over, nor is
 * anything of its partition. Returns how many came.
 */
size_t hand_claim(struct hand *hand, size_t max, int64_t now_us);
/*
 * JOB_CLAIMED: whether it may be read now. A suspect waits until nothing else is in hand, so that
 * no other record is lost with its worker again; a second suspect goes back, and what follows it.
 */
bool hand_may_read(struct hand *hand, size_t index);
/*
 * JOB_MAPPED: claims the effect; whose contact was met lately, goes on without a look. Stays where it
 * is while Redis is away; what Redis refuses is delayed, and parked after BREVO_ATTEMPTS_MAX attempts.
 */
void hand_claim_effect(struct hand *hand, struct job *job, int64_t now_us);
/*
 * JOB_SPLITTING: makes records of what else it tells. JOB_TELLING: tells of its ticket, and judges the
 * job by what is known of it. JOB_FOLDING: resolves the reservation, remembers the test. JOB_MEETING:
 * tells of its contact, and goes on by what is known of that. JOB_TURNING: says that its event is
 * delivered, and goes on. The same. And what counters are yet to hear of it.
 */
void hand_keep(struct hand *hand, struct job *job, int64_t now_us);
/*
 * Keeps a note in Redis (queue_note_put()). False: Redis is away, try again. One that Redis
 * refuses is let go: a note must hold nothing up.
 */
bool hand_note(
    struct hand *hand, const char *name, const char *text, int64_t time_ms) MUST_USE;
/* What was not sent yet goes back; calls under way may still be answered. */
void hand_release_unsent(struct hand *hand);
/* Settles what is JOB_FINISHED, and has been counted, in one call. */
void hand_settle(struct hand *hand, int64_t now_us);

/* A probe is in hand. */
bool hand_has_probe(const struct hand *hand);
/* True when an older job in hand is about the same contact or subject. */
bool hand_follows(const struct hand *hand, size_t index);

/* What hand.c and hand_keep.c share: notes how a call went, true when it worked; may one be made? */
bool hand_worked(struct hand *hand, int result);
bool hand_reaches_redis(const struct hand *hand, int64_t now_us);
