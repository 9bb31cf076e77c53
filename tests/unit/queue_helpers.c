/*
 * queue_helpers.c - short words for the tests of the queue.
 */
#include "tests/unit/queue_helpers.h"

#include <string.h>

enum {
    LATER_US = 3 * 1000 * 1000,
};

struct redis_fixture redis;

int
start_redis(void **state)
{
    (void)state;
    redis_fixture_start(&redis, false);
    return 0;
}

int
stop_redis(void **state)
{
    (void)state;
    redis_fixture_stop(&redis);
    return 0;
}

int
empty_redis(void **state)
{
    (void)state;
    (void)REDIS_DO(&redis, "FLUSHALL");
    return 0;
}

struct queue_options
default_options(const char *consumer)
{
    return (struct queue_options){.url = redis.url,
        .consumer = consumer,
        .partitions = 1,
        .dedupe_window_ms = 86400000,
        .claim_deadline_ms = 60000,
        .timeout_ms = 2000};
}

struct queue *
open_queue(const struct queue_options *options)
{
    struct queue *queue = NULL;
    char error[QUEUE_ERROR_SIZE] = "";

    if (queue_open(options, &queue, error) != QUEUE_OK) {
        fail_msg("queue_open: %s", error);
    }
    return queue;
}

struct queue *
open_worker(const char *consumer)
{
    const struct queue_options options = default_options(consumer);
    struct queue *queue = open_queue(&options);

    assert_int_equal(queue_prepare(queue), QUEUE_OK);
    return queue;
}

enum queue_put_result
put_one(struct queue *queue, const char *key, const char *route, const char *bytes)
{
    struct queue_put put = {.key = slice_of(key),
        .subject = slice_of(strchr(key, '/') + 1),
        .route = slice_of(route),
        .bytes = slice_of(bytes)};

    if (queue_put(queue, &put, 1) != QUEUE_OK) {
        fail_msg("queue_put: %s", queue_error(queue));
    }
    return put.result;
}

struct queue_record *
claim_one(struct queue *queue)
{
    struct queue_record *record = NULL;
    size_t count = 0;

    if (queue_claim(queue, 1, &record, &count) != QUEUE_OK) {
        fail_msg("queue_claim: %s", queue_error(queue));
    }
    return count > 0 ? record : NULL;
}

struct queue_record *
claim_later(struct queue *queue)
{
    const int64_t end_us = redis_now_us() + LATER_US;
    struct queue_record *record = NULL;

    while (record == NULL && redis_now_us() < end_us) {
        record = claim_one(queue);
    }
    assert_non_null(record);
    return record;
}

enum queue_settle_result
settle_one(struct queue *queue, struct queue_record *record, enum queue_outcome outcome,
    const char *reason)
{
    return settle_as(
        queue, record, (struct queue_settlement){.outcome = outcome, .reason = reason});
}

enum queue_settle_result
settle_as(
    struct queue *queue, struct queue_record *record, struct queue_settlement settlement)
{
    settlement.record = record;
    if (queue_settle(queue, &settlement, 1) != QUEUE_OK) {
        fail_msg("queue_settle: %s", queue_error(queue));
    }
    queue_record_free(&record);
    return settlement.result;
}

struct slice
route_bytes(const struct queue_record *record, const char *route)
{
    for (size_t i = 0; i < record->route_count; i++) {
        if (slice_is(record->routes[i].name, route)) {
            return record->routes[i].bytes;
        }
    }
    return (struct slice){0};
}

struct queue_stats
balanced_stats(struct queue *queue)
{
    struct queue_stats stats = {0};

    if (queue_stats(queue, &stats) != QUEUE_OK) {
        fail_msg("queue_stats: %s", queue_error(queue));
    }
    assert_int_equal(stats.accepted,
        stats.delivered + stats.filtered + stats.parked + stats.dropped + stats.pending);
    assert_int_equal(stats.unaccounted, 0);
    return stats;
}

int64_t
label_value(const struct queue_labels *labels, const char *name)
{
    for (size_t i = 0; i < labels->count; i++) {
        if (strcmp(labels->items[i].name, name) == 0) {
            return labels->items[i].value;
        }
    }
    return -1;
}
