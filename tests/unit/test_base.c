/*
 * test_base.c - slices and the bounded buffer.
 */
#include <stdlib.h>
#include <string.h>

#include "mapping/base.h"
#include "tests/unit/unit.h"

#define BYTES(literal) ((struct slice){.data = (literal), .size = sizeof(literal) - 1})

static void
absent_slices_are_harmless(void **state)
{
    const struct slice absent = slice_of(NULL);
    char text[4] = "abc";

    (void)state;
    assert_null(absent.data);
    assert_true(slice_is(absent, ""));
    assert_true(slice_is_nocase(absent, ""));
    assert_true(slice_starts(absent, ""));
    assert_false(slice_starts(absent, "a"));
    assert_int_equal(slice_trim(absent).size, 0);
    assert_null(slice_skip(absent, 0).data);
    assert_true(slice_to_text(absent, text, sizeof(text)));
    assert_string_equal(text, "");
}

static void
slices_compare_bytes_behind_a_nul(void **state)
{
    (void)state;
    assert_true(slice_equal(BYTES("a\0b"), BYTES("a\0b")));
    assert_false(slice_equal(BYTES("a\0b"), BYTES("a\0c")));
    assert_false(slice_is(BYTES("a\0"), "a"));
    assert_false(slice_is_nocase(BYTES("a\0"), "a"));
}

static void
case_is_ignored_only_when_asked(void **state)
{
    (void)state;
    assert_true(slice_is_nocase(slice_of("Content-TYPE"), "content-type"));
    assert_false(slice_is(slice_of("Content-TYPE"), "content-type"));
    assert_false(slice_is_nocase(slice_of("content-typ"), "content-type"));
    assert_false(slice_starts(slice_of("Bearer x"), "bearer"));
    assert_true(slice_starts_nocase(slice_of("Bearer x"), "bearer "));
    assert_false(slice_starts_nocase(slice_of("Bearer"), "bearer "));
    assert_true(slice_starts_nocase(slice_of(NULL), ""));
}

static void
trims_blanks_and_line_ends_on_both_sides(void **state)
{
    static const struct {
        const char *text;
        const char *trimmed;
    } cases[] = {
        {" \t\r\na b\n\r\t ", "a b"},
        {"a", "a"},
        {"  ", ""},
        {"", ""},
        {"\va\f", "\va\f"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_true(slice_is(slice_trim(slice_of(cases[i].text)), cases[i].trimmed));
    }
}

static void
copies_keep_every_byte_and_end_with_a_nul(void **state)
{
    char *copy = slice_copy(BYTES("a\0b"));

    (void)state;
    assert_non_null(copy);
    assert_memory_equal(copy, "a\0b", sizeof("a\0b"));
    free(copy);
    copy = slice_copy((struct slice){0});
    assert_non_null(copy);
    assert_string_equal(copy, "");
    free(copy);
}

static void
texts_that_do_not_fit_or_hold_a_nul_are_refused(void **state)
{
    char text[4] = "old";

    (void)state;
    assert_false(slice_to_text(slice_of("1234"), text, sizeof(text)));
    assert_string_equal(text, "");
    assert_false(slice_to_text(BYTES("a\0b"), text, sizeof(text)));
    assert_string_equal(text, "");
    assert_true(slice_to_text(slice_of("123"), text, sizeof(text)));
    assert_string_equal(text, "123");
}

static void
reads_whole_numbers_of_the_full_range(void **state)
{
    static const struct {
        const char *text;
        int64_t number;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"+7", 7},
        {"007", 7},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        int64_t number = -1;

        assert_true(slice_to_int64(slice_of(cases[i].text), &number));
        assert_true(number == cases[i].number);
    }
}

static void
refuses_what_is_no_number_and_leaves_the_output(void **state)
{
    static const char *const cases[] = {"", "-", "+", "+-1", "--1", "1 ", " 1", "1.0",
        "1e3", "0x1", "9223372036854775808", "-9223372036854775809",
        "99999999999999999999", ":"};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        int64_t number = 42;

        assert_false(slice_to_int64(slice_of(cases[i]), &number));
        assert_true(number == 42);
    }
}

static void
buffers_grow_and_stay_terminated(void **state)
{
    AUTO(buffer_done) struct buffer buffer = {0};

    (void)state;
    buffer_init(&buffer, 100000);
    for (int i = 0; i < 10000; i++) {
        buffer_addf(&buffer, "%d", i % 10);
        assert_int_equal(buffer.data[buffer.size], '\0');
    }
    buffer_add_slice(&buffer, slice_of("ab"));
    buffer_add_slice(&buffer, (struct slice){0});
    buffer_add_text(&buffer, "c");
    assert_false(buffer.failed);
    assert_int_equal(buffer.size, 10003);
    assert_string_equal(buffer.data + 9997, "789abc");
    assert_true(slice_is(buffer_slice(&buffer), buffer.data));
}

static void
a_write_past_the_maximum_changes_nothing_and_is_remembered(void **state)
{
    AUTO(buffer_done) struct buffer buffer = {0};

    (void)state;
    buffer_init(&buffer, 5);
    buffer_add_text(&buffer, "12345");
    assert_false(buffer.failed);
    buffer_addf(&buffer, "%s", "6");
    assert_true(buffer.failed);
    buffer_add_text(&buffer, "");
    assert_true(buffer.failed);
    assert_string_equal(buffer.data, "12345");
}

static void
a_failed_buffer_takes_no_later_write_even_if_it_fits(void **state)
{
    AUTO(buffer_done) struct buffer buffer = {0};

    (void)state;
    buffer_init(&buffer, 4);
    buffer_add_text(&buffer, "a");
    buffer_add_text(&buffer, "too long");
    buffer_add_text(&buffer, "b");
    buffer_addf(&buffer, "%d", 1);
    assert_string_equal(buffer.data, "a");
}

static void
clearing_keeps_the_memory_and_forgets_a_failure(void **state)
{
    AUTO(buffer_done) struct buffer buffer = {0};

    (void)state;
    buffer_init(&buffer, 4);
    buffer_clear(&buffer);
    buffer_add_text(&buffer, "1234");
    buffer_add_text(&buffer, "5");
    const char *data = buffer.data;

    buffer_clear(&buffer);
    assert_string_equal(buffer.data, "");
    buffer_add_text(&buffer, "ab");
    assert_false(buffer.failed);
    assert_ptr_equal(buffer.data, data);
    assert_string_equal(buffer.data, "ab");
}

static void
a_buffer_may_be_released_twice_and_used_again(void **state)
{
    struct buffer zeroed = {0};
    struct buffer buffer;

    (void)state;
    buffer_done(&zeroed);
    buffer_init(&buffer, 4);
    buffer_add_text(&buffer, "ab");
    buffer_done(&buffer);
    buffer_done(&buffer);
    buffer_add_text(&buffer, "1234");
    assert_false(buffer.failed);
    assert_string_equal(buffer.data, "1234");
    buffer_done(&buffer);
}

static void
a_slice_ends_before_the_first_mark(void **state)
{
    static const struct {
        const char *text;
        const char *before;
    } cases[] = {{"a;b;c", "a"}, {";b", ""}, {"ab", "ab"}, {"", ""}};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_true(
            slice_is(slice_before(slice_of(cases[i].text), ';'), cases[i].before));
    }
    assert_null(slice_before(slice_of(NULL), ';').data);
}

static void
only_hexadecimal_digits_have_a_value(void **state)
{
    static const char digits[] = "0123456789abcdefABCDEF";

    (void)state;
    for (int c = 0; c < 256; c++) {
        const char *found = c != 0 ? strchr(digits, c) : NULL;
        const int place = found != NULL ? (int)(found - digits) : -1;

        assert_int_equal(hex_digit((char)c), place > 15 ? place - 6 : place);
    }
}

static void
waits_twice_as_long_each_time_up_to_the_longest(void **state)
{
    static const int64_t waits[] = {50, 100, 200, 400, 800, 1000, 1000};
    int64_t wait = 0;

    (void)state;
    for (size_t i = 0; i < LENGTH(waits); i++) {
        wait = backoff_after(wait, 50, 1000);
        assert_int_equal(wait, waits[i]);
    }
    assert_int_equal(backoff_after(INT64_MAX, 50, 1000), 1000);
}

static void
percent_encodes_all_but_the_unreserved_characters(void **state)
{
    AUTO(buffer_done) struct buffer buffer = {.max = 100};

    (void)state;
    buffer_add_percent_encoded(&buffer, BYTES("aZ09-._~ +@/%\0\xC3\xA9"));
    assert_true(slice_is(buffer_slice(&buffer), "aZ09-._~%20%2B%40%2F%25%00%C3%A9"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_slices_are_harmless),
        cmocka_unit_test(slices_compare_bytes_behind_a_nul),
        cmocka_unit_test(case_is_ignored_only_when_asked),
        cmocka_unit_test(trims_blanks_and_line_ends_on_both_sides),
        cmocka_unit_test(a_slice_ends_before_the_first_mark),
        cmocka_unit_test(only_hexadecimal_digits_have_a_value),
        cmocka_unit_test(waits_twice_as_long_each_time_up_to_the_longest),
        cmocka_unit_test(percent_encodes_all_but_the_unreserved_characters),
        cmocka_unit_test(copies_keep_every_byte_and_end_with_a_nul),
        cmocka_unit_test(texts_that_do_not_fit_or_hold_a_nul_are_refused),
        cmocka_unit_test(reads_whole_numbers_of_the_full_range),
        cmocka_unit_test(refuses_what_is_no_number_and_leaves_the_output),
        cmocka_unit_test(buffers_grow_and_stay_terminated),
        cmocka_unit_test(a_write_past_the_maximum_changes_nothing_and_is_remembered),
        cmocka_unit_test(a_failed_buffer_takes_no_later_write_even_if_it_fits),
        cmocka_unit_test(clearing_keeps_the_memory_and_forgets_a_failure),
        cmocka_unit_test(a_buffer_may_be_released_twice_and_used_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
