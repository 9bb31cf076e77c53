/*
 * redis_command.c - writes commands in Redis's protocol (RESP2) into an exchange, and looks for errors.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "queue/redis.h"

enum {
    NUMBER_SIZE = 24, /* a 64-bit number in decimal, with sign and NUL */
};

/* "<mark><number>\r\n": buffer_addf() would be a third of the cost of a put. */
static void
add_head(struct buffer *bytes, char mark, size_t number)
{
    char text[NUMBER_SIZE];
    size_t at = sizeof(text);

    text[--at] = '\n';
    text[--at] = '\r';
    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text[--at] = mark;
    buffer_add(bytes, text + at, sizeof(text) - at);
}

void
redis_command(struct redis_exchange *exchange, size_t arguments)
{
    assert(exchange->arguments_left == 0 && exchange->count < REDIS_COMMANDS_MAX);
    exchange->begins[exchange->count] = exchange->bytes.size;
    exchange->partitions[exchange->count] = 0;
    exchange->count++;
    exchange->arguments_left = arguments;
    add_head(&exchange->bytes, '*', arguments);
}

void
redis_command_of(struct redis_exchange *exchange, unsigned partition)
{
    assert(exchange->count > 0 && partition <= UINT8_MAX);
    exchange->partitions[exchange->count - 1] = (uint8_t)partition;
}

void
redis_command_copy(
    struct redis_exchange *exchange, const struct redis_exchange *from, size_t index)
{
    const size_t begin = from->begins[index];
    const size_t end =
        index + 1 < from->count ? from->begins[index + 1] : from->bytes.size;

    redis_command(exchange, 0); /* keeps count; its head is among the bytes copied */
    exchange->bytes.size = exchange->begins[exchange->count - 1];
    buffer_add(&exchange->bytes, from->bytes.data + begin, end - begin);
}

void
redis_argument_joined(
    struct redis_exchange *exchange, struct slice head, struct slice tail)
{
    assert(exchange->arguments_left > 0);
    exchange->arguments_left--;
    add_head(&exchange->bytes, '$', head.size + tail.size);
    buffer_add_slice(&exchange->bytes, head);
    buffer_add_slice(&exchange->bytes, tail);
    buffer_add(&exchange->bytes, "\r\n", 2);
}

void
redis_argument(struct redis_exchange *exchange, struct slice value)
{
    redis_argument_joined(exchange, value, (struct slice){0});
}

void
redis_argument_text(struct redis_exchange *exchange, const char *value)
{
    redis_argument(exchange, slice_of(value));
}

void
redis_argument_number(struct redis_exchange *exchange, int64_t value)
{
    char text[NUMBER_SIZE];

    (void)snprintf(text, sizeof(text), "%" PRId64, value); /* always fits */
    redis_argument_text(exchange, text);
}

void
redis_command_login(struct redis_exchange *exchange, const struct redis_login *login)
{
    const char *const named[] = {"AUTH", login->user, login->password, NULL, NULL, NULL};
    const char *const plain[] = {"AUTH", login->password, NULL, NULL, NULL, NULL};

    if (login->password[0] != '\0') {
        redis_command_texts(exchange, login->user[0] != '\0' ? named : plain);
    }
}

void
redis_command_texts(
    struct redis_exchange *exchange, const char *const texts[REDIS_TEXTS_MAX + 1])
{
    size_t count = 0;

    while (texts[count] != NULL) {
        count++;
    }
    redis_command(exchange, count);
    for (size_t i = 0; i < count; i++) {
        redis_argument_text(exchange, texts[i]);
    }
}

/* ---- what came back ---------------------------------------------------------------------- */

struct slice
redis_exchange_error(const struct redis_exchange *exchange)
{
    for (size_t i = 0; i < exchange->answered; i++) {
        const struct slice error = redis_reply_error(exchange->replies[i]);

        if (error.size > 0) {
            return error;
        }
    }
    return (struct slice){0};
}
