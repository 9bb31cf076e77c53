/*
 * budget.c - a token bucket in Redis: what all workers together may ask of somebody.
 */
#include "queue/budget.h"

#include <stdio.h>

#include "queue/handle.h"

enum {
    BUDGET_KEYS = 1,
    BUDGET_ARGUMENTS = 4,
    REAL_SIZE = 32,
};

static void
write_real(struct redis_exchange *exchange, double number)
{
    char text[REAL_SIZE];

    (void)snprintf(text, sizeof(text), "%.6g", number); /* always fits */
    redis_argument_text(exchange, text);
}

int
queue_budget_take(struct queue *queue, const char *name, struct queue_budget *budget)
{
    struct redis_exchange *exchange = &queue->exchange;

    redis_exchange_clear(exchange);
    session_command(exchange, SCRIPT_BUDGET, BUDGET_KEYS, BUDGET_ARGUMENTS);
    session_argument_common(&queue->session, exchange, "budget:", slice_of(name));
    write_real(exchange, budget->rate);
    write_real(exchange, budget->holds);
    redis_argument_number(exchange, budget->wanted);
    redis_argument_number(exchange, budget->block_ms);
    const int r = handle_call(queue);

    if (r == QUEUE_OK) {
        const struct redisReply *answer = exchange->replies[0];

        budget->granted = redis_reply_number(redis_reply_at(answer, 0));
        budget->wait_ms = redis_reply_number(redis_reply_at(answer, 1));
    }
    return r;
}
