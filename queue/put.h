/*
 * put.h - one round of puts: the commands of put.lua and their answers.
 *
 * Shared by queue_put(), which waits, and the group commit, which does not.
 */
#pragma once

#include <assert.h>

#include "queue/group_commit.h"
#include "queue/session.h"

static_assert((int)GROUP_COMMIT_EVENTS_MAX <= UINT8_MAX, "a partition may have all");

struct put_batch {
    struct queue_put *puts[GROUP_COMMIT_EVENTS_MAX]; /* NULL: nobody waits any more */
    int statuses[GROUP_COMMIT_EVENTS_MAX];           /* per put, after put_batch_read() */
    uint8_t partitions[GROUP_COMMIT_EVENTS_MAX];
    uint8_t counts[QUEUE_PARTITIONS_MAX]; /* of each partition */
    size_t count;
    size_t bytes;
    bool is_derived; /* stored over maxmemory, too */
};

void put_batch_clear(struct put_batch *batch);
/* False: full, leave it for the next round. */
bool put_batch_add(struct put_batch *batch, struct queue_put *put, unsigned partitions);
/* One command per partition present, events in the order added. Clears the exchange first. */
void put_batch_write(const struct put_batch *batch, struct redis_exchange *exchange);
/*
 * Fills in `result` and status of each put: QUEUE_OK or QUEUE_E_REFUSED. When any was refused,
 * ret_error says why and QUEUE_E_REFUSED is returned.
 */
int put_batch_read(struct put_batch *batch, const struct redis_exchange *exchange,
    struct slice *ret_error) MUST_USE;
/* Can this be stored at all? A key is a text. */
bool put_is_valid(const struct queue_put *put);
