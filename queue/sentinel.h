/*
 * sentinel.h - asks the Sentinels of a URL, one after the other, where the master is.
 *
 * Each attempt to connect begins with the question, so that a failover is followed by connecting
 * anew. A Sentinel that is away, hangs, knows no such master, or names one that does not turn out
 * to be it, is passed over for the next; where an attempt ends well the next one begins.
 *
 * The question travels on the connection that will be the master's, so a caller waits for one
 * descriptor only.
 *
 * While connected, the Sentinels are asked in turn, one every second, on a connection of its own,
 * whether that is still the master: one that was replaced on purpose takes writes for some ten
 * seconds more, which are lost when it becomes a replica. Nobody waits for the answer; it is read
 * by the way. Each failover has a higher epoch: an answer that is older than another is not
 * believed, unless no Sentinel has a newer one.
 */
#pragma once

#include "queue/redis.h"

struct sentinel {
    size_t at;           /* the one to ask, or asked */
    size_t tried;        /* in this attempt */
    bool is_asking;      /* its answer is waited for, until deadline_us */
    int64_t deadline_us; /* CLOCK_MONOTONIC */
    struct redis watch;  /* asks while we are connected to a master */
    struct redis_exchange watch_question;
    size_t watch_at;
    int64_t watch_us; /* the next question, or the end of patience with this one */
    int64_t epoch;    /* the highest heard of; 0: none */
    bool met_older;   /* in this attempt */
};

void sentinel_init(struct sentinel *sentinel, const struct redis_url *url);
void sentinel_done(struct sentinel *sentinel);

/* The URL is a sentinel:// one. */
bool sentinel_is_used(const struct redis *redis);
/*
 * Begins an attempt: connects to a Sentinel and asks. `question` is cleared and used until
 * sentinel_read(). 0: asked; else the error of the last one: none can be asked.
 */
int sentinel_begin(struct sentinel *sentinel, struct redis *redis,
    struct redis_exchange *question, int64_t now_us) MUST_USE;
/* Asks the next; `status`, or what went wrong with it, when all have been asked. */
int sentinel_go_on(struct sentinel *sentinel, struct redis *redis,
    struct redis_exchange *question, int64_t now_us, int status) MUST_USE;
/*
 * The question is answered. QUEUE_OK: the next redis_connect() goes to the master. Else
 * QUEUE_E_REFUSED, with the error kept. Disconnected, both ways.
 */
int sentinel_read(struct sentinel *sentinel, struct redis *redis,
    const struct redis_exchange *question) MUST_USE;
/*
 * Does a Sentinel know of a failover to another master than `redis` is connected to? Never waits:
 * the answer is the one to the question of a second ago. False while there is none.
 */
bool sentinel_names_another(
    struct sentinel *sentinel, const struct redis *redis, int64_t now_us) MUST_USE;
/* The next attempt begins with the next Sentinel. */
void sentinel_pass(struct sentinel *sentinel, const struct redis *redis);
