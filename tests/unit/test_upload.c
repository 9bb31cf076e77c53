/*
 * test_upload.c - bodies in bounded memory.
 */
#include <string.h>

#include "server/net/upload.h"
#include "tests/unit/unit.h"

static void
keeps_what_arrives(void **state)
{
    struct upload_budget budget = {.body_max = 10, .total_max = 1000000};
    AUTO(upload_done) struct upload upload = {0};

    (void)state;
    upload_begin(&upload, &budget, SIZE_MAX);
    upload_add(&upload, "hello ", 6);
    upload_add(&upload, "you!", 4);
    assert_string_equal(upload.data, "hello you!");
    assert_int_equal(upload.size, 10);
    assert_false(upload.too_large || upload.no_room || upload_is_endless(&upload));
}

static void
drops_a_body_that_outgrows_the_limit(void **state)
{
    struct upload_budget budget = {.body_max = 10, .total_max = 1000000};
    AUTO(upload_done) struct upload upload = {0};

    (void)state;
    upload_begin(&upload, &budget, SIZE_MAX);
    upload_add(&upload, "0123456789", 10);
    upload_add(&upload, "x", 1);
    assert_true(upload.too_large);
    assert_null(upload.data);
    assert_int_equal(budget.total, 0);
    upload_add(&upload, "0123456789", 9);
    assert_false(upload_is_endless(&upload));
    upload_add(&upload, "x", 1);
    assert_true(upload_is_endless(&upload));
}

static void
reserves_nothing_for_an_announcement(void **state)
{
    struct upload_budget budget = {.body_max = 4 << 20, .total_max = 64 << 20};
    AUTO(upload_done) struct upload upload = {0};

    (void)state;
    upload_begin(&upload, &budget, 4 << 20);
    assert_int_equal(budget.total, 0);
    upload_add(&upload, "x", 1);
    assert_int_equal(budget.total, UPLOAD_FAIR_SHARE);
}

static void
has_no_room_when_all_bodies_together_are_too_large(void **state)
{
    struct upload_budget budget = {.body_max = 100, .total_max = 250};
    struct upload uploads[3] = {0};
    const char body[100] = {0};

    (void)state;
    for (size_t i = 0; i < LENGTH(uploads); i++) {
        upload_begin(&uploads[i], &budget, sizeof(body));
        upload_add(&uploads[i], body, sizeof(body));
    }
    assert_false(uploads[0].no_room || uploads[1].no_room);
    assert_true(uploads[2].no_room && !uploads[2].too_large);
    upload_done(&uploads[0]);
    upload_begin(&uploads[2], &budget, sizeof(body));
    upload_add(&uploads[2], body, sizeof(body));
    assert_false(uploads[2].no_room);
    upload_done(&uploads[1]);
    upload_done(&uploads[2]);
    upload_done(&uploads[2]);
    assert_int_equal(budget.total, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_arrives),
        cmocka_unit_test(drops_a_body_that_outgrows_the_limit),
        cmocka_unit_test(reserves_nothing_for_an_announcement),
        cmocka_unit_test(has_no_room_when_all_bodies_together_are_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
