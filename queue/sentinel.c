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
    ANSWER_PARTS = 2, /* host, port */
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
connect_to_sentinel(const struct sentinel *sentinel, struct redis *redis)
{
    const struct redis_address *address = &redis->url.sentinels[sentinel->at];

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
    redis_begin(redis, question);
}

static int
ask(struct sentinel *sentinel, struct redis *redis, struct redis_exchange *question,
    int64_t now_us)
{
    const int r = connect_to_sentinel(sentinel, redis);

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
    return status;
}

int
sentinel_begin(struct sentinel *sentinel, struct redis *redis,
    struct redis_exchange *question, int64_t now_us)
{
    sentinel->tried = 0;
    return ask_untried(sentinel, redis, question, now_us, 0);
}

int
sentinel_go_on(struct sentinel *sentinel, struct redis *redis,
    struct redis_exchange *question, int64_t now_us, int status)
{
    sentinel_pass(sentinel, redis);
    return ask_untried(sentinel, redis, question, now_us, status);
}

/* NULL, and the answer in ret_address; else what is wrong with it. */
static const char *
read_address(const struct redisReply *answer, struct redis_address *ret_address)
{
    const int64_t port = redis_reply_number(redis_reply_at(answer, 1));

    if (redis_reply_count(answer) != ANSWER_PARTS) {
        return "this Sentinel knows no master of that name (look at redis.url)";
    }
    if (!slice_to_text(redis_reply_text(redis_reply_at(answer, 0)), ret_address->host,
            sizeof(ret_address->host)) ||
        !redis_is_address(ret_address->host) || port < 1 || port > UINT16_MAX) {
        return "this Sentinel does not give the master's address in figures "
               "(set its announce-hostnames to no)";
    }
    ret_address->port = (uint16_t)port;
    return NULL;
}

/* As read_address(), but an error the Sentinel answered with is told by itself. */
static struct slice
read_answer(const struct redis_exchange *question, struct redis_address *ret_address)
{
    const struct slice refusal = redis_exchange_error(question);

    return refusal.size > 0
               ? refusal
               : slice_of(read_address(
                     question->replies[question->answered - 1], ret_address));
}

int
sentinel_read(
    struct sentinel *sentinel, struct redis *redis, const struct redis_exchange *question)
{
    struct redis_address master = {0};
    const struct slice wrong = read_answer(question, &master);

    sentinel->is_asking = false;
    if (wrong.size > 0) {
        redis_set_error(redis, wrong);
        redis_disconnect(redis);
        return QUEUE_E_REFUSED;
    }
    redis_disconnect(redis);
    point_at(redis, master.host, master.port);
    return QUEUE_OK;
}

/* ---- while connected --------------------------------------------------------------------- */

/* Asks when it is time to, at first on a new connection. */
static void
watch_next(struct sentinel *sentinel, int64_t now_us)
{
    struct redis *watch = &sentinel->watch;

    if (now_us < sentinel->watch_us) {
        return;
    }
    sentinel->watch_us = now_us + WATCH_EVERY_US;
    if (redis_is_connected(watch) || connect_to_sentinel(sentinel, watch) == 0) {
        begin_question(watch, &sentinel->watch_question);
    }
}

/* 0: ret_master has the answer, or port 0: nothing was asked. -EAGAIN: it has time. */
static int
read_watch(struct sentinel *sentinel, int64_t now_us, struct redis_address *ret_master)
{
    const struct redis_exchange *question = &sentinel->watch_question;
    const int r =
        redis_is_connected(&sentinel->watch) ? redis_advance(&sentinel->watch) : 0;

    if (r == -EAGAIN) {
        return now_us < sentinel->watch_us ? -EAGAIN : -ETIMEDOUT;
    }
    if (r == 0 && question->answered > 0 && read_answer(question, ret_master).size > 0) {
        return QUEUE_E_REFUSED;
    }
    return r;
}

static bool
is_at(const struct redis *redis, const struct redis_address *address)
{
    return redis->url.port == address->port &&
           strcmp(redis->url.host, address->host) == 0;
}

/*
 * What is wrong with a Sentinel does not matter here: another is asked next. Who names another
 * master is not asked by this connection again: if it was wrong, the next attempt passes it over.
 */
bool
sentinel_names_another(
    struct sentinel *sentinel, const struct redis *redis, int64_t now_us)
{
    struct redis_address master = {0};
    const int r = read_watch(sentinel, now_us, &master);

    if (r == -EAGAIN) {
        return false;
    }
    const bool names_another = r == 0 && master.port != 0 && !is_at(redis, &master);

    redis_exchange_clear(&sentinel->watch_question);
    if (r != 0) {
        sentinel_pass(sentinel, redis);
    }
    if (r != 0 || names_another) {
        redis_disconnect(&sentinel->watch);
    }
    watch_next(sentinel, now_us);
    return names_another;
}
