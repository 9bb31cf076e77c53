/*
 * test_cost.c - what a note of the costs says, and how long a backlog takes by it.
 */
#include <math.h>

#include "server/deliver/cost.h"
#include "tests/unit/unit.h"

static bool
reads(const char *text, struct cost_said *said)
{
    struct queue_note note = {0};

    (void)snprintf(note.text, sizeof note.text, "%s", text);
    return cost_read(&note, said);
}

static void
a_backlog_takes_what_its_dearest_class_allows(void **state)
{
    struct cost_said said;

    (void)state;
    assert_true(reads("contacts=0.250@8.00 events=0.500@8.00", &said));
    assert_int_equal(cost_backlog_s(0, &said, NULL), 0);
    assert_int_equal(cost_backlog_s(16000, &said, NULL), 1001);
    assert_true(reads("contacts=2.000@8.00 events=0.500@8.00", &said));
    assert_int_equal(cost_backlog_s(16000, &said, NULL), 4001);
    assert_true(reads("contacts=2.000@80.00 events=0.500@8.00", &said));
    assert_int_equal(cost_backlog_s(16000, &said, NULL), 1001);
}

static void
before_anything_was_delivered_each_record_counts_as_a_new_customers(void **state)
{
    const struct config learning = {.brevo_rate_share = 0.8};
    const struct config fixed = {.brevo_max_rps = 100, .brevo_rate_share = 0.8};

    (void)state;
    assert_int_equal(cost_backlog_s(800, NULL, &learning), 201);
    assert_int_equal(cost_backlog_s(800, NULL, &fixed), 17);
}

static void
what_is_no_note_of_ours_says_nothing(void **state)
{
    static const char *const texts[] = {"", "contacts=1@8", "contacts=1@8 events=1",
        "contacts=1@0 events=1@8", "contacts=-1@8 events=1@8",
        "contacts=nan@8 events=1@8", "contacts=1@inf events=1@8", "contacts events",
        "contacts=@ events=@"};
    struct cost_said said;

    (void)state;
    for (size_t i = 0; i < LENGTH(texts); i++) {
        assert_false(reads(texts[i], &said));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backlog_takes_what_its_dearest_class_allows),
        cmocka_unit_test(
            before_anything_was_delivered_each_record_counts_as_a_new_customers),
        cmocka_unit_test(what_is_no_note_of_ours_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
