/*
 * claim.c - takes records off the stream.
 *
 * All records of one queue_claim() and partition carry one token,
 * "<consumer>/<incarnation>/<partition>.<number>", and the number goes up only when a claim
 * succeeded. So when the answer to a claim was lost, the next one there carries the same token, looks
 * through this consumer's pending entries, and takes what bears it, or lets go of it; entries with
 * an older token of this incarnation are in a worker's hands and are left alone. Behind the claim
 * deadline they are not any more: a proxy may have handed a claim on when nobody waited for its
 * answer, and those are taken over; but not where the worker has some that it could not settle yet.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "queue/handle.h"

enum {
    CLAIM_KEYS = 4,
    CLAIM_ARGUMENTS = 11,
    TAKEOVER_EVERY_US =
        1000 * 1000, /* looking for timed out claims is not for every call */
};

struct claim {
    struct queue *queue;
    int64_t now_us;
    size_t max;
    struct queue_record **records;
    size_t count;
    unsigned candidates[QUEUE_PARTITIONS_MAX]; /* partitions that may have more */
    size_t candidate_count;
    bool asked[QUEUE_PARTITIONS_MAX]; /* and answered */
    size_t lost;                      /* partitions that did not answer */
};

struct token {
    char text[HANDLE_TOKEN_SIZE];
};

/* ---- one call ---------------------------------------------------------------------------- */

static struct token
token_of(const struct queue *queue, unsigned partition)
{
    struct token token;
    const int size = snprintf(token.text, sizeof(token.text), "%s%u.%" PRIu64,
        queue->incarnation, partition, queue->scans[partition].claim_number);

    assert(size > 0 && (size_t)size < sizeof(token.text));
    return token;
}

/* Each partition has its own time for it: not all are asked in each claim. */
static bool
takes_over(const struct claim *claim, unsigned partition)
{
    return claim->now_us >= claim->queue->scans[partition].next_takeover_us &&
           (claim->queue->unsettled >> partition & 1) == 0;
}

static void
write_claim(const struct claim *claim, unsigned partition, size_t share)
{
    const struct queue *queue = claim->queue;
    const struct partition_scan *scan = &queue->scans[partition];
    const struct partition_name prefix = partition_name(partition, "r:");
    const struct token token = token_of(queue, partition);
    struct redis_exchange *exchange = &claim->queue->exchange;

    session_command(exchange, SCRIPT_CLAIM, CLAIM_KEYS, CLAIM_ARGUMENTS);
    session_argument_key(exchange, partition, "stream", (struct slice){0});
    session_argument_key(exchange, partition, "delayed", (struct slice){0});
    session_argument_key(exchange, partition, "lost", (struct slice){0});
    session_argument_key(exchange, partition, "stats", (struct slice){0});
    redis_argument_text(exchange, QUEUE_GROUP);
    redis_argument_text(exchange, queue->consumer);
    redis_argument_text(exchange, queue->incarnation);
    redis_argument_text(exchange, token.text);
    redis_argument_text(exchange, prefix.text);
    redis_argument_number(exchange, (int64_t)share);
    redis_argument_number(exchange, queue->claim_deadline_ms);
    redis_argument_text(exchange, scan->recover);
    redis_argument_text(exchange, takes_over(claim, partition) ? scan->takeover : "");
    redis_argument_number(exchange, queue->shelves_closed);
    redis_argument_number(exchange, queue->shelves_peeked);
}

static bool
read_cursor(const struct redisReply *cursor, char text[HANDLE_CURSOR_SIZE])
{
    return slice_to_text(redis_reply_text(cursor), text, HANDLE_CURSOR_SIZE);
}

static int
read_records(struct claim *claim, unsigned partition, const struct redisReply *reply)
{
    const struct redisReply *answers = redis_reply_at(reply, 4);
    const struct token token = token_of(claim->queue, partition);

    for (size_t i = 0; i < redis_reply_count(answers) && claim->count < claim->max; i++) {
        struct queue_record *record =
            handle_make_record(redis_reply_at(answers, i), token.text, partition);

        if (record == NULL) {
            redis_set_error(&claim->queue->session.redis, slice_of("out of memory"));
            return -ENOMEM;
        }
        record->now_ms = redis_reply_number(redis_reply_at(reply, 0));
        claim->records[claim->count++] = record;
    }
    return 0;
}

static void
read_missing(struct queue_alarms *alarms, const struct redisReply *reply)
{
    const int64_t missing = redis_reply_number(redis_reply_at(reply, 5));
    const struct slice key = slice_cut_text(
        redis_reply_text(redis_reply_at(reply, 6)), QUEUE_MISSING_SIZE - 1);

    alarms->records_missing += missing;
    if (missing > 0 && !slice_to_text(key, alarms->missing_key, QUEUE_MISSING_SIZE)) {
        alarms->missing_key[0] = '\0'; /* nobody's text */
    }
}

/* Redis has lost its data when a group was missing: the next greeting writes fb:meta again. */
static int
read_claim(struct claim *claim, unsigned partition, const struct redisReply *reply)
{
    struct queue *queue = claim->queue;
    struct partition_scan *scan = &queue->scans[partition];

    const bool has_taken_over = takes_over(claim, partition);

    if (!read_cursor(redis_reply_at(reply, 1), scan->recover) ||
        (has_taken_over && !read_cursor(redis_reply_at(reply, 2), scan->takeover))) {
        redis_set_error(&queue->session.redis, slice_of("claim.lua gave no cursor"));
        return QUEUE_E_REFUSED;
    }
    if (has_taken_over) {
        scan->next_takeover_us = claim->now_us + TAKEOVER_EVERY_US;
    }
    const int64_t recreated = redis_reply_number(redis_reply_at(reply, 3));

    if (recreated > 0) {
        handle_session(queue, partition)->greeted = false;
    }
    queue->alarms.groups_recreated += recreated;
    read_missing(&queue->alarms, reply);
    return read_records(claim, partition, reply);
}

/* What it had given in this claim bears its token: the next one finds that again. */
static void
lose_partition(struct claim *claim, unsigned partition)
{
    struct queue *queue = claim->queue;
    size_t kept = 0;

    for (size_t i = 0; i < claim->count; i++) {
        if (claim->records[i]->partition == partition) {
            queue_record_free(&claim->records[i]);
        } else {
            claim->records[kept++] = claim->records[i];
        }
    }
    claim->count = kept;
    claim->asked[partition] = false;
    claim->lost++;
    handle_recover_partition(queue, partition);
    queue->scans[partition].claim_lost = true;
    queue->scans[partition].claim_limit = 1;
}

/* After an answer that did not come no more is asked for than may fit into the next. */
static bool
is_limited(const struct claim *claim, unsigned partition, size_t share)
{
    const size_t limit = claim->queue->scans[partition].claim_limit;

    return limit > 0 && limit <= share;
}

/* True: it filled its share, there may be more. */
static bool
read_share(struct claim *claim, unsigned partition, const struct redisReply *reply,
    size_t share, int *status)
{
    const size_t before = claim->count;

    if (claim->queue->statuses[partition] != QUEUE_OK) {
        lose_partition(claim, partition);
        return false;
    }
    const int r = read_claim(claim, partition, reply);

    if (r != QUEUE_OK) {
        lose_partition(claim, partition);
        *status = r;
        return false;
    }
    claim->asked[partition] = true;
    return claim->count - before == share && !is_limited(claim, partition, share);
}

/*
 * Asks as many candidates as there is room for, each for its share. Those that filled it stay
 * candidates, the others have no more.
 */
static int
claim_round(struct claim *claim)
{
    const size_t room = claim->max - claim->count;
    const size_t asked = MIN(claim->candidate_count, room);
    const size_t share = room / asked;
    size_t left = 0;

    redis_exchange_clear(&claim->queue->exchange);
    for (size_t i = 0; i < asked; i++) {
        const unsigned partition = claim->candidates[i];

        write_claim(claim, partition,
            is_limited(claim, partition, share)
                ? claim->queue->scans[partition].claim_limit
                : share);
    }
    int r = handle_call(claim->queue);

    for (size_t i = 0; i < asked; i++) {
        if (read_share(claim, claim->candidates[i], claim->queue->exchange.replies[i],
                share, &r)) {
            claim->candidates[left++] = claim->candidates[i];
        }
    }
    memmove(claim->candidates + left, claim->candidates + asked,
        (claim->candidate_count - asked) * sizeof(claim->candidates[0]));
    claim->candidate_count -= asked - left;
    return r;
}

/* ---- all partitions ---------------------------------------------------------------------- */

static void
claim_begin(struct claim *claim)
{
    struct queue *queue = claim->queue;

    claim->now_us = redis_now_us();
    for (unsigned i = 0; i < queue->session.partitions; i++) {
        claim->candidates[i] = (queue->first_partition + i) % queue->session.partitions;
    }
    claim->candidate_count = queue->session.partitions;
    queue->first_partition = claim->candidates[queue->session.partitions > 1 ? 1 : 0];
}

/* The next claims there carry another token. */
static void
claim_end(struct claim *claim)
{
    struct queue *queue = claim->queue;
    int64_t away = 0;

    for (unsigned i = 0; i < queue->session.partitions; i++) {
        if (claim->asked[i]) {
            queue->scans[i].claim_lost = false;
            queue->scans[i].claim_number++;
            queue->scans[i].claim_limit *=
                queue->scans[i].claim_limit <= claim->max ? 2 : 1;
        }
        away += queue->scans[i].claim_lost ? 1 : 0;
    }
    queue->alarms.partitions_away = handle_is_spread(queue) ? away : 0;
}

static void
lose_all(struct claim *claim)
{
    claim->lost = 0;
    for (unsigned i = 0; i < claim->queue->session.partitions; i++) {
        lose_partition(claim, i);
    }
    claim_end(claim);
}

/* Where each partition has a session of its own, what some have given counts. */
static bool
goes_on(const struct claim *claim, int status)
{
    return status == QUEUE_OK || (status > 0 && handle_is_spread(claim->queue) &&
                                     claim->lost < claim->queue->session.partitions);
}

static int
claim_rounds(struct claim *claim)
{
    struct session *session = &claim->queue->session;
    const int64_t timeout_us = session->timeout_us;
    int r = QUEUE_OK;

    if (claim->queue->scans[0].claim_lost && claim->queue->is_patient) {
        session->timeout_us = QUEUE_PATIENCE * timeout_us;
    }
    while (goes_on(claim, r) && claim->candidate_count > 0 && claim->count < claim->max) {
        r = claim_round(claim);
    }
    session->timeout_us = timeout_us;
    return r;
}

int
queue_claim(
    struct queue *queue, size_t max, struct queue_record **ret_records, size_t *ret_count)
{
    struct claim claim = {.queue = queue, .max = max, .records = ret_records};

    assert(queue->consumer[0] != '\0');
    claim_begin(&claim);
    const int r = claim_rounds(&claim);

    if (!goes_on(&claim, r)) {
        lose_all(&claim);
        return r;
    }
    claim_end(&claim);
    *ret_count = claim.count;
    return QUEUE_OK;
}

void
queue_set_patience(struct queue *queue, bool is_patient)
{
    queue->is_patient = is_patient;
}

void
queue_set_shelves(struct queue *queue, unsigned closed, unsigned peeked)
{
    queue->shelves_closed = closed;
    queue->shelves_peeked = peeked;
}

void
queue_set_unsettled(struct queue *queue, uint64_t partitions)
{
    queue->unsettled = partitions;
}

struct queue_alarms
queue_take_alarms(struct queue *queue)
{
    struct queue_alarms alarms = queue->alarms;

    for (unsigned i = 0; i < handle_sessions(queue); i++) {
        struct session *session = handle_session(queue, i);

        if (i == 0 || session->moves > 0) {
            memcpy(alarms.master, session->master, sizeof(alarms.master));
        }
        alarms.moves += session->moves;
        session->moves = 0;
    }
    queue->alarms = (struct queue_alarms){0};
    return alarms;
}
