/*
 * sentinel.c - what a Sentinel says about its master.
 */
#include "queue/guide_kind.h"

enum {
    ADDRESS_PARTS = 2, /* host, port */
};

static void
ask(const struct redis_url *url, struct redis_exchange *exchange)
{
    redis_command_login(exchange, &url->sentinel_login);
    redis_command_texts(
        exchange, (const char *const[]){"SENTINEL", "GET-MASTER-ADDR-BY-NAME",
                      url->master, NULL, NULL, NULL});
    redis_command_texts(exchange,
        (const char *const[]){"SENTINEL", "MASTER", url->master, NULL, NULL, NULL});
}

/* NULL, or what is wrong with the address. */
static const char *
read_address(const struct redisReply *reply, struct redis_address *ret_address)
{
    const int64_t port = redis_reply_number(redis_reply_at(reply, 1));

    if (redis_reply_count(reply) != ADDRESS_PARTS) {
        return "this Sentinel knows no master of that name (look at redis.url)";
    }
    if (!redis_address_set(
            ret_address, redis_reply_text(redis_reply_at(reply, 0)), port)) {
        return "this Sentinel does not give the master's address in figures "
               "(set its announce-hostnames to no)";
    }
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

/* An error it answered with is told by itself. */
static struct slice
read_answer(const struct redis *redis, unsigned slot, struct redisReply *const *replies,
    struct guide_answer *ret_answer)
{
    const struct slice refusal = redis_reply_error(replies[0]);

    (void)redis;
    (void)slot;
    ret_answer->epoch = read_epoch(replies[1]);
    return refusal.size > 0 ? refusal
                            : slice_of(read_address(replies[0], &ret_answer->master));
}

const struct guide_kind guide_sentinel = {
    .ask = ask, .read = read_answer, .questions = 2};
