/*
 * telling.c - the facts of a record's ticket, wherever they are.
 *
 * A ticket has one name under which its facts are, and aliases: its tasks, its conversation. An
 * alias is told whose it is; it may have been told other things before anybody knew, and those are
 * brought to the ticket. What Brevo was told by then was told under that name: the ticket learns that
 * it was called so. Each step merges and reads at once, so whichever of two records comes second at an
 * alias finds what the first one left there.
 */
#include "server/deliver/telling.h"

#include <stdio.h>
#include <string.h>

enum {
    HOPS_MAX = 4, /* an alias of an alias: an interaction that is known by another name */
};

/* Only a conversation goes on through many tickets: other aliases are told once whose they are. */
static size_t
count_links(const struct ticket_says *says, size_t alias)
{
    return sid_is(says->aliases[alias], "CH") ? says->link_count : 1;
}

/* Tells the ticket and each alias; the ticket's answer comes first. */
static int
tell(const struct telling_place *place, const struct ticket_says *says,
    struct queue_facts items[1 + TICKET_ALIASES_MAX])
{
    items[0] = (struct queue_facts){.subject = slice_of(says->ticket),
        .facts = says->facts,
        .count = says->fact_count};
    for (size_t i = 0; i < says->alias_count; i++) {
        items[1 + i] = (struct queue_facts){.subject = slice_of(says->aliases[i]),
            .facts = says->links,
            .count = count_links(says, i)};
    }
    return place->merge(place->context, items, 1 + says->alias_count);
}

/* Names of facts, which are borrowed. */
struct called {
    char names[TICKET_ALIASES_MAX + HOPS_MAX][TICKET_NAME_SIZE];
    size_t count;
};

/* Whether anybody took it for the ticket's name: then it was told something. */
static bool
is_told(const struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (!ticket_is_link(&facts->items[i])) {
            return true;
        }
    }
    return false;
}

/* That `ticket` was called `name`, under which `facts` are, unless that was another; into `ret`. */
static void
add_called(struct called *called, const char *ticket, const char *name,
    const struct facts *facts, struct facts *ret)
{
    struct fact fact;

    if (slice_is(ticket_link(facts), ticket) && is_told(facts) &&
        called->count < LENGTH(called->names) &&
        ticket_called_fact(name, called->names[called->count], &fact)) {
        called->count++;
        facts_add(ret, fact);
    }
}

/* What `from` has of `ticket`, and `to` would have to be told; into `ret`, with the texts of `from`. */
static void
add_missing(const struct facts *from, const struct facts *to, const char *ticket,
    struct facts *ret)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct fact *fact = &from->items[i];
        const struct fact *held = facts_find(to, fact->name);

        if (!ticket_is_link(fact) && !ticket_is_others(fact, from, ticket) &&
            (held == NULL || held->rank != fact->rank ||
                !slice_equal(held->text, fact->text))) {
            facts_add(ret, *fact);
        }
    }
}

/*
 * The name under which the facts are that `item` has under the name `here`. False: this one. Two
 * that say so of each other are one ticket, by the name that sorts first.
 */
static bool
leads_elsewhere(const struct queue_facts *item, int64_t date_ms, const char *here,
    const char *before, char ret_there[EVENT_TICKET_SIZE])
{
    const struct slice link = sid_is(here, "CH") ? ticket_link_at(&item->all, date_ms)
                                                 : ticket_link(&item->all);

    return slice_to_text(link, ret_there, EVENT_TICKET_SIZE) && ret_there[0] != '\0' &&
           strcmp(ret_there, here) != 0 &&
           (strcmp(ret_there, before) != 0 || strcmp(before, here) < 0);
}

/*
 * Brings what was found elsewhere to the ticket, and follows it where it is called by another name:
 * `item` has the answer so far, `job` the ticket's name.
 */
static int
bring(const struct telling_place *place, struct job *job, const struct facts *found,
    struct called *called, struct queue_facts *item)
{
    const int64_t date_ms = job->reading.event.date_ms;
    char *ticket = job->ticket;
    char before[EVENT_TICKET_SIZE] = "";

    for (int hop = 0; hop < HOPS_MAX; hop++) {
        struct facts missing = {0};
        char there[EVENT_TICKET_SIZE];
        const bool moves = leads_elsewhere(item, date_ms, ticket, before, there);

        add_missing(found, &item->all, ticket, &missing);
        if (moves) {
            add_missing(&item->all, &(struct facts){0}, there, &missing);
            add_called(called, there, ticket, &item->all, &missing);
            memcpy(before, ticket, sizeof before);
            memcpy(ticket, there, sizeof there);
        } else if (missing.count == 0) {
            return QUEUE_OK;
        }
        struct queue_facts next = {
            .subject = slice_of(ticket), .facts = missing.items, .count = missing.count};
        const int r = place->merge(place->context, &next, 1);

        if (r != QUEUE_OK) {
            return r;
        }
        queue_facts_done(item, 1);
        *item = next;
    }
    return QUEUE_OK;
}

static void
note_names(struct job *job, const struct facts *facts)
{
    job->called_count = ticket_called(facts, job->ticket, job->called);
    if (!slice_to_text(ticket_link(facts), job->ticket_link, EVENT_TICKET_SIZE)) {
        job->ticket_link[0] = '\0';
    }
}

int
telling_hear_at(const struct telling_place *place, struct job *job,
    const struct rules *rules, struct facts *ret_facts)
{
    const struct ticket_says *says = &job->says;
    struct queue_facts items[1 + TICKET_ALIASES_MAX] = {0};
    struct facts found = {0};
    struct called called = {0};
    int r = tell(place, says, items);

    if (r != QUEUE_OK) {
        return r;
    }
    (void)snprintf(job->ticket, sizeof job->ticket, "%s", says->ticket); /* fits */
    for (size_t i = 0; i < says->alias_count; i++) {
        add_missing(&items[1 + i].all, &items[0].all, says->ticket, &found);
        add_called(&called, says->ticket, says->aliases[i], &items[1 + i].all, &found);
    }
    r = bring(place, job, &found, &called, &items[0]);
    if (r == QUEUE_OK) {
        note_names(job, &items[0].all);
        *ret_facts = items[0].all;
        items[0].all = (struct facts){0};
        event_set_ticket(&job->reading.event, rules, job->ticket);
    }
    queue_facts_done(items, LENGTH(items));
    return r;
}

static int
merge_in_queue(void *context, struct queue_facts *items, size_t count)
{
    return queue_facts_merge(context, items, count);
}

int
telling_hear(struct queue *queue, struct job *job, const struct rules *rules,
    struct facts *ret_facts)
{
    const struct telling_place place = {merge_in_queue, queue};

    return telling_hear_at(&place, job, rules, ret_facts);
}

void
telling_done(struct facts *facts)
{
    struct queue_facts item = {.all = *facts};

    queue_facts_done(&item, 1);
    *facts = (struct facts){0};
}
