/*
 * test_queue_note.c - short texts that are kept for a person to see.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/queue_fixture.h"

#define NOTE_KEY "fb:note:seen"
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static struct queue_note
last_note(void)
{
    struct queue_note note;

    assert_int_equal(queue_note_last(queue, "seen", &note), QUEUE_OK);
    return note;
}

static void
put_note(const char *text, int64_t time_ms)
{
    assert_int_equal(queue_note_put(queue, "seen", text, time_ms), QUEUE_OK);
}

static void
is_empty_where_nothing_was_noted(void **state)
{
    (void)state;
    assert_string_equal(last_note().text, "");
    assert_int_equal(last_note().time_ms, 0);
}

static void
shows_the_latest_whatever_order_they_came_in(void **state)
{
    (void)state;
    put_note("second", 2000);
    put_note("third", 3000);
    put_note("first", 1000);
    const struct queue_note note = last_note();

    assert_string_equal(note.text, "third");
    assert_int_equal(note.time_ms, 3000);
    assert_in_range(note.now_ms, 1600000000000, 9999999999999);
}

static void
the_same_note_again_is_no_second_one_and_does_not_go_back(void **state)
{
    (void)state;
    put_note("one", 1767225600123);
    put_note("one", 1767225600123);
    put_note("one", 1000);
    assert_int_equal(last_note().time_ms, 1767225600123);
    assert_int_equal(REDIS_NUMBER(&redis, "ZCARD", NOTE_KEY), 1);
    put_note("one", 1767225600124);
    assert_int_equal(last_note().time_ms, 1767225600124);
}

static void
names_have_notes_of_their_own(void **state)
{
    (void)state;
    put_note("here", 1000);
    assert_int_equal(queue_note_put(queue, "other", "there", 2000), QUEUE_OK);
    assert_string_equal(last_note().text, "here");
}

static void
only_the_latest_few_are_kept(void **state)
{
    (void)state;
    for (int i = 0; i < 3 * QUEUE_NOTES_MAX; i++) {
        char text[QUEUE_NOTE_SIZE];

        (void)snprintf(text, sizeof(text), "note %d", i);
        put_note(text, 1000 + i);
    }
    assert_string_equal(last_note().text, "note 47");
    assert_int_equal(REDIS_NUMBER(&redis, "ZCARD", NOTE_KEY), QUEUE_NOTES_MAX);
    assert_int_equal(REDIS_NUMBER(&redis, "PTTL", NOTE_KEY), -1);
}

static void
a_long_list_is_paged_counted_and_taken_from(void **state)
{
    enum {
        KEPT = QUEUE_NOTES_PAGE + 5,
        NOTES = KEPT + 5,
    };
    struct queue_notes page;
    int64_t all;
    bool is_gone;

    (void)state;
    for (int i = 0; i < NOTES; i++) {
        char text[QUEUE_NOTE_SIZE];

        (void)snprintf(text, sizeof(text), "note %d", i);
        assert_int_equal(queue_note_add(queue, "list", text, 1000 + i, KEPT), QUEUE_OK);
    }
    assert_int_equal(queue_note_count(queue, "list", &all), QUEUE_OK);
    assert_int_equal(all, KEPT);
    assert_int_equal(queue_note_page(queue, "list", 0, &page), QUEUE_OK);
    assert_int_equal(page.count, QUEUE_NOTES_PAGE);
    assert_string_equal(page.items[0].text, "note 109");
    assert_int_equal(page.items[0].time_ms, 1109);
    assert_int_equal(queue_note_page(queue, "list", QUEUE_NOTES_PAGE, &page), QUEUE_OK);
    assert_int_equal(page.count, KEPT - QUEUE_NOTES_PAGE);
    assert_string_equal(page.items[page.count - 1].text, "note 5");
    assert_int_equal(queue_note_page(queue, "none", 0, &page), QUEUE_OK);
    assert_int_equal(page.count, 0);
    assert_int_equal(queue_note_remove(queue, "list", "note 7", &is_gone), QUEUE_OK);
    assert_true(is_gone);
    assert_int_equal(queue_note_remove(queue, "list", "note 7", &is_gone), QUEUE_OK);
    assert_false(is_gone);
    assert_int_equal(queue_note_count(queue, "list", &all), QUEUE_OK);
    assert_int_equal(all, KEPT - 1);
}

static void
a_text_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    char text[QUEUE_NOTE_SIZE + 1];

    memset(text, 'x', sizeof(text));
    text[QUEUE_NOTE_SIZE] = '\0';
    assert_int_equal(queue_note_put(queue, "seen", text, 1000), -EINVAL);
    assert_int_equal(queue_note_put(queue, "seen", "", 1000), -EINVAL);
    text[QUEUE_NOTE_SIZE - 1] = '\0';
    put_note(text, 1000);
    assert_string_equal(last_note().text, text);
}

static void
somebody_elses_key_is_an_error_and_no_crash(void **state)
{
    (void)state;
    struct queue_note note;

    (void)REDIS_DO(&redis, "SET", NOTE_KEY, "a text");
    assert_int_equal(queue_note_put(queue, "seen", "one", 1000), QUEUE_E_REFUSED);
    assert_int_equal(queue_note_last(queue, "seen", &note), QUEUE_E_REFUSED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(is_empty_where_nothing_was_noted),
        TEST(shows_the_latest_whatever_order_they_came_in),
        TEST(the_same_note_again_is_no_second_one_and_does_not_go_back),
        TEST(names_have_notes_of_their_own),
        TEST(only_the_latest_few_are_kept),
        TEST(a_long_list_is_paged_counted_and_taken_from),
        TEST(a_text_that_does_not_fit_is_refused),
        TEST(somebody_elses_key_is_an_error_and_no_crash),
    };

    return cmocka_run_group_tests_name("queue_note", tests, start_redis, stop_redis);
}
