/*
 * recorded.c - what there still is of records: their bytes, or the copies of settled ones.
 */
#include "queue/recorded.h"

#include "queue/handle.h"

enum {
    HASHES = 2, /* that may have a record's bytes */
};

static const char route_prefix[] = "r:";

/* The fields of a hash that are a route's bytes, or when the first one came. */
static void
take_routes(const struct redisReply *fields, struct queue_recorded *record)
{
    for (size_t i = 0; i + 1 < redis_reply_count(fields); i += 2) {
        const struct slice field = redis_reply_text(redis_reply_at(fields, i));

        if (slice_is(field, "t")) {
            (void)!slice_to_int64(
                redis_reply_text(redis_reply_at(fields, i + 1)), &record->received_ms);
        }
        if (slice_starts(field, route_prefix) && record->route_count < QUEUE_ROUTES_MAX) {
            record->routes[record->route_count++] = (struct queue_route){
                .name = slice_skip(field, sizeof(route_prefix) - 1),
                .bytes = redis_reply_text(redis_reply_at(fields, i + 1)),
            };
        }
    }
}

int
queue_recorded(struct queue *queue, unsigned partition, const struct slice *keys,
    size_t count, struct queue_recorded ret_records[QUEUE_RECORDED_MAX])
{
    static const char *const kinds[HASHES] = {"r:", "b:"}; /* the record, its copy */
    struct redis_exchange *exchange = &queue->exchange;

    redis_exchange_clear(exchange);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < HASHES; j++) {
            redis_command(exchange, 2);
            redis_argument_text(exchange, "HGETALL");
            session_argument_key(exchange, partition, kinds[j], keys[i]);
        }
    }
    const int r = handle_call(queue);

    for (size_t i = 0; r == QUEUE_OK && i < count; i++) {
        ret_records[i].route_count = 0;
        ret_records[i].received_ms = 0;
        for (size_t j = 0; j < HASHES && ret_records[i].route_count == 0; j++) {
            take_routes(exchange->replies[HASHES * i + j], &ret_records[i]);
        }
    }
    return r;
}
