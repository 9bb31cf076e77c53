/*
 * test_history.c - docs/mapping.md says what a contact's attributes become, and this makes it true.
 *
 * Each row of its table is played, in every order and once more: what is told, and what Brevo has
 * in the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/history_story.h"
#include "tests/unit/unit.h"

static void
set(struct rules *changed, const char *with)
{
    if (strcmp(with, "wait.max: 6h") == 0) {
        changed->wait_max_ms = 6 * 60 * 60 * 1000;
    } else if (strcmp(with, "csat.scale: 10") == 0) {
        changed->csat_scale = 10;
    } else if (strcmp(with, "timezone: Pacific/Kiritimati") == 0) {
        changed->zone = (struct zone){.first_s = 14 * 60 * 60}; /* since 1995 */
    } else if (strcmp(with, "outbound: all") == 0) {
        changed->outbound = RULES_OUTBOUND_ALL;
    } else if (strcmp(with, "ticket.per_task: true") == 0) {
        changed->ticket_per_task = true;
    } else if (strcmp(with, "sync.customers: false") == 0) {
        changed->sync_customers = false;
    } else if (slice_starts(slice_of(with), "overwrite: ")) {
        changed->overwrites[changed->field_count] =
            strcmp(with, "overwrite: always") == 0;
        changed->fields[changed->field_count++] =
            (struct rules_field){"customer_tier", "VIP_TIER"};
    } else {
        assert_string_equal(with, "");
    }
}

static void
play(struct word story[WORDS_MAX], size_t count, const size_t *order,
    const struct rules *by, const char *had, char then[CELL_SIZE])
{
    static struct history_says says[2 * WORDS_MAX];
    AUTO(payload_release) json_t *contact = contact_of(had);
    struct facts known = {0};

    for (size_t i = 0; i < count; i++) {
        assert_true(deliver(&story[order[i]], by, contact, &known, &says[i]) >= 0);
    }
    for (size_t i = 0; i < count; i++) { /* what is told again changes nothing */
        assert_int_equal(deliver(&story[i], by, contact, &known, &says[count + i]), 0);
    }
    describe(contact, then);
}

static bool
holds(char cells[CELLS][CELL_SIZE])
{
    struct rules by = rules;
    struct word story[WORDS_MAX] = {0};
    size_t order[WORDS_MAX] = {0, 1, 2, 3, 4, 5};
    bool same = true;

    set(&by, cells[2]);
    const size_t count = read_story(cells[1], story);

    do {
        char then[CELL_SIZE];

        play(story, count, order, &by, cells[0], then);
        if (strcmp(then, cells[3]) != 0) {
            print_error("%s, %s: is %s, not %s\n", cells[0], cells[1], then, cells[3]);
            same = false;
        }
    } while (same && permute(order, count));
    for (size_t i = 0; i < count; i++) {
        json_decref(story[i].payload);
    }
    return same;
}

static void
each_row_of_the_table_is_true_in_every_order(void **state)
{
    const char *page = getenv("FLEXBREVO_MAPPING_MD");
    FILE *file = page != NULL ? fopen(page, "r") : NULL;
    char line[CELLS * CELL_SIZE];
    char cells[CELLS][CELL_SIZE];
    size_t rows = 0;
    size_t wrong = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (read_cells(line, 1, cells)) {
            rows++;
            wrong += holds(cells) ? 0 : 1;
        }
    }
    (void)fclose(file);
    assert_in_range(rows, 20, 100);
    assert_int_equal(wrong, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_the_table_is_true_in_every_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
