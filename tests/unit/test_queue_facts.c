/*
 * test_queue_facts.c - what is known of a subject does not depend on how it was told.
 */
#include <stdio.h>
#include <string.h>

#include "queue/facts.h"
#include "tests/unit/queue_fixture.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define DAY_MS INT64_C(86400000)

static struct fact
fact(const char *name, int64_t rank, const char *text)
{
    return (struct fact){.name = slice_of(name), .rank = rank, .text = slice_of(text)};
}

/* Merges one fact, or only asks (an empty name), and writes down what is known then. */
static void
tell(const char *subject, struct fact told, char known[512])
{
    struct queue_facts item = {
        .subject = slice_of(subject), .facts = &told, .count = told.name.size > 0};
    size_t size = 0;

    assert_int_equal(queue_facts_merge(queue, &item, 1), QUEUE_OK);
    known[0] = '\0';
    for (size_t i = 0; i < item.all.count; i++) {
        const struct fact *one = &item.all.items[i];

        size += (size_t)snprintf(known + size, 512 - size, "%.*s=%lld %.*s;",
            (int)one->name.size, one->name.data, (long long)one->rank,
            (int)one->text.size, one->text.data);
    }
    queue_facts_done(&item, 1);
}

static void
of_two_facts_the_name_says_which_is_kept(void **state)
{
    static const struct {
        struct {
            const char *name;
            int64_t rank;
            const char *text;
        } told[2];
        const char *known;
    } cases[] = {
        {{{"+state", 10, "active"}, {"+state", 20, "closed"}}, "+state=20 closed;"},
        {{{"-first", 10, "a"}, {"-first", 20, "b"}}, "-first=10 a;"},
        {{{"+state", 10, "active"}, {"+state", 10, "closed"}}, "+state=10 closed;"},
        {{{"-first", 10, "a"}, {"-first", 10, "b c"}}, "-first=10 b c;"},
        {{{"-first", 9, ""}, {"-first", 10, "b"}}, "-first=9 ;"},
        {{{"-first", -5, "x"}, {"-first", -10, "y"}}, "-first=-10 y;"},
        {{{"+same", 7, "x"}, {"+same", 7, "x"}}, "+same=7 x;"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        for (size_t turned = 0; turned < 2; turned++) {
            char subject[16];
            char known[512];

            (void)snprintf(subject, sizeof(subject), "s%zu/%zu", i, turned);
            for (size_t j = 0; j < 3; j++) { /* the first once more: late and twice */
                const size_t which = (j + turned) % 2;

                tell(subject,
                    fact(cases[i].told[which].name, cases[i].told[which].rank,
                        cases[i].told[which].text),
                    known);
            }
            assert_string_equal(known, cases[i].known);
        }
    }
}

static void
merging_in_memory_keeps_the_same(void **state)
{
    struct facts facts = {0};

    (void)state;
    facts_add(&facts, fact("+state", 10, "active"));
    facts_add(&facts, fact("-first", 10, "a"));
    facts_add(&facts, fact("+state", 20, "closed"));
    facts_add(&facts, fact("-first", 20, "b"));
    facts_add(&facts, fact("-first", 10, "aa"));
    facts_add(&facts, fact("+state", 5, "z"));
    assert_int_equal(facts.count, 2);
    assert_int_equal(facts_find(&facts, slice_of("+state"))->rank, 20);
    assert_true(slice_is(facts_find(&facts, slice_of("-first"))->text, "aa"));
    assert_null(facts_find(&facts, slice_of("+none")));
}

static void
several_subjects_are_answered_in_one_call_each_with_its_own(void **state)
{
    const struct fact told[] = {fact("-a", 1, "x"), fact("+b", 2, "")};
    struct queue_facts items[] = {
        {.subject = slice_of("KD1"), .facts = told, .count = 2},
        {.subject = slice_of("WT1"), .facts = &told[1], .count = 1},
        {.subject = slice_of("CH1")},
    };

    (void)state;
    assert_int_equal(queue_facts_merge(queue, items, LENGTH(items)), QUEUE_OK);
    assert_int_equal(items[0].all.count, 2);
    assert_int_equal(items[1].all.count, 1);
    assert_int_equal(items[2].all.count, 0);
    queue_facts_done(items, LENGTH(items));
    assert_int_equal(REDIS_NUMBER(&redis, "EXISTS", "fb:{0}:f:CH1"), 0);
}

static void
what_is_known_is_bounded_and_lives_a_week_at_least(void **state)
{
    char known[512];
    char name[32];

    (void)state;
    for (int i = 0; i < FACTS_MAX; i++) {
        struct fact told = fact("", i, "x");
        struct queue_facts item = {
            .subject = slice_of("KD1"), .facts = &told, .count = 1};

        (void)snprintf(name, sizeof(name), "+n%d", i);
        told.name = slice_of(name);
        assert_int_equal(queue_facts_merge(queue, &item, 1), QUEUE_OK);
        queue_facts_done(&item, 1);
    }
    struct fact late[] = {fact("+late", 1, ""), fact("+n0", 99, "y")};
    struct queue_facts item = {.subject = slice_of("KD1"), .facts = late, .count = 2};

    assert_int_equal(queue_facts_merge(queue, &item, 1), QUEUE_OK);
    assert_int_equal(item.all.count, FACTS_MAX);
    assert_int_equal(facts_find(&item.all, slice_of("+n0"))->rank, 99);
    assert_null(facts_find(&item.all, slice_of("+late")));
    queue_facts_done(&item, 1);
    tell("KD2", fact("+n", 1, ""), known);
    assert_in_range(REDIS_NUMBER(&redis, "PTTL", "fb:{0}:f:KD2"), 6 * DAY_MS, 7 * DAY_MS);
}

static void
what_changes_nothing_is_not_written(void **state)
{
    char known[512];

    (void)state;
    tell("KD1", fact("-a", 10, "x"), known);
    const int64_t changes = REDIS_NUMBER(&redis, "EXISTS", "fb:{0}:f:KD1");

    assert_int_equal(changes, 1);
    assert_int_equal(REDIS_NUMBER(&redis, "PERSIST", "fb:{0}:f:KD1"), 1);
    tell("KD1", fact("-a", 11, "y"), known);
    assert_int_equal(REDIS_NUMBER(&redis, "TTL", "fb:{0}:f:KD1"), -1); /* not touched */
    assert_string_equal(known, "-a=10 x;");
}

static void
what_is_too_long_or_nameless_is_left_out(void **state)
{
    char text[FACT_TEXT_MAX + 2] = {0};
    char known[512];

    (void)state;
    memset(text, 'x', FACT_TEXT_MAX + 1);
    tell("KD1", fact("+long", 1, text), known);
    assert_string_equal(known, "");
    tell("KD1", fact("+ok", 1, text + 2), known);
    assert_memory_equal(known, "+ok=1 x", 7);
}

static void
facts_are_kept_over_maxmemory_so_that_records_can_be_settled(void **state)
{
    char known[512];

    (void)state;
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    tell("KD1", fact("-a", 10, "x"), known);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    assert_string_equal(known, "-a=10 x;");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(of_two_facts_the_name_says_which_is_kept),
        TEST(merging_in_memory_keeps_the_same),
        TEST(several_subjects_are_answered_in_one_call_each_with_its_own),
        TEST(what_is_known_is_bounded_and_lives_a_week_at_least),
        TEST(what_changes_nothing_is_not_written),
        TEST(what_is_too_long_or_nameless_is_left_out),
        TEST(facts_are_kept_over_maxmemory_so_that_records_can_be_settled),
    };

    return cmocka_run_group_tests_name("queue_facts", tests, start_redis, stop_redis);
}
