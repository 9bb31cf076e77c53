/*
 * cluster_fixture.h - two nodes of a cluster, and a slot that moves from one to the other.
 *
 * Before each test both are empty, and all slots are at `first`.
 */
#pragma once

#include "tests/unit/commit_fixture.h"

extern struct redis_fixture first;
extern struct redis_fixture second;

int cluster_start(void **state);
int cluster_stop(void **state);
int cluster_set_up(void **state);
int cluster_tear_down(void **state); /* closes `commit`, too */

/* "cluster://127.0.0.1:<first>,127.0.0.1:<second><options>" */
const char *cluster_url(const char *options);
/* "cluster://127.0.0.1:<port>" */
const char *node_url(const struct redis_fixture *node);
/* One partition, in the slot that moves. NULL: claims nothing. */
struct queue *open_in_cluster(const char *consumer);
struct group_commit *open_cluster_commit(void);

/* The slot of the partition leaves `first` for `second`: */
void begin_move(void);
void move_key(const char *key);
void move_all_keys(void);
void end_move(void);
void move_slot(void); /* all of it */
/* `node` believes the slot to be at `owner`. */
void believe(struct redis_fixture *node, struct redis_fixture *owner);

/* 16 partitions, the odd ones at `second`. Belong around a test instead of the set-up above. */
int spread_set_up(void **state);
int spread_tear_down(void **state);
/* "cluster://..." and 16 partitions, a timeout of 300 ms. */
struct queue_options spread_options(const char *consumer);
