/*
 * routes.h - the webhook endpoints, and what each caller is told in each situation.
 */
#pragma once

#include "mapping/key.h"

/* What a request turned out to be. */
enum situation {
    SITUATION_NEXT,    /* so far so good: the next step */
    SITUATION_WAITING, /* somebody else will say */
    SITUATION_DONE,    /* durable, a duplicate, or nothing we map */
    SITUATION_PREFLIGHT,
    SITUATION_NOT_FOUND,
    SITUATION_METHOD,
    SITUATION_TOO_LARGE,
    SITUATION_MEDIA_TYPE,
    SITUATION_NO_PROOF,    /* nothing that could prove the sender */
    SITUATION_BAD_PROOF,   /* a proof that is wrong by itself */
    SITUATION_PROXY_FAULT, /* no valid proof, but the sender is Twilio: a proxy lost it */
    SITUATION_MISMATCH,    /* a well-formed signature that no token and URL produce */
    SITUATION_BASIC_AUTH, /* a right signature, and not the user and password asked for */
    SITUATION_SOURCE_ADDRESS, /* from where this route's callers do not call */
    SITUATION_UNPARSEABLE, /* from a caller who can be told; Twilio's is stored instead */
    SITUATION_UNAVAILABLE, /* cannot be made durable or proved now, or too much at once */
    SITUATION_COUNT
};

/* Who calls decides what an answer does: Event Streams discards what gets a 4xx. */
enum caller {
    CALLER_TWILIO,
    CALLER_EVENT_STREAMS,
    CALLER_BROWSER, /* the Flex UI plugin: CORS, and a user's token as the usual proof */
    CALLER_SURVEY,  /* Twilio, or code that cannot sign and knows the survey token */
    CALLER_COUNT
};

struct route {
    const char *path;
    enum source source;
    enum caller caller;
    bool takes_form;
    bool takes_json;
    unsigned success;
    const char *success_type; /* NULL: none */
    const char *allow;        /* methods */
};

struct situation_text {
    const char *code;    /* also the `reason` of requests_rejected_total */
    const char *message; /* for the caller: what is wrong and what to do */
    const char *remedy;  /* for the operator's log; NULL: nothing he could do */
};

/* NULL: not one of ours. */
const struct route *route_find(struct slice path);
/* The path Twilio is configured with for `source`. */
const char *route_path(enum source source);
/* `route` may be NULL for SITUATION_NOT_FOUND. */
unsigned route_status(const struct route *route, enum situation situation);
/* As the route's caller is told it. */
const struct situation_text *situation_text(
    const struct route *route, enum situation situation);
