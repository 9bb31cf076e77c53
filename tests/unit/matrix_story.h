/*
 * matrix_story.h - what docs/mapping.md speaks of where it shows all rules together, as records.
 *
 * A circumstance is a row of the page, an event a column. Each combination is told record by record
 * to the code that a worker runs, and judged twice: when others had their time to tell, and when
 * nothing is waited for any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mapping/rules.h"

enum {
    MATRIX_EVENTS = 9,
    MATRIX_STEPS_MAX = 3,
};

struct matrix_event {
    const char *words; /* the column's head, and of the order's row */
    const char *type;
    const char *reason; /* of a cancellation */
    int age_s;          /* of the task, then */
    bool is_of_task;    /* told by its bytes */
};

enum matrix_dimension {
    BY_TICKET,
    BY_KIND,
    BY_DIRECTION,
    BY_CUSTOMER,
    BY_AGE,
    DIMENSIONS
};

/* What else was told: `at_s` counts from the creation of the task in question. */
struct matrix_step {
    const char *type;
    int at_s;
    bool is_own;
    const char *kind;
    const char *direction;
};

/* Absent members are as in the first row. */
struct matrix_value {
    enum matrix_dimension dimension;
    const char *words;
    struct matrix_step steps[MATRIX_STEPS_MAX];
    const char *kind;
    const char *score; /* within the task's attributes */
    const char *direction;
    enum rules_outbound outbound; /* the setting */
    const char *attributes;
    bool is_told_elsewhere; /* whom it is about */
    bool is_stranger;
    bool is_old;
};

extern const struct matrix_event matrix_events[MATRIX_EVENTS];
extern const char *const matrix_titles[DIMENSIONS]; /* a row's first words */
/* By dimension; the first of each is what the first row of the page says. Ends with NULL words. */
extern const struct matrix_value matrix_values[];

enum {
    MATRIX_VALUES_MAX = 40,
};

/* One value of each dimension, by its place in the table. */
struct circumstances {
    size_t of[DIMENSIONS];
    bool is_per_task; /* the setting */
};

size_t matrix_first_of(enum matrix_dimension dimension);
/* Those of the first row. */
struct circumstances matrix_ordinary(void);
const struct matrix_value *matrix_value_of(
    const struct circumstances *all, enum matrix_dimension dimension);
/* The next combination; false behind the last. */
bool matrix_next(struct circumstances *all);

/*
 * Whether the event becomes what is expected, "waits, " before it where it still waits when others
 * had their time; `any_order`: in whatever order they are told. Says so when not.
 */
bool matrix_is_so(
    const struct circumstances *all, size_t event, const char *expected, bool any_order);
