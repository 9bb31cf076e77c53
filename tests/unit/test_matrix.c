/*
 * test_matrix.c - docs/mapping.md says what becomes of each event under each circumstance, and this
 * makes it true, also of all circumstances together.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/customer.h"
#include "tests/unit/matrix_story.h"
#include "tests/unit/page_table.h"
#include "tests/unit/unit.h"

enum {
    WORDS = 2, /* columns before the events */
    RANKS_MAX = 16,
    WRONG_MAX = 20, /* so many are said */
};

/* ---- the page ------------------------------------------------------------------------------ */

static struct {
    char cells[MATRIX_VALUES_MAX][MATRIX_EVENTS][64]; /* "": as in the first row */
    bool is_shown[MATRIX_VALUES_MAX];
    char ranks[MATRIX_EVENTS][RANKS_MAX][32]; /* what is said first */
} page;

/* Up to `end`, without blanks around it and without backticks. */
static void
trim(char *cell, const char *end)
{
    size_t kept = 0;

    for (const char *c = cell + strspn(cell, " "); c < end; c++) {
        cell[kept] = *c;
        kept += *c != '`' ? 1 : 0;
    }
    while (kept > 0 && cell[kept - 1] == ' ') {
        kept--;
    }
    cell[kept] = '\0';
}

/* The cells of "| a | b |"; returns how many, of any other line 0. */
static size_t
split(char *line, char *cells[], size_t max)
{
    char *cell = line + 1;
    size_t count = 0;

    for (char *end = strchr(cell, '|'); line[0] == '|' && end != NULL && count < max;
         end = strchr(cell, '|')) {
        trim(cell, end);
        cells[count++] = cell;
        cell = end + 1;
    }
    return count;
}

static void
read_circumstance(char *cells[WORDS + MATRIX_EVENTS])
{
    for (size_t i = 0; matrix_values[i].words != NULL; i++) {
        if (strcmp(cells[0], matrix_titles[matrix_values[i].dimension]) != 0 ||
            strcmp(cells[1], matrix_values[i].words) != 0) {
            continue;
        }
        assert_false(page.is_shown[i]);
        page.is_shown[i] = true;
        for (size_t event = 0; event < MATRIX_EVENTS; event++) {
            assert_true(strlen(cells[WORDS + event]) < sizeof(page.cells[0][0]));
            memcpy(page.cells[i][event], cells[WORDS + event],
                strlen(cells[WORDS + event]) + 1);
        }
        return;
    }
    fail_msg("%s %s: nobody knows what that means", cells[0], cells[1]);
}

/* Whether the list, "a, b, c", has the words. */
static bool
lists(const char *list, const char *words)
{
    const size_t size = strlen(words);

    while (strncmp(list, words, size) != 0 || (list[size] != '\0' && list[size] != ',')) {
        list = strchr(list, ',');
        if (list == NULL) {
            return false;
        }
        list += strspn(list, ", ");
    }
    return true;
}

static void
read_order(size_t event, const char *order)
{
    char text[CELL_SIZE];
    char *rest = NULL;
    size_t rank = 0;

    (void)snprintf(text, sizeof(text), "%s", order);
    for (char *word = strtok_r(text, ", ", &rest); word != NULL;
         word = strtok_r(NULL, ", ", &rest)) {
        assert_true(rank < RANKS_MAX && strlen(word) < sizeof(page.ranks[0][0]));
        memcpy(page.ranks[event][rank++], word, strlen(word) + 1);
    }
}

static void
read_line(char *line)
{
    static bool is_matrix;
    static bool is_order;
    char *cells[WORDS + MATRIX_EVENTS + 1];
    const size_t count = split(line, cells, LENGTH(cells));

    if (count == 0) {
        is_matrix = is_order = false;
    } else if (count == WORDS + MATRIX_EVENTS && cells[0][0] == '\0') {
        is_matrix = true;
        for (size_t i = 0; i < MATRIX_EVENTS; i++) {
            assert_string_equal(cells[WORDS + i], matrix_events[i].words);
        }
    } else if (count == 2 && strcmp(cells[1], "is, in this order") == 0) {
        is_order = true;
    } else if (is_matrix && cells[0][0] != '-') {
        read_circumstance(cells);
    }
    for (size_t i = 0; is_order && count == 2 && i < MATRIX_EVENTS; i++) {
        if (lists(cells[0], matrix_events[i].words)) {
            read_order(i, cells[1]);
        }
    }
}

static int
read_page(void **state)
{
    const char *path = getenv("FLEXBREVO_MAPPING_MD");
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    char line[2048];

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        read_line(line);
    }
    return fclose(file);
}

/* ---- what the page makes of several circumstances -------------------------------------------- */

static const char *
cell(size_t value, size_t event)
{
    const char *own = page.cells[value][event];

    return own[0] != '\0' ? own : page.cells[matrix_first_of(BY_TICKET)][event];
}

static bool
is_reason(const char *text)
{
    return islower((unsigned char)text[0]) != 0;
}

static const char *
without_waits(const char *text)
{
    return strncmp(text, "waits, ", strlen("waits, ")) == 0 ? text + strlen("waits, ")
                                                            : text;
}

static bool
is_reason_of_customer(const char *reason)
{
    static const int results[] = {CUSTOMER_E_NO_IDENTITY, CUSTOMER_E_ANONYMOUS,
        CUSTOMER_E_OWN_NUMBER, CUSTOMER_E_INTERNAL};

    for (size_t i = 0; i < LENGTH(results); i++) {
        if (strcmp(customer_reason(results[i]), reason) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * Where in the order; RANKS_MAX: nowhere. One that is there twice is said of the task itself first,
 * and of its ticket later.
 */
static size_t
rank_of(const char *reason, size_t event, enum matrix_dimension dimension)
{
    static const char nobody[] = "nobody"; /* that one could write to */
    const bool is_nobody = is_reason_of_customer(reason);
    size_t found = RANKS_MAX;

    for (size_t i = 0; i < RANKS_MAX; i++) {
        if (strcmp(page.ranks[event][i], is_nobody ? nobody : reason) == 0 &&
            (found == RANKS_MAX || dimension == BY_TICKET)) {
            found = i;
        }
    }
    return found;
}

/* What the row says; with `outbound: all` it is like any other earlier task. */
static const char *
said_by(const struct circumstances *all, enum matrix_dimension dimension, size_t event)
{
    const char *text = page.cells[all->of[dimension]][event];

    if (dimension == BY_TICKET && strcmp(text, "outbound") == 0 &&
        matrix_value_of(all, BY_DIRECTION)->outbound == RULES_OUTBOUND_ALL) {
        return rank_of("same_ticket", event, BY_TICKET) < RANKS_MAX ? "same_ticket" : "";
    }
    return text;
}

static void
expect(const struct circumstances *all, size_t event, char expected[CELL_SIZE])
{
    const char *ticket = cell(all->of[BY_TICKET], event);
    const bool may_wait =
        ticket != without_waits(ticket) && !matrix_value_of(all, BY_AGE)->is_old;
    const char *said = without_waits(cell(matrix_first_of(BY_TICKET), event));
    size_t best = RANKS_MAX;

    if (is_reason(said)) {
        best = rank_of(said, event, BY_TICKET);
    }
    for (size_t i = 0; i < DIMENSIONS; i++) {
        const enum matrix_dimension dimension = (enum matrix_dimension)i;
        const char *reason = without_waits(said_by(all, dimension, event));

        if (reason[0] == '\0') {
            continue;
        }
        const size_t rank = rank_of(reason, event, dimension);

        if (is_reason(reason)) {
            assert_true(rank < RANKS_MAX);
        }
        if (rank < best ||
            dimension == BY_TICKET) { /* which is not beside the first row */
            best = rank;
            said = reason;
        }
    }
    (void)snprintf(expected, CELL_SIZE, "%s%s",
        may_wait && best > rank_of("waits", event, BY_TICKET) ? "waits, " : "", said);
}

static bool
is_impossible(const struct circumstances *all, size_t event)
{
    for (size_t i = 0; i < DIMENSIONS; i++) {
        if (strcmp(page.cells[all->of[i]][event], "-") == 0) {
            return true;
        }
    }
    return false;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void
the_page_shows_every_circumstance(void **state)
{
    (void)state;
    for (size_t i = 0; matrix_values[i].words != NULL; i++) {
        const enum matrix_dimension dimension = matrix_values[i].dimension;
        const bool is_wanted = matrix_first_of(dimension) != i || dimension == BY_TICKET;

        print_message("%s %s\n", matrix_titles[dimension], matrix_values[i].words);
        assert_int_equal(page.is_shown[i], is_wanted);
    }
    for (size_t event = 0; event < MATRIX_EVENTS; event++) {
        assert_true(page.cells[matrix_first_of(BY_TICKET)][event][0] != '\0');
        assert_true(page.ranks[event][0][0] != '\0');
    }
}

static size_t
count_wrong_cells(size_t value)
{
    struct circumstances all = matrix_ordinary();
    size_t wrong = 0;

    all.of[matrix_values[value].dimension] = value;
    for (size_t event = 0; event < MATRIX_EVENTS; event++) {
        if (!is_impossible(&all, event)) {
            wrong += matrix_is_so(&all, event, cell(value, event), true) ? 0 : 1;
        }
    }
    return wrong;
}

static void
each_cell_is_true_in_every_order(void **state)
{
    size_t wrong = 0;

    (void)state;
    for (size_t i = 0; matrix_values[i].words != NULL; i++) {
        wrong += count_wrong_cells(i);
    }
    assert_int_equal(wrong, 0);
}

static size_t
count_wrong_together(const struct circumstances *all)
{
    char expected[CELL_SIZE];
    size_t wrong = 0;

    for (size_t event = 0; event < MATRIX_EVENTS; event++) {
        if (!is_impossible(all, event)) {
            expect(all, event, expected);
            wrong += matrix_is_so(all, event, expected, false) ? 0 : 1;
        }
    }
    return wrong;
}

static void
of_several_circumstances_the_first_in_the_order_is_said(void **state)
{
    struct circumstances all = matrix_ordinary();
    size_t wrong = 0;

    (void)state;
    do {
        wrong += count_wrong_together(&all);
    } while (wrong < WRONG_MAX && matrix_next(&all));
    assert_int_equal(wrong, 0);
}

/* But for an agent who took the task itself, and for an end, which is the ticket's. */
static void
by_task_nothing_counts_that_its_ticket_has(void **state)
{
    struct circumstances all = matrix_ordinary();
    size_t wrong = 0;

    (void)state;
    all.is_per_task = true;
    for (size_t i = 0; matrix_values[i].dimension == BY_TICKET; i++) {
        const bool is_own = matrix_values[i].steps[0].is_own;
        const size_t first = matrix_first_of(BY_TICKET);

        all.of[BY_TICKET] = i;
        for (size_t event = 0; event < MATRIX_EVENTS; event++) {
            const bool is_end =
                strcmp(matrix_events[event].type, "conversation.ended") == 0;
            const char *expected = cell(is_own || is_end ? i : first, event);

            wrong += matrix_is_so(&all, event, expected, true) ? 0 : 1;
        }
    }
    assert_int_equal(wrong, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_shows_every_circumstance),
        cmocka_unit_test(each_cell_is_true_in_every_order),
        cmocka_unit_test(of_several_circumstances_the_first_in_the_order_is_said),
        cmocka_unit_test(by_task_nothing_counts_that_its_ticket_has),
    };

    return cmocka_run_group_tests_name("matrix", tests, read_page, NULL);
}
