/*
 * cluster.c - the slots of a Redis Cluster, and what its nodes say about them.
 */
#include "queue/cluster.h"

#include <stdio.h>
#include <string.h>

#include "queue/guide_kind.h"

enum {
    SLOTS = 16384,
};

/* ---- slots ------------------------------------------------------------------------------- */

uint16_t
cluster_crc16(struct slice bytes)
{
    enum {
        POLYNOMIAL = 0x1021, /* XMODEM: no reflection, starts at 0 */
        TOP_BIT = 0x8000,
    };
    uint16_t crc = 0;

    for (size_t i = 0; i < bytes.size; i++) {
        crc = (uint16_t)(crc ^ (unsigned char)bytes.data[i] << 8);
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint16_t)((crc & TOP_BIT) != 0 ? crc << 1 ^ POLYNOMIAL : crc << 1);
        }
    }
    return crc;
}

unsigned
cluster_slot(unsigned partition)
{
    char tag[16];

    (void)snprintf(tag, sizeof(tag), "%u", partition); /* fits */
    return cluster_crc16(slice_of(tag)) % SLOTS;
}

/* ---- whose a slot is --------------------------------------------------------------------- */

/* A node that does not know its own address leaves it out: it is the one we have reached it at. */
static bool
set_address(const struct redis *redis, struct slice host, int64_t port,
    struct redis_address *ret_address)
{
    return redis_address_set(
        ret_address, host.size > 0 ? host : slice_of(redis->url.host), port);
}

static void
ask(const struct redis_url *url, struct redis_exchange *exchange)
{
    redis_command_login(exchange, &url->login);
    redis_command_texts(
        exchange, (const char *const[]){"CLUSTER", "SLOTS", NULL, NULL, NULL, NULL});
}

/* Ranges, each {first, last, {host, port, ...} of the master, then of its replicas}. */
static const struct redisReply *
find_node(const struct redisReply *ranges, unsigned slot)
{
    for (size_t i = 0; i < redis_reply_count(ranges); i++) {
        const struct redisReply *range = redis_reply_at(ranges, i);

        if (redis_reply_number(redis_reply_at(range, 0)) <= slot &&
            redis_reply_number(redis_reply_at(range, 1)) >= slot) {
            return redis_reply_at(range, 2);
        }
    }
    return NULL;
}

static struct slice
read_answer(const struct redis *redis, unsigned slot, struct redisReply *const *replies,
    struct guide_answer *ret_answer)
{
    const struct slice refusal = redis_reply_error(replies[0]);
    const struct redisReply *node = find_node(replies[0], slot);

    if (refusal.size > 0) {
        return refusal;
    }
    if (node == NULL) {
        return slice_of("this node knows none that has our slot (see CLUSTER SLOTS)");
    }
    return set_address(redis, redis_reply_text(redis_reply_at(node, 0)),
               redis_reply_number(redis_reply_at(node, 1)), &ret_answer->master)
               ? (struct slice){0}
               : slice_of("this node does not give addresses in figures "
                          "(see cluster-preferred-endpoint-type)");
}

const struct guide_kind guide_cluster = {.ask = ask, .read = read_answer, .questions = 1};

/* ---- where it went ----------------------------------------------------------------------- */

bool
cluster_read_moved(
    const struct redis *redis, struct slice error, struct redis_address *ret_address)
{
    if (!slice_starts(error, "MOVED ")) {
        return false;
    }
    struct slice rest = slice_skip(error, strlen("MOVED "));
    const struct slice slot = slice_before(rest, ' ');

    rest = slice_skip(rest, slot.size < rest.size ? slot.size + 1 : slot.size);
    const char *colon = rest.size > 0 ? memrchr(rest.data, ':', rest.size) : NULL;

    if (colon == NULL) {
        return false;
    }
    const struct slice host = {.data = rest.data, .size = (size_t)(colon - rest.data)};
    int64_t port = 0;

    return slice_to_int64(slice_skip(rest, host.size + 1), &port) &&
           set_address(redis, host, port, ret_address);
}
