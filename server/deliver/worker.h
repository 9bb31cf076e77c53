/*
 * worker.h - claims records, turns them into Brevo requests, settles them.
 */
#pragma once

#include "server/config/config.h"

struct worker;

enum {
    WORKER_ERROR_SIZE = 256,
};

struct worker_options {
    const struct config *config; /* all three must outlive the worker */
    const char *redis_url;
    const char *consumer; /* the same after a restart, shared with no live process */
};

/* 0, or -errno with *ret_error: what, where, what to do. */
int worker_open(const struct worker_options *options, struct worker **ret_worker,
    char ret_error[WORKER_ERROR_SIZE]) MUST_USE;
/* Starts the worker's thread. 0 or -errno. */
int worker_start(struct worker *worker) MUST_USE;
/* Any thread: claims no more, finishes calls under way, hands the rest back, joins. */
void worker_stop(struct worker *worker, int64_t timeout_ms);
void worker_close(struct worker **worker);
