/*
 * attribute_watch.h - asks Brevo at the start and hourly which contact attributes it has.
 *
 * What does not fit is told three ways: a log line for each attribute whose finding changes, a
 * metric, and a note in Redis for `status`. The call is paced like all others and decides nothing:
 * one that fails pauses and delays no delivery. While deliveries wait, it waits, too.
 */
#pragma once

#include "mapping/attribute.h"
#include "server/deliver/call_tools.h"

#define ATTRIBUTE_WATCH_NOTE "brevo_attributes"
#define ATTRIBUTE_WATCH_FINE \
    "fine" /* its text; else "2 wrong: A missing, B wrong_type" */

enum {
    ATTRIBUTE_WATCH_EVERY_MS = 60 * 60 * 1000,
    ATTRIBUTE_WATCH_RETRY_MS = 2 * 1000, /* before the first answer; then ever longer */
};

/*
 * The call for commands that make it themselves: composed for http_client_start(), borrowing `url`
 * and `auth`. False: memory is out.
 */
bool attribute_watch_compose(const struct config *config, const char *auth,
    struct buffer *url, struct http_exchange *exchange) MUST_USE;
/* Its answer, compared. False: it is no list of attributes. */
bool attribute_watch_read(const struct http_exchange *exchange, const struct rules *rules,
    struct attribute_findings *ret_findings) MUST_USE;

struct attribute_watch {
    struct call_tools tools;
    struct http_exchange exchange;
    struct buffer url;
    bool is_asking;
    bool is_answered;
    bool is_known; /* an answer could be read: `known` is it */
    bool was_read; /* the last answer could be read, or there was none */
    int64_t next_us;
    int64_t wait_ms;                 /* the last wait for a first answer */
    struct attribute_findings known; /* of the last answer that could be read */
    char note[QUEUE_NOTE_SIZE];      /* not in Redis yet; "" */
    int64_t note_ms;
};

void attribute_watch_init(struct attribute_watch *watch, const struct call_tools *tools);
/* Starts a call when it is time, unless we stop; takes in its answer. `watch` stays where it is. */
void attribute_watch_run(struct attribute_watch *watch, int64_t now_us, bool is_stopping);
/* After the client was closed: a call may be under way before. */
void attribute_watch_done(struct attribute_watch *watch);
