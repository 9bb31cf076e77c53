/*
 * tally.c - counters by day, kept by scripts/tally.lua.
 */
#include "queue/tally.h"

#include "queue/handle.h"

enum {
    TALLY_KEYS = 4,
    TALLY_ARGUMENTS = 5,
    AMOUNT_ARGUMENTS = 2,
};

static const char kind[] = "n:";

int
queue_tally(struct queue *queue, const struct queue_tally *tally,
    enum queue_tally_result *ret_result)
{
    struct redis_exchange *exchange = &queue->exchange;
    const struct queue_record *record = tally->record;
    const char *const hashes[] = {tally->day, QUEUE_TALLY_ALL, QUEUE_TALLY_NAMES};

    redis_exchange_clear(exchange);
    session_command(exchange, SCRIPT_TALLY, TALLY_KEYS,
        TALLY_ARGUMENTS + AMOUNT_ARGUMENTS * tally->count);
    session_argument_key(exchange, record->partition, "r:", slice_of(record->key));
    for (size_t i = 0; i < LENGTH(hashes); i++) {
        session_argument_key(exchange, record->partition, kind, slice_of(hashes[i]));
    }
    redis_argument_text(exchange, record->token);
    redis_argument_number(exchange, tally->life_ms);
    redis_argument_number(exchange, QUEUE_TALLY_FIELDS);
    redis_argument(exchange, tally->subject);
    redis_argument(exchange, tally->called);
    for (size_t i = 0; i < tally->count; i++) {
        redis_argument(exchange, tally->amounts[i].name);
        redis_argument_number(exchange, tally->amounts[i].amount);
    }
    const int r = handle_call(queue);

    if (r == QUEUE_OK) {
        *ret_result = (enum queue_tally_result)redis_reply_number(exchange->replies[0]);
    }
    return r;
}

int
queue_tally_read(struct queue *queue, const char *day,
    void (*take)(void *context, struct slice name, struct slice value), void *context)
{
    struct redis_exchange *exchange = &queue->exchange;
    const unsigned partitions = queue->session.partitions;

    redis_exchange_clear(exchange);
    for (unsigned partition = 0; partition < partitions; partition++) {
        redis_command(exchange, 2);
        redis_argument_text(exchange, "HGETALL");
        session_argument_key(exchange, partition, kind, slice_of(day));
    }
    const int r = handle_call(queue);

    if (r != QUEUE_OK) {
        return r;
    }
    for (unsigned partition = 0; partition < partitions; partition++) {
        const struct redisReply *fields = exchange->replies[partition];

        for (size_t i = 0; i + 1 < redis_reply_count(fields); i += 2) {
            take(context, redis_reply_text(redis_reply_at(fields, i)),
                redis_reply_text(redis_reply_at(fields, i + 1)));
        }
    }
    return QUEUE_OK;
}
