/*
 * call.h - one request on its way through ingest; for ingest's own files.
 */
#pragma once

#include <assert.h>

#include "mapping/key.h"
#include "server/ingest/gate.h"
#include "server/ingest/ingest.h"
#include "server/ingest/origin.h"
#include "server/ingest/routes.h"
#include "server/ingest/token.h"
#include "server/ingest/verify.h"
#include "server/ops/metrics.h"

static_assert(CONFIG_AUTH_TOKENS_MAX + 1 <= VERIFY_TOKENS_MAX, "auth_token is one more");

struct ingest {
    struct ingest_options options;
    struct verifier *verifier;
    struct token_checker *tokens;
    const char *auth_tokens[VERIFY_TOKENS_MAX]; /* the ring, of the configuration */
    size_t auth_token_count;
    struct origin origin;
    struct buffer url; /* what was signed, built anew for each request */
    struct gate rejected[SOURCE_COUNT + 1][SITUATION_COUNT];
    struct gate not_durable;
    struct gate overloaded;
    bool refusing;
};

struct call {
    struct ingest *ingest;
    struct http_request *request;
    const struct route *route; /* NULL until found */
    size_t step;               /* the next one */
    const char *reason;        /* of a rejection; NULL: the situation's code */
    int64_t started_us;
    bool is_json;
    bool by_token; /* proven by a Flex user's token, not by a signature */
    struct slice body;
    struct token_check token;
    struct keyed_events events;
    struct keyed_event whole; /* a body that cannot be split */
    struct commit_unit unit;
    struct queue_put one_put; /* most requests carry one event */
};

/* Goes on with the next step; `situation` is what the last one turned out to be. */
void call_continue(struct call *call, enum situation situation);

/* The steps that are not in ingest.c; each returns SITUATION_NEXT to go on. */
enum situation call_check_load(struct call *call);
enum situation call_verify(struct call *call);
enum situation call_match_worker(struct call *call);
enum situation call_key(struct call *call);
enum situation call_commit(struct call *call);

/* Gives back what the steps above made. */
void call_events_done(struct call *call);
