/*
 * queue_fixture.c - one worker's queue, opened anew on an empty Redis for each test.
 */
#include "tests/unit/queue_fixture.h"

struct queue *queue;

int
set_up(void **state)
{
    (void)empty_redis(state);
    queue = open_worker("worker-1");
    return 0;
}

int
tear_down(void **state)
{
    (void)state;
    queue_close(&queue);
    return 0;
}
