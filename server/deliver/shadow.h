/*
 * shadow.h - instead of Brevo: a file that tells what Brevo would have been asked.
 *
 * With `brevo.mode: shadow` nothing is sent. Each delivery becomes one line of SHADOW_FILE in
 * state_dir, JSON: when, the record, the event, the contact assumed, and its requests in their order. It holds personal
 * data, so its mode is 0600; it is bounded: over SHADOW_FILE_MAX it is put aside as SHADOW_FILE
 * ".old", in place of the one before. All workers of a state_dir share it.
 */
#pragma once

#include "server/deliver/job.h"

#define SHADOW_FILE "shadow.jsonl"

enum {
    SHADOW_FILE_MAX = 64 * 1024 * 1024, /* twice that in all */
    SHADOW_PATH_SIZE = 4096,
};

struct shadow {
    const struct config *config;
    bool is_failing; /* it was said */
};

/* Says in the log that nothing is sent, if so. */
void shadow_init(struct shadow *shadow, const struct config *config);

/*
 * JOB_READY: writes down what the job would ask, and ends it as filtered. When the file cannot be
 * written the job waits, and so do the others behind it.
 */
void shadow_keep(struct shadow *shadow, struct job *job);
