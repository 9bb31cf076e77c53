/*
 * call.h - one request on its way through ingest; for ingest's own files.
 */
#pragma once

#include <assert.h>

#include "mapping/key.h"
#include "server/ingest/gate.h"
#include "server/ingest/ingest.h"
#include "server/ingest/origin.h"
#include "server/ingest/proof_url.h"
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
    struct networks allowed[SOURCE_COUNT]; /* allow_from; none: anywhere */
    struct proof_urls urls; /* what may have been signed, made anew for each request */
    struct gate tried[SOURCE_COUNT];
    struct gate rejected[SOURCE_COUNT + 1][SITUATION_COUNT];
    struct gate not_durable;
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
enum situation call_verify(struct call *call);
enum situation call_match_worker(struct call *call);
enum situation call_key(struct call *call);
enum situation call_commit(struct call *call);

/* Who sent it, by address. False: the client has left, or the headers are too many to tell. */
bool call_peer_is_trusted(const struct call *call);
bool call_came_from_twilio(const struct call *call);
bool call_address_is_allowed(const struct call *call);

/* Tells the log, now and then, which URLs were tried in vain; nothing secret, nothing personal. */
void call_tell_tried(struct call *call);

/* Gives back what the steps above made. */
void call_events_done(struct call *call);
