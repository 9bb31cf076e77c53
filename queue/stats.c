/*
 * stats.c - one snapshot of each partition, summed.
 */
#include <string.h>

#include "queue/handle.h"

enum {
    STATS_KEYS = 5,
    STATS_ARGUMENTS = 3,
    STATS_LOOK_AT = 16, /* oldest entries of the stream, and as many of the delayed */
};

/* Positions in stats.lua's answer. */
enum {
    ANSWER_COUNTERS,
    ANSWER_STREAM,
    ANSWER_DELAYED,
    ANSWER_PARKED,
    ANSWER_LOST,
    ANSWER_CLAIMED,
    ANSWER_OLDEST,
};

static void
write_stats(struct redis_exchange *exchange, unsigned partition)
{
    static const char *const keys[STATS_KEYS] = {
        "stream", "delayed", "parked", "stats", "lost"};
    const struct partition_name prefix = partition_name(partition, "r:");

    session_command(exchange, SCRIPT_STATS, STATS_KEYS, STATS_ARGUMENTS);
    for (size_t i = 0; i < LENGTH(keys); i++) {
        session_argument_key(exchange, partition, keys[i], (struct slice){0});
    }
    redis_argument_text(exchange, QUEUE_GROUP);
    redis_argument_text(exchange, prefix.text);
    redis_argument_number(exchange, STATS_LOOK_AT);
}

/* The label of that name, a new one when there is room, or NULL. */
static struct queue_label *
find_label(struct queue_labels *labels, struct slice name)
{
    if (name.size >= QUEUE_TEXT_MAX) {
        name.size = QUEUE_TEXT_MAX - 1;
    }
    for (size_t i = 0; i < labels->count; i++) {
        if (slice_is(name, labels->items[i].name)) {
            return &labels->items[i];
        }
    }
    if (labels->count == QUEUE_LABELS_MAX ||
        !slice_to_text(name, labels->items[labels->count].name, QUEUE_TEXT_MAX)) {
        return NULL;
    }
    return &labels->items[labels->count++];
}

static void
add_to_label(struct queue_labels *labels, struct slice name, int64_t value)
{
    struct queue_label *label = value != 0 ? find_label(labels, name) : NULL;

    if (label != NULL) {
        label->value += value;
    }
}

static void
add_counter(struct queue_stats *stats, struct slice name, int64_t value)
{
    const struct {
        const char *name;
        int64_t *value;
    } counters[] = {
        {"accepted", &stats->accepted},
        {"delivered", &stats->delivered},
        {"filtered", &stats->filtered},
        {"dropped", &stats->dropped},
        {"group_recreated", &stats->group_recreated},
    };

    for (size_t i = 0; i < LENGTH(counters); i++) {
        if (slice_is(name, counters[i].name)) {
            *counters[i].value += value;
        }
    }
    if (slice_starts(name, "filtered:")) {
        add_to_label(&stats->filtered_by, slice_skip(name, strlen("filtered:")), value);
    } else if (slice_starts(name, "parked:")) {
        add_to_label(&stats->parked_by, slice_skip(name, strlen("parked:")), value);
    }
}

static void
add_partition(struct queue_stats *stats, int64_t *lost, const struct redisReply *answer)
{
    const struct redisReply *counters = redis_reply_at(answer, ANSWER_COUNTERS);
    const int64_t delayed = redis_reply_number(redis_reply_at(answer, ANSWER_DELAYED));
    const int64_t oldest_ms = redis_reply_number(redis_reply_at(answer, ANSWER_OLDEST));

    for (size_t i = 0; i + 1 < redis_reply_count(counters); i += 2) {
        add_counter(stats, redis_reply_text(redis_reply_at(counters, i)),
            redis_reply_number(redis_reply_at(counters, i + 1)));
    }
    stats->delayed += delayed;
    stats->pending += delayed + redis_reply_number(redis_reply_at(answer, ANSWER_STREAM));
    stats->parked += redis_reply_number(redis_reply_at(answer, ANSWER_PARKED));
    stats->claimed += redis_reply_number(redis_reply_at(answer, ANSWER_CLAIMED));
    stats->oldest_ms = oldest_ms > stats->oldest_ms ? oldest_ms : stats->oldest_ms;
    *lost += redis_reply_number(redis_reply_at(answer, ANSWER_LOST));
}

/*
 * What was accepted and is nowhere. An entry found without its record is missing from the sum
 * already, unless it was never accepted (somebody else wrote it): then only `lost` tells.
 */
static int64_t
unaccounted(const struct queue_stats *stats, int64_t lost)
{
    const int64_t missing = stats->accepted - stats->delivered - stats->filtered -
                            stats->parked - stats->dropped - stats->pending;

    return missing >= 0 && missing < lost ? lost : missing;
}

static int
read_pauses(struct queue *queue, struct queue_labels *paused)
{
    redis_exchange_clear(&queue->exchange);
    redis_command(&queue->exchange, 2);
    redis_argument_text(&queue->exchange, "HGETALL");
    session_argument_common(
        &queue->session, &queue->exchange, QUEUE_PAUSED, (struct slice){0});
    const int r = handle_call(queue);

    if (r != QUEUE_OK) {
        return r;
    }
    handle_read_pauses(queue->exchange.replies[0], paused);
    return QUEUE_OK;
}

int
queue_stats(struct queue *queue, struct queue_stats *ret_stats)
{
    struct queue_stats stats = {0};
    int64_t lost = 0;

    redis_exchange_clear(&queue->exchange);
    for (unsigned partition = 0; partition < queue->session.partitions; partition++) {
        write_stats(&queue->exchange, partition);
    }
    int r = handle_call(queue);

    if (r != QUEUE_OK) {
        return r;
    }
    for (unsigned partition = 0; partition < queue->session.partitions; partition++) {
        add_partition(&stats, &lost, queue->exchange.replies[partition]);
    }
    stats.unaccounted = unaccounted(&stats, lost);
    r = read_pauses(queue, &stats.paused);
    if (r == QUEUE_OK) {
        *ret_stats = stats;
    }
    return r;
}
