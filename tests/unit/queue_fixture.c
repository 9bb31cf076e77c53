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

struct queue_record *
put_and_claim(const char *key)
{
    (void)put_one(queue, key, "taskrouter", "signed");
    struct queue_record *record = claim_one(queue);

    assert_non_null(record);
    return record;
}
