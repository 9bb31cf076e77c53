/*
 * handle.c - the connections of a handle: one, or in a cluster one for each partition.
 *
 * In a cluster an exchange is shared out: each partition's session is asked the commands that have
 * its keys, all at once, and their replies come back to where they are expected. What a partition
 * did not answer is NULL, which reads as nothing, so callers look at the statuses first.
 */
#include "queue/handle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

enum {
    REST_MIN_US = 1000 * 1000, /* of a node that is away */
    REST_TIMES =
        4, /* as long as it kept us waiting: most of the time is for the others */
};

/* ---- opening ----------------------------------------------------------------------------- */

int
handle_open_sessions(
    struct queue *queue, const struct queue_options *options, char *ret_error)
{
    int r = session_init(&queue->session, options, 0, ret_error);
    const unsigned others = queue->session.partitions - 1;

    if (r != QUEUE_OK || !queue->session.redis.url.is_cluster || others == 0) {
        return r;
    }
    queue->others = calloc(others, sizeof(*queue->others));
    queue->shares = calloc(others + 1, sizeof(*queue->shares));
    if (queue->others == NULL || queue->shares == NULL) {
        (void)snprintf(ret_error, QUEUE_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    for (unsigned i = 0; i < others && r == QUEUE_OK; i++) {
        r = session_init(&queue->others[i], options, i + 1, ret_error);
    }
    for (unsigned i = 0; i <= others; i++) {
        redis_exchange_init(&queue->shares[i]);
    }
    return r;
}

void
handle_close_sessions(struct queue *queue)
{
    if (queue->others != NULL && queue->shares != NULL) {
        for (unsigned i = 1; i < queue->session.partitions; i++) {
            session_done(handle_session(queue, i));
            redis_exchange_done(&queue->shares[i]);
        }
        redis_exchange_done(&queue->shares[0]);
    }
    session_done(&queue->session);
    free(queue->others);
    free(queue->shares);
}

bool
handle_is_spread(const struct queue *queue)
{
    return queue->others != NULL;
}

unsigned
handle_sessions(const struct queue *queue)
{
    return handle_is_spread(queue) ? queue->session.partitions : 1;
}

struct session *
handle_session(struct queue *queue, unsigned partition)
{
    return partition == 0 || queue->others == NULL ? &queue->session
                                                   : &queue->others[partition - 1];
}

void
handle_greet_again(struct queue *queue)
{
    for (unsigned i = 0; i < queue->session.partitions; i++) {
        handle_session(queue, i)->greeted = false;
    }
}

/* ---- sharing out ------------------------------------------------------------------------- */

static bool
is_wait(const struct redis_exchange *exchange, size_t index)
{
    return exchange->wait_replicas > 0 && index == exchange->count - 1;
}

static void
share_out(struct queue *queue, const struct redis_exchange *exchange)
{
    for (size_t i = 0; i < exchange->count; i++) {
        if (!is_wait(exchange, i)) {
            redis_command_copy(&queue->shares[exchange->partitions[i]], exchange, i);
        }
    }
    for (unsigned i = 0; exchange->wait_replicas > 0 && i < queue->session.partitions;
         i++) {
        if (queue->shares[i].count > 0) {
            redis_command_copy(&queue->shares[i], exchange, exchange->count - 1);
            queue->shares[i].wait_replicas = exchange->wait_replicas;
        }
    }
}

/* It is the node that is away, with all of its partitions. */
static void
let_rest(struct queue *queue, const struct session *away, int64_t waited_us)
{
    const int64_t until_us = redis_now_us() + MAX(REST_MIN_US, REST_TIMES * waited_us);

    for (unsigned i = 0; i < queue->session.partitions; i++) {
        struct session *session = handle_session(queue, i);

        if (session == away ||
            (away->master[0] != '\0' && strcmp(session->master, away->master) == 0)) {
            session->rest_until_us = until_us;
        }
    }
}

static void
call_shares(struct queue *queue)
{
    struct session_call calls[QUEUE_PARTITIONS_MAX];
    const int64_t now_us = redis_now_us();
    size_t count = 0;

    for (unsigned i = 0; i < queue->session.partitions; i++) {
        struct session *session = handle_session(queue, i);
        const bool rests = now_us < session->rest_until_us;

        queue->statuses[i] = rests && queue->shares[i].count > 0 ? -EHOSTDOWN : QUEUE_OK;
        if (!rests && queue->shares[i].count > 0) {
            calls[count++] =
                (struct session_call){.session = session, .exchange = &queue->shares[i]};
        }
    }
    if (count > 0) {
        session_call_all(calls, count);
    }
    for (size_t i = 0; i < count; i++) {
        queue->statuses[calls[i].session->partition] = calls[i].status;
        if (calls[i].status < 0) {
            let_rest(queue, calls[i].session, redis_now_us() - now_us);
        }
    }
}

static struct redisReply *
take_reply(struct redis_exchange *share, size_t index)
{
    struct redisReply *reply = index < share->answered ? share->replies[index] : NULL;

    if (reply != NULL) {
        share->replies[index] = NULL;
    }
    return reply;
}

/* Of all WAITs the one that fewest replicas have answered; NULL when one is missing. */
static struct redisReply *
take_wait(struct queue *queue)
{
    struct redis_exchange *fewest = NULL;

    for (unsigned i = 0; i < queue->session.partitions; i++) {
        struct redis_exchange *share = &queue->shares[i];

        if (share->count > 0 && queue->statuses[i] != QUEUE_OK) {
            return NULL;
        }
        if (share->count > 0 &&
            (fewest == NULL ||
                redis_reply_number(share->replies[share->count - 1]) <
                    redis_reply_number(fewest->replies[fewest->count - 1]))) {
            fewest = share;
        }
    }
    return fewest != NULL ? take_reply(fewest, fewest->count - 1) : NULL;
}

static void
collect(struct queue *queue, struct redis_exchange *exchange)
{
    size_t next[QUEUE_PARTITIONS_MAX] = {0};

    exchange->answered = exchange->count;
    for (size_t i = 0; i < exchange->count; i++) {
        const unsigned partition = exchange->partitions[i];

        if (is_wait(exchange, i)) {
            exchange->replies[i] = take_wait(queue);
        } else {
            exchange->replies[i] =
                queue->statuses[partition] == QUEUE_OK
                    ? take_reply(&queue->shares[partition], next[partition]++)
                    : NULL;
        }
    }
    for (unsigned i = 0; i < queue->session.partitions; i++) {
        redis_exchange_clear(&queue->shares[i]);
    }
}

/* ---- calls ------------------------------------------------------------------------------- */

/* Keeps what went wrong with this partition as the handle's error. */
static void
take_error(struct queue *queue, unsigned partition)
{
    const struct session *session = handle_session(queue, partition);

    if (session != &queue->session) {
        memcpy(queue->session.redis.error, session->redis.error,
            sizeof(queue->session.redis.error));
    }
}

/* Another partition count is the one thing that no other node can make good. */
static int
worst_status(struct queue *queue)
{
    int worst = QUEUE_OK;

    for (unsigned i = 0; i < queue->session.partitions; i++) {
        const int status = queue->statuses[i];

        if (status != QUEUE_OK && worst != QUEUE_E_PARTITIONS) {
            worst = status == QUEUE_E_PARTITIONS ? QUEUE_E_PARTITIONS : QUEUE_E_NODE;
            take_error(queue, i);
        }
    }
    return worst;
}

int
handle_run(struct queue *queue, struct redis_exchange *exchange)
{
    if (!handle_is_spread(queue)) {
        return session_call(&queue->session, exchange);
    }
    if (exchange->bytes.failed) {
        redis_set_error(&queue->session.redis, slice_of("out of memory"));
        return -ENOMEM;
    }
    share_out(queue, exchange);
    call_shares(queue);
    collect(queue, exchange);
    return worst_status(queue);
}

/* What a cluster says of one slot, and not of what was asked. */
static bool
is_of_node(struct slice error)
{
    static const char *const words[] = {"TRYAGAIN ", "ASK ", "MOVED ", "CLUSTERDOWN "};

    for (size_t i = 0; i < LENGTH(words); i++) {
        if (slice_starts(error, words[i])) {
            return true;
        }
    }
    return false;
}

int
handle_check(struct queue *queue, const struct redis_exchange *exchange)
{
    int worst = QUEUE_OK;

    if (!handle_is_spread(queue)) {
        return session_check_replies(&queue->session, exchange);
    }
    for (size_t i = 0; i < exchange->answered; i++) {
        const unsigned partition = exchange->partitions[i];
        const struct slice error = redis_reply_error(exchange->replies[i]);

        if (error.size > 0) {
            redis_set_error(&handle_session(queue, partition)->redis, error);
            take_error(queue, partition);
            worst = is_of_node(error) ? QUEUE_E_NODE : QUEUE_E_REFUSED;
            queue->statuses[partition] = worst;
        }
    }
    return worst;
}

int
handle_call(struct queue *queue)
{
    int r = handle_run(queue, &queue->exchange);

    if (r == QUEUE_OK || r == QUEUE_E_NODE) {
        const int checked = handle_check(queue, &queue->exchange);

        r = r == QUEUE_OK ? checked : r;
    }
    if (!handle_is_spread(queue)) {
        for (size_t i = 0; i < LENGTH(queue->statuses); i++) {
            queue->statuses[i] = r;
        }
    }
    return r;
}
