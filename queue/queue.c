/*
 * queue.c - the handle: opening, putting, links.
 */
#include "queue/queue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/random.h>

#include "queue/cluster.h"
#include "queue/handle.h"
#include "queue/put.h"

enum {
    FORGET_ARGUMENTS = 3,
    FORGET_MAX = 100, /* consumers of a partition, in one call */
};

static const int64_t week_ms = INT64_C(7) * 24 * 60 * 60 * 1000;

/* ---- opening ----------------------------------------------------------------------------- */

static int
refuse(char *ret_error, const char *text)
{
    (void)snprintf(ret_error, QUEUE_ERROR_SIZE, "%s", text);
    return -EINVAL;
}

/* Tokens are "<consumer>/<incarnation>/<call>" and stand between blanks. */
static int
name_consumer(struct queue *queue, const char *consumer, char *ret_error)
{
    uint64_t random = 0;

    if (consumer == NULL) {
        return 0;
    }
    if (consumer[0] == '\0' || strpbrk(consumer, "/ \t\r\n") != NULL ||
        !slice_to_text(slice_of(consumer), queue->consumer, sizeof(queue->consumer))) {
        return refuse(
            ret_error, "a consumer is named without '/' and blanks, in 1 to 127 bytes");
    }
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return refuse(ret_error, "the kernel gives no random bytes");
    }
    (void)snprintf(queue->incarnation, sizeof(queue->incarnation), "%s/%016" PRIx64 "/",
        queue->consumer, random); /* fits */
    return 0;
}

static int
init(struct queue *queue, const struct queue_options *options, char *ret_error)
{
    const int r = handle_open_sessions(queue, options, ret_error);

    redis_exchange_init(&queue->exchange);
    queue->dedupe_window_ms = options->dedupe_window_ms;
    queue->facts_ms = MAX(options->dedupe_window_ms, week_ms);
    queue->keep_bodies_ms = options->keep_bodies_ms;
    queue->claim_deadline_ms = options->claim_deadline_ms;
    handle_recover(queue);
    return r != QUEUE_OK ? r : name_consumer(queue, options->consumer, ret_error);
}

int
queue_open(const struct queue_options *options, struct queue **ret_queue, char *ret_error)
{
    AUTO(queue_close) struct queue *queue = calloc(1, sizeof(*queue));

    if (queue == NULL) {
        (void)refuse(ret_error, "out of memory");
        return -ENOMEM;
    }
    const int r = init(queue, options, ret_error);

    if (r != QUEUE_OK) {
        return r;
    }
    *ret_queue = queue;
    queue = NULL;
    return QUEUE_OK;
}

void
queue_close(struct queue **queue)
{
    if (*queue != NULL) {
        handle_close_sessions(*queue);
        redis_exchange_done(&(*queue)->exchange);
        free(*queue);
    }
    *queue = NULL;
}

const char *
queue_error(const struct queue *queue)
{
    return queue->session.redis.error;
}

void
handle_recover(struct queue *queue)
{
    for (size_t i = 0; i < LENGTH(queue->scans); i++) {
        handle_recover_partition(queue, (unsigned)i);
    }
}

void
handle_recover_partition(struct queue *queue, unsigned partition)
{
    struct partition_scan *scan = &queue->scans[partition];

    (void)snprintf(scan->recover, sizeof(scan->recover), "0");
    (void)snprintf(scan->takeover, sizeof(scan->takeover), "0-0");
}

/*
 * BUSYGROUP: it is there. OOM: over maxmemory it cannot be made, but may be there, and the first
 * claim makes it if not; a worker must be able to start then, to drain.
 */
static bool
is_harmless(struct slice error)
{
    return error.size == 0 || slice_starts(error, "BUSYGROUP") ||
           slice_starts(error, "OOM");
}

int
queue_prepare(struct queue *queue)
{
    struct redis_exchange *exchange = &queue->exchange;

    redis_exchange_clear(exchange);
    for (unsigned partition = 0; partition < queue->session.partitions; partition++) {
        redis_command(exchange, 6);
        redis_argument_text(exchange, "XGROUP");
        redis_argument_text(exchange, "CREATE");
        session_argument_key(exchange, partition, "stream", (struct slice){0});
        redis_argument_text(exchange, QUEUE_GROUP);
        redis_argument_text(exchange, "0");
        redis_argument_text(exchange, "MKSTREAM");
    }
    const int r = handle_run(queue, exchange);

    if (r != QUEUE_OK) {
        return r;
    }
    for (size_t i = 0; i < exchange->answered; i++) {
        if (!is_harmless(redis_reply_error(exchange->replies[i]))) {
            return handle_check(queue, exchange);
        }
    }
    return QUEUE_OK;
}

int
queue_forget_consumers(struct queue *queue, int64_t idle_ms, int64_t *ret_count)
{
    struct redis_exchange *exchange = &queue->exchange;

    *ret_count = 0;
    redis_exchange_clear(exchange);
    for (unsigned partition = 0; partition < queue->session.partitions; partition++) {
        session_command(exchange, SCRIPT_FORGET, 1, FORGET_ARGUMENTS);
        session_argument_key(exchange, partition, "stream", (struct slice){0});
        redis_argument_text(exchange, QUEUE_GROUP);
        redis_argument_number(exchange, idle_ms);
        redis_argument_number(exchange, FORGET_MAX);
    }
    const int r = handle_call(queue);

    for (size_t i = 0; i < exchange->answered && r == QUEUE_OK; i++) {
        *ret_count += redis_reply_number(exchange->replies[i]);
    }
    return r;
}

int
queue_ping(struct queue *queue)
{
    redis_exchange_clear(&queue->exchange);
    for (unsigned i = 0; i < handle_sessions(queue); i++) {
        redis_command(&queue->exchange, 1);
        redis_command_of(&queue->exchange, i);
        redis_argument_text(&queue->exchange, "PING");
    }
    const int r = handle_call(queue);

    for (unsigned i = 0; r == QUEUE_E_NODE && i < handle_sessions(queue); i++) {
        if (queue->statuses[i] == QUEUE_OK) {
            return QUEUE_OK;
        }
    }
    return r;
}

/* ---- partitions -------------------------------------------------------------------------- */

unsigned
queue_default_partitions(const char *url)
{
    return slice_starts(slice_of(url), "cluster://") ? QUEUE_PARTITIONS_CLUSTER : 1;
}

unsigned
queue_partition(struct slice subject, unsigned partitions)
{
    return partitions > 1 ? cluster_crc16(subject) % partitions : 0;
}

unsigned
handle_partition_of_path(const struct queue *queue, struct slice path)
{
    const char *slash = path.size > 0 ? memrchr(path.data, '/', path.size) : NULL;

    if (slash != NULL) {
        path = slice_skip(path, (size_t)(slash - path.data) + 1);
    }
    return queue_partition(path, queue->session.partitions);
}

/* ---- put --------------------------------------------------------------------------------- */

static int
put_batch_call(struct queue *queue, struct put_batch *batch)
{
    struct slice error = {0};

    put_batch_write(batch, &queue->exchange);
    session_add_wait(&queue->session, &queue->exchange);
    int r = handle_run(queue, &queue->exchange);

    if (r == QUEUE_OK) {
        r = put_batch_read(batch, &queue->exchange, &error);
        if (r != QUEUE_OK) {
            redis_set_error(&queue->session.redis, error);
        }
    }
    return r;
}

static int
put(struct queue *queue, struct queue_put *items, size_t count, bool is_derived)
{
    struct put_batch batch = {.is_derived = is_derived};
    size_t next = 0;

    for (size_t i = 0; i < count; i++) {
        if (!put_is_valid(&items[i])) {
            return refuse(queue->session.redis.error, "a record key is a text");
        }
    }
    while (next < count) {
        put_batch_clear(&batch);
        while (next < count &&
               put_batch_add(&batch, &items[next], queue->session.partitions)) {
            next++;
        }
        const int r = put_batch_call(queue, &batch);

        if (r != QUEUE_OK) {
            return r;
        }
    }
    return QUEUE_OK;
}

int
queue_put(struct queue *queue, struct queue_put *items, size_t count)
{
    return put(queue, items, count, false);
}

int
queue_put_derived(struct queue *queue, struct queue_put *items, size_t count)
{
    return put(queue, items, count, true);
}

/* ---- links ------------------------------------------------------------------------------- */

int
queue_link_put(struct queue *queue, const char *from, const char *to)
{
    const struct slice name = slice_of(from);
    const unsigned partition = queue_partition(name, queue->session.partitions);

    redis_exchange_clear(&queue->exchange);
    redis_command(&queue->exchange, 5);
    redis_argument_text(&queue->exchange, "SET");
    session_argument_key(&queue->exchange, partition, "l:", name);
    redis_argument_text(&queue->exchange, to);
    redis_argument_text(&queue->exchange, "PX");
    redis_argument_number(&queue->exchange, queue->facts_ms);
    return handle_call(queue);
}

int
queue_link_get(struct queue *queue, const char *from, char *ret_to, size_t capacity)
{
    const struct slice name = slice_of(from);
    const unsigned partition = queue_partition(name, queue->session.partitions);

    redis_exchange_clear(&queue->exchange);
    redis_command(&queue->exchange, 2);
    redis_argument_text(&queue->exchange, "GET");
    session_argument_key(&queue->exchange, partition, "l:", name);
    const int r = handle_call(queue);

    if (r != QUEUE_OK) {
        return r;
    }
    if (!slice_to_text(redis_reply_text(queue->exchange.replies[0]), ret_to, capacity)) {
        (void)refuse(queue->session.redis.error, "a link is longer than the buffer");
        return -ENOSPC;
    }
    return QUEUE_OK;
}
