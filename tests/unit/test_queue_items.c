/*
 * test_queue_items.c - facts that are counted and summed: by the script and in memory the same,
 * whatever the order in which they are told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/facts.h"
#include "tests/unit/queue_fixture.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

enum {
    KNOWN_SIZE = 1024,
};

/* ---- what is known, as a text -------------------------------------------------------------- */

static int
by_name(const void *left, const void *right)
{
    const struct slice a = ((const struct fact *)left)->name;
    const struct slice b = ((const struct fact *)right)->name;
    const int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* "name=rank text;" of each, by name, without those beginning with `without`. */
static void
describe(const struct facts *facts, char without, char known[KNOWN_SIZE])
{
    struct fact sorted[FACTS_MAX];
    size_t size = 0;

    memcpy(sorted, facts->items, facts->count * sizeof(sorted[0]));
    qsort(sorted, facts->count, sizeof(sorted[0]), by_name);
    known[0] = '\0';
    for (size_t i = 0; i < facts->count; i++) {
        if (sorted[i].name.data[0] != without) {
            size += (size_t)snprintf(known + size, KNOWN_SIZE - size, "%.*s=%lld %.*s;",
                (int)sorted[i].name.size, sorted[i].name.data, (long long)sorted[i].rank,
                (int)sorted[i].text.size, sorted[i].text.data);
            assert_in_range(size, 1, KNOWN_SIZE - 1);
        }
    }
}

static void
tell(const char *subject, const struct fact *facts, size_t count, char known[KNOWN_SIZE])
{
    struct queue_facts item = {
        .subject = slice_of(subject), .facts = facts, .count = count};

    assert_int_equal(queue_facts_merge(queue, &item, 1), QUEUE_OK);
    describe(&item.all, '\0', known);
    queue_facts_done(&item, 1);
}

/* ---- every order --------------------------------------------------------------------------- */

struct telling {
    const char *name;
    int64_t rank;
    const char *text;
};

enum {
    TELLINGS_MAX = 5,
};

static struct fact
fact_of(const struct telling *telling)
{
    return (struct fact){slice_of(telling->name), slice_of(telling->text), telling->rank};
}

static void
swap(size_t *a, size_t *b)
{
    const size_t other = *a;

    *a = *b;
    *b = other;
}

/* Lehmer's code: the `number`th order of `count`. */
static void
order_of(size_t number, size_t count, size_t order[TELLINGS_MAX])
{
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (size_t i = 0; i + 1 < count; i++) {
        swap(&order[i], &order[i + number % (count - i)]);
        number /= count - i;
    }
}

static void
check_order(const struct telling *told, const size_t *order, size_t count,
    const char *subject, const char *expected)
{
    struct facts memory = {0};
    char known[KNOWN_SIZE];

    for (size_t i = 0; i < count + 1; i++) { /* the first once more: late and twice */
        const struct fact fact = fact_of(&told[order[i % count]]);

        tell(subject, &fact, 1, known);
        facts_add(&memory, fact);
    }
    assert_string_equal(known, expected);
    describe(&memory, '\0', known);
    assert_string_equal(known, expected);
}

static const struct {
    struct telling told[TELLINGS_MAX];
    const char *known;
} cases[] = {
    {{{"#ticket/a", 10, "voice"}, {"#ticket/b", 20, "voice"}}, "#ticket=voice=2 ;"},
    {{{"#ticket/a", 10, "voice"}, {"#ticket/a", 20, "sms"}}, "#ticket=voice=1 ;"},
    {{{"#ticket/a", 10, "voice"}, {"#ticket/a", 10, "sms"}}, "#ticket=voice=1 ;"},
    {{{"#ticket/a", 10, ""}, {"#ticket/b", 10, "sms"}}, "#ticket==1 ;#ticket=sms=1 ;"},
    {{{"#ticket/a", 99, ""}, {"#ticket/a", 20, "sms"}}, "#ticket=sms=1 ;"},
    /* names */
    {{{"#ticket/a", 10, "voice"}, {"#ticket/b", 20, "sms"},
         {"#ticket/a|b", 30, "webchat"}},
        "#ticket=voice=1 ;"},
    {{{"#ticket/a|b", 30, "sms"}, {"#ticket/b|c", 20, "voice"},
         {"#ticket/c|d", 10, "sms"}, {"#ticket/d", 40, "voice"}},
        "#ticket=sms=1 ;"},
    {{{"#ticket/a|b", 1, "x"}, {"#ticket/c|d", 2, "x"}, {"#ticket/d|a", 3, "x"},
         {"#ticket/e", 4, "x"}},
        "#ticket=x=2 ;"},
    {{{"#ticket/|a||b", 1, "x"}, {"#ticket/b|a|b", 2, "x"}}, "#ticket=x=1 ;"},
    {{{"#ticket/1", 1, "x"}, {"#ticket/2", 2, "x"}, {"#ticket/3|2", 3, "x"}},
        "#ticket=x=2 ;"},
    /* sums */
    {{{"$wait/a", 10, "70"}, {"$wait/b", 20, "5"}}, "$wait=2 75;"},
    {{{"$wait/a", 10, "70"}, {"$wait/a", 20, "5"}}, "$wait=1 70;"},
    {{{"$wait/a", 10, "70"}, {"$wait/b", 5, "-70"}, {"$wait/c", 5, "0"}}, "$wait=3 0;"},
    {{{"$wait/a", 10, "70"}, {"$wait/b", 5, "9"}, {"$wait/b|a", 7, "1"}}, "$wait=1 9;"},
    {{{"$wait/a", 1, "100000000000"}, {"$wait/b", 1, "99999999999"}},
        "$wait=2 199999999999;"},
    /* a name of one tally is one of all, and the others have their own items */
    {{{"#ticket/a", 1, "x"}, {"#ticket/b", 2, "x"}, {"$wait/a|b", 3, "9"}},
        "#ticket=x=1 ;$wait=1 9;"},
    {{{"$wait/a", 1, "3"}, {"$wait/b", 2, "5"}, {"#call/c|a", 7, "y"},
         {"#ticket/b|c", 3, "x"}},
        "#call=y=1 ;#ticket=x=1 ;$wait=1 3;"},
    /* beside the others */
    {{{"+last", 10, "a"}, {"#ticket/a", 10, "b"}, {"-first", 10, "c"}, {"!base", 10, "d"},
         {"$wait/a", 10, "1"}},
        "!base=10 d;#ticket=b=1 ;$wait=1 1;+last=10 a;-first=10 c;"},
    /* ranks that a double does not tell apart */
    {{{"-far", INT64_MAX, "a"}, {"-far", INT64_MAX - 1, "b"}},
        "-far=9223372036854775806 b;"},
    {{{"+far", INT64_MIN, "b"}, {"+far", INT64_MIN + 1, "a"}},
        "+far=-9223372036854775807 a;"},
    {{{"+far", INT64_C(9999999999999999), "b"},
         {"+far", INT64_C(10000000000000000), "a"}},
        "+far=10000000000000000 a;"},
    /* byte by byte, not as a dictionary would */
    {{{"+text", 1, "a"}, {"+text", 1, "B"}, {"+text", 1, "-b"}}, "+text=1 a;"},
    {{{"+text", 1, "\xc3\xa4"}, {"+text", 1, "z"}}, "+text=1 \xc3\xa4;"},
};

static void
in_every_order_the_same_is_counted(void **state)
{
    size_t subjects = 0;

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        size_t count = 0;
        size_t orders = 1;

        while (count < TELLINGS_MAX && cases[i].told[count].name != NULL) {
            orders *= ++count;
        }
        for (size_t j = 0; j < orders; j++) {
            size_t order[TELLINGS_MAX];
            char subject[32];

            order_of(j, count, order);
            (void)snprintf(subject, sizeof(subject), "contact/%zu", subjects++);
            check_order(cases[i].told, order, count, subject, cases[i].known);
        }
    }
}

static void
the_first_one_told_stays_whatever_the_ranks(void **state)
{
    static const struct telling told[] = {
        {"!base", 10, "a"}, {"!base", 5, "b"}, {"!base", 20, "z"}, {"!base", 10, "c"}};
    static const char *const expected[] = {
        "!base=10 a;", "!base=5 b;", "!base=20 z;", "!base=10 c;"};

    (void)state;
    for (size_t i = 0; i < LENGTH(told); i++) {
        size_t order[LENGTH(told)] = {0, 1, 2, 3};
        char subject[32];

        swap(&order[0], &order[i]);
        (void)snprintf(subject, sizeof(subject), "contact/%zu", i);
        check_order(told, order, LENGTH(told), subject, expected[i]);
    }
}

/* ---- any order ----------------------------------------------------------------------------- */

enum {
    SEEDS = 40,
    SHUFFLES = 6,
    RANDOM_TELLINGS = 24,
};

static unsigned
random_below(uint64_t *seed, unsigned limit)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*seed >> 33) % limit;
}

/* Few names, ranks and texts: so that they meet. */
static struct fact
random_fact(uint64_t *seed, char name[FACT_NAME_SIZE])
{
    static const char *const heads[] = {
        "+r", "-r", "!r", "#t/", "#t/", "#t/", "#u/", "$w/", "$w/"};
    static const char *const texts[] = {"", "1", "10", "-2", "3 4", "voice"};
    const char *head = heads[random_below(seed, LENGTH(heads))];
    const unsigned names = head[2] == '/' ? 1 + random_below(seed, 3) : 0;
    const char *text = texts[head[0] == '$' ? 1 + random_below(seed, 3)
                                            : random_below(seed, LENGTH(texts))];
    size_t size = (size_t)snprintf(name, FACT_NAME_SIZE, "%s", head);

    for (unsigned i = 0; i < names; i++) {
        size += (size_t)snprintf(name + size, FACT_NAME_SIZE - size, "%s%c",
            i > 0 ? "|" : "", 'a' + (int)random_below(seed, 12));
    }
    return (struct fact){
        slice_of(name), slice_of(text), (int64_t)random_below(seed, 9) - 4};
}

static void
shuffle(uint64_t *seed, struct fact *facts, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        const size_t other = random_below(seed, (unsigned)i);
        const struct fact fact = facts[i - 1];

        facts[i - 1] = facts[other];
        facts[other] = fact;
    }
}

/* Tells all, one to five in a call, some calls twice; in memory the same. */
static void
tell_all(
    uint64_t *seed, const char *subject, const struct fact *facts, char known[KNOWN_SIZE])
{
    struct facts memory = {0};
    char in_memory[KNOWN_SIZE];

    for (size_t at = 0; at < RANDOM_TELLINGS;) {
        const size_t wanted = 1 + random_below(seed, 5);
        const size_t left = RANDOM_TELLINGS - at;
        const size_t count = wanted < left ? wanted : left;

        tell(subject, facts + at, count, known);
        for (size_t i = 0; i < count; i++) {
            facts_add(&memory, facts[at + i]);
        }
        describe(&memory, '\0', in_memory);
        assert_string_equal(known, in_memory);
        at += random_below(seed, 8) > 0 ? count : 0;
    }
    describe(&memory, FACT_FIRST, known);
}

static void
in_any_order_memory_and_script_know_the_same(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= SEEDS; i++) {
        char names[RANDOM_TELLINGS][FACT_NAME_SIZE];
        struct fact facts[RANDOM_TELLINGS];
        char first[KNOWN_SIZE] = "";
        uint64_t seed = i;

        for (size_t j = 0; j < RANDOM_TELLINGS; j++) {
            facts[j] = random_fact(&seed, names[j]);
        }
        for (unsigned j = 0; j < SHUFFLES; j++) {
            char known[KNOWN_SIZE];
            char subject[32];

            (void)snprintf(subject, sizeof(subject), "contact/%u/%u", i, j);
            tell_all(&seed, subject, facts, known);
            if (j == 0) {
                memcpy(first, known, sizeof(first));
            }
            assert_string_equal(known, first);
            shuffle(&seed, facts, RANDOM_TELLINGS);
        }
    }
}

/* ---- copied -------------------------------------------------------------------------------- */

static bool
is_not_first(const struct fact *fact)
{
    return fact->name.data[0] != FACT_FIRST;
}

static void
copy(const char *from, const char *to)
{
    assert_int_equal(
        queue_facts_copy(queue, slice_of(from), slice_of(to), is_not_first, 0), QUEUE_OK);
}

static void
ask(const char *subject, char known[KNOWN_SIZE])
{
    struct queue_facts item = {.subject = slice_of(subject)};

    assert_int_equal(queue_facts_merge(queue, &item, 1), QUEUE_OK);
    describe(&item.all, FACT_FIRST, known);
    queue_facts_done(&item, 1);
}

static void
what_is_copied_is_known_as_if_it_had_been_told_there(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= SEEDS; i++) {
        char names[RANDOM_TELLINGS][FACT_NAME_SIZE];
        struct fact facts[RANDOM_TELLINGS];
        struct facts memory = {0};
        char known[KNOWN_SIZE];
        char in_memory[KNOWN_SIZE];
        char from[32];
        char to[32];
        uint64_t seed = i;

        (void)snprintf(from, sizeof(from), "from/%u", i);
        (void)snprintf(to, sizeof(to), "to/%u", i);
        for (size_t j = 0; j < RANDOM_TELLINGS; j++) {
            facts[j] = random_fact(&seed, names[j]);
            facts_add(&memory, facts[j]);
            tell(random_below(&seed, 2) == 0 ? from : to, &facts[j], 1, known);
            if (random_below(&seed, 8) == 0) {
                copy(from, to);
            }
        }
        copy(from, to);
        copy(from, to); /* again, it changes nothing */
        ask(to, known);
        describe(&memory, FACT_FIRST, in_memory);
        assert_string_equal(known, in_memory);
    }
}

static void
whatever_a_subject_has_of_items_all_are_copied(void **state)
{
    enum {
        ITEMS = 450, /* more than a page */
    };
    char known[KNOWN_SIZE];

    (void)state;
    for (int i = 0; i < ITEMS; i++) {
        char name[FACT_NAME_SIZE];

        (void)snprintf(name, sizeof(name), "#t/%d|other-%d", i, i);
        tell("from", &(struct fact){slice_of(name), slice_of("x"), i}, 1, known);
    }
    copy("from", "to");
    ask("to", known);
    assert_string_equal(known, "#t=x=450 ;");
}

/* Each name is short enough; all together are no fact's name any more. */
static void
an_item_of_many_names_is_copied_as_one(void **state)
{
    char known[KNOWN_SIZE];

    (void)state;
    for (int i = 0; i < 8; i++) {
        char name[FACT_NAME_SIZE];

        (void)snprintf(name, sizeof(name), "#t/%0*d|%0*d", 60, i, 60, i + 1);
        tell("from", &(struct fact){slice_of(name), slice_of("x"), i}, 1, known);
    }
    copy("from", "to");
    ask("to", known);
    assert_string_equal(known, "#t=x=1 ;");
}

static void
of_a_subject_nothing_is_known_of_nothing_is_copied(void **state)
{
    char known[KNOWN_SIZE];

    (void)state;
    tell("to", &(struct fact){slice_of("+a"), slice_of("x"), 1}, 1, known);
    copy("from", "to");
    ask("to", known);
    assert_string_equal(known, "+a=1 x;");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(in_every_order_the_same_is_counted),
        TEST(the_first_one_told_stays_whatever_the_ranks),
        TEST(in_any_order_memory_and_script_know_the_same),
        TEST(what_is_copied_is_known_as_if_it_had_been_told_there),
        TEST(whatever_a_subject_has_of_items_all_are_copied),
        TEST(an_item_of_many_names_is_copied_as_one),
        TEST(of_a_subject_nothing_is_known_of_nothing_is_copied),
    };

    return cmocka_run_group_tests_name("queue_items", tests, start_redis, stop_redis);
}
