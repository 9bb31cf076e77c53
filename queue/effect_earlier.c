/*
 * effect_earlier.c - what became of an effect by the names it had before.
 *
 * They are only read. Whoever claims one of them looks, behind the claim, whether it still is the
 * effect's name; whoever knows a better one knew it before looking at the others. So of two such
 * one finds the other.
 */
#include "queue/effect_earlier.h"

#include <string.h>

#include "queue/facts.h"

void
effect_write_earlier(struct queue *queue, const struct queue_effect *effect)
{
    struct redis_exchange *exchange = &queue->exchange;

    for (size_t i = 0; i < effect->earlier_count; i++) {
        const struct slice key = slice_of(effect->earlier_keys[i]);

        redis_command(exchange, 2);
        redis_argument_text(exchange, "GET");
        session_argument_key(exchange, handle_partition_of_path(queue, key), "e:", key);
    }
    if (effect->subject != NULL) {
        const struct slice subject = slice_of(effect->subject);

        redis_command(exchange, 3);
        redis_argument_text(exchange, "HGET");
        session_argument_key(
            exchange, queue_partition(subject, queue->session.partitions), "f:", subject);
        redis_argument_text(exchange, effect->fact_name);
    }
}

/* ---- what is there, as effects.lua writes it ------------------------------------------------ */

/* Up to the next blank, which is taken, too. */
static struct slice
take(struct slice *rest)
{
    const struct slice word = slice_before(*rest, ' ');

    *rest = slice_skip(*rest, word.size < rest->size ? word.size + 1 : word.size);
    return word;
}

static void
doubt(struct queue_effect *effect, int64_t since_ms, struct slice word)
{
    if (since_ms <= effect->doubted_ms) {
        return;
    }
    effect->doubted_ms = since_ms;
    if (!slice_to_text(word, effect->doubted_word, sizeof effect->doubted_word)) {
        effect->doubted_word[0] = '\0';
    }
}

/* A claim that is over was not given back: of its end at the latest, as claiming it would find. */
static void
read_claim(
    struct queue_effect *effect, const struct queue_record *record, struct slice rest)
{
    int64_t deadline_ms;
    int64_t since_ms;

    (void)take(&rest); /* the token */
    if (!slice_to_int64(take(&rest), &deadline_ms)) {
        return;
    }
    (void)take(&rest); /* when its record was claimed */
    struct slice key = rest;
    struct slice word = {0}; /* an earlier version's has none */

    if (slice_to_int64(take(&rest), &since_ms)) {
        word = take(&rest);
        key = rest;
    }
    if (deadline_ms > record->now_ms && !slice_is(key, record->key)) {
        effect->result =
            effect->result == QUEUE_EFFECT_CLAIMED ? QUEUE_EFFECT_BUSY : effect->result;
        return;
    }
    doubt(effect, deadline_ms < record->now_ms ? deadline_ms : record->now_ms, word);
}

static void
read_value(
    struct queue_effect *effect, const struct queue_record *record, struct slice value)
{
    struct slice rest = value;
    const struct slice state = take(&rest);
    int64_t since_ms;

    if (slice_is(state, "done")) {
        effect->result =
            slice_is(rest, record->key) ? QUEUE_EFFECT_OURS : QUEUE_EFFECT_DONE;
    } else if (slice_is(state, "claimed")) {
        read_claim(effect, record, rest);
    } else if (slice_is(state, "doubted") && slice_to_int64(take(&rest), &since_ms)) {
        doubt(effect, since_ms < record->now_ms ? since_ms : record->now_ms, rest);
    }
}

/* "<rank> <text>". */
static bool
is_named_otherwise(const struct queue_effect *effect, struct slice value)
{
    struct fact fact = {0};

    return queue_fact_split(value, &fact) ? !slice_is(fact.text, effect->fact_text)
                                          : effect->fact_text[0] != '\0';
}

void
effect_read_earlier(const struct queue *queue, const struct queue_record *record,
    struct queue_effect *effect)
{
    struct redisReply *const *replies = queue->exchange.replies + 1;

    if (effect->result != QUEUE_EFFECT_CLAIMED) {
        return;
    }
    for (size_t i = 0; i < effect->earlier_count; i++) {
        if (effect->result <= QUEUE_EFFECT_BUSY) {
            read_value(effect, record, redis_reply_text(replies[i]));
        }
    }
    if (effect->subject != NULL && effect->result == QUEUE_EFFECT_CLAIMED &&
        is_named_otherwise(effect, redis_reply_text(replies[effect->earlier_count]))) {
        effect->result = QUEUE_EFFECT_BUSY;
    }
}
