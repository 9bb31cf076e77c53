/*
 * durable_fixture.h - a loop's units, a spool whose disk may hang or fail, and Redis, which may be away.
 */
#pragma once

#include <stdatomic.h>
#include <sys/stat.h>

#include "server/ingest/durable.h"
#include "tests/unit/queue_helpers.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

enum {
    UNITS_MAX = 400,
    BUDGET_US = 2 * 1000 * 1000,
    PATIENCE_US = 10 * 1000 * 1000,
    SPOOL_PATH_SIZE = 64,
};

extern char directory[]; /* of the spool */
extern atomic_bool redis_is_full;
extern struct spooler *spooler;
extern struct durable *durable;
/* Of the units, by their number. */
extern int statuses[UNITS_MAX];
extern enum queue_put_result results[UNITS_MAX];

/* What the disk does. */
extern atomic_bool disk_hangs;
extern _Atomic ino_t unreadable; /* 0: none */

/* Around all tests, and each; start_redis() is among it. */
int stand_between(void **state);
int set_up(void **state);
int tear_down(void **state);

struct spooler *open_spooler(void);
struct durable *open_durable(struct spooler *with);
void reopen(void);

/* Units that may take so long; `bytes` becomes theirs. */
void add_bytes(size_t index, char *bytes, int64_t budget_us);
void add_for(size_t index, int64_t budget_us);
void add(size_t index);
char *filled(size_t size);

/* One turn of an event loop. */
void turn(void);
void run_until_done(void);
void run_until_drained(void);
/* More units, until one goes to Redis again. */
void add_until_passed(size_t *next);
/* The queue holds 0 .. count - 1, each once, in this order. */
void assert_stored_in_order(size_t count);

/* Redis hangs; it answers again. */
void away(void);
void back(void);
