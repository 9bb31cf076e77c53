/*
 * key.h - names an event from its raw bytes: the syntactic half of "once".
 *
 * A record key is "<canonical type>/<subject SID>", so that the same event met through several
 * routes lands in one record. Of types that happen to a subject many times it is
 * "<type>/<Twilio's SID of the event>" or "<type>/<subject SID>/<Unix ms>": the same by each
 * route, too. Ingest only keys; meaning is read later, in the worker.
 */
#pragma once

#include "mapping/source.h"

enum {
    KEY_SIZE_MAX = 160,    /* with the NUL: type, subject, what tells it from others */
    KEY_SUBJECT_SIZE = 65, /* with the NUL: a SID, or the id of a sink's test */
    KEY_CONTENT_DIGITS = 16,
    KEY_EVENTS_MAX = 4096, /* events of one request */
};

enum key_kind {
    KEY_EVENT,   /* has a canonical type: `key` and `subject` are set */
    KEY_FACT,    /* carries facts only (reservation.accepted, ...): same. twilio_type.h */
    KEY_RAW,     /* cannot be keyed: store under raw/<source>/<sha256 of bytes>, park */
    KEY_IGNORED, /* a type outside our vocabulary: acknowledge, count, store nothing */
};

struct keyed_event {
    enum key_kind kind;
    char key[KEY_SIZE_MAX];         /* "task.completed/WT..." */
    char subject[KEY_SUBJECT_SIZE]; /* mostly a SID; it chooses the partition */
    bool by_content;    /* others have this key: key_add_content() before it is used */
    struct slice type;  /* Twilio's own as it was sent, for the log of an ignored one;
                                  absent: the route has none or it is written with escapes */
    struct slice bytes; /* this event's own raw bytes, inside the request body */
};

struct keyed_events {
    struct keyed_event *items;
    size_t count;
};

enum key_result {
    KEY_OK = 0,
    KEY_E_UNPARSEABLE, /* not the document this route carries: park the whole body */
    KEY_E_TOO_MANY,    /* more than KEY_EVENTS_MAX events: park the whole body */
};

/*
 * Splits a verified request body of `source` into keyed events, in body order. `is_json` tells a
 * JSON body from a form. One bad element of a batch becomes KEY_RAW, the rest is unharmed; no
 * elements are no events and KEY_OK.
 *
 * A plugin post always is a task.completed; its subject is a task (WT...) or, from plugins that
 * send Flex UI's `task.sid`, a reservation (WR...). Without either it is KEY_E_UNPARSEABLE.
 * A survey post always is a survey.completed of the first task, conversation, interaction, call
 * or flow execution it names; without any it is KEY_RAW.
 *
 * Ownership: on KEY_OK the caller releases *ret_events with keyed_events_done(); its slices
 * point into `body`.
 * Returns a key_result, or -ENOMEM.
 */
int key_events(enum source source, struct slice body, bool is_json,
    struct keyed_events *ret_events) MUST_USE;
void keyed_events_done(struct keyed_events *events);

/* Completes the key of an event that is `by_content`, with the SHA-256 of its bytes in hex. */
void key_add_content(struct keyed_event *event, const char *sha256_hex);

/*
 * Blanks out the Flex user token of a plugin body in place and returns the shorter body, so that
 * no credential is stored: each top-level member or field called "Token" or "token" keeps its
 * name and gets an empty value. A body without one, or that is no JSON object, is returned as it
 * is.
 */
struct slice key_strip_token(char *body, size_t size, bool is_json) MUST_USE;

/*
 * The Flex user token a plugin body carries (form field or JSON string), decoded into `token`
 * (`capacity` with the NUL). False, and an empty text, when there is none or it does not fit.
 */
bool key_find_token(
    struct slice body, bool is_json, char *token, size_t capacity) MUST_USE;
