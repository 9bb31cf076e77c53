/*
 * batch.h - of a backlog, many events go in one request: POST /events/batch.
 *
 * While events find a token within a second there is no backlog, and each goes by itself. In one,
 * more records are claimed than otherwise, and those that wait for nothing but a token go together,
 * at least BATCH_MIN of them, beside the ones that get a token. Whatever goes wrong with a batch,
 * its events go by themselves: which of them Brevo refuses, only its answer to each says. How often
 * batches may be sent is a class of its own, and nothing waits for it. See decisions/0038.
 */
#pragma once

#include "server/deliver/call_tools.h"

enum {
    BATCH_MIN = 10,
    BATCH_BYTES_MAX = 500 * 1000,                      /* Brevo: 512 KB, and 200 events */
    BATCH_EVENT_MAX = BATCH_BYTES_MAX / BATCH_MIN - 1, /* a larger one goes by itself */
    BATCH_BACKLOG_MS = 1000, /* so long events wait for tokens; and after the last did */
    BATCH_REST_MIN_MS = 60 * 1000, /* after one that came to nothing; then ever longer */
    BATCH_REST_MAX_MS = 60 * 60 * 1000,
};

struct batch {
    struct call_tools tools;
    struct job *jobs[HAND_BATCH_MAX]; /* `count` under way, in this order */
    size_t count;
    struct http_exchange exchange;
    struct buffer url;
    struct buffer body;
    unsigned auth_number; /* of the token it was sent with */
    bool is_answered;
    int64_t rest_ms;    /* the last one's; 0: batches work */
    int64_t waiting_us; /* since when events have been waiting; 0: none is */
    int64_t backlog_us; /* it lasts until then */
};

void batch_init(struct batch *batch, const struct call_tools *tools);
/* After the client was closed: a call may be under way before. */
void batch_done(struct batch *batch);

/* Takes in the answer, if it is there: every job of the batch goes on, or ends, by itself. */
void batch_take(struct batch *batch, int64_t now_us);
/* How many records may be claimed beside those in hand. */
size_t batch_room(const struct batch *batch, int64_t now_us);
/*
 * After every job had its turn: what is ready now, waits. Starts a batch, unless there are few, or
 * more are coming (`is_filling`). `batch` stays where it is.
 */
void batch_run(struct batch *batch, bool is_filling, int64_t now_us);

/*
 * What a 2xx to `count` events says: sets those it names as refused. All others were taken; false:
 * it says of them one thing and another, and nobody knows.
 */
bool batch_read(const struct http_exchange *exchange, size_t count,
    bool ret_refused[HAND_BATCH_MAX]) MUST_USE;
