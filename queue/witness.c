/*
 * witness.c - notices a Redis that comes back empty, older or as another one.
 */
#include "queue/witness.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "queue/handle.h"

enum {
    WITNESS_KEYS = 5,
    WITNESS_ARGUMENTS = 4,
};

/* Positions in witness.lua's answer. */
enum {
    ANSWER_ACCEPTED,
    ANSWER_UNSETTLED,
    ANSWER_WENT_BACK,
    ANSWER_MARK,
};

int
queue_witness_name(char ret_name[QUEUE_WITNESS_ID_SIZE])
{
    uint64_t random = 0;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return -EIO;
    }
    (void)snprintf(ret_name, QUEUE_WITNESS_ID_SIZE, "%016" PRIx64, random);
    return 0;
}

/* ---- which data set -------------------------------------------------------------------------- */

/* A command of so many arguments on the data set's id. */
static void
write_meta(struct queue *queue, const char *command, size_t arguments)
{
    redis_command(&queue->exchange, arguments);
    redis_argument_text(&queue->exchange, command);
    session_argument_common(
        &queue->session, &queue->exchange, QUEUE_META, (struct slice){0});
    redis_argument_text(&queue->exchange, "id");
}

/* The id stays empty where Redis has none and takes none (over maxmemory, a replica). */
static int
read_id(struct queue *queue, bool makes, char id[QUEUE_WITNESS_ID_SIZE])
{
    struct redis_exchange *exchange = &queue->exchange;
    char fresh[QUEUE_WITNESS_ID_SIZE];
    int r = queue_witness_name(fresh);

    if (r < 0) {
        redis_set_error(
            &queue->session.redis, slice_of("the kernel gives no random bytes"));
        return r;
    }
    redis_exchange_clear(exchange);
    if (makes) {
        write_meta(queue, "HSETNX", 4);
        redis_argument_text(exchange, fresh);
    }
    write_meta(queue, "HGET", 3);
    r = handle_run(queue, exchange);
    if (r == QUEUE_OK &&
        !slice_to_text(redis_reply_text(exchange->replies[exchange->count - 1]), id,
            QUEUE_WITNESS_ID_SIZE)) {
        id[0] = '\0'; /* not ours */
    }
    return r;
}

/* ---- what is in it --------------------------------------------------------------------------- */

static void
write_look(const struct queue_witness *witness, unsigned partition, bool marks,
    struct redis_exchange *exchange)
{
    static const char *const keys[WITNESS_KEYS] = {
        "stats", "stream", "delayed", "parked", "witnesses"};

    session_command(exchange, SCRIPT_WITNESS, WITNESS_KEYS, WITNESS_ARGUMENTS);
    for (size_t i = 0; i < LENGTH(keys); i++) {
        session_argument_key(exchange, partition, keys[i], (struct slice){0});
    }
    redis_argument_text(exchange, witness->name);
    redis_argument_number(exchange, witness->marks[partition]);
    redis_argument_number(exchange, QUEUE_WITNESSES_MAX);
    redis_argument_number(exchange, marks ? 1 : 0);
}

/* With wait_replicas nothing is acknowledged that only this Redis has: its loss would be none. */
static void
read_look(const struct redisReply *answer, bool is_replicated, int64_t *mark,
    struct queue_look *look)
{
    const int64_t accepted = redis_reply_number(redis_reply_at(answer, ANSWER_ACCEPTED));
    const int64_t now = redis_reply_number(redis_reply_at(answer, ANSWER_MARK));

    if (redis_reply_number(redis_reply_at(answer, ANSWER_WENT_BACK)) != 0) {
        look->sight = QUEUE_SIGHT_WENT_BACK;
        look->missing += *mark > accepted ? *mark - accepted : 0;
    } else if (!is_replicated) {
        return;
    }
    look->is_news = look->is_news || now != *mark;
    *mark = now;
}

static int64_t
sum(const int64_t *values, size_t count)
{
    int64_t total = 0;

    for (size_t i = 0; i < count; i++) {
        total += values[i];
    }
    return total;
}

static int
look_at_partitions(struct queue *queue, bool marks, struct queue_witness *witness,
    struct queue_look *look)
{
    struct redis_exchange *exchange = &queue->exchange;
    int64_t unsettled = 0;

    redis_exchange_clear(exchange);
    for (unsigned i = 0; i < queue->session.partitions; i++) {
        write_look(witness, i, marks, exchange);
    }
    if (marks) {
        session_add_wait(&queue->session, exchange);
    }
    const int r = handle_run(queue, exchange);

    if (r != QUEUE_OK) {
        return r;
    }
    if (redis_exchange_error(exchange).size > 0) {
        return handle_check(queue, exchange);
    }
    const bool is_replicated = session_wait_error(exchange).size == 0;

    for (unsigned i = 0; i < queue->session.partitions; i++) {
        const struct redisReply *answer = exchange->replies[i];

        read_look(answer, is_replicated, &witness->marks[i], look);
        unsettled += redis_reply_number(redis_reply_at(answer, ANSWER_UNSETTLED));
    }
    look->unsettled = witness->unsettled;
    look->is_news = look->is_news || unsettled != witness->unsettled;
    witness->unsettled = unsettled;
    return QUEUE_OK;
}

static int
look(struct queue *queue, bool marks, struct queue_witness *witness,
    struct queue_look *ret_look)
{
    const int64_t known = sum(witness->marks, LENGTH(witness->marks));
    struct queue_look look = {.sight = QUEUE_SIGHT_FINE};
    char id[QUEUE_WITNESS_ID_SIZE] = "";
    int r = read_id(queue, marks, id);

    if (r == QUEUE_OK) {
        r = look_at_partitions(queue, marks, witness, &look);
    }
    if (r != QUEUE_OK) {
        return r;
    }
    if (strcmp(id, witness->id) != 0 && (id[0] != '\0' || !marks)) {
        if (witness->id[0] != '\0') {
            look.sight = QUEUE_SIGHT_REPLACED;
            look.missing = known;
            handle_greet_again(queue); /* it writes fb:meta */
        }
        memcpy(witness->id, id, sizeof(witness->id));
        look.is_news = true;
    }
    *ret_look = look;
    return QUEUE_OK;
}

int
queue_witness_look(
    struct queue *queue, struct queue_witness *witness, struct queue_look *ret_look)
{
    return look(queue, true, witness, ret_look);
}

int
queue_witness_check(
    struct queue *queue, const struct queue_witness *witness, struct queue_look *ret_look)
{
    struct queue_witness copy = *witness;

    return look(queue, false, &copy, ret_look);
}
