/*
 * settle.c - effects, and the end of claims.
 *
 * A delivered record's effect is completed before the record is settled, in the same exchange:
 * a crash in between leaves a claimed record whose effect says "done by this record".
 */
#include <string.h>

#include "queue/effect_earlier.h"
#include "queue/handle.h"

enum {
    SETTLE_CHUNK = 128, /* settlements of one exchange */
    SETTLE_KEYS = 4,
    SETTLE_ARGUMENTS = 3,
    SETTLE_ITEM_KEYS = 2,
    SETTLE_ITEM_ARGUMENTS = 11,
    EFFECT_ARGUMENTS = 3,
    EFFECT_ITEM_ARGUMENTS = 5,
};

static const char *const outcomes[] = {
    [QUEUE_DELIVERED] = "delivered",
    [QUEUE_FILTERED] = "filtered",
    [QUEUE_DELAYED] = "delayed",
    [QUEUE_RELEASED] = "released",
    [QUEUE_PARKED] = "parked",
};

/* ---- effects ----------------------------------------------------------------------------- */

struct effect {
    const char *key;
    const char *mode; /* of effects.lua */
    const char *word;
    const struct queue_record *record;
    unsigned partition;
};

static const char no_word[] = "-";

static struct effect
make_effect(const struct queue *queue, const char *key, const char *mode,
    const struct queue_record *record)
{
    return (struct effect){.key = key,
        .mode = mode,
        .word = no_word,
        .record = record,
        .partition = handle_partition_of_path(queue, slice_of(key))};
}

static size_t
count_effects(const struct effect *effects, size_t count, unsigned partition)
{
    size_t in_partition = 0;

    for (size_t i = 0; i < count; i++) {
        in_partition += effects[i].partition == partition;
    }
    return in_partition;
}

/* One command with the effects of a partition, or none. */
static void
write_effects(
    struct queue *queue, const struct effect *effects, size_t count, unsigned partition)
{
    struct redis_exchange *exchange = &queue->exchange;
    const size_t keys = count_effects(effects, count, partition);

    if (keys == 0) {
        return;
    }
    session_command(
        exchange, SCRIPT_EFFECTS, keys, EFFECT_ARGUMENTS + EFFECT_ITEM_ARGUMENTS * keys);
    for (size_t i = 0; i < count; i++) {
        if (effects[i].partition == partition) {
            session_argument_key(exchange, partition, "e:", slice_of(effects[i].key));
        }
    }
    redis_argument_joined(exchange, slice_of(queue->consumer), slice_of("/"));
    redis_argument_number(exchange, queue->claim_deadline_ms);
    redis_argument_number(exchange, queue->dedupe_window_ms);
    for (size_t i = 0; i < count; i++) {
        if (effects[i].partition == partition) {
            redis_argument_text(exchange, effects[i].mode);
            redis_argument_text(exchange, effects[i].record->token);
            redis_argument_text(exchange, effects[i].record->key);
            redis_argument_number(exchange, effects[i].record->now_ms);
            redis_argument_text(exchange, effects[i].word);
        }
    }
}

static const char *
word_or_none(const char *text)
{
    const size_t size = text != NULL ? strcspn(text, " \t\n\v\f\r") : 0;

    return size > 0 && size < QUEUE_WORD_SIZE && text[size] == '\0' ? text : no_word;
}

int
queue_effect_claim(
    struct queue *queue, const struct queue_record *record, struct queue_effect *effect)
{
    struct effect claim = make_effect(queue, effect->key, "claim", record);

    claim.word = word_or_none(effect->word);
    redis_exchange_clear(&queue->exchange);
    write_effects(queue, &claim, 1, claim.partition);
    effect_write_earlier(queue, effect);
    const int r = handle_call(queue);

    if (r != QUEUE_OK) {
        return r;
    }
    const struct redisReply *answer = redis_reply_at(queue->exchange.replies[0], 0);

    effect->result =
        (enum queue_effect_result)redis_reply_number(redis_reply_at(answer, 0));
    effect->doubted_ms = redis_reply_number(redis_reply_at(answer, 1));
    if (!slice_to_text(redis_reply_text(redis_reply_at(answer, 2)), effect->doubted_word,
            sizeof(effect->doubted_word))) {
        effect->doubted_word[0] = '\0';
    }
    effect_read_earlier(queue, record, effect);
    return QUEUE_OK;
}

int
queue_effect_complete(
    struct queue *queue, const struct queue_record *record, const char *key)
{
    const struct effect done = make_effect(queue, key, "complete", record);

    redis_exchange_clear(&queue->exchange);
    write_effects(queue, &done, 1, done.partition);
    return handle_call(queue);
}

/* ---- settle ------------------------------------------------------------------------------ */

/* Some settlements, those of one partition being one command. */
struct chunk {
    struct queue_settlement *items;
    size_t count;
    bool waits[SETTLE_CHUNK]; /* its effect could not be ended */
};

static bool
is_in(const struct chunk *chunk, size_t index, unsigned partition)
{
    return chunk->items[index].record->partition == partition && !chunk->waits[index];
}

static size_t
count_in(const struct chunk *chunk, unsigned partition)
{
    size_t count = 0;

    for (size_t i = 0; i < chunk->count; i++) {
        count += is_in(chunk, i, partition) ? 1 : 0;
    }
    return count;
}

/* Cut where it would be too long: it is for a person to read. */
static struct slice
detail_of(const struct queue_settlement *item)
{
    return slice_cut_text(
        slice_of(item->detail != NULL ? item->detail : ""), QUEUE_DETAIL_SIZE - 1);
}

/* Cut to what a label can show, so that the counts of one reason stay together. */
static struct slice
reason_of(const struct queue_settlement *item)
{
    struct slice reason = slice_of(item->reason != NULL ? item->reason : "");

    if (reason.size >= QUEUE_TEXT_MAX) {
        reason.size = QUEUE_TEXT_MAX - 1;
    }
    return reason;
}

static void
write_item(struct redis_exchange *exchange, const struct queue_settlement *item)
{
    const bool gives_back = item->outcome == QUEUE_RELEASED ||
                            (item->outcome == QUEUE_DELAYED && item->free_attempt);
    const bool is_end =
        item->outcome == QUEUE_DELIVERED || item->outcome == QUEUE_FILTERED;

    redis_argument_text(exchange, item->record->key);
    redis_argument_text(exchange, item->record->entry_id);
    redis_argument_text(exchange, item->record->token);
    redis_argument_text(exchange, outcomes[item->outcome]);
    redis_argument(exchange, reason_of(item));
    redis_argument_number(exchange, item->outcome == QUEUE_DELAYED ? item->delay_ms : 0);
    redis_argument_number(exchange, gives_back ? 1 : 0);
    redis_argument_number(exchange, item->reopens && is_end ? 1 : 0);
    redis_argument(exchange, detail_of(item));
    redis_argument_number(exchange, item->outcome == QUEUE_DELAYED ? item->shelf : 0);
    redis_argument_number(exchange, item->is_wait ? 1 : 0);
}

static void
write_partition(struct queue *queue, const struct chunk *chunk, unsigned partition)
{
    struct redis_exchange *exchange = &queue->exchange;
    const size_t count = count_in(chunk, partition);

    if (count == 0) {
        return;
    }
    session_command(exchange, SCRIPT_SETTLE, SETTLE_KEYS + SETTLE_ITEM_KEYS * count,
        SETTLE_ARGUMENTS + SETTLE_ITEM_ARGUMENTS * count);
    session_argument_key(exchange, partition, "stream", (struct slice){0});
    session_argument_key(exchange, partition, "delayed", (struct slice){0});
    session_argument_key(exchange, partition, "parked", (struct slice){0});
    session_argument_key(exchange, partition, "stats", (struct slice){0});
    for (size_t i = 0; i < chunk->count; i++) {
        if (is_in(chunk, i, partition)) {
            const struct slice key = slice_of(chunk->items[i].record->key);

            session_argument_key(exchange, partition, "r:", key);
            session_argument_key(exchange, partition, "b:", key);
        }
    }
    redis_argument_text(exchange, QUEUE_GROUP);
    redis_argument_number(exchange, queue->dedupe_window_ms);
    redis_argument_number(exchange, queue->keep_bodies_ms);
    for (size_t i = 0; i < chunk->count; i++) {
        if (is_in(chunk, i, partition)) {
            write_item(exchange, &chunk->items[i]);
        }
    }
}

static void
read_partition(
    const struct chunk *chunk, unsigned partition, const struct redisReply *reply)
{
    size_t index = 0;

    for (size_t i = 0; i < chunk->count; i++) {
        if (is_in(chunk, i, partition)) {
            chunk->items[i].result = (enum queue_settle_result)redis_reply_number(
                redis_reply_at(reply, index++));
        }
    }
}

/* Delivered effects are completed, others set free for another attempt, or doubted. */
static const char *
mode_of(const struct queue_settlement *item)
{
    if (item->outcome == QUEUE_DELIVERED || item->completes_effect) {
        return "complete";
    }
    return item->is_doubted ? "doubt" : "free";
}

static void
end_effects(struct queue *queue, const struct chunk *chunk)
{
    struct effect effects[SETTLE_CHUNK];
    size_t count = 0;

    for (size_t i = 0; i < chunk->count; i++) {
        const struct queue_settlement *item = &chunk->items[i];

        if (item->effect_key != NULL) {
            effects[count] =
                make_effect(queue, item->effect_key, mode_of(item), item->record);
            effects[count++].word = word_or_none(item->doubted_word);
        }
    }
    for (unsigned partition = 0; partition < queue->session.partitions; partition++) {
        write_effects(queue, effects, count, partition);
    }
}

/* Where effects and records may be at different nodes, the effects come first. */
static int
end_effects_alone(struct queue *queue, struct chunk *chunk)
{
    const int r = queue->exchange.count > 0 ? handle_call(queue) : QUEUE_OK;

    for (size_t i = 0; r != QUEUE_OK && i < chunk->count; i++) {
        const char *key = chunk->items[i].effect_key;

        chunk->waits[i] =
            key != NULL &&
            queue->statuses[handle_partition_of_path(queue, slice_of(key))] != QUEUE_OK;
    }
    redis_exchange_clear(&queue->exchange);
    return r;
}

static int
settle_chunk(struct queue *queue, struct chunk *chunk)
{
    struct redis_exchange *exchange = &queue->exchange;
    int effects = QUEUE_OK;

    redis_exchange_clear(exchange);
    end_effects(queue, chunk);
    if (handle_is_spread(queue)) {
        effects = end_effects_alone(queue, chunk);
    }
    size_t next = exchange->count; /* the first reply of settle.lua */

    for (unsigned partition = 0; partition < queue->session.partitions; partition++) {
        write_partition(queue, chunk, partition);
    }
    const int r = exchange->count > 0 ? handle_call(queue) : QUEUE_OK;

    for (unsigned partition = 0; partition < queue->session.partitions; partition++) {
        const bool is_asked = count_in(chunk, partition) > 0;

        if (is_asked && queue->statuses[partition] == QUEUE_OK) {
            read_partition(chunk, partition, exchange->replies[next]);
        }
        next += is_asked ? 1 : 0;
    }
    return effects != QUEUE_OK ? effects : r;
}

int
queue_settle(struct queue *queue, struct queue_settlement *items, size_t count)
{
    int worst = QUEUE_OK;

    for (size_t i = 0; i < count; i++) {
        items[i].result = QUEUE_UNSETTLED;
    }
    for (size_t at = 0; at < count; at += SETTLE_CHUNK) {
        const size_t left = count - at;
        struct chunk chunk = {
            .items = items + at, .count = left < SETTLE_CHUNK ? left : SETTLE_CHUNK};
        const int r = settle_chunk(queue, &chunk);

        if (r != QUEUE_OK && !handle_is_spread(queue)) {
            return r;
        }
        worst = r != QUEUE_OK ? QUEUE_E_NODE : worst;
    }
    return worst;
}
