/*
 * held_release.h - judges held requests once more, and queues those that are valid now.
 *
 * By the configuration of today, with the code that judges and keys requests as they arrive. What
 * is valid is made durable and only then marked: a release that breaks off is simply run again,
 * and what was queued already is a duplicate there.
 */
#pragma once

#include "queue/queue.h"
#include "server/config/config.h"

enum held_verdict {
    HELD_RELEASED, /* queued, or with `dry_run` would be */
    HELD_INVALID,  /* still: it stays where it is */
};

struct held_finding {
    enum held_verdict verdict;
    const char *reason; /* of an invalid one: verify_reason() */
    int64_t time_ms;    /* when it came */
    const char *source; /* source_name(); "none": there is no such endpoint any more */
    struct slice path;  /* without the query */
    size_t bytes;       /* of the body */
};

struct held_totals {
    size_t released;
    size_t invalid;
    size_t unreadable; /* torn, or sealed with a key that is gone */
};

struct held_release_options {
    const struct config *config;
    struct queue *queue; /* prepared; NULL: a dry run, nothing is queued or marked */
    void (*tell)(void *context, const struct held_finding *finding);
    void *context;
};

enum held_release_result {
    HELD_RELEASE_OK = 0,
    HELD_RELEASE_E_CREDENTIALS, /* no usable auth token, or no URL */
    HELD_RELEASE_E_KEY,         /* held.key is damaged */
    HELD_RELEASE_E_QUEUE,       /* queue_error() says why; what was told is done */
};

/* A held_release_result, or -errno. *ret_totals is set in any case. */
int held_release(
    const struct held_release_options *options, struct held_totals *ret_totals) MUST_USE;
