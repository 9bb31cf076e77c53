/*
 * claim.c - takes records off the stream.
 *
 * All records of one queue_claim() carry one token, "<consumer>/<incarnation>/<number>", and the
 * number goes up only when a claim succeeded. So when the answer to a claim was lost, the next
 * one carries the same token, looks through this consumer's pending entries in every partition,
 * and takes what bears it, or lets go of it; entries with an older token of this incarnation are
 * in a worker's hands and are left alone. Behind the claim deadline they are not any more: a proxy
 * may have handed a claim on when nobody waited for its answer, and those are taken over.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/handle.h"

enum {
    CLAIM_KEYS = 4,
    CLAIM_ARGUMENTS = 11,
    TAKEOVER_EVERY_US =
        1000 * 1000, /* looking for timed out claims is not for every call */
};

struct claim {
    struct queue *queue;
    char token[HANDLE_TOKEN_SIZE];
    bool takes_over;
    bool asks_all; /* partitions, be there room or not */
    size_t max;
    struct queue_record **records;
    size_t count;
    unsigned candidates[QUEUE_PARTITIONS_MAX]; /* partitions that may have more */
    size_t candidate_count;
};

/* ---- one record -------------------------------------------------------------------------- */

static char *
append(char *end, struct slice value, struct slice *ret_copy)
{
    if (value.size > 0) {
        memcpy(end, value.data, value.size);
    }
    end[value.size] = '\0';
    *ret_copy = (struct slice){.data = end, .size = value.size};
    return end + value.size + 1;
}

static char *
append_text(char *end, struct slice value, char **ret_text)
{
    struct slice copy = {0};

    *ret_text = end;
    return append(end, value, &copy);
}

/* Positions in claim.lua's answer. */
enum {
    ANSWER_KEY,
    ANSWER_ENTRY_ID,
    ANSWER_ATTEMPTS,
    ANSWER_RECEIVED,
    ANSWER_SCHEMA,
    ANSWER_LOST_CLAIMS,
    ANSWER_ROUTES,
};

static size_t
storage_size(const struct redisReply *answer, struct slice token)
{
    const struct redisReply *routes = redis_reply_at(answer, ANSWER_ROUTES);
    size_t size = redis_reply_text(redis_reply_at(answer, ANSWER_KEY)).size + 1 +
                  redis_reply_text(redis_reply_at(answer, ANSWER_ENTRY_ID)).size + 1 +
                  token.size + 1;

    for (size_t i = 0; i < redis_reply_count(routes); i++) {
        size += redis_reply_text(redis_reply_at(routes, i)).size + 1;
    }
    return size;
}

/* put.lua lets no record have more than QUEUE_ROUTES_MAX routes. */
static void
fill_routes(struct queue_record *record, const struct redisReply *routes, char *end)
{
    const size_t count = redis_reply_count(routes) / 2;

    record->route_count = count < QUEUE_ROUTES_MAX ? count : QUEUE_ROUTES_MAX;
    for (size_t i = 0; i < record->route_count; i++) {
        struct queue_route *route = &record->routes[i];

        end = append(end, redis_reply_text(redis_reply_at(routes, 2 * i)), &route->name);
        end = append(
            end, redis_reply_text(redis_reply_at(routes, 2 * i + 1)), &route->bytes);
    }
}

/* NULL when memory is out. */
static struct queue_record *
make_record(const struct redisReply *answer, const char *token, unsigned partition)
{
    AUTO(queue_record_free) struct queue_record *record = calloc(1, sizeof(*record));

    if (record == NULL) {
        return NULL;
    }
    char *end = malloc(storage_size(answer, slice_of(token)));

    if (end == NULL) {
        return NULL;
    }
    record->storage = end;
    end = append_text(
        end, redis_reply_text(redis_reply_at(answer, ANSWER_KEY)), &record->key);
    end = append_text(end, redis_reply_text(redis_reply_at(answer, ANSWER_ENTRY_ID)),
        &record->entry_id);
    end = append_text(end, slice_of(token), &record->token);
    fill_routes(record, redis_reply_at(answer, ANSWER_ROUTES), end);
    record->partition = partition;
    record->schema = (unsigned)redis_reply_number(redis_reply_at(answer, ANSWER_SCHEMA));
    record->attempts = redis_reply_number(redis_reply_at(answer, ANSWER_ATTEMPTS));
    record->received_ms = redis_reply_number(redis_reply_at(answer, ANSWER_RECEIVED));
    record->lost_claims = redis_reply_number(redis_reply_at(answer, ANSWER_LOST_CLAIMS));

    struct queue_record *made = record;

    record = NULL;
    return made;
}

void
queue_record_free(struct queue_record **record)
{
    if (*record != NULL) {
        free((*record)->storage);
        free(*record);
    }
    *record = NULL;
}

/* ---- one call ---------------------------------------------------------------------------- */

static void
write_claim(const struct claim *claim, unsigned partition, size_t share)
{
    const struct queue *queue = claim->queue;
    const struct partition_scan *scan = &queue->scans[partition];
    const struct partition_name prefix = partition_name(partition, "r:");
    struct redis_exchange *exchange = &claim->queue->exchange;

    session_command(exchange, SCRIPT_CLAIM, CLAIM_KEYS, CLAIM_ARGUMENTS);
    session_argument_key(exchange, partition, "stream", (struct slice){0});
    session_argument_key(exchange, partition, "delayed", (struct slice){0});
    session_argument_key(exchange, partition, "lost", (struct slice){0});
    session_argument_key(exchange, partition, "stats", (struct slice){0});
    redis_argument_text(exchange, QUEUE_GROUP);
    redis_argument_text(exchange, queue->consumer);
    redis_argument_text(exchange, queue->incarnation);
    redis_argument_text(exchange, claim->token);
    redis_argument_text(exchange, prefix.text);
    redis_argument_number(exchange, (int64_t)share);
    redis_argument_number(exchange, queue->claim_deadline_ms);
    redis_argument_text(exchange, scan->recover);
    redis_argument_text(exchange, claim->takes_over ? scan->takeover : "");
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

    for (size_t i = 0; i < redis_reply_count(answers) && claim->count < claim->max; i++) {
        struct queue_record *record =
            make_record(redis_reply_at(answers, i), claim->token, partition);

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

    if (!read_cursor(redis_reply_at(reply, 1), scan->recover) ||
        (claim->takes_over && !read_cursor(redis_reply_at(reply, 2), scan->takeover))) {
        redis_set_error(&queue->session.redis, slice_of("claim.lua gave no cursor"));
        return QUEUE_E_REFUSED;
    }
    const int64_t recreated = redis_reply_number(redis_reply_at(reply, 3));

    if (recreated > 0) {
        queue->session.greeted = false;
    }
    queue->alarms.groups_recreated += recreated;
    read_missing(&queue->alarms, reply);
    return read_records(claim, partition, reply);
}

/*
 * Asks as many candidates as there is room for, or all, each for its share. Those that filled it
 * stay candidates, the others have no more.
 */
static int
claim_round(struct claim *claim)
{
    const size_t room = claim->max - claim->count;
    const size_t asked =
        claim->candidate_count < room || claim->asks_all ? claim->candidate_count : room;
    const size_t share = room / asked;
    size_t left = 0;

    redis_exchange_clear(&claim->queue->exchange);
    for (size_t i = 0; i < asked; i++) {
        write_claim(claim, claim->candidates[i], share);
    }
    int r = handle_call(claim->queue);

    for (size_t i = 0; i < asked && r == QUEUE_OK; i++) {
        const size_t before = claim->count;

        r = read_claim(claim, claim->candidates[i], claim->queue->exchange.replies[i]);
        if (claim->count - before == share) {
            claim->candidates[left++] = claim->candidates[i];
        }
    }
    memmove(claim->candidates + left, claim->candidates + asked,
        (claim->candidate_count - asked) * sizeof(claim->candidates[0]));
    claim->candidate_count -= asked - left;
    claim->takes_over = false;
    claim->asks_all = false;
    return r;
}

/* ---- all partitions ---------------------------------------------------------------------- */

static void
claim_begin(struct claim *claim)
{
    struct queue *queue = claim->queue;
    const int64_t now_us = redis_now_us();

    const int size = snprintf(claim->token, sizeof(claim->token), "%s%" PRIu64,
        queue->incarnation, queue->claim_number);

    assert(size > 0 && (size_t)size < sizeof(claim->token));
    claim->asks_all = queue->claim_lost;
    claim->takes_over = now_us >= queue->next_takeover_us;
    if (claim->takes_over) {
        queue->next_takeover_us = now_us + TAKEOVER_EVERY_US;
    }
    for (unsigned i = 0; i < queue->session.partitions; i++) {
        claim->candidates[i] = (queue->first_partition + i) % queue->session.partitions;
    }
    claim->candidate_count = queue->session.partitions;
    queue->first_partition = claim->candidates[queue->session.partitions > 1 ? 1 : 0];
}

static void
free_records(struct queue_record **records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        queue_record_free(&records[i]);
    }
}

static int
claim_rounds(struct claim *claim)
{
    struct session *session = &claim->queue->session;
    const int64_t timeout_us = session->timeout_us;
    int r = QUEUE_OK;

    if (claim->queue->claim_lost && claim->queue->is_patient) {
        session->timeout_us = QUEUE_PATIENCE * timeout_us;
    }
    while (r == QUEUE_OK && claim->candidate_count > 0 && claim->count < claim->max) {
        r = claim_round(claim);
    }
    session->timeout_us = timeout_us;
    return r;
}

int
queue_claim(
    struct queue *queue, size_t max, struct queue_record **ret_records, size_t *ret_count)
{
    const size_t limit = queue->claim_limit;
    struct claim claim = {.queue = queue,
        .max = limit > 0 && limit < max ? limit : max,
        .records = ret_records};

    assert(queue->consumer[0] != '\0');
    claim_begin(&claim);
    const int r = claim_rounds(&claim);

    if (r != QUEUE_OK) { /* what was claimed bears our token: the next call finds it */
        free_records(ret_records, claim.count);
        handle_recover(queue);
        queue->claim_lost = true;
        queue->claim_limit = 1;
        return r;
    }
    queue->claim_lost = false;
    queue->claim_limit = limit <= max ? 2 * limit : limit;
    queue->claim_number++;
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

struct queue_alarms
queue_take_alarms(struct queue *queue)
{
    struct queue_alarms alarms = queue->alarms;

    alarms.moves = queue->session.moves;
    memcpy(alarms.master, queue->session.master, sizeof(alarms.master));
    queue->session.moves = 0;
    queue->alarms = (struct queue_alarms){0};
    return alarms;
}
