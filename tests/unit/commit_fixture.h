/*
 * commit_fixture.h - a group commit, units for it, and turns of an event loop.
 */
#pragma once

#include "queue/group_commit.h"
#include "tests/unit/queue_helpers.h"

enum {
    UNITS_MAX = 1000,
    PATIENCE_US = 5 * 1000 * 1000,
    TIMEOUT_MS = 500,
    NOT_DONE = 12345,
};

struct test_unit {
    struct commit_unit unit;
    struct queue_put put;
    char key[32];
    int status;
    int order; /* when it was done, from 1 */
};

extern struct test_unit units[UNITS_MAX];
extern int done_count;
extern struct group_commit *commit;

struct group_commit *open_commit(const char *url, unsigned partitions);
/* Around each test: an empty Redis, one partition. */
int commit_set_up(void **state);
int commit_tear_down(void **state);

void on_done(struct commit_unit *unit, int status);
/* A unit of one put, with all the time it may need. */
struct test_unit *prepare(size_t index);
struct test_unit *add(size_t index);

/* One turn of an event loop. */
void turn(int wait_max_ms);
void run_until_done(void);
void run_until_healthy(bool healthy);
int64_t stored(void);
