/*
 * history.h - what is known of a contact beyond one event, and its attributes by that.
 *
 * Each event that is delivered tells facts (fact.h) of its contact. The computed attributes are a
 * pure function of all that were told, among them what Brevo had before we first wrote it: so they
 * are the same in whatever order, how often and by how many workers events were delivered.
 *
 *   !base.count       how many tickets Brevo had before us, "-" for none. Of these three each is
 *                     told only while its attribute is mapped: what is not, we do not write
 *   !base.wait        the average wait in s, likewise
 *   !base.channel     the preferred channel, likewise
 *   !list.<n>         the contact has once joined list n, or left it
 *   +last             when there last was a support event
 *   #ticket/<names>   an inbound ticket, by all its names; its channel, "" when none is known
 *   +channel.<name>   when a ticket last came by it
 *   $wait/<names>     how many seconds a ticket's customer waited
 *   +csat             the latest answer: "<score>/<score_max>"
 *   +field.<NAME>     a profile field that overwrites, as overwrite.h has it
 *
 * Pure. docs/mapping.md has the attributes by example.
 */
#pragma once

#include "mapping/event.h"
#include "mapping/fact.h"

enum {
    HISTORY_FACTS_MAX = 12 + RULES_OVERWRITES_MAX,
    HISTORY_TEXT_SIZE = 260, /* of a fact, with the NUL */
};

/* What an event tells of its contact. The facts point into it: it must stay where it is. */
struct history_says {
    struct fact facts[HISTORY_FACTS_MAX];
    size_t fact_count;
    bool failed; /* memory is out: something is missing */
    char names[HISTORY_FACTS_MAX][FACT_NAME_SIZE];
    char texts[HISTORY_FACTS_MAX][HISTORY_TEXT_SIZE];
};

/*
 * `existing` is the contact as Brevo answered GET /contacts/{id} with it; an empty object for one that
 * was just created and has no attributes of ours yet; NULL: nobody has looked, and nothing is said of it.
 */
void history_read(const struct event *event, const struct rules *rules,
    const json_t *existing, struct history_says *ret_says);
/* One fact more, of which there is room for two; copies name and text. */
void history_say(
    struct history_says *says, const char *name, int64_t rank, const char *text);

/*
 * Lists the contact has once joined count as left, so that request_contact_reduce() does not join
 * them again when a person took the contact out. False when memory is out.
 */
bool history_recall(json_t *existing, const struct facts *known) MUST_USE;

/*
 * Adds to a contact body, reduced by request_contact_reduce(), each computed attribute that is not
 * what `existing` has. `known` is everything that was told of the contact, its base included.
 * Returns 1 when something was added, 0 when Brevo has it all (or customers are not synchronised),
 * or -ENOMEM.
 */
int history_write(json_t *contact, const struct facts *known, const json_t *existing,
    const struct rules *rules) MUST_USE;

/* The same as if the contact were new, and this event the only one ever told. */
int history_alone(
    const struct event *event, const struct rules *rules, json_t *contact) MUST_USE;
/*
 * The same where a delivery says it: in `request`, the event's body, when that may carry it, else in
 * `contact`. `request` is NULL when the event is not sent. False when memory is out.
 */
bool history_alone_said(const struct event *event, const struct rules *rules,
    json_t *contact, json_t *request) MUST_USE;
/* request_contact() with that: what is shown of an event alone. NULL when memory is out. */
json_t *history_contact_alone(
    const struct event *event, const struct rules *rules) MUST_USE;
