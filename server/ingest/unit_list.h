/*
 * unit_list.h - durable units that wait, in the order in which they came.
 *
 * Functions that end a unit call its `done`, which may add new ones and may free it.
 */
#pragma once

#include "server/ingest/durable.h"

struct unit_list {
    struct durable_unit *first;
    struct durable_unit **end;
    size_t count;
    size_t puts;
    size_t bytes;   /* of events */
    int64_t due_us; /* no deadline comes before */
};

void unit_list_init(struct unit_list *list);
void unit_list_add(struct unit_list *list, struct durable_unit *unit);
/* Takes the first; there must be one. */
struct durable_unit *unit_list_take(struct unit_list *list);
/* Fails, with -ETIMEDOUT, those whose deadline has passed. */
void unit_list_fail_due(struct unit_list *list, int64_t now_us);
