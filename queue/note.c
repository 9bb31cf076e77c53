/*
 * note.c - short texts worth showing, the latest few, or many, of each name.
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

/* All but the `max` of the highest rank. */
static void
write_trim(struct queue *queue, const char *name, int64_t max)
{
    struct redis_exchange *exchange = &queue->exchange;

    redis_command(exchange, 4);
    redis_argument_text(exchange, "ZREMRANGEBYRANK");
    argument_key(queue, name);
    redis_argument_number(exchange, 0);
    redis_argument_number(exchange, -max - 1);
}

int
queue_note_add(
    struct queue *queue, const char *name, const char *text, int64_t time_ms, int64_t max)
{
    if (text[0] == '\0' || strlen(text) >= QUEUE_NOTE_SIZE) {
        return -EINVAL;
    }
    redis_exchange_clear(&queue->exchange);
    write_put(queue, name, text, time_ms);
    write_trim(queue, name, max);
    return handle_call(queue);
}

int
queue_note_put(struct queue *queue, const char *name, const char *text, int64_t time_ms)
{
    return queue_note_add(queue, name, text, time_ms, QUEUE_NOTES_MAX);
}

/* "TIME", then the notes of these ranks, the highest first. */
static int
look(struct queue *queue, const char *name, int64_t first, int64_t last)
{
    struct redis_exchange *exchange = &queue->exchange;

    redis_exchange_clear(exchange);
    redis_command(exchange, 1);
    redis_argument_text(exchange, "TIME");
    redis_command(exchange, 5);
    redis_argument_text(exchange, "ZREVRANGE");
    argument_key(queue, name);
    redis_argument_number(exchange, first);
    redis_argument_number(exchange, last);
    redis_argument_text(exchange, "WITHSCORES");
    return handle_call(queue);
}

/* `at` 0, 2, ...: each is its text and its time. One that is not there has neither. */
static void
read_note(const struct redis_exchange *exchange, size_t at, struct queue_note *note)
{
    const struct redisReply *time = exchange->replies[0];
    const struct redisReply *found = exchange->replies[1];

    *note = (struct queue_note){
        .time_ms = redis_reply_number(redis_reply_at(found, at + 1)),
        .now_ms = redis_reply_number(redis_reply_at(time, 0)) * MS_PER_S +
                  redis_reply_number(redis_reply_at(time, 1)) / US_PER_MS,
    };
    if (!slice_to_text(redis_reply_text(redis_reply_at(found, at)), note->text,
            sizeof(note->text))) {
        note->text[0] = '\0'; /* not ours */
    }
}

int
queue_note_last(struct queue *queue, const char *name, struct queue_note *ret_note)
{
    const int r = look(queue, name, 0, 0);

    if (r == QUEUE_OK) {
        read_note(&queue->exchange, 0, ret_note);
    }
    return r;
}

int
queue_note_page(
    struct queue *queue, const char *name, int64_t first, struct queue_notes *ret_notes)
{
    const int r = look(queue, name, first, first + QUEUE_NOTES_PAGE - 1);

    ret_notes->count = 0;
    if (r == QUEUE_OK) {
        const size_t count = redis_reply_count(queue->exchange.replies[1]) / 2;

        while (ret_notes->count < count && ret_notes->count < QUEUE_NOTES_PAGE) {
            read_note(&queue->exchange, 2 * ret_notes->count,
                &ret_notes->items[ret_notes->count]);
            ret_notes->count++;
        }
    }
    return r;
}

/* The one command's answer. */
static int
call_for_number(struct queue *queue, int64_t *ret_number)
{
    const int r = handle_call(queue);

    *ret_number = r == QUEUE_OK ? redis_reply_number(queue->exchange.replies[0]) : 0;
    return r;
}

int
queue_note_count(struct queue *queue, const char *name, int64_t *ret_count)
{
    redis_exchange_clear(&queue->exchange);
    redis_command(&queue->exchange, 2);
    redis_argument_text(&queue->exchange, "ZCARD");
    argument_key(queue, name);
    return call_for_number(queue, ret_count);
}

int
queue_note_remove(
    struct queue *queue, const char *name, const char *text, bool *ret_is_gone)
{
    int64_t removed;

    redis_exchange_clear(&queue->exchange);
    redis_command(&queue->exchange, 3);
    redis_argument_text(&queue->exchange, "ZREM");
    argument_key(queue, name);
    redis_argument_text(&queue->exchange, text);
    const int r = call_for_number(queue, &removed);

    *ret_is_gone = removed > 0;
    return r;
}
