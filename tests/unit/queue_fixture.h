/*
 * queue_fixture.h - one worker's queue, opened anew on an empty Redis for each test.
 */
#pragma once

#include "tests/unit/queue_helpers.h"

extern struct queue *queue; /* of "worker-1" */

int set_up(void **state);
int tear_down(void **state);
