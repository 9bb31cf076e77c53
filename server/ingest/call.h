/*
 * call.h - one request on its way through ingest; for ingest's own files.
 */
#pragma once

#include "mapping/key.h"
#include "server/ingest/credentials.h"
#include "server/ingest/gate.h"
#include "server/ingest/ingest.h"
#include "server/ingest/origin.h"
#include "server/ingest/routes.h"
#include "server/ingest/token.h"
#include "server/ingest/verify.h"
#include "server/ops/metrics.h"

struct ingest {
    struct ingest_options options;
    struct credentials *credentials; /* what is exchanged, whole, between two turns */
    struct token_checker *tokens;
    struct origin origin;
    struct buffer url; /* what was signed, built anew for each request */
    struct gate rejected[SOURCE_COUNT + 1][SITUATION_COUNT];
    struct gate not_durable;
    struct gate not_held;
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

/* application/json and its kin, whatever parameters follow. */
bool call_type_is_json(struct slice content_type);
/* Names an event for the queue; the slices of `put` point into `event`. */
void call_fill_put(enum source source, struct keyed_event *event, struct queue_put *put);

/* Gives back what the steps above made. */
void call_events_done(struct call *call);
