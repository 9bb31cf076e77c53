/*
 * ticket.c - what a record says of its ticket.
 */
#include "mapping/ticket.h"

#include <stdio.h>
#include <string.h>

#include "mapping/derived.h"
#include "mapping/event_filter.h"
#include "mapping/survey.h"
#include "mapping/ticket_known.h"

const char ticket_link_name[] = "-ticket";
static const char last_link_name[] = "+ticket";
static const char contact_name[] = "+contact";
static const char called_prefix[] = "-called.";

/* What a type says of its task, or of the conversation. */
enum saying {
    SAYS_SEEN = 1,     /* there is such a task, since */
    SAYS_ASKED = 2,    /* its creation is told to Brevo, as far as one event knows */
    SAYS_ACCEPTED = 4, /* an agent took it */
    SAYS_CLOSED = 8,   /* as `text` */
    SAYS_STATE = 16,   /* the conversation is `text` */
    SAYS_QUEUED = 32,  /* it began to wait for an agent */
    SAYS_THEN = 64,    /* the agent took it at that time, not before */
    SAYS_CALL = 128,   /* its end may be that of a call */
    SAYS_WRAPUP = 256, /* the agent is done with the customer, and not yet with it */
    SAYS_AGENT = 512,  /* who the agent is */
};

static const struct {
    const char *type;
    unsigned says;
    const char *text;
} sayings[] = {
    {"task.created", SAYS_SEEN | SAYS_ASKED, ""}, {"task.updated", SAYS_SEEN, ""},
    {"task-queue.entered", SAYS_SEEN | SAYS_QUEUED, ""},
    {"reservation.accepted", SAYS_SEEN | SAYS_ACCEPTED | SAYS_THEN | SAYS_AGENT, ""},
    {"reservation.completed", SAYS_SEEN | SAYS_ACCEPTED | SAYS_AGENT, ""},
    {"task.wrapup", SAYS_SEEN | SAYS_ACCEPTED | SAYS_WRAPUP, ""},
    {"task.completed", SAYS_SEEN | SAYS_CLOSED, "completed"},
    {"task.canceled", SAYS_SEEN | SAYS_CLOSED, "canceled"},
    {"task.deleted", SAYS_SEEN | SAYS_CLOSED, "deleted"},
    {"task.system-deleted", SAYS_SEEN | SAYS_CLOSED, "deleted"},
    {"conversation.active", SAYS_STATE, "active"},
    {"conversation.inactive", SAYS_STATE, "inactive"},
    {"conversation.ended", SAYS_STATE, "closed"},
    {"call.ended", SAYS_CALL, ""}, /* as its task's end did */
    {"task.waiting", 0, ""},       /* only asks what became of it */
    {"survey.completed", 0, ""},   /* what was answered: ticket_survey.c */
};

void
ticket_add_fact(
    struct ticket_says *says, const char *name, int64_t rank, const char *text)
{
    char *kept = says->names[says->fact_count];

    if (slice_to_text(slice_of(name), kept, TICKET_NAME_SIZE)) {
        says->facts[says->fact_count++] =
            (struct fact){.name = slice_of(kept), .rank = rank, .text = slice_of(text)};
    }
}

/* Of the event's task. */
static void
add_fact(struct ticket_says *says, const struct event *event, const char *what,
    int64_t rank, const char *text)
{
    char name[TICKET_NAME_SIZE];

    (void)snprintf(name, sizeof name, "-%s.%s", event->task_sid, what); /* fits */
    ticket_add_fact(says, name, rank, text);
}

/* When the task began: TaskAge counts whole seconds, so the creation itself knows best. */
static int64_t
creation_ms(const struct event *event, const json_t *payload)
{
    int64_t age_s;

    if (event->type == EVENT_TASK_CREATED ||
        !payload_integer(payload, "task_age", &age_s) || age_s < 0 ||
        age_s > event->date_ms / MS_PER_S) {
        return event->date_ms;
    }
    return event->date_ms - age_s * MS_PER_S;
}

/*
 * Told together with the task's end: the record that is made of it may be read long after another
 * one's wait for it is over.
 */
static bool
may_end_call(const struct event_reading *reading, const struct rules *rules)
{
    enum event_type types[DERIVED_MAX];
    const size_t count = event_derived(reading, rules, types);
    bool may_end = false;

    for (size_t i = 0; i < count; i++) {
        may_end |= types[i] == EVENT_CONVERSATION_ENDED;
    }
    return may_end;
}

static void
say_facts(const struct event_reading *reading, const json_t *payload,
    const struct rules *rules, size_t saying, struct ticket_says *says)
{
    const struct event *event = &reading->event;
    const unsigned all = sayings[saying].says;

    if ((all & SAYS_STATE) != 0) {
        ticket_add_fact(says, "+conversation", event->date_ms, sayings[saying].text);
    }
    if (event->task_sid == NULL) {
        return;
    }
    if ((all & SAYS_SEEN) != 0) {
        add_fact(says, event, "created", creation_ms(event, payload),
            ticket_direction_told(event));
        if (event->direction == DIRECTION_OUTBOUND) {
            add_fact(says, event, "outbound", event->date_ms, "");
        }
    }
    if ((all & SAYS_ASKED) != 0 && reading->verdict == EVENT_DELIVER) {
        add_fact(says, event, "asked", event->date_ms, "");
    }
    if ((all & SAYS_ACCEPTED) != 0) {
        add_fact(says, event, "accepted", event->date_ms,
            (all & SAYS_THEN) != 0 ? "then" : "");
    }
    if ((all & SAYS_AGENT) != 0) {
        ticket_say_agent(event, rules, (all & SAYS_THEN) != 0, says);
        ticket_say_reservation(event, (all & SAYS_THEN) != 0, says);
    }
    if ((all & SAYS_QUEUED) != 0) {
        add_fact(says, event, "queued", event->date_ms, "");
    }
    if ((all & SAYS_WRAPUP) != 0) {
        add_fact(says, event, "wrapup", event->date_ms, "");
    }
    if ((all & SAYS_CALL) != 0 || may_end_call(reading, rules)) {
        add_fact(says, event, "call", event->date_ms, "");
    }
    if (survey_asks_workflow(rules) && payload_text(payload, "workflow_name") != NULL) {
        add_fact(says, event, "workflow", event->date_ms, "");
    }
    if ((all & SAYS_CLOSED) != 0) {
        add_fact(says, event, "closed", event->date_ms, sayings[saying].text);
    }
}

/* When its end was read: others wait for what is told with it. */
static void
say_heard(const struct event_reading *reading, int64_t now_ms, struct ticket_says *says)
{
    const struct event *event = &reading->event;

    if (event->task_sid != NULL &&
        (event->type == EVENT_TASK_COMPLETED || event->type == EVENT_TASK_CANCELED)) {
        add_fact(says, event, "heard", now_ms, "");
    }
}

static void
say_text(struct ticket_says *says, const char *name, int64_t rank, const char *text)
{
    if (text != NULL && text[0] != '\0' && says->fact_count < TICKET_FACTS_MAX) {
        says->facts[says->fact_count++] =
            (struct fact){.name = slice_of(name), .rank = rank, .text = slice_of(text)};
    }
}

void
ticket_say_customer(
    const struct customer *customer, int64_t date_ms, struct ticket_says *says)
{
    say_text(says, "-email", date_ms, customer->email);
    say_text(says, "-phone", date_ms, customer->phone);
    say_text(says, "-whatsapp", date_ms, customer->whatsapp);
    say_text(says, "-ext_id", date_ms, customer->ext_id);
}

/* Whose ticket it is: a conversation's end says only which conversation. */
static void
say_customer(const struct event *event, const json_t *payload, const struct rules *rules,
    struct ticket_says *says)
{
    if (event->task_sid != NULL &&
        customer_read(payload, rules, &says->customer) == CUSTOMER_OK) {
        ticket_say_customer(&says->customer, event->date_ms, says);
    }
}

/* By which channel it came, and how it is called: an end, or an answer, says only one name. */
static void
say_names(const struct event *event, struct ticket_says *says)
{
    if (event->task_sid != NULL) {
        say_text(says, "-channel", event->date_ms, channel_name(event->channel));
        say_text(says, "-conversation_sid", event->date_ms, event->conversation_sid);
        say_text(says, "-interaction_sid", event->date_ms, event->interaction_sid);
    }
}

/* An answer, or a survey's task, links nothing: who asks is not always told of the right names. */
static void
say_aliases(const struct event *event, const json_t *payload, struct ticket_says *says)
{
    const char *const others[TICKET_ALIASES_MAX] = {event->task_sid,
        event->conversation_sid, event->interaction_sid, event->call_sid};

    for (size_t i = 0; i < TICKET_ALIASES_MAX; i++) {
        if (others[i] != NULL && strcmp(others[i], event->ticket) != 0) {
            says->aliases[says->alias_count++] = others[i];
        }
    }
    says->links[says->link_count++] = (struct fact){.name = slice_of(ticket_link_name),
        .rank = event->date_ms,
        .text = slice_of(event->ticket)};
    if (event->task_sid != NULL) {
        says->links[says->link_count++] = (struct fact){.name = slice_of(last_link_name),
            .rank = creation_ms(event, payload),
            .text = slice_of(event->ticket)};
    }
}

void
ticket_read(const struct event_reading *reading, const json_t *payload,
    const struct rules *rules, int64_t now_ms, struct ticket_says *ret_says)
{
    const struct event *event = &reading->event;
    const bool is_answer = event->type == EVENT_SURVEY_COMPLETED;
    const struct slice type = slice_of(event->is_call ? "call.ended"
                                       : is_answer    ? event_type_name(event->type)
                                                   : payload_text(payload, "event_type"));

    *ret_says = (struct ticket_says){0};
    if (event->ticket == NULL || !event_concerns_tickets(event, rules)) {
        return;
    }
    for (size_t i = 0; i < LENGTH(sayings); i++) {
        if (!slice_is(type, sayings[i].type)) {
            continue;
        }
        ret_says->ticket = event->ticket;
        if (is_answer) {
            ticket_say_answer(reading, now_ms, ret_says);
        } else if (event->task_sid != NULL && survey_is_task(payload, rules)) {
            add_fact(ret_says, event, "survey", event->date_ms, "");
        } else {
            ret_says->is_about_waiting =
                (sayings[i].says & (SAYS_QUEUED | SAYS_THEN)) != 0;
            say_facts(reading, payload, rules, i, ret_says);
            say_heard(reading, now_ms, ret_says);
            say_customer(event, payload, rules, ret_says);
            say_names(event, ret_says);
            say_aliases(event, payload, ret_says);
        }
        return;
    }
}

bool
ticket_is_link(const struct fact *fact)
{
    return slice_is(fact->name, ticket_link_name) || slice_is(fact->name, last_link_name);
}

struct slice
ticket_link(const struct facts *facts)
{
    const struct fact *link = facts_find(facts, slice_of(ticket_link_name));

    return link != NULL ? link->text : (struct slice){0};
}

struct slice
ticket_link_at(const struct facts *facts, int64_t date_ms)
{
    const struct fact *last = facts_find(facts, slice_of(last_link_name));

    return last != NULL && last->rank <= date_ms ? last->text : ticket_link(facts);
}

bool
ticket_is_others(const struct fact *fact, const struct facts *facts, const char *ticket)
{
    const struct fact *last = facts_find(facts, slice_of(last_link_name));
    const bool is_last = last != NULL && slice_is(last->text, ticket);
    const bool is_first = slice_is(ticket_link(facts), ticket);

    if (last == NULL || (is_last && is_first) || !ticket_is_of_survey(fact)) {
        return false;
    }
    return is_last ? fact->rank < last->rank : fact->rank >= last->rank;
}

bool
ticket_called_fact(const char *ticket, char name[TICKET_NAME_SIZE], struct fact *ret_fact)
{
    const int size = snprintf(name, TICKET_NAME_SIZE, "%s%s", called_prefix, ticket);

    *ret_fact = (struct fact){.name = slice_of(name)};
    return size > 0 && size < TICKET_NAME_SIZE;
}

size_t
ticket_called(const struct facts *facts, const char *ticket,
    char ret_names[TICKET_CALLED_MAX][EVENT_TICKET_SIZE])
{
    size_t count = 0;

    for (size_t i = 0; i < facts->count && count < TICKET_CALLED_MAX; i++) {
        const struct slice name = facts->items[i].name;
        const struct slice called = slice_skip(name, strlen(called_prefix));

        if (slice_starts(name, called_prefix) && !slice_is(called, ticket) &&
            slice_to_text(called, ret_names[count], EVENT_TICKET_SIZE)) {
            count++;
        }
    }
    return count;
}

struct slice
ticket_contact(const struct facts *facts)
{
    const struct fact *contact = facts_find(facts, slice_of(contact_name));

    return contact != NULL ? contact->text : (struct slice){0};
}

struct fact
ticket_contact_fact(struct slice contact, int64_t date_ms)
{
    return (struct fact){
        .name = slice_of(contact_name), .rank = date_ms, .text = contact};
}

/* All words of it. */
static bool
has_words(const char *text, struct slice words)
{
    char word[RULES_REASON_MAX + 1];

    while (words.size > 0) {
        const size_t size = strcspn(words.data, " ");

        if (!slice_to_text((struct slice){words.data, size}, word, sizeof word) ||
            strcasestr(text, word) == NULL) {
            return false;
        }
        words = slice_skip(words, size < words.size ? size + 1 : size);
    }
    return true;
}

static bool
is_among(const char *reason, const struct rules_texts *reasons)
{
    for (size_t i = 0; i < reasons->count; i++) {
        if (has_words(reason, slice_of(reasons->items[i]))) {
            return true;
        }
    }
    return false;
}

const char *
ticket_outcome(const char *canceled_reason, const struct rules *rules)
{
    const char *reason = canceled_reason != NULL ? canceled_reason : "";

    if (is_among(reason, &rules->abandoned_reasons)) {
        return "abandoned";
    }
    return is_among(reason, &rules->unserved_reasons) ? "unserved" : NULL;
}
