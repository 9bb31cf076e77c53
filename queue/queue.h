/*
 * queue.h - durable hand-over of opaque bytes under a key, on Redis Streams.
 *
 *   put ──► pending ──claim──► claimed ──┬─► delivered
 *               ▲                        ├─► filtered  (reason)
 *               │                        ├─► delayed   (until T, or on a shelf) ──due──► pending
 *               └──── claim timed out ───┤
 *                                        └─► parked    (reason) ─┬─new route, replay─► pending
 *                                                                └─drop──────────────► dropped
 *
 * A record is one hash per record key: state, claim token, schema version, attempts, what went
 * wrong last, and each route's bytes. The stream, the delayed and the parked set hold only the key. Every step is one
 * Lua script on one partition, so a crash leaves a record in exactly one state. Delivered and
 * filtered records leave a tombstone for the dedupe window; nothing else ever expires. They lose
 * their bytes, but for what was filtered for want of something another route may yet tell.
 *
 * Claims are fenced: a settle carries the claim's token and changes nothing when another worker
 * has taken the record over since.
 *
 * In a cluster each partition is at the node that has its slot, and is asked by itself: see
 * QUEUE_E_NODE and decisions/0029.
 *
 * A handle belongs to one thread. Calls block up to `timeout_ms`; after -EIO or -ETIMEDOUT the
 * connection is closed and the next call connects again. No call logs.
 */
#pragma once

#include "mapping/base.h"

enum {
    QUEUE_SCHEMA = 1,        /* version written into each record */
    QUEUE_ROUTES_MAX = 8,    /* routes of one record */
    QUEUE_ERROR_SIZE = 200,  /* text of the last Redis error */
    QUEUE_TEXT_MAX = 40,     /* a reason, a cause */
    QUEUE_DETAIL_SIZE = 200, /* with the NUL: what went wrong last */
    QUEUE_PARTITIONS_MAX = 64,
    QUEUE_PARTITIONS_CLUSTER = 16,
    QUEUE_NOTE_SIZE = 80, /* with the NUL: a note's text */
    QUEUE_NOTES_MAX = 16, /* of one name, unless more are asked for */
    QUEUE_NOTES_PAGE = 100,
    QUEUE_PATIENCE = 3, /* see queue_set_patience() */
    QUEUE_SHELVES = 32, /* 1 .. QUEUE_SHELVES - 1 */
};

struct queue_options {
    const char *url; /* see redis_url.h */
    /* Stable per state directory and worker, without '/' and blanks, at most 127 bytes; NULL for
       a handle that never claims. */
    const char *consumer;
    unsigned partitions; /* 1 .. QUEUE_PARTITIONS_MAX; written to Redis at first use */
    unsigned partition; /* of a group commit in a cluster: all its puts are of this one */
    int64_t dedupe_window_ms;  /* tombstones live this long */
    int64_t keep_bodies_ms;    /* > 0: copies of settled bytes live this long */
    int64_t claim_deadline_ms; /* an unsettled claim may be taken over after this */
    int64_t timeout_ms;        /* per call, connecting included */
};

enum queue_result {
    QUEUE_OK = 0,
    QUEUE_E_URL, /* not a URL we speak; queue_error() says which part and what to do */
    QUEUE_E_PARTITIONS, /* Redis was set up with another partition count: refuse to start */
    QUEUE_E_REFUSED, /* Redis answered with an error (OOM, MISCONF, READONLY, NOAUTH, ...) */
    QUEUE_E_NODE, /* in a cluster: a partition's node is away, or its slot moves. Others go on */
};

struct queue;

/*
 * Checks the options and makes a handle; does not connect. Ownership: queue_close().
 * On a failure *ret_error (QUEUE_ERROR_SIZE) has the text. QUEUE_E_URL, -EINVAL (partitions,
 * consumer) or -ENOMEM.
 */
int queue_open(const struct queue_options *options, struct queue **ret_queue,
    char *ret_error) MUST_USE;
void queue_close(struct queue **queue);
const char *queue_error(
    const struct queue *queue); /* why the last call failed; no secrets */

/* Connects, loads the scripts, checks the partition count, creates the consumer groups. */
int queue_prepare(struct queue *queue) MUST_USE;

/*
 * Forgets consumers that have nothing claimed and did not ask for anything for `idle_ms`, some at a
 * time; *ret_count: how many.
 */
int queue_forget_consumers(
    struct queue *queue, int64_t idle_ms, int64_t *ret_count) MUST_USE;

/* ---- put ------------------------------------------------------------------------------- */

enum queue_put_result {
    QUEUE_PUT_NEW, /* a new record, or one reopened */
    QUEUE_PUT_MERGED, /* these bytes joined an unsettled record; a parked one is pending again,
                            for what it lacked may have come */
    QUEUE_PUT_DUPLICATE, /* nothing new: the same route again, or settled before */
    QUEUE_PUT_SPOOLED, /* in the local spool (spool.h): Redis is yet to say which of these */
};

struct queue_put {
    struct slice key;     /* record key */
    struct slice subject; /* chooses the partition */
    struct slice route;
    struct slice bytes;
    enum queue_put_result result;
};

/*
 * Makes every item durable, or fails: on anything but QUEUE_OK none may be acknowledged (some
 * may have been stored; putting them again is a duplicate). Fills in each `result`.
 * -EINVAL: a key is empty or holds a NUL. A ninth route of one record is QUEUE_E_REFUSED.
 * For the event loops there is group_commit.h.
 */
int queue_put(struct queue *queue, struct queue_put *items, size_t count) MUST_USE;
/*
 * The same for what was made of a claimed record's own bytes: stored over maxmemory, too, for the
 * record is not settled before.
 */
int queue_put_derived(
    struct queue *queue, struct queue_put *items, size_t count) MUST_USE;

/* ---- claim ----------------------------------------------------------------------------- */

struct queue_route {
    struct slice name;
    struct slice bytes;
};

struct queue_record {
    char *key;      /* NUL-terminated */
    char *entry_id; /* in the stream */
    char *token;    /* fence */
    unsigned partition;
    unsigned schema;
    int64_t received_ms;    /* Redis time of the first put */
    int64_t now_ms;         /* Redis time of this claim */
    int64_t waits_since_ms; /* and of the first settlement that was a wait; 0: none was */
    int64_t attempts;       /* claims somebody received so far, this one included */
    int64_t lost_claims; /* in a row, whose worker was gone before it settled anything */
    bool was_delivered;  /* before a new route reopened it */
    struct queue_route routes[QUEUE_ROUTES_MAX];
    size_t route_count;
    void *storage;
};

/*
 * Claims up to `max` records: first, once per handle, what this consumer had claimed before it
 * last stopped; then what is due in the delayed set, claims timed out elsewhere, and new ones,
 * oldest first. On QUEUE_OK the caller frees each of ret_records[0 .. *ret_count) with
 * queue_record_free(). None waiting is QUEUE_OK with a count of 0.
 *
 * In a cluster, partitions whose node cannot be asked give nothing, and are counted in
 * queue_alarms; when none can, QUEUE_E_NODE.
 *
 * A missing consumer group is made again at 0, so that nothing in the stream is skipped, and
 * counted in queue_stats.group_recreated.
 *
 * When it fails, its answer may have been too large for the time there was: the next call asks for
 * one record, and each that succeeds for twice as many. See queue_set_patience(), too.
 */
int queue_claim(struct queue *queue, size_t max, struct queue_record **ret_records,
    size_t *ret_count) MUST_USE;
void queue_record_free(struct queue_record **record);
/*
 * While it is on, a claim after one that failed may take up to QUEUE_PATIENCE times `timeout_ms`:
 * for an owner whom nothing else waits for.
 */
void queue_set_patience(struct queue *queue, bool is_patient);

/*
 * Records that were delayed onto a shelf stay there while it is closed; claims take them back,
 * the longest received first, from every shelf that is not in `closed` (bit 1 << shelf), and from
 * each that is, but is in `peeked`, too, one at a time. Until it is called, all are open.
 */
void queue_set_shelves(struct queue *queue, unsigned closed, unsigned peeked);
/*
 * In these partitions (bit 1 << partition) the caller has records that it could not settle yet:
 * until told otherwise claims there take nothing over, which might be those.
 */
void queue_set_unsettled(struct queue *queue, uint64_t partitions);

enum {
    QUEUE_MASTER_SIZE = 56,  /* an IPv6 address and a port */
    QUEUE_MISSING_SIZE = 80, /* with the NUL: a key, cut */
};

/* What claims found that must not be: somebody else empties or changes this Redis. Or it moved. */
struct queue_alarms {
    int64_t groups_recreated; /* the consumer group was gone */
    int64_t records_missing;  /* entries without their record: counted as unaccounted */
    char missing_key[QUEUE_MISSING_SIZE]; /* of the last one, as its entry has it */
    int64_t
        partitions_away; /* of a cluster: the last claims there did not reach their nodes */
    int64_t moves;       /* guides named another master */
    char master[QUEUE_MASTER_SIZE]; /* "address:port" by now; empty without guides */
};

/* Since the last call. */
struct queue_alarms queue_take_alarms(struct queue *queue);

/* ---- effects --------------------------------------------------------------------------- */

enum queue_effect_result {
    QUEUE_EFFECT_CLAIMED,
    QUEUE_EFFECT_BUSY, /* another record or worker is at it: come back later */
    QUEUE_EFFECT_DONE, /* delivered before, by another record */
    QUEUE_EFFECT_OURS, /* delivered before, by this very record: only the settle was missing */
};

enum {
    QUEUE_WORD_SIZE = 192, /* with the NUL */
    QUEUE_EARLIER_MAX = 5,
};

/* What Brevo will see once. */
struct queue_effect {
    const char *key;
    const char *earlier_keys[QUEUE_EARLIER_MAX]; /* what became of it by these counts */
    size_t earlier_count;
    /* Its name rests on a fact: where that says something else by now it is busy. Or NULL. */
    const char *subject;
    const char *fact_name;
    const char *fact_text; /* "": it was not known */
    const char *word; /* Brevo would know it by this one; kept if it is one, and short */
    enum queue_effect_result result;
    /*
     * Claimed: since when (Redis time) it may be that Brevo has seen it, and by which word; 0: it
     * has not. So it is after a claim that did not end, or ended `is_doubted`.
     */
    int64_t doubted_ms;
    char doubted_word[QUEUE_WORD_SIZE];
};

/*
 * Claims the effect for a claimed record. A claim whose owner is gone is taken over: after the
 * claim deadline, or at once when the owner was this consumer before it restarted.
 */
int queue_effect_claim(struct queue *queue, const struct queue_record *record,
    struct queue_effect *effect) MUST_USE;
/* Before the record is settled: the effect is done, whoever claims the record next. */
int queue_effect_complete(
    struct queue *queue, const struct queue_record *record, const char *key) MUST_USE;

/* ---- settle ---------------------------------------------------------------------------- */

enum queue_outcome {
    QUEUE_DELIVERED,
    QUEUE_FILTERED,
    QUEUE_DELAYED,  /* again in delay_ms, or when its shelf is open */
    QUEUE_RELEASED, /* back to pending at once, the attempt not counted (drain) */
    QUEUE_PARKED,
};

enum queue_settle_result {
    QUEUE_SETTLED,
    QUEUE_STALE,    /* the claim was taken over: nothing changed */
    QUEUE_REOPENED, /* filtered or parked, but a new route came meanwhile: pending again */
    QUEUE_UNSETTLED, /* the call has failed for this one */
};

struct queue_settlement {
    const struct queue_record *record;
    enum queue_outcome outcome;
    unsigned shelf;     /* delayed: above 0, until it is open, instead of for delay_ms */
    const char *reason; /* filtered, parked, delayed: why; at most QUEUE_TEXT_MAX */
    const char *detail; /* parked, delayed: what went wrong, kept with it; or NULL */
    int64_t delay_ms;   /* delayed */
    const char *effect_key;   /* NULL: none claimed. Delivered completes it */
    const char *doubted_word; /* is_doubted: by this; NULL: as it was claimed */
    enum queue_settle_result result;
    bool completes_effect; /* whatever the outcome */
    bool is_doubted;       /* not delivered: Brevo may have seen it all the same */
    bool is_wait; /* delayed: for others. Since when is remembered until it is settled */
    bool free_attempt; /* delayed: this attempt does not count (a pause, a rate limit) */
    /*
     * A new route makes it pending again. Filtered: with the bytes it had, to be judged by all.
     * Delivered: with the new ones, as one that was; and only if there was but one route.
     */
    bool reopens;
};

/*
 * Settles all, completing effects first. On anything but QUEUE_OK call again for those that are
 * QUEUE_UNSETTLED: it is safe, but what the failed call did settle unknown to us then reads
 * QUEUE_STALE.
 */
int queue_settle(
    struct queue *queue, struct queue_settlement *items, size_t count) MUST_USE;

/* ---- facts and notes -------------------------------------------------------------------- */

/* Remembers as long as facts that `from` (a reservation) belongs to `to` (its task). */
int queue_link_put(struct queue *queue, const char *from, const char *to) MUST_USE;
/* `to`, or an empty text when unknown. */
int queue_link_get(
    struct queue *queue, const char *from, char *ret_to, size_t capacity) MUST_USE;

/* A short text worth showing, with the time it is of. */
struct queue_note {
    char text[QUEUE_NOTE_SIZE]; /* empty: there is none */
    int64_t time_ms;
    int64_t now_ms; /* Redis time of the question */
};

/*
 * Keeps `text` among the latest notes of `name`, for ever. Putting one again is no second one,
 * and of two times the later counts: repeated and late calls are fine. -EINVAL: too long.
 */
int queue_note_put(
    struct queue *queue, const char *name, const char *text, int64_t time_ms) MUST_USE;
int queue_note_last(
    struct queue *queue, const char *name, struct queue_note *ret_note) MUST_USE;
/* The same among the latest `max`: a list that may be long. */
int queue_note_add(struct queue *queue, const char *name, const char *text,
    int64_t time_ms, int64_t max) MUST_USE;
int queue_note_count(struct queue *queue, const char *name, int64_t *ret_count) MUST_USE;

struct queue_notes {
    struct queue_note items[QUEUE_NOTES_PAGE];
    size_t count;
};

/* Up to QUEUE_NOTES_PAGE of them from the `first`th on, the latest first. */
int queue_note_page(struct queue *queue, const char *name, int64_t first,
    struct queue_notes *ret_notes) MUST_USE;
/* *ret_is_gone: it was there. */
int queue_note_remove(
    struct queue *queue, const char *name, const char *text, bool *ret_is_gone) MUST_USE;

/* ---- pauses and statistics --------------------------------------------------------------- */

struct queue_label {
    char name[QUEUE_TEXT_MAX];
    char text[QUEUE_ERROR_SIZE]; /* pauses: the remedy */
    char where[QUEUE_TEXT_MAX];  /* pauses: what they were met at, or "-" */
    int64_t value;               /* a count; pauses: since, Unix ms */
};

enum {
    QUEUE_LABELS_MAX = 64,
};

struct queue_labels {
    struct queue_label items[QUEUE_LABELS_MAX];
    size_t count;
};

/* Why deliveries wait: told to every process, `status` included, until it is taken back. */
struct queue_pause {
    const char *cause; /* one word, at most QUEUE_TEXT_MAX */
    const char *where; /* one word: what it was met at, or "-" */
    const char *remedy;
    int64_t probe_first_ms; /* until somebody sees whether it is over; 0: nobody shall */
    int64_t probe_longest_ms; /* the wait doubles up to this */
};

/*
 * Shows a pause; one shown already keeps its beginning. When it is met again in a probe, the next
 * probe comes later.
 */
int queue_pause_put(struct queue *queue, const struct queue_pause *pause) MUST_USE;
int queue_pause_remove(struct queue *queue, const char *cause) MUST_USE;
/*
 * All pauses. With `turn_ms` > 0 it also asks for the turn to probe: *ret_may_probe, and then
 * nobody else gets it for so long, or before this handle puts, postpones or removes.
 */
int queue_pause_look(struct queue *queue, int64_t turn_ms,
    struct queue_labels *ret_pauses, bool *ret_may_probe) MUST_USE;
/* The probe said nothing either way: gives the turn back, and the next comes later. */
int queue_probe_postpone(
    struct queue *queue, int64_t first_ms, int64_t longest_ms) MUST_USE;

/* One snapshot per partition, summed. accepted = delivered + filtered + parked + dropped + pending. */
struct queue_stats {
    int64_t accepted;
    int64_t delivered;
    int64_t filtered;
    int64_t parked;
    int64_t dropped;
    int64_t pending;   /* stream entries (claimed included) and delayed */
    int64_t claimed;   /* of the pending */
    int64_t delayed;   /* of the pending */
    int64_t oldest_ms; /* age of the oldest unsettled record; 0: none */
    int64_t
        unaccounted; /* accepted less all of the above, and entries found without a record */
    int64_t group_recreated;
    struct queue_labels filtered_by; /* add up to `filtered` */
    struct queue_labels parked_by;   /* add up to `parked` */
    struct queue_labels paused;
};

int queue_stats(struct queue *queue, struct queue_stats *ret_stats) MUST_USE;
/* Of the nodes of a cluster one that answers is enough. */
int queue_ping(struct queue *queue) MUST_USE;

/* As many as the Redis of this URL shall have: more than 1 in a cluster. */
unsigned queue_default_partitions(const char *url);
/* The partition of a subject: CRC16 (XMODEM, as Redis Cluster) of its bytes. */
unsigned queue_partition(struct slice subject, unsigned partitions);
