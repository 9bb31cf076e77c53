/*
 * fact.h - a fact: one thing that is known of a subject, in a form that may come late and twice.
 *
 * A fact has a name, a rank (mostly a time) and a text. Of two facts of one name and subject one
 * is kept, and the name's first letter is the rule by which:
 *
 *   +name            the one of the higher rank, of equal ranks the one of the greater text
 *   -name            the one of the lower rank, of equal ranks the one of the greater text
 *   !name            the first one told
 *   #tally/names     an item to be counted. Each item is kept by itself, as '-' is
 *   $tally/names     an item to be summed, likewise: its text is a whole number
 *
 * Items are not answered, their totals are: `#tally=text`, whose rank is how many items have this
 * text, and `$tally`, whose rank is how many items there are and whose text is their sum.
 *
 * An item may have several names, "a|b|c": they all mean the same, and that holds from then on,
 * in every tally of the subject. What was told as `a`, then as `b`, then as `a|b` is one item.
 *
 * So, but for '!', it does not matter in which order facts come, how often, or by how many ways:
 * what is known in the end is the same.
 */
#pragma once

#include "mapping/base.h"

#define FACT_HIGHEST '+'
#define FACT_LOWEST '-'
#define FACT_FIRST '!'
#define FACT_COUNTED '#'
#define FACT_SUMMED '$'

enum {
    FACT_NAME_SIZE = 208, /* with the NUL */
    FACT_TEXT_MAX = 640,
    FACTS_MAX = 128, /* of one subject, totals included; more are not kept */
    /*
     * What the items of one subject take in Redis: a field for each name, one for each tally an
     * item is in. 10,000 items of three names in two tallies; more are not counted.
     */
    FACT_ITEM_FIELDS_MAX = 50000,
    FACT_TOTALS_SIZE = 1024,
};

struct fact {
    struct slice name;
    struct slice text;
    int64_t rank;
};

/*
 * Names and texts are borrowed, from `storage` where that is not NULL. Names of totals made in
 * memory are in `totals`: what has some is not to be copied.
 */
struct facts {
    struct fact items[FACTS_MAX];
    size_t count;
    void *storage; /* queue/facts.h frees it */
    size_t told;   /* items merged in memory: at the end of `items` */
    char totals[FACT_TOTALS_SIZE];
};

/*
 * False of what is never kept: a fact without a name; with a name or text that is too long; a total
 * (they are not told); an item without a name, or with a '=' in its tally; a counted one whose
 * total's name would be too long; a summed one that is no number, or is over FACT_NUMBER_MAX.
 */
bool fact_is_kept(const struct fact *fact);
/* Either way: sums of so many stay exact everywhere. */
#define FACT_NUMBER_MAX INT64_C(100000000000)

/* NULL: not known. */
const struct fact *facts_find(const struct facts *facts, struct slice name);
/*
 * Keeps it, by the rule. What there is no room for is left out. Names and texts stay the caller's.
 * Items are merged with those told to these `facts` before, not with totals a queue answered.
 */
void facts_add(struct facts *facts, struct fact fact);
