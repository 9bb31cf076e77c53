/*
 * test_queue_facts.c - what is known of a subject does not depend on how it was told.
 */
#include <stdio.h>
#include <string.h>

#include "queue/facts.h"
#include "tests/unit/queue_fixture.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define DAY_MS INT64_C(86400000)
#define FACTS_KEY "fb:{0}:f:contact/7"
#define ITEMS_KEY "fb:{0}:i:contact/7"

enum {
    LIFE_MS = 1000 * 1000, /* of the contact */
    SLACK_MS = 100 * 1000,
};

static struct fact
fact(const char *name, int64_t rank, const char *text)
{
    return (struct fact){.name = slice_of(name), .rank = rank, .text = slice_of(text)};
}

enum {
    KNOWN_SIZE = 512,
};

/* Merges one fact, or only asks (an empty name), and writes down what is known then. */
static void
tell_for(const char *subject, int64_t life_ms, struct fact told, char known[KNOWN_SIZE])
{
    struct queue_facts item = {.subject = slice_of(subject),
        .facts = &told,
        .count = told.name.size > 0,
        .life_ms = life_ms};
    size_t size = 0;

    assert_int_equal(queue_facts_merge(queue, &item, 1), QUEUE_OK);
    known[0] = '\0';
    for (size_t i = 0; i < item.all.count; i++) {
        const struct fact *one = &item.all.items[i];

        size += (size_t)snprintf(known + size, KNOWN_SIZE - size, "%.*s=%lld %.*s;",
            (int)one->name.size, one->name.data, (long long)one->rank,
            (int)one->text.size, one->text.data);
    }
    queue_facts_done(&item, 1);
}

static void
tell(const char *subject, struct fact told, char known[KNOWN_SIZE])
{
    tell_for(subject, 0, told, known);
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
            char known[KNOWN_SIZE];

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

/* Tells "+n0", "+n1" and so on. */
static void
tell_many(const char *subject, int count)
{
    char names[FACTS_MAX][16];
    struct fact told[FACTS_MAX];
    struct queue_facts item = {
        .subject = slice_of(subject), .facts = told, .count = (size_t)count};

    for (int i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "+n%d", i);
        told[i] = fact(names[i], i, "x");
    }
    assert_int_equal(queue_facts_merge(queue, &item, 1), QUEUE_OK);
    queue_facts_done(&item, 1);
}

static void
what_is_known_is_bounded_and_lives_a_week_at_least(void **state)
{
    char known[KNOWN_SIZE];

    (void)state;
    tell_many("KD1", FACTS_MAX);
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
    char known[KNOWN_SIZE];

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
    char known[KNOWN_SIZE];

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
    char known[KNOWN_SIZE];

    (void)state;
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    tell("KD1", fact("-a", 10, "x"), known);
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
    assert_string_equal(known, "-a=10 x;");
}

/* ---- items --------------------------------------------------------------------------------- */

/* Tells the contact, or with no name only asks, and compares what is known then. */
static void
tell_contact(const char *name, int64_t rank, const char *text, const char *expected)
{
    char known[KNOWN_SIZE];

    tell_for("contact/7", LIFE_MS, fact(name, rank, text), known);
    assert_string_equal(known, expected);
}

static void
set_left(const char *left_ms)
{
    (void)REDIS_DO(&redis, "PEXPIRE", FACTS_KEY, left_ms);
    (void)REDIS_DO(&redis, "PEXPIRE", ITEMS_KEY, left_ms);
}

static void
check_left(int64_t most_ms)
{
    const int64_t facts_ms = REDIS_NUMBER(&redis, "PTTL", FACTS_KEY);
    const int64_t items_ms = REDIS_NUMBER(&redis, "PTTL", ITEMS_KEY);

    assert_in_range(facts_ms, most_ms - SLACK_MS, most_ms);
    assert_in_range(items_ms, most_ms - SLACK_MS, most_ms);
}

static void
what_is_told_lives_on_and_what_is_asked_does_not(void **state)
{
    (void)state;
    tell_contact("#ticket/a|b", 10, "voice", "#ticket=voice=1 ;");
    check_left(LIFE_MS);
    set_left("950000");
    tell_contact(
        "#ticket/a|b", 10, "voice", "#ticket=voice=1 ;"); /* later is soon enough */
    check_left(950000);
    set_left("500000");
    tell_contact("", 0, "", "#ticket=voice=1 ;");
    check_left(500000);
    tell_contact("#ticket/a|b", 10, "voice", "#ticket=voice=1 ;");
    check_left(LIFE_MS);
    set_left("5000000"); /* whoever keeps for less now, does */
    tell_contact("#ticket/a|b", 10, "voice", "#ticket=voice=1 ;");
    check_left(LIFE_MS);
    set_left("950000");
    tell_contact("#ticket/a|c", 10, "voice", "#ticket=voice=1 ;"); /* a name more */
    check_left(LIFE_MS);
}

static int64_t
writes(void)
{
    static const char *const commands[] = {"hset", "hdel", "hincrby", "pexpireat"};
    int64_t calls = 0;

    for (size_t i = 0; i < LENGTH(commands); i++) {
        calls += redis_fixture_calls(&redis, commands[i]);
    }
    return calls;
}

static void
items_told_again_are_not_written_again(void **state)
{
    (void)state;
    tell_contact("#ticket/a|b", 10, "voice", "#ticket=voice=1 ;");
    tell_contact("#ticket/c|d", 10, "voice", "#ticket=voice=2 ;");
    tell_contact("$wait/a|b", 10, "5", "#ticket=voice=2 ;$wait=1 5;");
    const int64_t before = writes();

    assert_true(before > 0);
    tell_contact("#ticket/b", 11, "sms", "#ticket=voice=2 ;$wait=1 5;");
    tell_contact("#ticket/d|c", 10, "voice", "#ticket=voice=2 ;$wait=1 5;");
    tell_contact("$wait/b", 20, "7", "#ticket=voice=2 ;$wait=1 5;");
    assert_int_equal(writes(), before);
}

static void
items_are_counted_over_maxmemory(void **state)
{
    (void)state;
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "1");
    tell_contact("#ticket/a|b", 10, "voice", "#ticket=voice=1 ;");
    tell_contact("$wait/b|c", 10, "70", "#ticket=voice=1 ;$wait=1 70;");
    (void)REDIS_DO(&redis, "CONFIG", "SET", "maxmemory", "0");
}

static void
items_whose_facts_are_gone_are_counted_anew(void **state)
{
    (void)state;
    tell_contact("#ticket/a", 10, "voice", "#ticket=voice=1 ;");
    (void)REDIS_DO(&redis, "DEL", FACTS_KEY);
    tell_contact("", 0, "", "");
    tell_contact("#ticket/a", 10, "voice", "#ticket=voice=1 ;");
    tell_contact("#ticket/b", 10, "voice", "#ticket=voice=2 ;");
}

static void
a_total_without_room_is_left_out_and_the_others_stay_right(void **state)
{
    const struct fact told[] = {fact("#t/a", 9, "x"), fact("#t/b", 9, "y"),
        fact("#t/c", 9, "z"), fact("$w/c", 9, "1"), fact("#t/a", 8, "z"),
        fact("#t/b|c", 8, "x"), fact("#t/c", 9, "x")};
    struct queue_facts item = {
        .subject = slice_of("contact/7"), .facts = told, .count = LENGTH(told)};

    (void)state;
    tell_many("contact/7", FACTS_MAX - 2);
    assert_int_equal(queue_facts_merge(queue, &item, 1), QUEUE_OK);
    assert_int_equal(item.all.count, FACTS_MAX - 1); /* y gave way, and x counts both */
    assert_int_equal(facts_find(&item.all, slice_of("#t=x"))->rank, 2);
    queue_facts_done(&item, 1);
}

static void
items_are_bounded_and_however_many_there_are_the_answer_is_small(void **state)
{
    enum {
        AT_ONCE = 1000,
        ITEMS = FACT_ITEM_FIELDS_MAX / 2, /* of one name, in one tally */
    };
    static char names[AT_ONCE][32];
    static struct fact told[AT_ONCE];
    struct queue_facts item = {
        .subject = slice_of("contact/7"), .facts = told, .count = AT_ONCE};
    int64_t count = 0;

    (void)state;
    for (int i = 0; i < ITEMS + AT_ONCE; i += AT_ONCE) {
        for (int j = 0; j < AT_ONCE; j++) {
            (void)snprintf(names[j], sizeof(names[j]), "#ticket/%d", i + j);
            told[j] = fact(names[j], 1, "x");
        }
        assert_int_equal(queue_facts_merge(queue, &item, 1), QUEUE_OK);
        assert_int_equal(item.all.count, 1);
        count = item.all.items[0].rank;
        queue_facts_done(&item, 1);
    }
    assert_int_equal(count, ITEMS);
    assert_int_equal(REDIS_NUMBER(&redis, "HLEN", ITEMS_KEY), FACT_ITEM_FIELDS_MAX + 1);
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
        TEST(what_is_told_lives_on_and_what_is_asked_does_not),
        TEST(items_told_again_are_not_written_again),
        TEST(items_are_counted_over_maxmemory),
        TEST(items_whose_facts_are_gone_are_counted_anew),
        TEST(a_total_without_room_is_left_out_and_the_others_stay_right),
        TEST(items_are_bounded_and_however_many_there_are_the_answer_is_small),
    };

    return cmocka_run_group_tests_name("queue_facts", tests, start_redis, stop_redis);
}
