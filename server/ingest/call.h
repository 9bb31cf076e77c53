/*
 * call.h - one request on its way through ingest; for ingest's own files.
 */
#pragma once

#include "mapping/key.h"
#include "server/ingest/ingest.h"
#include "server/ingest/routes.h"
#include "server/ops/gate.h"
#include "server/ops/metrics.h"
#include "server/proof/credentials.h"
#include "server/proof/origin.h"
#include "server/proof/proof_url.h"
#include "server/proof/token.h"
#include "server/proof/verify.h"

struct ingest {
    struct ingest_options options;
    struct credentials *credentials; /* what is exchanged, whole, between two turns */
    struct token_checker *tokens;
    struct origin origin;
    struct networks allowed[SOURCE_COUNT]; /* allow_from; none: anywhere */
    struct proof_urls urls; /* what may have been signed, made anew for each request */
    struct gate tried[SOURCE_COUNT];
    struct gate rejected[SOURCE_COUNT + 1][SITUATION_COUNT];
    struct gate not_durable;
    struct gate not_held;
    struct gate overloaded;
    struct gate refused[SOURCE_COUNT + 1];
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
    struct durable_unit unit;
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

/* application/json and its kin, whatever parameters follow. */
bool call_type_is_json(struct slice content_type);
/* Names an event for the queue; the slices of `put` point into `event`. 0 or -ENOMEM. */
int call_fill_put(
    enum source source, struct keyed_event *event, struct queue_put *put) MUST_USE;
/* Who sent it, by address. False: the client has left, or the headers are too many to tell. */
bool call_peer_is_trusted(const struct call *call);
bool call_came_from_twilio(const struct call *call);
bool call_address_is_allowed(const struct call *call);

/* A second proof is asked for, and not there. */
bool call_lacks_basic_auth(const struct call *call);
/* What proxies say. False when there is nothing, or nobody whose word counts. */
bool call_read_forwarded(const struct call *call, struct forwarded *ret_forwarded);

/* Tells the log, now and then, which URLs were tried in vain; nothing secret, nothing personal. */
void call_tell_tried(struct call *call);

/* Gives back what the steps above made. */
void call_events_done(struct call *call);
