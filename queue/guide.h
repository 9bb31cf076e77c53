/*
 * guide.h - asks the guides of a URL, one after the other, where the master is: Sentinels, or
 * nodes of a cluster.
 *
 * Each attempt to connect begins with the question, so that a failover is followed by connecting
 * anew. A guide that is away, hangs, knows no such master, or names one that does not turn out
 * to be it, is passed over for the next; where an attempt ends well the next one begins.
 *
 * The question travels on the connection that will be the master's, so a caller waits for one
 * descriptor only.
 *
 * A node of a cluster that is not, or no longer, the right one says which is ("MOVED"): the next
 * connection goes there without a question.
 *
 * While connected, Sentinels are asked in turn, one at a time, every second, on a connection of
 * its own, whether that is still the master: one that was replaced on purpose takes writes for some
 * ten seconds more, which are lost when it becomes a replica. Nobody waits for the answer; it is
 * read by the way. Each failover has a higher epoch: an answer that is older than another is not
 * believed, unless no Sentinel has a newer one. A node of a cluster needs no such watch: cut off
 * from the others it refuses writes by itself before there is another.
 */
#pragma once

#include "queue/redis.h"

struct guide {
    unsigned slot;             /* of a cluster: whose node is looked for */
    size_t at;                 /* the one to ask, or asked */
    size_t tried;              /* in this attempt */
    bool is_asking;            /* its answer is waited for, until deadline_us */
    int64_t deadline_us;       /* CLOCK_MONOTONIC */
    struct redis_address hint; /* where a node sent us; port 0: nowhere */
    unsigned hints_followed;   /* since we last were where we should be */
    struct redis watch;        /* asks while we are connected to a master */
    struct redis_exchange watch_question;
    size_t watch_at;
    int64_t watch_us;          /* no question before */
    int64_t watch_deadline_us; /* of the one that is open */
    int64_t epoch;             /* the highest heard of; 0: none */
    bool met_older;            /* in this attempt */
};

/* `slot`: what a master is looked for for; Sentinels' has all. */
void guide_init(struct guide *guide, const struct redis_url *url, unsigned slot);
void guide_done(struct guide *guide);

/* The URL is one that names guides. */
bool guide_is_used(const struct redis *redis);
/*
 * Begins an attempt: connects to a guide and asks. `question` is cleared and used until
 * guide_read(). 0: asked; else the error of the last one: none can be asked.
 */
int guide_begin(struct guide *guide, struct redis *redis, struct redis_exchange *question,
    int64_t now_us) MUST_USE;
/* Asks the next; `status`, or what went wrong with it, when all have been asked. */
int guide_go_on(struct guide *guide, struct redis *redis, struct redis_exchange *question,
    int64_t now_us, int status) MUST_USE;
/*
 * The question is answered. QUEUE_OK: the next redis_connect() goes to the master. Else
 * QUEUE_E_REFUSED, with the error kept. Disconnected, both ways.
 */
int guide_read(struct guide *guide, struct redis *redis,
    const struct redis_exchange *question) MUST_USE;
/* The next attempt begins with the next guide. */
void guide_pass(struct guide *guide, const struct redis *redis);

/* Keeps where the first "MOVED" among the replies of the connected node sends us. */
void guide_hear(struct guide *guide, const struct redis *redis,
    const struct redis_exchange *exchange);
/*
 * True: a node has sent us somewhere, and the next redis_connect() goes there. A few times, then
 * it is false until guide_arrived(): two nodes may send us to and fro.
 */
bool guide_takes_hint(struct guide *guide, struct redis *redis) MUST_USE;
void guide_arrived(struct guide *guide);

/*
 * Does a Sentinel know of a failover to another master than `redis` is connected to? Never waits:
 * the answer is to a question of an earlier look, at most three seconds ago. False while there is
 * none.
 */
bool guide_names_another(
    struct guide *guide, const struct redis *redis, int64_t now_us) MUST_USE;
