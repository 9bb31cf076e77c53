/*
 * commit_list.h - the units of a group commit, and the puts of its round.
 *
 * Units wait in one list, in the order added. A round takes puts from its front, so the units of
 * a round are always a prefix of the list; the next to go is *behind_round.
 *
 * A unit whose time is up is done at once, wherever it is. When its puts are on their way they
 * may still be stored: nobody is told, and the sender's next attempt is a duplicate.
 *
 * Every function may call `done` of units, which may add new ones.
 */
#pragma once

#include "queue/put.h"

struct commit_list {
    struct commit_unit *first;
    struct commit_unit **end;
    struct commit_unit **behind_round;
    size_t count;
    size_t waiting_puts; /* in no round yet */
    size_t waiting_bytes;
    int64_t due_us;         /* no unit's deadline comes before */
    struct put_batch round; /* empty: none under way */
};

void commit_list_init(struct commit_list *list);
void commit_list_add(struct commit_list *list, struct commit_unit *unit);
/* Takes what fits into a new round; units that hold nothing are done. */
void commit_list_gather(struct commit_list *list, unsigned partitions);
/* The round is answered: `status` of the whole call, or 0: each put has its own. */
void commit_list_end_round(struct commit_list *list, int status);
void commit_list_fail_all(struct commit_list *list, int status);
/* Fails, with -ETIMEDOUT, units whose deadline has passed. */
void commit_list_fail_due(struct commit_list *list, int64_t now_us);
/* The next unit to go, NULL when there is none. */
const struct commit_unit *commit_list_next(const struct commit_list *list);
/* No more may wait: whoever comes is refused at once. */
bool commit_list_is_full(const struct commit_list *list);
/* How many full rounds what waits will take, at least. */
int64_t commit_list_rounds(const struct commit_list *list);
