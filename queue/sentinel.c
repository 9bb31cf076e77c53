/*
 * sentinel.c - asks the Sentinels of a URL, one after the other, where the master is.
 *
 * As redis.io's "Guidelines for Redis clients with support for Redis Sentinel" say: a short
 * patience with each, the first answer counts, and the master's role is checked on its connection.
 */
#include "queue/sentinel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    PATIENCE_US = 300 * 1000, /* with one Sentinel, connecting included */
    WATCH_EVERY_US = 1000 * 1000,
    ADDRESS_PARTS = 2, /* host, port */
};

void
sentinel_init(struct sentinel *sentinel, const struct redis_url *url)
{
    *sentinel = (struct sentinel){.watch = {.url = *url}};
    redis_exchange_init(&sentinel->watch_question);
}

void
sentinel_done(struct sentinel *sentinel)
{
    redis_done(&sentinel->watch);
    redis_exchange_done(&sentinel->watch_question);
}

bool
sentinel_is_used(const struct redis *redis)
{
    return redis->url.sentinel_count > 0;
}

void
sentinel_pass(struct sentinel *sentinel, const struct redis *redis)
{
    sentinel->is_asking = false;
    if (sentinel_is_used(redis)) {
        sentinel->at = (sentinel->at + 1) % redis->url.sentinel_count;
    }
}

static void
point_at(struct redis *redis, const char *host, uint16_t port)
{
    (void)snprintf(redis->url.host, sizeof(redis->url.host), "%s", host); /* fits */
    redis->url.port = port;
}

static int
connect_to_sentinel(struct redis *redis, size_t index)
{
    const struct redis_address *address = &redis->url.sentinels[index];

    point_at(redis, address->host, address->port);
    return redis_connect(redis);
}

static void
begin_question(struct redis *redis, struct redis_exchange *question)
{
    redis_exchange_clear(question);
    redis_command_login(question, &redis->url.sentinel_login);
    redis_command_texts(
        question, (const char *const[]){"SENTINEL", "GET-MASTER-ADDR-BY-NAME",
                      redis->url.master, NULL, NULL, NULL});
    redis_command_texts(question,
        (const char *const[]){"SENTINEL", "MASTER", redis->url.master, NULL, NULL, NULL});
    redis_begin(redis, question);
}

static int
ask(struct sentinel *sentinel, struct redis *redis, struct redis_exchange *question,
    int64_t now_us)
{
    const int r = connect_to_sentinel(redis, sentinel->at);

    if (r != 0) {
        return r;
    }
    begin_question(redis, question);
    sentinel->is_asking = true;
    sentinel->deadline_us = now_us + PATIENCE_US;
    return 0;
}

/* From the one it stands at, those not tried yet. */
static int
ask_untried(struct sentinel *sentinel, struct redis *redis,
    struct redis_exchange *question, int64_t now_us, int status)
{
    while (sentinel->tried < redis->url.sentinel_count) {
        sentinel->tried++;
        status = ask(sentinel, redis, question, now_us);
        if (status == 0) {
            return 0;
        }
        sentinel_pass(sentinel, redis);
    }
    if (sentinel->met_older) { /* set up anew they begin at 0: believed the next time */
        sentinel->epoch = 0;
    }
    return status;
}

int
sentinel_begin(struct sentinel *sentinel, struct redis *redis,
    struct redis_exchange *question, int64_t now_us)
{
    sentinel->tried = 0;
    sentinel->met_older = false;
    return ask_untried(sentinel, redis, question, now_us, 0);
}

int
sentinel_go_on(struct sentinel *sentinel, struct redis *redis,
    struct redis_exchange *question, int64_t now_us, int status)
{
    sentinel_pass(sentinel, redis);
    return ask_untried(sentinel, redis, question, now_us, status);
}

/* What a Sentinel says. */
struct answer {
    struct redis_address master;
    int64_t epoch; /* of its configuration: each failover has a higher one */
};

/* NULL, or what is wrong with the address. */
static const char *
read_address(const struct redisReply *reply, struct redis_address *ret_address)
{
    const int64_t port = redis_reply_number(redis_reply_at(reply, 1));

    if (redis_reply_count(reply) != ADDRESS_PARTS) {
        return "this Sentinel knows no master of that name (look at redis.url)";
    }
    if (!slice_to_text(redis_reply_text(redis_reply_at(reply, 0)), ret_address->host,
            sizeof(ret_address->host)) ||
        !redis_is_address(ret_address->host) || port < 1 || port > UINT16_MAX) {
        return "this Sentinel does not give the master's address in figures "
               "(set its announce-hostnames to no)";
    }
    ret_address->port = (uint16_t)port;
    return NULL;
}

/* "SENTINEL MASTER": names and values in turn. */
static int64_t
read_epoch(const struct redisReply *reply)
{
    for (size_t i = 0; i + 1 < redis_reply_count(reply); i += 2) {
        if (slice_is(redis_reply_text(redis_reply_at(reply, i)), "config-epoch")) {
            return redis_reply_number(redis_reply_at(reply, i + 1));
        }
    }
    return 0;
}

/* Absent, or what is wrong: an error it answered with is told by itself. */
static struct slice
read_answer(const struct redis_exchange *question, struct answer *ret_answer)
{
    const struct redisReply *address = question->replies[question->answered - 2];
    const struct slice refusal = redis_reply_error(address);

    ret_answer->epoch = read_epoch(question->replies[question->answered - 1]);
    return refusal.size > 0 ? refusal
                            : slice_of(read_address(address, &ret_answer->master));
}

int
sentinel_read(
    struct sentinel *sentinel, struct redis *redis, const struct redis_exchange *question)
{
    struct answer answer = {0};
    struct slice wrong = read_answer(question, &answer);

    if (wrong.size == 0 && answer.epoch < sentinel->epoch) {
        sentinel->met_older = true;
        wrong = slice_of("this Sentinel is behind another");
    }
    sentinel->is_asking = false;
    if (wrong.size > 0) {
        redis_set_error(redis, wrong);
        redis_disconnect(redis);
        return QUEUE_E_REFUSED;
    }
    sentinel->epoch = answer.epoch;
    redis_disconnect(redis);
    point_at(redis, answer.master.host, answer.master.port);
    return QUEUE_OK;
}

/* ---- while connected --------------------------------------------------------------------- */

/* Each question goes to the next Sentinel: one may be cut off together with an old master. */
static void
watch_next(struct sentinel *sentinel, int64_t now_us)
{
    struct redis *watch = &sentinel->watch;

    if (now_us < sentinel->watch_us) {
        return;
    }
    sentinel->watch_us = now_us + WATCH_EVERY_US;
    sentinel->watch_at = (sentinel->watch_at + 1) % watch->url.sentinel_count;
    if (connect_to_sentinel(watch, sentinel->watch_at) == 0) {
        begin_question(watch, &sentinel->watch_question);
    }
}

/* 0: there is an answer. -EAGAIN: it has time, or nothing was asked. Else there is none. */
static int
read_watch(struct sentinel *sentinel, int64_t now_us, struct answer *ret_answer)
{
    if (!redis_is_connected(&sentinel->watch)) {
        return -EAGAIN;
    }
    const int r = redis_advance(&sentinel->watch);

    if (r == -EAGAIN) {
        return now_us < sentinel->watch_us ? -EAGAIN : -ETIMEDOUT;
    }
    return r != 0 || read_answer(&sentinel->watch_question, ret_answer).size == 0
               ? r
               : QUEUE_E_REFUSED;
}

bool
sentinel_names_another(
    struct sentinel *sentinel, const struct redis *redis, int64_t now_us)
{
    struct answer answer = {0};
    const int r = read_watch(sentinel, now_us, &answer);
    const bool is_newer = r == 0 && answer.epoch > sentinel->epoch;

    if (r != -EAGAIN) {
        redis_disconnect(&sentinel->watch);
        redis_exchange_clear(&sentinel->watch_question);
    }
    watch_next(sentinel, now_us);
    if (is_newer) {
        sentinel->epoch = answer.epoch;
    }
    return is_newer && (answer.master.port != redis->url.port ||
                           strcmp(answer.master.host, redis->url.host) != 0);
}
