/*
 * parked.c - looks through parked records, puts them back or away.
 */
#include "queue/parked.h"

#include <errno.h>
#include <stdlib.h>

#include "queue/handle.h"

enum {
    LOOK_KEYS = 1,
    FIND_ARGUMENTS = 3,
    PAGE_ARGUMENTS = 6,
    UNPARK_KEYS = 3,
    UNPARK_ARGUMENTS = 3,
};

/* Positions in an answer of parked.lua, and in each of its records. */
enum {
    ANSWER_NOW,
    ANSWER_RECORDS,
};
enum {
    RECORD_KEY,
    RECORD_PARKED,
    RECORD_REASON,
    RECORD_ATTEMPTS,
    RECORD_RECEIVED,
    RECORD_DETAIL,
    RECORD_ROUTES,
};

struct queue_parked_walk {
    struct queue *queue;
    struct redis_exchange exchange; /* holds the page */
    unsigned partition;
    int64_t began_ms; /* 0: not yet */
    int64_t last_ms;  /* of the page before, in this partition */
    char *last_key;   /* NULL: none */
};

static const char *const acts[] = {
    [QUEUE_REPLAY] = "replay",
    [QUEUE_DROP] = "drop",
};

/* ---- one record -------------------------------------------------------------------------- */

static struct queue_parked
read_record(const struct redisReply *answer, unsigned partition)
{
    const struct redisReply *routes = redis_reply_at(answer, RECORD_ROUTES);
    const size_t count = redis_reply_count(routes) / 2;
    struct queue_parked record = {
        .key = redis_reply_text(redis_reply_at(answer, RECORD_KEY)),
        .reason = redis_reply_text(redis_reply_at(answer, RECORD_REASON)),
        .detail = redis_reply_text(redis_reply_at(answer, RECORD_DETAIL)),
        .partition = partition,
        .parked_ms = redis_reply_number(redis_reply_at(answer, RECORD_PARKED)),
        .received_ms = redis_reply_number(redis_reply_at(answer, RECORD_RECEIVED)),
        .attempts = redis_reply_number(redis_reply_at(answer, RECORD_ATTEMPTS)),
        .route_count = count < QUEUE_ROUTES_MAX ? count : QUEUE_ROUTES_MAX,
    };

    for (size_t i = 0; i < record.route_count; i++) {
        record.routes[i] = redis_reply_text(redis_reply_at(routes, 2 * i));
        record.sizes[i] = redis_reply_number(redis_reply_at(routes, 2 * i + 1));
    }
    return record;
}

/* queue_parked_find() is told the bytes instead of their sizes. */
static void
read_bytes(const struct redisReply *answer, struct queue_parked *record)
{
    const struct redisReply *routes = redis_reply_at(answer, RECORD_ROUTES);

    for (size_t i = 0; i < record->route_count; i++) {
        record->bytes[i] = redis_reply_text(redis_reply_at(routes, 2 * i + 1));
        record->sizes[i] = (int64_t)record->bytes[i].size;
    }
}

static void
write_look(struct redis_exchange *exchange, unsigned partition, size_t arguments)
{
    const struct partition_name prefix = partition_name(partition, "r:");

    session_command(exchange, SCRIPT_PARKED, LOOK_KEYS, arguments);
    session_argument_key(exchange, partition, "parked", (struct slice){0});
    redis_argument_text(exchange, prefix.text);
}

/* ---- page by page ------------------------------------------------------------------------ */

int
queue_parked_open(struct queue *queue, struct queue_parked_walk **ret_walk)
{
    struct queue_parked_walk *walk = calloc(1, sizeof(*walk));

    if (walk == NULL) {
        return -ENOMEM;
    }
    walk->queue = queue;
    redis_exchange_init(&walk->exchange);
    *ret_walk = walk;
    return QUEUE_OK;
}

void
queue_parked_close(struct queue_parked_walk **walk)
{
    if (*walk != NULL) {
        redis_exchange_done(&(*walk)->exchange);
        free((*walk)->last_key);
        free(*walk);
    }
    *walk = NULL;
}

int64_t
queue_parked_now_ms(const struct queue_parked_walk *walk)
{
    return walk->began_ms;
}

static int
ask(struct queue_parked_walk *walk)
{
    const int r = handle_run(walk->queue, &walk->exchange);

    return r != QUEUE_OK ? r : handle_check(walk->queue, &walk->exchange);
}

static int
ask_page(struct queue_parked_walk *walk)
{
    struct redis_exchange *exchange = &walk->exchange;
    const bool is_first = walk->last_key == NULL;

    redis_exchange_clear(exchange);
    write_look(exchange, walk->partition, PAGE_ARGUMENTS);
    redis_argument_text(exchange, "page");
    redis_argument_number(exchange, QUEUE_PARKED_PAGE);
    redis_argument_number(exchange, walk->began_ms);
    if (is_first) {
        redis_argument_text(exchange, "");
        redis_argument_text(exchange, "");
    } else {
        redis_argument_number(exchange, walk->last_ms);
        redis_argument_text(exchange, walk->last_key);
    }
    return ask(walk);
}

/* 0 when the partition has no more of those that were parked when the walk began. */
static size_t
read_page(struct queue_parked_walk *walk, struct queue_parked page[QUEUE_PARKED_PAGE])
{
    const struct redisReply *reply = walk->exchange.replies[0];
    const struct redisReply *records = redis_reply_at(reply, ANSWER_RECORDS);
    size_t count = 0;

    if (walk->began_ms == 0) {
        walk->began_ms = redis_reply_number(redis_reply_at(reply, ANSWER_NOW));
    }
    for (size_t i = 0; i < redis_reply_count(records) && count < QUEUE_PARKED_PAGE; i++) {
        page[count++] = read_record(redis_reply_at(records, i), walk->partition);
    }
    return count;
}

/* Where the next page begins. 0 or -ENOMEM. */
static int
move_on(struct queue_parked_walk *walk, const struct queue_parked *last)
{
    free(walk->last_key);
    walk->last_key = NULL;
    if (last == NULL) {
        walk->partition++;
        return 0;
    }
    walk->last_ms = last->parked_ms;
    walk->last_key = slice_copy(last->key);
    return walk->last_key != NULL ? 0 : -ENOMEM;
}

int
queue_parked_next(struct queue_parked_walk *walk,
    struct queue_parked ret_page[QUEUE_PARKED_PAGE], size_t *ret_count)
{
    size_t count = 0;

    while (count == 0 && walk->partition < walk->queue->session.partitions) {
        int r = ask_page(walk);

        if (r != QUEUE_OK) {
            return r;
        }
        count = read_page(walk, ret_page);
        r = move_on(walk, count > 0 ? &ret_page[count - 1] : NULL);
        if (r != 0) {
            return r;
        }
    }
    *ret_count = count;
    return QUEUE_OK;
}

/* ---- one by its key ---------------------------------------------------------------------- */

int
queue_parked_find(struct queue_parked_walk *walk, struct slice key,
    struct queue_parked *ret_record, bool *ret_found)
{
    const unsigned partitions = walk->queue->session.partitions;
    struct redis_exchange *exchange = &walk->exchange;

    redis_exchange_clear(exchange);
    for (unsigned partition = 0; partition < partitions; partition++) {
        write_look(exchange, partition, FIND_ARGUMENTS);
        redis_argument_text(exchange, "find");
        redis_argument(exchange, key);
    }
    const int r = ask(walk);

    if (r != QUEUE_OK) {
        return r;
    }
    *ret_found = false;
    for (unsigned partition = 0; partition < partitions && !*ret_found; partition++) {
        const struct redisReply *records =
            redis_reply_at(exchange->replies[partition], ANSWER_RECORDS);

        if (redis_reply_count(records) > 0) {
            *ret_record = read_record(redis_reply_at(records, 0), partition);
            read_bytes(redis_reply_at(records, 0), ret_record);
            *ret_found = true;
        }
    }
    return QUEUE_OK;
}

/* ---- put back or away -------------------------------------------------------------------- */

int
queue_unpark(struct queue *queue, enum queue_unpark act,
    const struct queue_parked *records, size_t count, bool *ret_done)
{
    const unsigned partition = count > 0 ? records[0].partition : 0;
    const struct partition_name prefix = partition_name(partition, "r:");
    struct redis_exchange *exchange = &queue->exchange;

    redis_exchange_clear(exchange);
    session_command(exchange, SCRIPT_UNPARK, UNPARK_KEYS + count, UNPARK_ARGUMENTS);
    session_argument_key(exchange, partition, "stream", (struct slice){0});
    session_argument_key(exchange, partition, "parked", (struct slice){0});
    session_argument_key(exchange, partition, "stats", (struct slice){0});
    for (size_t i = 0; i < count; i++) {
        session_argument_key(exchange, partition, "r:", records[i].key);
    }
    redis_argument_text(exchange, acts[act]);
    redis_argument_number(exchange, queue->dedupe_window_ms);
    redis_argument_number(exchange, (int64_t)slice_of(prefix.text).size);
    const int r = handle_call(queue);

    if (r != QUEUE_OK) {
        return r;
    }
    for (size_t i = 0; i < count; i++) {
        ret_done[i] = redis_reply_number(redis_reply_at(exchange->replies[0], i)) == 0;
    }
    return QUEUE_OK;
}
