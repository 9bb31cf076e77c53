/*
 * fact.c - what queue/scripts/facts.lua does to facts, done in memory.
 */
#include "mapping/fact.h"

#include <string.h>

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
    if (fact->rank == held->rank) {
        return compare(fact->text, held->text) > 0;
    }
    return (fact->rank > held->rank) == (fact->name.data[0] == FACT_HIGHEST);
}

void
facts_add(struct facts *facts, struct fact fact)
{
    for (size_t i = 0; i < facts->count; i++) {
        struct fact *held = &facts->items[i];

        if (slice_equal(held->name, fact.name)) {
            *held = wins(&fact, held) ? fact : *held;
            return;
        }
    }
    if (facts->count < FACTS_MAX) {
        facts->items[facts->count++] = fact;
    }
}
