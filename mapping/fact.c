/*
 * fact.c - what queue/scripts/facts.lua does to facts, done in memory.
 *
 * The script keeps items that have become one as one. Here there are few: they are kept as they
 * were told, and the totals are made anew.
 */
#include "mapping/fact.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SUM_SIZE = 24, /* a 64-bit number in decimal, with sign and NUL */
};

static bool
is_of_items(struct slice name)
{
    return name.data[0] == FACT_COUNTED || name.data[0] == FACT_SUMMED;
}

/* ---- names of items ------------------------------------------------------------------------ */

/* With its first letter. */
static struct slice
tally_of(const struct fact *item)
{
    return slice_before(item->name, '/');
}

static struct slice
names_of(const struct fact *item)
{
    const size_t tally = tally_of(item).size;

    return slice_skip(item->name, tally < item->name.size ? tally + 1 : tally);
}

/* Takes the next of names "a|b|c". False: there is none left. */
static bool
next_name(struct slice *names, struct slice *ret_name)
{
    while (names->size > 0) {
        *ret_name = slice_before(*names, '|');
        *names = slice_skip(
            *names, ret_name->size < names->size ? ret_name->size + 1 : ret_name->size);
        if (ret_name->size > 0) {
            return true;
        }
    }
    return false;
}

static bool
has_name(const struct fact *item, struct slice name)
{
    struct slice names = names_of(item);
    struct slice one;

    while (next_name(&names, &one)) {
        if (slice_equal(one, name)) {
            return true;
        }
    }
    return false;
}

static bool
share_a_name(const struct fact *a, const struct fact *b)
{
    struct slice names = names_of(a);
    struct slice name;

    while (next_name(&names, &name)) {
        if (has_name(b, name)) {
            return true;
        }
    }
    return false;
}

static bool
is_item_kept(const struct fact *item)
{
    const struct slice tally = tally_of(item);
    struct slice names = names_of(item);
    struct slice name;
    int64_t number;

    if (tally.size < 2 || memchr(tally.data, '=', tally.size) != NULL ||
        !next_name(&names, &name)) {
        return false;
    }
    if (item->name.data[0] == FACT_COUNTED) {
        return tally.size + 1 + item->text.size < FACT_NAME_SIZE;
    }
    return slice_to_int64(item->text, &number) && number <= FACT_NUMBER_MAX &&
           number >= -FACT_NUMBER_MAX;
}

bool
fact_is_kept(const struct fact *fact)
{
    return fact->name.size > 0 && fact->name.size < FACT_NAME_SIZE &&
           fact->text.size <= FACT_TEXT_MAX &&
           (!is_of_items(fact->name) || is_item_kept(fact));
}

/* ---- one of two ---------------------------------------------------------------------------- */

const struct fact *
facts_find(const struct facts *facts, struct slice name)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (slice_equal(facts->items[i].name, name)) {
            return &facts->items[i];
        }
    }
    return NULL;
}

static struct fact *
find_held(struct facts *facts, struct slice name)
{
    const struct fact *held = facts_find(facts, name);

    return held != NULL ? &facts->items[held - facts->items] : NULL;
}

static int
compare(struct slice a, struct slice b)
{
    const size_t size = a.size < b.size ? a.size : b.size;
    const int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static bool
wins(const struct fact *fact, const struct fact *held)
{
    if (fact->name.data[0] == FACT_FIRST) {
        return false;
    }
    if (fact->rank == held->rank) {
        return compare(fact->text, held->text) > 0;
    }
    return (fact->rank > held->rank) == (fact->name.data[0] == FACT_HIGHEST);
}

/* NULL: there is no room. */
static struct fact *
append(struct facts *facts, struct fact fact)
{
    if (facts->count + facts->told >= FACTS_MAX) {
        return NULL;
    }
    facts->items[facts->count] = fact;
    return &facts->items[facts->count++];
}

static void
keep(struct facts *facts, struct fact fact)
{
    struct fact *held = find_held(facts, fact.name);

    if (held == NULL) {
        (void)append(facts, fact);
    } else if (wins(&fact, held)) {
        *held = fact;
    }
}

/* ---- items and their totals ---------------------------------------------------------------- */

static struct fact *
told_at(struct facts *facts, size_t index)
{
    return &facts->items[FACTS_MAX - 1 - index];
}

static void
keep_item(struct facts *facts, struct fact item)
{
    for (size_t i = 0; i < facts->told; i++) {
        struct fact *held = told_at(facts, i);

        if (slice_equal(held->name, item.name)) {
            *held = wins(&item, held) ? item : *held;
            return;
        }
    }
    if (facts->count + facts->told < FACTS_MAX) {
        *told_at(facts, facts->told++) = item;
    }
}

/* All that have the number `old`, of the first `number`, get that. */
static void
renumber(size_t numbers[FACTS_MAX], size_t number, size_t old)
{
    for (size_t i = 0; i < number; i++) {
        numbers[i] = numbers[i] == old ? number : numbers[i];
    }
}

static void
join_to(struct facts *facts, size_t numbers[FACTS_MAX], size_t index)
{
    const struct fact *item = told_at(facts, index);

    for (size_t i = 0; i < index; i++) {
        if (numbers[i] != index && share_a_name(item, told_at(facts, i))) {
            renumber(numbers, index, numbers[i]);
        }
    }
}

/* What was told of one item, by whatever names, gets one number: that of the last of it. */
static void
number_items(struct facts *facts, size_t numbers[FACTS_MAX])
{
    for (size_t i = 0; i < facts->told; i++) {
        numbers[i] = i;
        join_to(facts, numbers, i);
    }
}

/* Of all that was told of its item to its tally this is what counts. */
static bool
counts(struct facts *facts, const size_t numbers[FACTS_MAX], size_t index)
{
    const struct fact *item = told_at(facts, index);

    for (size_t i = 0; i < facts->told; i++) {
        const struct fact *other = told_at(facts, i);

        if (i != index && numbers[i] == numbers[index] &&
            slice_equal(tally_of(other), tally_of(item)) &&
            (wins(other, item) || (i < index && !wins(item, other)))) {
            return false;
        }
    }
    return true;
}

static void
drop_totals(struct facts *facts)
{
    size_t left = 0;

    for (size_t i = 0; i < facts->count; i++) {
        if (!is_of_items(facts->items[i].name)) {
            facts->items[left++] = facts->items[i];
        }
    }
    facts->count = left;
}

static void
add_to_count(struct facts *facts, const struct fact *item, size_t *used)
{
    const struct slice tally = tally_of(item);
    char *name = facts->totals + *used;
    const size_t size = tally.size + 1 + item->text.size;

    if (size > FACT_TOTALS_SIZE - *used) {
        return;
    }
    memcpy(name, tally.data, tally.size);
    name[tally.size] = '=';
    if (item->text.size > 0) {
        memcpy(name + tally.size + 1, item->text.data, item->text.size);
    }
    struct fact *total = find_held(facts, (struct slice){name, size});

    if (total == NULL) {
        total = append(facts, (struct fact){.name = {name, size}});
        *used += size;
    }
    if (total != NULL) {
        total->rank++;
    }
}

/* 0 of no number. */
static int64_t
number_of(struct slice text)
{
    int64_t number;

    return slice_to_int64(text, &number) ? number : 0;
}

static void
add_to_sum(struct facts *facts, const struct fact *item, size_t *used)
{
    struct fact *total = find_held(facts, tally_of(item));

    if (total == NULL && SUM_SIZE <= FACT_TOTALS_SIZE - *used) {
        total = append(facts,
            (struct fact){.name = tally_of(item), .text = {facts->totals + *used, 0}});
        *used += SUM_SIZE;
    }
    if (total == NULL) {
        return;
    }
    char *text = facts->totals + (total->text.data - facts->totals);
    const int64_t sum = number_of(total->text) + number_of(item->text);

    total->text.size = (size_t)snprintf(text, SUM_SIZE, "%" PRId64, sum); /* fits */
    total->rank++;
}

static void
make_totals(struct facts *facts)
{
    size_t numbers[FACTS_MAX] = {0};
    size_t used = 0;

    drop_totals(facts);
    number_items(facts, numbers);
    for (size_t i = 0; i < facts->told; i++) {
        const struct fact *item = told_at(facts, i);

        if (!counts(facts, numbers, i)) {
            continue;
        }
        if (item->name.data[0] == FACT_COUNTED) {
            add_to_count(facts, item, &used);
        } else {
            add_to_sum(facts, item, &used);
        }
    }
}

void
facts_add(struct facts *facts, struct fact fact)
{
    if (!fact_is_kept(&fact)) {
        return;
    }
    if (is_of_items(fact.name)) {
        keep_item(facts, fact);
        make_totals(facts);
    } else {
        keep(facts, fact);
    }
}
