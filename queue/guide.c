/*
 * guide.c - asks the guides of a URL, one after the other, where the master is.
 *
 * As redis.io's "Guidelines for Redis clients with support for Redis Sentinel" say: a short
 * patience with each, the first answer counts, and the master's role is checked on its connection.
 */
#include "queue/guide.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "queue/cluster.h"
#include "queue/guide_kind.h"

enum {
    PATIENCE_US = 300 * 1000, /* with one guide, connecting included */
    WATCH_EVERY_US = 1000 * 1000,
    WATCH_PATIENCE_US = 3 * WATCH_EVERY_US, /* one look connects, one asks, one reads */
    HINTS_MAX = 3,                          /* followed before a guide is asked again */
};

void
guide_init(struct guide *guide, const struct redis_url *url, unsigned slot)
{
    *guide = (struct guide){.slot = slot, .watch = {.url = *url}};
    redis_exchange_init(&guide->watch_question);
}

void
guide_done(struct guide *guide)
{
    redis_done(&guide->watch);
    redis_exchange_done(&guide->watch_question);
}

bool
guide_is_used(const struct redis *redis)
{
    return redis->url.guide_count > 0;
}

void
guide_pass(struct guide *guide, const struct redis *redis)
{
    guide->is_asking = false;
    if (guide_is_used(redis)) {
        guide->at = (guide->at + 1) % redis->url.guide_count;
    }
}

static void
point_at(struct redis *redis, const char *host, uint16_t port)
{
    (void)snprintf(redis->url.host, sizeof(redis->url.host), "%s", host); /* fits */
    redis->url.port = port;
}

static int
connect_to_guide(struct redis *redis, size_t index)
{
    const struct redis_address *address = &redis->url.guides[index];

    point_at(redis, address->host, address->port);
    return redis_connect(redis);
}

static const struct guide_kind *
kind_of(const struct redis *redis)
{
    return redis->url.is_cluster ? &guide_cluster : &guide_sentinel;
}

static void
begin_question(struct redis *redis, struct redis_exchange *question)
{
    redis_exchange_clear(question);
    kind_of(redis)->ask(&redis->url, question);
    redis_begin(redis, question);
}

static int
ask(struct guide *guide, struct redis *redis, struct redis_exchange *question,
    int64_t now_us)
{
    const int r = connect_to_guide(redis, guide->at);

    if (r != 0) {
        return r;
    }
    begin_question(redis, question);
    guide->is_asking = true;
    guide->deadline_us = now_us + PATIENCE_US;
    return 0;
}

/* From the one it stands at, those not tried yet. */
static int
ask_untried(struct guide *guide, struct redis *redis, struct redis_exchange *question,
    int64_t now_us, int status)
{
    while (guide->tried < redis->url.guide_count) {
        guide->tried++;
        status = ask(guide, redis, question, now_us);
        if (status == 0) {
            return 0;
        }
        guide_pass(guide, redis);
    }
    if (guide->met_older) { /* set up anew they begin at 0: believed the next time */
        guide->epoch = 0;
    }
    return status;
}

int
guide_begin(struct guide *guide, struct redis *redis, struct redis_exchange *question,
    int64_t now_us)
{
    guide->tried = 0;
    guide->met_older = false;
    return ask_untried(guide, redis, question, now_us, 0);
}

int
guide_go_on(struct guide *guide, struct redis *redis, struct redis_exchange *question,
    int64_t now_us, int status)
{
    guide_pass(guide, redis);
    return ask_untried(guide, redis, question, now_us, status);
}

static struct slice
read_answer(const struct guide *guide, const struct redis *redis,
    const struct redis_exchange *question, struct guide_answer *ret_answer)
{
    const struct guide_kind *kind = kind_of(redis);

    return kind->read(redis, guide->slot,
        question->replies + question->answered - kind->questions, ret_answer);
}

int
guide_read(
    struct guide *guide, struct redis *redis, const struct redis_exchange *question)
{
    struct guide_answer answer = {0};
    struct slice wrong = read_answer(guide, redis, question, &answer);

    if (wrong.size == 0 && answer.epoch < guide->epoch) {
        guide->met_older = true;
        wrong = slice_of("this Sentinel is behind another");
    }
    guide->is_asking = false;
    if (wrong.size > 0) {
        redis_set_error(redis, wrong);
        redis_disconnect(redis);
        return QUEUE_E_REFUSED;
    }
    guide->epoch = answer.epoch;
    redis_disconnect(redis);
    point_at(redis, answer.master.host, answer.master.port);
    return QUEUE_OK;
}

/* ---- sent on ----------------------------------------------------------------------------- */

void
guide_hear(
    struct guide *guide, const struct redis *redis, const struct redis_exchange *exchange)
{
    for (size_t i = 0; i < exchange->answered; i++) {
        if (cluster_read_moved(
                redis, redis_reply_error(exchange->replies[i]), &guide->hint)) {
            return;
        }
    }
}

bool
guide_takes_hint(struct guide *guide, struct redis *redis)
{
    const struct redis_address hint = guide->hint;

    guide->hint = (struct redis_address){0};
    if (hint.port == 0 || guide->hints_followed == HINTS_MAX) {
        return false;
    }
    guide->hints_followed++;
    guide->tried = 0; /* should nobody be there, all may be asked */
    point_at(redis, hint.host, hint.port);
    return true;
}

void
guide_arrived(struct guide *guide)
{
    guide->hints_followed = 0;
}

/* ---- while connected --------------------------------------------------------------------- */

/* Each question goes to the next Sentinel: one may be cut off together with an old master. */
static void
watch_next(struct guide *guide, int64_t now_us)
{
    struct redis *watch = &guide->watch;

    if (now_us < guide->watch_us || redis_is_connected(watch)) {
        return;
    }
    guide->watch_us = now_us + WATCH_EVERY_US;
    guide->watch_deadline_us = now_us + WATCH_PATIENCE_US;
    guide->watch_at = (guide->watch_at + 1) % watch->url.guide_count;
    if (connect_to_guide(watch, guide->watch_at) == 0) {
        begin_question(watch, &guide->watch_question);
    }
}

/* 0: there is an answer. -EAGAIN: it has time, or nothing was asked. Else there is none. */
static int
read_watch(struct guide *guide, int64_t now_us, struct guide_answer *ret_answer)
{
    if (!redis_is_connected(&guide->watch)) {
        return -EAGAIN;
    }
    const int r = redis_advance(&guide->watch);

    if (r == -EAGAIN) {
        return now_us < guide->watch_deadline_us ? -EAGAIN : -ETIMEDOUT;
    }
    return r != 0 || read_answer(guide, &guide->watch, &guide->watch_question, ret_answer)
                             .size == 0
               ? r
               : QUEUE_E_REFUSED;
}

bool
guide_names_another(struct guide *guide, const struct redis *redis, int64_t now_us)
{
    struct guide_answer answer = {0};

    if (redis->url.is_cluster) {
        return false;
    }
    const int r = read_watch(guide, now_us, &answer);
    const bool is_newer = r == 0 && answer.epoch > guide->epoch;

    if (r != -EAGAIN) {
        redis_disconnect(&guide->watch);
        redis_exchange_clear(&guide->watch_question);
    }
    watch_next(guide, now_us);
    if (is_newer) {
        guide->epoch = answer.epoch;
    }
    return is_newer && (answer.master.port != redis->url.port ||
                           strcmp(answer.master.host, redis->url.host) != 0);
}
