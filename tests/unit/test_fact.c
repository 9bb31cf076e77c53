/*
 * test_fact.c - facts in memory: what is kept at all, and how many. How they are merged is played
 * together with the script, in test_queue_items.c.
 */
#include <stdio.h>
#include <string.h>

#include "mapping/fact.h"
#include "tests/unit/unit.h"

static struct fact
fact(const char *name, int64_t rank, const char *text)
{
    return (struct fact){.name = slice_of(name), .rank = rank, .text = slice_of(text)};
}

static void
what_nobody_could_make_a_total_of_is_not_kept(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        bool is_kept;
    } cases[] = {
        {"+name", "", true},
        {"!name", "any", true},
        {"", "x", false},
        {"#ticket/a", "", true},
        {"#ticket/a|b|c", "voice", true},
        {"#ticket/a/b", "a/b", true},
        {"#ticket/|a||b|", "voice", true},
        {"#ticket/", "voice", false},
        {"#ticket/||", "voice", false},
        {"#/a", "voice", false},
        {"#", "voice", false},
        {"#tic=ket/a", "voice", false},
        {"#ticket=voice", "", false}, /* a total is not told */
        {"#ticket", "", false},
        {"$wait", "70", false},
        {"$wait/a|b", "70", true},
        {"$wait/a", "-70", true},
        {"$wait/a", "100000000000", true},
        {"$wait/a", "100000000001", false},
        {"$wait/a", "-100000000001", false},
        {"$wait/a", "", false},
        {"$wait/a", "1.5", false},
        {"$wait/a", "soon", false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct fact told = fact(cases[i].name, 1, cases[i].text);
        struct facts facts = {0};

        if (fact_is_kept(&told) != cases[i].is_kept) {
            fail_msg("'%s' '%s'", cases[i].name, cases[i].text);
        }
        facts_add(&facts, told);
        assert_int_equal(facts.count, cases[i].is_kept ? 1 : 0);
    }
}

static void
what_is_too_long_is_not_kept(void **state)
{
    static const char *const names[] = {"-", "#t/", "$w/"};
    char name[FACT_NAME_SIZE + 1];
    char text[FACT_TEXT_MAX + 2];

    (void)state;
    for (size_t i = 0; i < LENGTH(names); i++) {
        const size_t head = strlen(names[i]);

        memset(name, 'x', sizeof name);
        memcpy(name, names[i], head);
        name[FACT_NAME_SIZE - 1] = '\0';
        assert_true(fact_is_kept(&(struct fact){slice_of(name), slice_of("1"), 1}));
        name[FACT_NAME_SIZE - 1] = 'x';
        name[FACT_NAME_SIZE] = '\0';
        assert_false(fact_is_kept(&(struct fact){slice_of(name), slice_of("1"), 1}));
    }
    memset(text, 'x', sizeof text);
    text[FACT_TEXT_MAX + 1] = '\0';
    assert_false(fact_is_kept(&(struct fact){slice_of("-a"), slice_of(text), 1}));
    assert_true(fact_is_kept(&(struct fact){slice_of("-a"), slice_of(text + 1), 1}));
    /* "#t=<text>" must be a name again */
    const size_t longest = FACT_NAME_SIZE - 1 - strlen("#t=");

    assert_false(fact_is_kept(&(struct fact){slice_of("#t/a"), {text, longest + 1}, 1}));
    assert_true(fact_is_kept(&(struct fact){slice_of("#t/a"), {text, longest}, 1}));
}

static void
what_there_is_no_room_for_is_left_out(void **state)
{
    static char names[2 * FACTS_MAX][FACT_NAME_SIZE];
    struct facts facts = {0};

    (void)state;
    for (size_t i = 0; i < LENGTH(names); i++) {
        (void)snprintf(names[i], sizeof(names[i]), i % 2 == 0 ? "-n%zu" : "#t/n%zu", i);
        facts_add(&facts, fact(names[i], 1, "x"));
    }
    assert_int_equal(facts.count + facts.told, FACTS_MAX);
    assert_int_equal(facts_find(&facts, slice_of("#t=x"))->rank, facts.told);
}

/* Each total's name or sum takes some: a tally too many is not answered, the others stay right. */
static void
totals_without_room_are_left_out(void **state)
{
    static char names[60][FACT_NAME_SIZE];
    struct facts facts = {0};

    (void)state;
    for (size_t i = 0; i < LENGTH(names); i++) {
        (void)snprintf(names[i], sizeof(names[i]),
            i % 2 == 0 ? "#a_rather_long_tally%zu/x" : "$sum%zu/x", i);
        facts_add(&facts, fact(names[i], 1, "7"));
    }
    assert_in_range(facts.count, 30, 59);
    for (size_t i = 0; i < facts.count; i++) {
        const struct fact *total = &facts.items[i];
        const bool is_sum = total->name.data[0] == FACT_SUMMED;

        assert_int_equal(total->rank, 1);
        assert_true(slice_is(total->text, is_sum ? "7" : ""));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_could_make_a_total_of_is_not_kept),
        cmocka_unit_test(what_is_too_long_is_not_kept),
        cmocka_unit_test(what_there_is_no_room_for_is_left_out),
        cmocka_unit_test(totals_without_room_are_left_out),
    };

    return cmocka_run_group_tests_name("fact", tests, NULL, NULL);
}
