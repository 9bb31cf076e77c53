/*
 * test_signed_text.c - the text that is signed: the ways of writing a URL, a form's fields in order.
 */
#include <stdio.h>
#include <string.h>

#include "server/proof/signed_text.h"
#include "tests/unit/unit.h"

enum {
    TEXT_MAX = 256 * 1024,
};

static void
assert_form(const char *body, const char *expected, size_t expected_size)
{
    struct buffer text;

    buffer_init(&text, TEXT_MAX);
    assert_int_equal(signed_text_form(slice_of(body), &text), SIGNED_TEXT_OK);
    assert_int_equal(text.size, expected_size);
    assert_memory_equal(text.data, expected, expected_size);
    buffer_done(&text);
}

#define ASSERT_FORM(body, expected) assert_form(body, expected, sizeof(expected) - 1)

static void
names_are_compared_as_bytes_beyond_the_first_eight(void **state)
{
    (void)state;
    ASSERT_FORM("TaskQueueSid=2&TaskQueueName=1", "TaskQueueName1TaskQueueSid2");
    ASSERT_FORM("ReasonConferenceEnded=2&Reason=1", "Reason1ReasonConferenceEnded2");
    ASSERT_FORM("TaskSid=2&TaskSi=1&TaskSid0=3", "TaskSi1TaskSid2TaskSid03");
    ASSERT_FORM("b=2&B=1&%C3%A9=3", "B1b2\303\251"
                                    "3");
    ASSERT_FORM("a%00=2&a=1&a%00b=3&a%01=4", "a1a\0"
                                             "2a\0b3a\001"
                                             "4");
    ASSERT_FORM("=1&a=2&%00=3", "1\0"
                                "3a2");
}

static void
values_order_equal_names_and_equal_fields_count_once(void **state)
{
    (void)state;
    ASSERT_FORM(
        "TaskQueueSid=b&TaskQueueSid=a&TaskQueueSid=b", "TaskQueueSidaTaskQueueSidb");
    ASSERT_FORM("a=&a=1&a=&a", "aa1");
}

/* Few and many fields are sorted in two ways. */
static void
any_number_of_fields_is_sorted_alike(void **state)
{
    static const size_t counts[] = {1, 2, 63, 64, 65, 66, 500, 2048};
    static char body[TEXT_MAX];
    static char expected[TEXT_MAX];

    (void)state;
    for (size_t c = 0; c < LENGTH(counts); c++) {
        const size_t count = counts[c];
        size_t at = 0;
        size_t end = 0;

        for (size_t i = 0; i < count; i++) {
            const size_t mixed = i * 1031 % count; /* a prime: each number once */

            at += (size_t)snprintf(
                body + at, sizeof(body) - at, "Parameter%05zu=v%zu&", mixed, mixed);
            end += (size_t)snprintf(
                expected + end, sizeof(expected) - end, "Parameter%05zuv%zu", i, i);
        }
        assert_form(body, expected, end);
    }
}

/* One a line. */
static void
list_candidates(const char *at, struct buffer *all)
{
    AUTO(buffer_done) struct buffer candidate = {0};
    struct signed_url parts;

    buffer_init(all, 10000);
    buffer_init(&candidate, 1000);
    signed_text_split(slice_of(at), &parts);
    for (unsigned number = 0; number < SIGNED_TEXT_CANDIDATES; number++) {
        if (signed_text_url(&parts, number, &candidate)) {
            buffer_add_slice(all, buffer_slice(&candidate));
            buffer_add_text(all, "\n");
        }
    }
}

static void
writes_each_candidate_once_the_given_url_first(void **state)
{
    static const struct {
        const char *url;
        const char *candidates; /* one a line */
    } cases[] = {
        {"https://a.example/p?q=1",
            "https://a.example/p?q=1\nhttps://a.example:443/p?q=1\n"},
        {"HTTPS://A.example:8443/p", "HTTPS://A.example:8443/p\nHTTPS://A.example/p\n"},
        {"http://a.example?q#frag", "http://a.example?q\nhttp://a.example:80?q\n"},
        {"https://a.example", "https://a.example\nhttps://a.example:443\n"},
        {"https://[2001:db8::1]/p",
            "https://[2001:db8::1]/p\nhttps://[2001:db8::1]:443/p\n"},
        {"https://[2001:db8::1]:8443/p",
            "https://[2001:db8::1]:8443/p\nhttps://[2001:db8::1]/p\n"},
        {"https://u:p@a.example/p",
            "https://u:p@a.example/p\nhttps://u:p@a.example:443/p\n"
            "https://a.example/p\nhttps://a.example:443/p\n"},
        {"https://u@v:p@a.example:1/p", "https://u@v:p@a.example:1/p\n"
                                        "https://u@v:p@a.example/p\n"
                                        "https://a.example:1/p\nhttps://a.example/p\n"},
        {"https://a.example/it's?q='", "https://a.example/it's?q='\n"
                                       "https://a.example:443/it's?q='\n"
                                       "https://a.example/it's?q=%27\n"
                                       "https://a.example:443/it's?q=%27\n"},
        {"https://a.example/p?q='%27", "https://a.example/p?q='%27\n"
                                       "https://a.example:443/p?q='%27\n"
                                       "https://a.example/p?q=%27%27\n"
                                       "https://a.example:443/p?q=%27%27\n"
                                       "https://a.example/p?q=''\n"
                                       "https://a.example:443/p?q=''\n"},
        {"/no/scheme?q=1", "/no/scheme?q=1\n"},
        {"", "\n"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        AUTO(buffer_done) struct buffer all = {0};

        list_candidates(cases[i].url, &all);
        assert_string_equal(all.data, cases[i].candidates);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_compared_as_bytes_beyond_the_first_eight),
        cmocka_unit_test(values_order_equal_names_and_equal_fields_count_once),
        cmocka_unit_test(any_number_of_fields_is_sorted_alike),
        cmocka_unit_test(writes_each_candidate_once_the_given_url_first),
    };

    return cmocka_run_group_tests_name("signed_text", tests, NULL, NULL);
}
