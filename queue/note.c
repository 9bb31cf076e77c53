/*
 * note.c - short texts worth showing, the latest few of each name.
 *
 * A name's notes are one sorted set by time: putting and trimming need no script, and neither
 * order nor repetition matters.
 */
#include <errno.h>
#include <string.h>

#include "queue/handle.h"

static void
argument_key(struct queue *queue, const char *name)
{
    session_argument_common(&queue->session, &queue->exchange, "note:", slice_of(name));
}

static void
write_put(struct queue *queue, const char *name, const char *text, int64_t time_ms)
{
    struct redis_exchange *exchange = &queue->exchange;

    redis_command(exchange, 5);
    redis_argument_text(exchange, "ZADD");
    argument_key(queue, name);
    redis_argument_text(exchange, "GT");
    redis_argument_number(exchange, time_ms);
    redis_argument_text(exchange, text);
}

/* All but the QUEUE_NOTES_MAX of the highest rank. */
static void
write_trim(struct queue *queue, const char *name)
{
    struct redis_exchange *exchange = &queue->exchange;

    redis_command(exchange, 4);
    redis_argument_text(exchange, "ZREMRANGEBYRANK");
    argument_key(queue, name);
    redis_argument_number(exchange, 0);
    redis_argument_number(exchange, -QUEUE_NOTES_MAX - 1);
}

int
queue_note_put(struct queue *queue, const char *name, const char *text, int64_t time_ms)
{
    if (text[0] == '\0' || strlen(text) >= QUEUE_NOTE_SIZE) {
        return -EINVAL;
    }
    redis_exchange_clear(&queue->exchange);
    write_put(queue, name, text, time_ms);
    write_trim(queue, name);
    return handle_call(queue);
}

static void
read_last(const struct redis_exchange *exchange, struct queue_note *note)
{
    const struct redisReply *time = exchange->replies[0];
    const struct redisReply *last = exchange->replies[1];

    *note = (struct queue_note){
        .time_ms = redis_reply_number(redis_reply_at(last, 1)),
        .now_ms = redis_reply_number(redis_reply_at(time, 0)) * MS_PER_S +
                  redis_reply_number(redis_reply_at(time, 1)) / US_PER_MS,
    };
    if (!slice_to_text(
            redis_reply_text(redis_reply_at(last, 0)), note->text, sizeof(note->text))) {
        note->text[0] = '\0'; /* not ours */
    }
}

int
queue_note_last(struct queue *queue, const char *name, struct queue_note *ret_note)
{
    redis_exchange_clear(&queue->exchange);
    redis_command(&queue->exchange, 1);
    redis_argument_text(&queue->exchange, "TIME");
    redis_command(&queue->exchange, 5);
    redis_argument_text(&queue->exchange, "ZREVRANGE");
    argument_key(queue, name);
    redis_argument_number(&queue->exchange, 0);
    redis_argument_number(&queue->exchange, 0);
    redis_argument_text(&queue->exchange, "WITHSCORES");
    const int r = handle_call(queue);

    if (r == QUEUE_OK) {
        read_last(&queue->exchange, ret_note);
    }
    return r;
}
