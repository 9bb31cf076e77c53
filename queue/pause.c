/*
 * pause.c - why deliveries wait, kept where every process sees it.
 */
#include <string.h>

#include "queue/handle.h"

enum {
    PAUSE_KEYS = 1,
};

static const char probe_field[] = ".probe"; /* of pause.lua; no cause begins like this */

/* "pause.lua <act> <token>", and `arguments` more must follow. */
static void
write_call(struct queue *queue, const char *act, size_t arguments)
{
    struct redis_exchange *exchange = &queue->exchange;

    redis_exchange_clear(exchange);
    session_command(exchange, SCRIPT_PAUSE, PAUSE_KEYS, 2 + arguments);
    session_argument_common(&queue->session, exchange, QUEUE_PAUSED, (struct slice){0});
    redis_argument_text(exchange, act);
    redis_argument_text(
        exchange, queue->incarnation[0] != '\0' ? queue->incarnation : "-");
}

int
queue_pause_put(struct queue *queue, const struct queue_pause *pause)
{
    struct redis_exchange *exchange = &queue->exchange;

    write_call(queue, "put", 5);
    redis_argument_text(exchange, pause->cause);
    redis_argument_text(exchange, pause->where);
    redis_argument(
        exchange, slice_cut_text(slice_of(pause->remedy), QUEUE_ERROR_SIZE - 1));
    redis_argument_number(exchange, pause->probe_first_ms);
    redis_argument_number(exchange, pause->probe_longest_ms);
    return handle_call(queue);
}

int
queue_pause_remove(struct queue *queue, const char *cause)
{
    write_call(queue, "remove", 1);
    redis_argument_text(&queue->exchange, cause);
    return handle_call(queue);
}

int
queue_probe_postpone(struct queue *queue, int64_t first_ms, int64_t longest_ms)
{
    write_call(queue, "postpone", 2);
    redis_argument_number(&queue->exchange, first_ms);
    redis_argument_number(&queue->exchange, longest_ms);
    return handle_call(queue);
}

/* "<since ms> <where> <remedy>"; what is not ours is still a pause to show. */
static void
read_pause(struct slice value, struct queue_label *label)
{
    const struct slice since = slice_before(value, ' ');
    struct slice rest =
        slice_skip(value, since.size < value.size ? since.size + 1 : since.size);
    const struct slice where = slice_before(rest, ' ');

    rest = slice_skip(rest, where.size < rest.size ? where.size + 1 : where.size);
    if (!slice_to_int64(since, &label->value) ||
        !slice_to_text(where, label->where, sizeof(label->where)) ||
        !slice_to_text(rest, label->text, sizeof(label->text))) {
        label->where[0] = label->text[0] = '\0';
    }
}

void
handle_read_pauses(const struct redisReply *fields, struct queue_labels *ret_pauses)
{
    ret_pauses->count = 0;
    for (size_t i = 0; i + 1 < redis_reply_count(fields); i += 2) {
        const struct slice cause = redis_reply_text(redis_reply_at(fields, i));
        struct queue_label *label = &ret_pauses->items[ret_pauses->count];

        if (slice_is(cause, probe_field)) {
            continue;
        }
        if (ret_pauses->count == QUEUE_LABELS_MAX) {
            return;
        }
        *label = (struct queue_label){0};
        if (slice_to_text(cause, label->name, sizeof(label->name))) {
            read_pause(redis_reply_text(redis_reply_at(fields, i + 1)), label);
            ret_pauses->count++;
        }
    }
}

int
queue_pause_look(struct queue *queue, int64_t turn_ms, struct queue_labels *ret_pauses,
    bool *ret_may_probe)
{
    write_call(queue, "look", 1);
    redis_argument_number(&queue->exchange, turn_ms);
    const int r = handle_call(queue);

    if (r != QUEUE_OK) {
        return r;
    }
    const struct redisReply *answer = queue->exchange.replies[0];

    *ret_may_probe = redis_reply_number(redis_reply_at(answer, 1)) == 1;
    handle_read_pauses(redis_reply_at(answer, 2), ret_pauses);
    return QUEUE_OK;
}
