/*
 * audit.c - walks every record of the queue and says where it is, and what does not fit.
 *
 * For each partition: the keys of all entries in the stream are taken into a set, then all records
 * are gone through, and those that wait for a worker are looked for in the set. Which is not there
 * is a suspect; entries come only at the end of the stream, so what the set does not know yet is
 * behind the cursor at which reading it stopped.
 */
#include "queue/audit.h"

#include <errno.h>
#include <string.h>

#include "queue/handle.h"
#include "queue/key_set.h"

enum {
    AUDIT_KEYS = 4,
    AUDIT_ARGUMENTS = 6,
    PIECE = 100, /* looked at by one call: a few milliseconds of Redis */
    ENTRIES_HELD = 1000 * 1000,
    SUSPECTS_SIZE = 16 * 1024,       /* so many bytes of keys are judged together */
    SUSPECTS_MAX = 64 * 1024 * 1024, /* a piece is far smaller */
    ROUNDS_MAX = 100 * 1000,         /* to the end of a stream that grows */
};

/* Positions in audit.lua's answer. */
enum {
    ANSWER_CURSOR,
    ANSWER_AT_END,
    ANSWER_MET,
    ANSWER_FINDINGS,
};

/* Of each record that was met. */
enum {
    MET_KEY,
    MET_STATE,
    MET_REASON,
    MET_DUE,
    MET_COUNT
};

struct audit {
    struct queue *queue;
    const struct queue_audit_options *options;
    struct queue_audit totals;
    unsigned partition;
    uint64_t pass; /* of `passes`: only keys of its share of hashes are held */
    uint64_t passes;
    bool is_told; /* what the piece under way finds was not told by an earlier pass */
    struct key_set entries;
    char entries_end[HANDLE_CURSOR_SIZE]; /* up to where they were read */
    struct buffer suspects;               /* keys, each with its NUL */
};

/* ---- one piece ------------------------------------------------------------------------------- */

static void
write_piece(struct audit *audit, const char *what, const char *cursor, size_t suspects)
{
    static const char *const keys[AUDIT_KEYS] = {"stream", "delayed", "parked", "lost"};
    struct redis_exchange *exchange = &audit->queue->exchange;
    const struct partition_name prefix = partition_name(audit->partition, "r:");

    audit->is_told = audit->pass == 0 || strcmp(what, "orphans") == 0;
    redis_exchange_clear(exchange);
    session_command(exchange, SCRIPT_AUDIT, AUDIT_KEYS, AUDIT_ARGUMENTS + suspects);
    for (size_t i = 0; i < LENGTH(keys); i++) {
        session_argument_key(exchange, audit->partition, keys[i], (struct slice){0});
    }
    redis_argument_text(exchange, what);
    redis_argument_text(exchange, QUEUE_GROUP);
    redis_argument_text(exchange, prefix.text);
    redis_argument_text(exchange, cursor);
    redis_argument_number(exchange, PIECE);
    redis_argument_number(exchange, audit->options->repair && audit->is_told ? 1 : 0);
}

static void
tell_findings(const struct audit *audit, const struct redisReply *findings)
{
    for (size_t i = 0; i + 2 < redis_reply_count(findings); i += 3) {
        const struct queue_finding finding = {
            .name = redis_reply_text(redis_reply_at(findings, i)),
            .key = redis_reply_text(redis_reply_at(findings, i + 1)),
            .repaired = redis_reply_number(redis_reply_at(findings, i + 2)) != 0,
        };

        audit->options->finding(audit->options->context, &finding);
    }
}

/* Runs what was written. *ret_met lives until the next call. */
static int
run_piece(struct audit *audit, char cursor[HANDLE_CURSOR_SIZE], bool *ret_at_end,
    const struct redisReply **ret_met)
{
    const int r = handle_call(audit->queue);

    if (r != QUEUE_OK) {
        return r;
    }
    const struct redisReply *answer = audit->queue->exchange.replies[0];

    if (!slice_to_text(redis_reply_text(redis_reply_at(answer, ANSWER_CURSOR)), cursor,
            HANDLE_CURSOR_SIZE)) {
        redis_set_error(
            &audit->queue->session.redis, slice_of("audit.lua gave no cursor"));
        return QUEUE_E_REFUSED;
    }
    *ret_at_end = redis_reply_number(redis_reply_at(answer, ANSWER_AT_END)) != 0;
    *ret_met = redis_reply_at(answer, ANSWER_MET);
    if (audit->is_told) {
        tell_findings(audit, redis_reply_at(answer, ANSWER_FINDINGS));
    }
    return QUEUE_OK;
}

/* ---- entries --------------------------------------------------------------------------------- */

static bool
is_in_pass(const struct audit *audit, uint64_t hash)
{
    return hash % audit->passes == audit->pass;
}

static int
take_entries(struct audit *audit, const struct redisReply *met)
{
    for (size_t i = 0; i < redis_reply_count(met); i++) {
        const uint64_t hash = key_hash(redis_reply_text(redis_reply_at(met, i)));

        if (is_in_pass(audit, hash) && key_set_add(&audit->entries, hash) < 0) {
            redis_set_error(&audit->queue->session.redis, slice_of("out of memory"));
            return -ENOMEM;
        }
    }
    return 0;
}

/* ---- suspects -------------------------------------------------------------------------------- */

/* The next of the keys behind each other. */
static struct slice
next_key(struct slice *rest)
{
    const struct slice key = slice_before(*rest, '\0');

    *rest = slice_skip(*rest, key.size + 1);
    return key;
}

/* Lets go of those that are in the set by now. Returns how many are left. */
static size_t
drop_cleared(struct audit *audit)
{
    struct buffer *suspects = &audit->suspects;
    struct slice rest = buffer_slice(suspects);
    size_t count = 0;
    size_t kept = 0;

    while (rest.size > 0) {
        const struct slice key = next_key(&rest);

        if (!key_set_has(&audit->entries, key_hash(key))) {
            memmove(suspects->data + kept, key.data, key.size + 1);
            kept += key.size + 1;
            count++;
        }
    }
    suspects->size = kept;
    return count;
}

static int
ask_about_suspects(struct audit *audit, size_t count, bool *ret_at_end)
{
    const struct redisReply *met = NULL;
    struct slice rest = buffer_slice(&audit->suspects);

    write_piece(audit, "orphans", audit->entries_end, count);
    while (rest.size > 0) {
        redis_argument(&audit->queue->exchange, next_key(&rest));
    }
    const int r = run_piece(audit, audit->entries_end, ret_at_end, &met);

    return r == QUEUE_OK ? take_entries(audit, met) : r;
}

/* Reads on to the end of the stream: there, what is left of the suspects is nowhere. */
static int
judge_suspects(struct audit *audit)
{
    bool at_end = false;
    size_t count = drop_cleared(audit);

    if (audit->suspects.failed) {
        redis_set_error(&audit->queue->session.redis, slice_of("out of memory"));
        return -ENOMEM;
    }
    for (int round = 0; !at_end && count > 0; round++) {
        if (round == ROUNDS_MAX) {
            redis_set_error(&audit->queue->session.redis,
                slice_of("the stream grows faster than it can be read"));
            return -EAGAIN;
        }
        const int r = ask_about_suspects(audit, count, &at_end);

        if (r != QUEUE_OK) {
            return r;
        }
        count = drop_cleared(audit);
    }
    buffer_clear(&audit->suspects);
    return QUEUE_OK;
}

/* ---- records --------------------------------------------------------------------------------- */

/* `met`, from its item `at` on. */
static void
take_record(struct audit *audit, const struct redisReply *met, size_t at)
{
    const struct slice key = redis_reply_text(redis_reply_at(met, at + MET_KEY));
    const enum queue_place place =
        queue_place_of(redis_reply_text(redis_reply_at(met, at + MET_STATE)));
    const uint64_t hash = key_hash(key);
    const struct queue_audited record = {
        .key = key,
        .place = slice_of(queue_place_name(place)),
        .reason = redis_reply_text(redis_reply_at(met, at + MET_REASON)),
        .due_ms = redis_reply_number(redis_reply_at(met, at + MET_DUE)),
        .partition = audit->partition,
    };

    if (audit->pass == 0) {
        audit->totals.records[place]++;
        if (audit->options->record != NULL) {
            audit->options->record(audit->options->context, &record);
        }
    }
    if ((place == QUEUE_PLACE_PENDING || place == QUEUE_PLACE_CLAIMED) &&
        is_in_pass(audit, hash) && !key_set_has(&audit->entries, hash)) {
        buffer_add_slice(&audit->suspects, key);
        buffer_add(&audit->suspects, "", 1);
    }
}

static int
take_records(struct audit *audit, const struct redisReply *met)
{
    for (size_t i = 0; i + MET_COUNT <= redis_reply_count(met); i += MET_COUNT) {
        take_record(audit, met, i);
    }
    return audit->suspects.size > SUSPECTS_SIZE ? judge_suspects(audit) : QUEUE_OK;
}

/* ---- all ------------------------------------------------------------------------------------- */

/* `take` may be NULL: only what is found matters. */
static int
look_through(struct audit *audit, const char *what, char cursor[HANDLE_CURSOR_SIZE],
    int (*take)(struct audit *audit, const struct redisReply *met))
{
    const struct redisReply *met = NULL;
    bool at_end = false;
    int r = QUEUE_OK;

    cursor[0] = '\0';
    while (r == QUEUE_OK && !at_end) {
        write_piece(audit, what, cursor, 0);
        r = run_piece(audit, cursor, &at_end, &met);
        r = r == QUEUE_OK && take != NULL ? take(audit, met) : r;
    }
    return r;
}

static int
look_at_records(struct audit *audit)
{
    char cursor[HANDLE_CURSOR_SIZE];

    key_set_clear(&audit->entries);
    int r = look_through(audit, "entries", audit->entries_end, take_entries);

    r = r == QUEUE_OK ? look_through(audit, "records", cursor, take_records) : r;
    return r == QUEUE_OK ? judge_suspects(audit) : r;
}

static int
count_passes(struct audit *audit)
{
    struct redis_exchange *exchange = &audit->queue->exchange;

    redis_exchange_clear(exchange);
    redis_command(exchange, 2);
    redis_argument_text(exchange, "XLEN");
    session_argument_key(exchange, audit->partition, "stream", (struct slice){0});
    const int r = handle_call(audit->queue);

    if (r == QUEUE_OK) {
        const uint64_t held =
            audit->options->held > 0 ? audit->options->held : ENTRIES_HELD;

        audit->passes = 1 + (uint64_t)redis_reply_number(exchange->replies[0]) / held;
    }
    return r;
}

static int
look_at_partition(struct audit *audit)
{
    static const char *const others[] = {"delayed", "parked", "claims", "lost"};
    char cursor[HANDLE_CURSOR_SIZE];
    int r = count_passes(audit);

    for (audit->pass = 0; r == QUEUE_OK && audit->pass < audit->passes; audit->pass++) {
        r = look_at_records(audit);
    }
    audit->pass = 0;
    for (size_t i = 0; r == QUEUE_OK && i < LENGTH(others); i++) {
        r = look_through(audit, others[i], cursor, NULL);
    }
    return r;
}

static int64_t
sum_labels(const struct queue_labels *labels)
{
    int64_t total = 0;

    for (size_t i = 0; i < labels->count; i++) {
        total += labels->items[i].value;
    }
    return total;
}

/* Each snapshot is one moment: what does not add up in it, does not. */
static int
look_at_counters(struct audit *audit)
{
    struct queue_stats *stats = &audit->totals.stats;
    const int r = queue_stats(audit->queue, stats);
    const struct {
        const char *name;
        int64_t count;
        bool is_known;
    } sums[] = {
        {"unaccounted", stats->unaccounted, true},
        {"parked_by_reason", sum_labels(&stats->parked_by) - stats->parked,
            stats->parked_by.count < QUEUE_LABELS_MAX},
        {"filtered_by_reason", sum_labels(&stats->filtered_by) - stats->filtered,
            stats->filtered_by.count < QUEUE_LABELS_MAX},
    };

    for (size_t i = 0; r == QUEUE_OK && i < LENGTH(sums); i++) {
        if (sums[i].count != 0 && sums[i].is_known) {
            const struct queue_finding finding = {
                .name = slice_of(sums[i].name), .count = sums[i].count};

            audit->options->finding(audit->options->context, &finding);
        }
    }
    return r;
}

int
queue_audit(struct queue *queue, const struct queue_audit_options *options,
    struct queue_audit *ret_audit)
{
    struct audit audit = {.queue = queue, .options = options};
    int r = QUEUE_OK;

    buffer_init(&audit.suspects, SUSPECTS_MAX);
    for (unsigned i = 0; r == QUEUE_OK && i < queue->session.partitions; i++) {
        audit.partition = i;
        r = look_at_partition(&audit);
    }
    r = r == QUEUE_OK ? look_at_counters(&audit) : r;
    key_set_done(&audit.entries);
    buffer_done(&audit.suspects);
    *ret_audit = audit.totals;
    return r;
}
