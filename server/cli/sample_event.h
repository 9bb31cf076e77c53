/*
 * sample_event.h - the event of a sample, before it is written in a route's dialect.
 */
#pragma once

#include <jansson.h>

#include "server/cli/sample.h"

struct sample_kind {
    const char *name;
    unsigned sources;     /* bits by enum source */
    const char *resource; /* "task", "reservation"; NULL: a conversation's */
    const char *status;   /* of the task */
    int age_s;            /* of the task, when this happens */
    bool queued;          /* the task has a queue by now */
    const char *completed_reason;
    const char *canceled_reason;
};

struct sample_sids {
    char event[SAMPLE_SID_SIZE];
    char envelope[SAMPLE_SID_SIZE];
    char account[SAMPLE_SID_SIZE];
    char workspace[SAMPLE_SID_SIZE];
    char task[SAMPLE_SID_SIZE];
    char call[SAMPLE_SID_SIZE];
    char conversation[SAMPLE_SID_SIZE];
    char interaction[SAMPLE_SID_SIZE];
    char reservation[SAMPLE_SID_SIZE];
    char worker[SAMPLE_SID_SIZE];
    char workflow[SAMPLE_SID_SIZE];
    char queue[SAMPLE_SID_SIZE];
};

/* 0, -EINVAL for a given SID that is too long, or -errno of the random source. */
int sample_make_sids(const struct sample *sample, struct sample_sids *ret_sids) MUST_USE;

/* TaskChannelUniqueName */
const char *sample_task_channel(const struct sample *sample);

/* The task's attributes, as an object. NULL when memory is out. The caller owns it. */
json_t *sample_attributes(
    const struct sample *sample, const struct sample_sids *sids) MUST_USE;
/*
 * A TaskRouter event under the snake_case names of Event Streams, without type and time, which
 * the routes name differently. NULL when memory is out. The caller owns it.
 */
json_t *sample_task_event(
    const struct sample *sample, const struct sample_sids *sids) MUST_USE;
