/*
 * history.c - what an event tells of its contact.
 */
#include "mapping/history.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/history_base.h"
#include "mapping/overwrite.h"
#include "mapping/request.h"
#include "mapping/sid.h"
#include "mapping/timestamp.h"

#define LIST_NAME "!list."

enum {
    LISTS_MAX = 2,
    ITEM_NAMES_MAX = 3,
};

static const char names_mark = '|';
/* What is said of a ticket without knowing its channel loses against whatever knows one. */
static const int64_t channel_unknown_rank = TIMESTAMP_MS_MAX + 1;

void
history_say(struct history_says *says, const char *name, int64_t rank, const char *text)
{
    const size_t i = says->fact_count;

    assert(i < HISTORY_FACTS_MAX);
    (void)snprintf(says->names[i], sizeof says->names[i], "%s", name);
    (void)snprintf(says->texts[i], sizeof says->texts[i], "%s", text);
    says->facts[says->fact_count++] = (struct fact){
        .name = slice_of(says->names[i]), .rank = rank, .text = slice_of(says->texts[i])};
}

/* ---- what Brevo has ------------------------------------------------------------------------ */

static void
tell_lists(const struct rules *rules, const json_t *existing, struct history_says *says)
{
    const int64_t lists[LISTS_MAX] = {
        rules->list_support_contacts, rules->list_csat_respondents};

    for (size_t i = 0; i < LISTS_MAX; i++) {
        char name[FACT_NAME_SIZE];

        if (lists[i] > 0 &&
            (request_ids_hold(json_object_get(existing, "listIds"), lists[i]) ||
                request_ids_hold(
                    json_object_get(existing, "listUnsubscribed"), lists[i]))) {
            (void)snprintf(name, sizeof name, LIST_NAME "%lld", (long long)lists[i]);
            history_say(says, name, 0, "");
        }
    }
}

static void
tell_base(const struct rules *rules, const json_t *existing, struct history_says *says)
{
    char text[HISTORY_TEXT_SIZE];

    for (size_t i = 0; i < HISTORY_BASES; i++) {
        const char *name = history_base_write(i, existing, rules, text);

        if (name != NULL) {
            history_say(says, name, 0, text);
        }
    }
}

/* ---- what the event says ------------------------------------------------------------------- */

static bool
is_repeated(const char *const *names, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (names[j] != NULL && strcmp(names[j], names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Adds one of an item's names. A ticket may have a name of anybody's choice: the mark is ours. */
static size_t
add_name(char item[FACT_NAME_SIZE], size_t size, bool is_first, const char *name)
{
    if (!is_first) {
        item[size++] = names_mark;
    }
    for (; *name != '\0'; name++) {
        item[size++] = *name;
        if (*name == names_mark) {
            item[size - 1] = '\x1f';
        }
    }
    item[size] = '\0';
    return size;
}

/*
 * "#ticket/KD…|WT…": whoever knows the ticket by any of its names means the same one. A conversation
 * is no such name, unless nobody knows a better one: another ticket may go on in it. False: the event
 * knows none.
 */
static bool
name_item(const struct event *event, const struct rules *rules, const char *tally,
    char ret_item[FACT_NAME_SIZE])
{
    static_assert(FACT_NAME_SIZE >= sizeof "#ticket/" + EVENT_TICKET_SIZE +
                                        sizeof(char[ITEM_NAMES_MAX - 1][SID_SIZE]),
        "all names of a ticket together must fit");
    const bool alone = rules->ticket_per_task;
    const char *const names[ITEM_NAMES_MAX] = {
        alone ? NULL : event->ticket,
        event->task_sid,
        alone ? NULL : event_interaction(event),
    };
    const size_t empty = (size_t)snprintf(ret_item, FACT_NAME_SIZE, "%s/", tally);
    size_t size = empty;

    for (size_t i = 0; i < ITEM_NAMES_MAX; i++) {
        if (names[i] != NULL && !is_repeated(names, i) &&
            size + 1 + strlen(names[i]) < FACT_NAME_SIZE) {
            size = add_name(ret_item, size, size == empty, names[i]);
        }
    }
    return size > empty;
}

static bool
is_support(enum event_type type)
{
    return type == EVENT_TASK_CREATED || type == EVENT_TASK_COMPLETED ||
           type == EVENT_TASK_CANCELED || type == EVENT_CONVERSATION_ENDED ||
           type == EVENT_TASK_WAITING;
}

static void
tell_ticket(
    const struct event *event, const struct rules *rules, struct history_says *says)
{
    const char *channel = channel_name(event->channel);
    char name[FACT_NAME_SIZE];

    if (!name_item(event, rules, "#ticket", name)) {
        return;
    }
    if (channel == NULL) {
        history_say(says, name, channel_unknown_rank, "");
        return;
    }
    history_say(says, name, event->date_ms, channel);
    (void)snprintf(name, sizeof name, "+channel.%s", channel);
    history_say(says, name, event->date_ms, "");
}

/* Beyond `wait.max` it was no wait: night, a weekend, a clock. A fact that comes late tells it, too. */
static void
tell_wait(const struct event *event, const struct rules *rules, struct history_says *says)
{
    char name[FACT_NAME_SIZE];
    char text[HISTORY_TEXT_SIZE];

    const bool may_know = event->type == EVENT_TYPE_COUNT || is_support(event->type);

    if (may_know && event->type != EVENT_TASK_CANCELED && event->wait_s >= 0 &&
        event->wait_s <= rules->wait_max_ms / MS_PER_S &&
        name_item(event, rules, "$wait", name)) {
        (void)snprintf(text, sizeof text, "%lld", (long long)event->wait_s);
        history_say(says, name, event->wait_rank, text);
    }
}

static void
tell_answer(const struct event *event, struct history_says *says)
{
    char text[HISTORY_TEXT_SIZE];

    if (event->type == EVENT_SURVEY_COMPLETED && !event->is_other_kind) {
        (void)snprintf(text, sizeof text, "%lld/%lld", (long long)event->score,
            (long long)event->score_max);
        history_say(says, "+csat", event->date_ms, text);
    }
}

void
history_read(const struct event *event, const struct rules *rules, const json_t *existing,
    struct history_says *ret_says)
{
    *ret_says = (struct history_says){0};
    if (existing != NULL) {
        tell_base(rules, existing, ret_says);
        tell_lists(rules, existing, ret_says);
    }
    tell_answer(event, ret_says);
    overwrite_read(event, rules, ret_says);
    if (is_support(event->type)) {
        history_say(ret_says, "+last", event->date_ms, "");
    }
    if (is_support(event->type) && event->direction != DIRECTION_OUTBOUND) {
        tell_ticket(event, rules, ret_says);
    }
    if (event->direction != DIRECTION_OUTBOUND) {
        tell_wait(event, rules, ret_says);
    }
}

/* ---- what was told ------------------------------------------------------------------------- */

static bool
add_left(json_t *existing, int64_t id)
{
    json_t *left = json_object_get(existing, "listUnsubscribed");

    if (!json_is_array(left)) { /* Brevo says null for none */
        left = json_array();
        if (json_object_set_new(existing, "listUnsubscribed", left) != 0) {
            return false;
        }
    }
    return request_ids_hold(left, id) ||
           json_array_append_new(left, json_integer(id)) == 0;
}

bool
history_recall(json_t *existing, const struct facts *known)
{
    for (size_t i = 0; i < known->count; i++) {
        const struct slice name = known->items[i].name;
        int64_t id;

        if (slice_starts(name, LIST_NAME) &&
            slice_to_int64(slice_skip(name, strlen(LIST_NAME)), &id) &&
            !add_left(existing, id)) {
            return false;
        }
    }
    return true;
}

int
history_alone(const struct event *event, const struct rules *rules, json_t *contact)
{
    struct history_says says;
    struct facts known = {0};

    history_read(event, rules, NULL, &says);
    if (says.failed) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < says.fact_count; i++) {
        facts_add(&known, says.facts[i]);
    }
    return history_write(contact, &known, NULL, rules);
}

bool
history_alone_said(const struct event *event, const struct rules *rules, json_t *contact,
    json_t *request)
{
    AUTO(payload_release) json_t *numbers = json_object();

    if (numbers == NULL || history_alone(event, rules, numbers) < 0) {
        return false;
    }
    return (rules->contact_properties && request != NULL &&
               request_event_carry(request, numbers)) ||
           json_object_update_recursive(contact, numbers) == 0;
}

json_t *
history_contact_alone(const struct event *event, const struct rules *rules)
{
    json_t *contact = request_contact(event, rules);

    if (contact != NULL && history_alone(event, rules, contact) < 0) {
        json_decref(contact);
        return NULL;
    }
    return contact;
}
