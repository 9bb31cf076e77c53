/*
 * queue_fixture.h - one worker's queue, opened anew on an empty Redis for each test.
 */
#pragma once

#include "tests/unit/queue_helpers.h"

extern struct queue *queue; /* of "worker-1" */

int set_up(void **state);
int tear_down(void **state);

/* What tests of effects claim. */
#define EFFECT "resolved/WT1"
#define EFFECT_KEY "fb:{0}:e:" EFFECT

/* The record of this key, told once by a callback; it is the next one that waits. */
struct queue_record *put_and_claim(const char *key);
