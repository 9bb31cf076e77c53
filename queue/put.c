/*
 * put.c - one round of puts: the commands of put.lua and their answers.
 */
#include "queue/put.h"

#include <string.h>

enum {
    PUT_KEYS = 3,      /* before the records */
    PUT_ARGUMENTS = 4, /* before the events */
    PUT_FULL = 3,      /* put.lua: the record has QUEUE_ROUTES_MAX routes */
};

void
put_batch_clear(struct put_batch *batch)
{
    batch->count = 0;
    batch->bytes = 0;
    memset(batch->counts, 0, sizeof(batch->counts));
}

bool
put_is_valid(const struct queue_put *put)
{
    return put->key.size > 0 && memchr(put->key.data, '\0', put->key.size) == NULL;
}

bool
put_batch_add(struct put_batch *batch, struct queue_put *put, unsigned partitions)
{
    if (batch->count == GROUP_COMMIT_EVENTS_MAX ||
        (batch->count > 0 && put->bytes.size > GROUP_COMMIT_BYTES_MAX - batch->bytes)) {
        return false;
    }
    const unsigned partition = queue_partition(put->subject, partitions);

    batch->puts[batch->count] = put;
    batch->partitions[batch->count] = (uint8_t)partition;
    batch->counts[partition]++;
    batch->statuses[batch->count] = QUEUE_E_REFUSED;
    batch->count++;
    batch->bytes += put->bytes.size < GROUP_COMMIT_BYTES_MAX - batch->bytes
                        ? put->bytes.size
                        : GROUP_COMMIT_BYTES_MAX - batch->bytes;
    return true;
}

static void
write_partition(
    const struct put_batch *batch, unsigned partition, struct redis_exchange *exchange)
{
    const size_t count = batch->counts[partition];

    if (count == 0) {
        return;
    }
    const struct partition_name prefix = partition_name(partition, "r:");

    session_command(exchange, SCRIPT_PUT, PUT_KEYS + count, PUT_ARGUMENTS + 2 * count);
    session_argument_key(exchange, partition, "stream", (struct slice){0});
    session_argument_key(exchange, partition, "parked", (struct slice){0});
    session_argument_key(exchange, partition, "stats", (struct slice){0});
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->partitions[i] == partition) {
            redis_argument_joined(exchange, slice_of(prefix.text), batch->puts[i]->key);
        }
    }
    redis_argument_number(exchange, QUEUE_SCHEMA);
    redis_argument_number(exchange, (int64_t)strlen(prefix.text));
    redis_argument_number(exchange, QUEUE_ROUTES_MAX);
    redis_argument_number(exchange, batch->is_derived ? 1 : 0);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->partitions[i] == partition) {
            redis_argument_joined(exchange, slice_of("r:"), batch->puts[i]->route);
            redis_argument(exchange, batch->puts[i]->bytes);
        }
    }
}

void
put_batch_write(const struct put_batch *batch, struct redis_exchange *exchange)
{
    redis_exchange_clear(exchange);
    for (unsigned partition = 0; partition < QUEUE_PARTITIONS_MAX; partition++) {
        write_partition(batch, partition, exchange);
    }
}

/* One answer of put.lua, or an error. Returns what is wrong with it, absent when nothing is. */
static struct slice
read_answer(
    const struct redisReply *reply, size_t index, struct queue_put *put, int *status)
{
    const struct slice error = redis_reply_error(reply);

    *status = QUEUE_E_REFUSED;
    if (error.size > 0) {
        return error;
    }
    if (index >= redis_reply_count(reply)) {
        return slice_of("an answer of put.lua is missing");
    }
    const int64_t answer = redis_reply_number(redis_reply_at(reply, index));

    if (answer >= PUT_FULL) {
        return slice_of("a record has more routes than it may have");
    }
    if (put != NULL) {
        put->result = (enum queue_put_result)answer;
    }
    *status = QUEUE_OK;
    return (struct slice){0};
}

static struct slice
read_partition(
    struct put_batch *batch, unsigned partition, const struct redisReply *reply)
{
    struct slice error = {0};
    size_t index = 0;

    for (size_t i = 0; i < batch->count; i++) {
        if (batch->partitions[i] == partition) {
            const struct slice wrong =
                read_answer(reply, index++, batch->puts[i], &batch->statuses[i]);

            error = wrong.size > 0 ? wrong : error;
        }
    }
    return error;
}

int
put_batch_read(struct put_batch *batch, const struct redis_exchange *exchange,
    struct slice *ret_error)
{
    struct slice error = session_wait_error(exchange);
    size_t next = 0;

    if (error.size > 0) { /* each is QUEUE_E_REFUSED, be it there or not */
        *ret_error = error;
        return QUEUE_E_REFUSED;
    }
    for (unsigned partition = 0; partition < QUEUE_PARTITIONS_MAX; partition++) {
        if (batch->counts[partition] > 0) {
            const struct slice wrong =
                read_partition(batch, partition, exchange->replies[next++]);

            error = wrong.size > 0 ? wrong : error;
        }
    }
    if (error.size == 0) {
        return QUEUE_OK;
    }
    *ret_error = error;
    return QUEUE_E_REFUSED;
}
