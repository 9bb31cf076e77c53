/*
 * queue_helpers.h - short words for the tests of the queue.
 *
 * One redis-server for all tests of a program, emptied before each.
 */
#pragma once

#include "queue/queue.h"
#include "tests/unit/redis_fixture.h"
#include "tests/unit/unit.h"

extern struct redis_fixture redis;

/* cmocka group and test set-up. */
int start_redis(void **state);
int stop_redis(void **state);
int empty_redis(void **state);

#define TASK "task.completed/WT00000000000000000000000000000001"
#define TASK_RECORD "fb:{0}:r:" TASK
#define TASK_COPY "fb:{0}:b:" TASK

/* One partition, a day's window, a claim deadline of a minute; a timeout of 2 s. */
struct queue_options default_options(const char *consumer);
struct queue *open_queue(const struct queue_options *options);
struct queue *open_worker(const char *consumer); /* default options, prepared */

enum queue_put_result put_one(
    struct queue *queue, const char *key, const char *route, const char *bytes);
/* NULL: none was waiting. */
struct queue_record *claim_one(struct queue *queue);
/* Claims until there is one, for at most 3 s. */
struct queue_record *claim_later(struct queue *queue);
/* Settles and frees the record. */
enum queue_settle_result settle_one(struct queue *queue, struct queue_record *record,
    enum queue_outcome outcome, const char *reason);
enum queue_settle_result settle_as(
    struct queue *queue, struct queue_record *record, struct queue_settlement settlement);
struct slice route_bytes(const struct queue_record *record, const char *route);

/* The snapshot, after checking accepted = delivered + filtered + parked + dropped + pending. */
struct queue_stats balanced_stats(struct queue *queue);
int64_t label_value(
    const struct queue_labels *labels, const char *name); /* -1: not there */
