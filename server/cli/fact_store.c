/*
 * fact_store.c - facts of many subjects in memory: a tree by the subject's name.
 */
#include "server/cli/fact_store.h"

#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

/* One allocation each for itself with its name, and for its facts with their texts. */
struct subject {
    struct slice name;
    struct fact *facts;
    size_t count;
    char text[];
};

static int
compare(const void *a, const void *b)
{
    const struct slice left = ((const struct subject *)a)->name;
    const struct slice right = ((const struct subject *)b)->name;

    if (left.size != right.size) {
        return left.size < right.size ? -1 : 1;
    }
    return memcmp(left.data, right.data, left.size);
}

static void
free_subject(void *subject)
{
    free(((struct subject *)subject)->facts);
    free(subject);
}

static struct subject *
find(const struct fact_store *store, struct slice name)
{
    const struct subject wanted = {.name = name};
    struct subject *const *found = tfind(&wanted, &store->root, compare);

    return found != NULL ? *found : NULL;
}

/* NULL when memory is out. */
static struct subject *
add(struct fact_store *store, struct slice name)
{
    struct subject *subject = malloc(sizeof(*subject) + name.size);

    if (subject == NULL) {
        return NULL;
    }
    *subject = (struct subject){.name = {subject->text, name.size}};
    memcpy(subject->text, name.data, name.size);
    if (tsearch(subject, &store->root, compare) == NULL) {
        free(subject);
        return NULL;
    }
    store->subjects++;
    return subject;
}

/* ---- facts and their texts ------------------------------------------------------------------- */

static size_t
texts_size(const struct facts *facts)
{
    size_t size = 0;

    for (size_t i = 0; i < facts->count; i++) {
        size += facts->items[i].name.size + facts->items[i].text.size;
    }
    return size;
}

static void
copy_facts(const struct facts *facts, struct fact *ret_facts, char *texts)
{
    for (size_t i = 0; i < facts->count; i++) {
        ret_facts[i].rank = facts->items[i].rank;
        ret_facts[i].name = slice_append(&texts, facts->items[i].name);
        ret_facts[i].text = slice_append(&texts, facts->items[i].text);
    }
}

static int
keep(struct subject *subject, const struct facts *facts)
{
    const size_t size = facts->count * sizeof(*subject->facts);
    struct fact *kept = malloc(size + texts_size(facts) + 1);

    if (kept == NULL) {
        return -ENOMEM;
    }
    copy_facts(facts, kept, (char *)kept + size);
    free(subject->facts);
    subject->facts = kept;
    subject->count = facts->count;
    return 0;
}

static int
answer(const struct facts *facts, struct facts *ret_all)
{
    char *texts = malloc(texts_size(facts) + 1);

    if (texts == NULL) {
        return -ENOMEM;
    }
    ret_all->count = facts->count;
    ret_all->storage = texts;
    copy_facts(facts, ret_all->items, texts);
    return 0;
}

/* ---- merged ---------------------------------------------------------------------------------- */

/* A fact that stays has the texts it was kept with. */
static bool
is_news(const struct subject *subject, const struct facts *merged)
{
    const size_t size = merged->count * sizeof(merged->items[0]);

    return subject->count != merged->count ||
           (size > 0 && memcmp(subject->facts, merged->items, size) != 0);
}

static int
merge(struct fact_store *store, struct queue_facts *item)
{
    struct subject *subject = find(store, item->subject);
    struct facts merged = {0};

    if (subject == NULL && store->subjects >= store->subjects_max) {
        store->left_out++;
    } else if (subject == NULL && (subject = add(store, item->subject)) == NULL) {
        return -ENOMEM;
    }
    if (subject != NULL && subject->count > 0) {
        merged.count = subject->count;
        memcpy(merged.items, subject->facts, merged.count * sizeof(merged.items[0]));
    }
    for (size_t i = 0; i < item->count; i++) {
        facts_add(&merged, item->facts[i]);
    }
    assert(merged.told == 0);
    const int r = answer(&merged, &item->all);

    return r == 0 && subject != NULL && is_news(subject, &merged) ? keep(subject, &merged)
                                                                  : r;
}

int
fact_store_merge(void *store, struct queue_facts *items, size_t count)
{
    int r = QUEUE_OK;

    for (size_t i = 0; i < count; i++) {
        items[i].all = (struct facts){0};
    }
    for (size_t i = 0; i < count && r == QUEUE_OK; i++) {
        r = merge(store, &items[i]);
    }
    if (r != QUEUE_OK) {
        queue_facts_done(items, count);
    }
    return r;
}

void
fact_store_done(struct fact_store *store)
{
    tdestroy(store->root, free_subject);
    store->root = NULL;
    store->subjects = 0;
}
