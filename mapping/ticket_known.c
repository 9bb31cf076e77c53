/*
 * ticket_known.c - from a ticket's facts to its tasks.
 */
#include "mapping/ticket_known.h"

#include "mapping/event_effect.h"
#include "mapping/event_subject.h"

enum {
    OPEN_MAX_H = 24, /* then TaskRouter deletes it; what it told us of that was lost */
};

static const int64_t open_max_ms = (int64_t)OPEN_MAX_H * 60 * 60 * MS_PER_S;

static struct task *
task_of(struct ticket *ticket, struct slice sid)
{
    for (size_t i = 0; i < ticket->count; i++) {
        if (slice_equal(ticket->tasks[i].sid, sid)) {
            return &ticket->tasks[i];
        }
    }
    if (ticket->count == TICKET_TASKS_MAX) {
        return NULL;
    }
    ticket->tasks[ticket->count] = (struct task){.sid = sid};
    return &ticket->tasks[ticket->count++];
}

static void
learn_of_task(struct task *task, struct slice what, const struct fact *fact)
{
    if (slice_is(what, "created")) {
        task->is_known = true;
        task->created_ms = fact->rank;
        task->direction = fact->text;
    } else if (slice_is(what, "outbound")) {
        task->is_outbound = true;
    } else if (slice_is(what, "closed")) {
        task->closed_how = fact->text;
        task->closed_ms = fact->rank;
        task->is_accepted |= slice_is(fact->text, "completed");
    } else if (slice_is(what, "accepted")) {
        task->is_accepted = true;
        task->accepted_ms = slice_is(fact->text, "then") ? fact->rank : 0;
    } else if (slice_is(what, "queued")) {
        task->queued_ms = fact->rank;
    } else if (slice_is(what, "heard")) {
        task->heard_ms = fact->rank;
    } else if (slice_is(what, "wrapup")) {
        task->wrapup_ms = fact->rank;
    } else if (slice_is(what, "call")) {
        task->call_ms = fact->rank;
    } else if (slice_is(what, "asked")) {
        task->is_asked = true;
    } else if (slice_is(what, "survey")) {
        task->is_survey = true;
    } else if (slice_is(what, "workflow")) {
        task->is_workflow_told = true;
    } else {
        ticket_learn_agent(task, what, fact->rank);
    }
}

/* "-WT….created", "+conversation", ... */
static void
learn_fact(struct ticket *ticket, struct slice own, const struct fact *fact)
{
    const struct slice name = slice_skip(fact->name, 1);
    const struct slice sid = slice_before(name, '.');
    const bool is_alone = !event_is_of_ticket(&ticket->reading->event, ticket->rules);

    if (slice_is(name, "conversation")) {
        ticket->inactive_ms =
            !is_alone && slice_is(fact->text, "inactive") ? fact->rank : 0;
        return;
    }
    if (!slice_starts(sid, "WT") || sid.size == name.size ||
        (is_alone && own.size > 0 && !slice_equal(sid, own))) {
        return;
    }
    struct task *task = task_of(ticket, sid);

    if (task != NULL) {
        learn_of_task(task, slice_skip(name, sid.size + 1), fact);
    }
}

/* A survey's task is none of the ticket's. */
static void
forget_surveys(struct ticket *ticket, struct slice own)
{
    size_t kept = 0;

    for (size_t i = 0; i < ticket->count; i++) {
        if (!ticket->tasks[i].is_survey || slice_equal(ticket->tasks[i].sid, own)) {
            ticket->tasks[kept++] = ticket->tasks[i];
        }
    }
    ticket->count = kept;
}

void
ticket_learn(struct ticket *ticket, const struct facts *facts)
{
    const struct slice own = slice_of(ticket->reading->event.task_sid);

    for (size_t i = 0; i < facts->count; i++) {
        learn_fact(ticket, own, &facts->items[i]);
    }
    forget_surveys(ticket, own);
    ticket->own = own.size > 0 ? task_of(ticket, own) : NULL;
}

static bool
is_one_of(const char *text, const struct rules_texts *texts)
{
    for (size_t i = 0; text != NULL && i < texts->count; i++) {
        if (slice_is_nocase(slice_of(text), texts->items[i])) {
            return true;
        }
    }
    return false;
}

/*
 * What the task is for: `conversations.kind` of Flex Insights, or how Flex's own template for
 * callbacks and voicemail marks its tasks.
 */
bool
ticket_is_of_kind(const struct ticket *ticket, const struct rules_texts *kinds)
{
    static const char *const paths[] = {
        "task_attributes/conversations/kind", "task_attributes/taskType"};

    for (size_t i = 0; i < LENGTH(paths); i++) {
        if (is_one_of(payload_text_at(ticket->reading->event.payload, paths[i]), kinds)) {
            return true;
        }
    }
    return false;
}

static int64_t
earlier(int64_t known_ms, int64_t told_ms)
{
    return told_ms > 0 && (known_ms == 0 || told_ms < known_ms) ? told_ms : known_ms;
}

/* When it was is not told of a task that was taken, and may have been taken before `ms`. */
static bool
may_be_earlier(const struct task *task, int64_t ms)
{
    return task->is_accepted && task->accepted_ms == 0 && task->created_ms < ms;
}

/*
 * Of two waits of a ticket the lower rank is the better informed one: the earlier acceptance, then one
 * that knows the queue, then the earlier begin.
 */
static int64_t
wait_rank(int64_t accepted_ms, bool is_by_queue, int64_t wait_s)
{
    const int64_t last_ms = INT64_C(1) << 42; /* in the year 2109; then all are alike */
    const int64_t longest_s = (INT64_C(1) << 19) - 1;
    const int64_t shorter_s = longest_s - (wait_s < longest_s ? wait_s : longest_s);

    return ((accepted_ms < last_ms ? accepted_ms : last_ms) << 20) +
           (is_by_queue ? 0 : INT64_C(1) << 19) + shorter_s;
}

/*
 * One wait for each ticket: who was handed on, or came back, is not counted again. An entry into a
 * queue behind the acceptance was not the first one, of which nobody told.
 */
static void
measure(const struct ticket *ticket, struct ticket_wait *wait)
{
    int64_t created_ms = 0;
    int64_t queued_ms = 0;
    int64_t accepted_ms = 0;
    bool is_known = true;

    for (size_t i = 0; i < ticket->count; i++) {
        created_ms = earlier(created_ms, ticket->tasks[i].created_ms);
        queued_ms = earlier(queued_ms, ticket->tasks[i].queued_ms);
        accepted_ms = earlier(accepted_ms, ticket->tasks[i].accepted_ms);
        wait->is_over |= slice_is(ticket->tasks[i].closed_how, "completed");
    }
    for (size_t i = 0; i < ticket->count; i++) {
        is_known = is_known && !may_be_earlier(&ticket->tasks[i], accepted_ms);
    }
    const bool is_by_queue = queued_ms > 0 && queued_ms <= accepted_ms;
    const int64_t began_ms = is_by_queue ? queued_ms : created_ms;

    if (is_known && began_ms > 0 && accepted_ms >= began_ms) {
        wait->wait_s = (accepted_ms - began_ms) / MS_PER_S;
        wait->rank = wait_rank(accepted_ms, is_by_queue, wait->wait_s);
    }
}

/* Who was called, or has left a message, has not. */
static bool
has_waited(const struct ticket *ticket)
{
    return !ticket->is_outbound &&
           !ticket_is_of_kind(ticket, &ticket->rules->callback_kinds) &&
           !ticket_is_of_kind(ticket, &ticket->rules->voicemail_kinds);
}

/*
 * Who gave up did nothing else. Other events are judged before all that counts has been told, and
 * say nothing of it.
 */
static void
say_waited(struct ticket *ticket)
{
    struct event *event = &ticket->reading->event;
    struct ticket_wait wait = {.wait_s = -1};

    if (!has_waited(ticket)) {
        return;
    }
    measure(ticket, &wait);
    if (event->type == EVENT_TASK_COMPLETED) {
        event->wait_s = wait.wait_s;
        event->wait_rank = wait.rank;
    } else if (event->type == EVENT_TASK_CANCELED) {
        event->wait_s = event->duration_s;
    }
}

void
ticket_know(struct ticket *ticket, struct event_reading *reading,
    const struct facts *facts, const struct rules *rules,
    const struct ticket_times *times)
{
    *ticket = (struct ticket){.reading = reading, .rules = rules, .times = times};
    ticket_learn(ticket, facts);
    ticket_learn_direction(ticket);
    say_waited(ticket);
    ticket_know_agent(ticket, facts);
    ticket_complete(ticket, facts);
    if (reading->event.type == EVENT_SURVEY_COMPLETED) {
        ticket_learn_answer(ticket, facts);
    }
}

bool
ticket_is_open(const struct task *task, int64_t time_ms)
{
    return task->closed_how.size == 0 && task->is_known &&
           time_ms - task->created_ms < open_max_ms;
}

bool
ticket_is_elsewhere_open(const struct ticket *ticket)
{
    for (size_t i = 0; i < ticket->count; i++) {
        if (&ticket->tasks[i] != ticket->own &&
            ticket_is_open(&ticket->tasks[i], ticket->times->now_ms)) {
            return true;
        }
    }
    return false;
}

/* A task that began later has brought it back, whoever told of that, or nobody. */
bool
ticket_is_parked(const struct ticket *ticket)
{
    for (size_t i = 0; i < ticket->count; i++) {
        if (ticket->tasks[i].created_ms > ticket->inactive_ms) {
            return false;
        }
    }
    return ticket->inactive_ms > 0;
}

void
ticket_waited(struct event_reading *reading, const struct facts *facts,
    const struct rules *rules, struct ticket_wait *ret_wait)
{
    struct ticket ticket = {.reading = reading, .rules = rules};

    ticket_learn(&ticket, facts);
    ticket_learn_direction(&ticket);
    *ret_wait = (struct ticket_wait){.wait_s = -1};
    if (has_waited(&ticket)) {
        measure(&ticket, ret_wait);
    }
}
