/*
 * fact.h - a fact: one thing that is known of a subject, in a form that may come late and twice.
 *
 * A fact has a name, a rank (mostly a time) and a text. Of two facts of one name and subject one
 * is kept, and the name's first letter is the rule by which: '+' the one of the higher rank, '-'
 * the one of the lower, and of equal ranks the one of the greater text. So it does not matter in
 * which order facts come, how often, or by how many ways: what is known in the end is the same.
 */
#pragma once

#include "mapping/base.h"

#define FACT_HIGHEST '+'
#define FACT_LOWEST '-'

enum {
    FACT_NAME_SIZE = 96, /* with the NUL */
    FACT_TEXT_MAX = 256,
    FACTS_MAX = 128, /* of one subject; more are not kept */
};

struct fact {
    struct slice name;
    struct slice text;
    int64_t rank;
};

/* Texts are borrowed, from `storage` where that is not NULL. */
struct facts {
    struct fact items[FACTS_MAX];
    size_t count;
    void *storage; /* queue/facts.h frees it */
};

/* NULL: not known. */
const struct fact *facts_find(const struct facts *facts, struct slice name);
/* Keeps it, by the rule. What there is no room for is left out. The texts stay the caller's. */
void facts_add(struct facts *facts, struct fact fact);
