/*
 * test_patience.c - who has been waited for too long.
 */
#include "server/net/patience.h"
#include "tests/unit/unit.h"

#define SECOND_US INT64_C(1000000)

static void
names_the_one_waited_for_longest(void **state)
{
    struct patience patience;
    struct patience_entry first = {0};
    struct patience_entry second = {0};

    (void)state;
    patience_init(&patience, 30);
    assert_int_equal(patience_left_us(&patience, 0), INT64_MAX);
    patience_start(&patience, &first, 0);
    patience_start(&patience, &second, 5 * SECOND_US);
    assert_ptr_equal(patience_first(&patience), &first);
    assert_int_equal(patience_left_us(&patience, 29 * SECOND_US), SECOND_US);
    assert_int_equal(patience_left_us(&patience, 30 * SECOND_US), 0);
    patience_end(&first);
    patience_end(&first);
    assert_ptr_equal(patience_first(&patience), &second);
    assert_int_equal(patience_left_us(&patience, 30 * SECOND_US), 5 * SECOND_US);
}

static void
starts_anew_in_another_line(void **state)
{
    struct patience idle;
    struct patience busy;
    struct patience_entry entry = {0};

    (void)state;
    patience_init(&idle, 60);
    patience_init(&busy, 30);
    patience_start(&idle, &entry, 0);
    patience_start(&busy, &entry, 40 * SECOND_US);
    assert_null(patience_first(&idle));
    assert_int_equal(patience_left_us(&busy, 50 * SECOND_US), 20 * SECOND_US);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_one_waited_for_longest),
        cmocka_unit_test(starts_anew_in_another_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
