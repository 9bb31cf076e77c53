/*
 * ticket_agent.c - who had a ticket's task, and for how long.
 *
 * Twilio says who the agent is where it speaks of a reservation, and not where a task or a
 * conversation ends: so it is a fact of the task. Nothing of it is kept where events name no agent,
 * and the name only where they have it.
 *
 * Each span is of the task alone, and of what was told: where a time is not known, neither is what
 * would be measured from it.
 */
#include <assert.h>
#include <stdio.h>

#include "mapping/event_subject.h"
#include "mapping/sid.h"
#include "mapping/ticket_known.h"

/* ---- who ----------------------------------------------------------------------------------- */

static const char taken_by[] = "taken_by.";
static const char done_by[] = "done_by.";

void
ticket_say_agent(const struct event *event, const struct rules *rules, bool is_accepted,
    struct ticket_says *says)
{
    const char *sid = payload_text(event->payload, "worker_sid");
    const size_t before = says->fact_count;
    char fact[TICKET_NAME_SIZE];

    if (rules->agent == RULES_AGENT_NONE || sid == NULL || !sid_is(sid, "WK")) {
        return;
    }
    (void)snprintf(fact, sizeof fact, "+%s.%s%s", event->task_sid,
        is_accepted ? taken_by : done_by, sid); /* fits */
    ticket_add_fact(says, fact, event->date_ms, "");
    if (rules->agent == RULES_AGENT_NAME && says->fact_count > before) {
        says->facts[before].text = slice_cut_text(slice_of(event->agent), FACT_TEXT_MAX);
    }
}

static void
learn_last(struct agent *last, struct slice sid, int64_t told_ms)
{
    if (last->sid.size == 0 || told_ms > last->last_ms) {
        *last = (struct agent){sid, told_ms};
    }
}

void
ticket_learn_agent(struct task *task, struct slice what, int64_t told_ms)
{
    if (slice_starts(what, taken_by)) {
        learn_last(&task->taken_by, slice_skip(what, sizeof taken_by - 1), told_ms);
    } else if (slice_starts(what, done_by)) {
        learn_last(&task->done_by, slice_skip(what, sizeof done_by - 1), told_ms);
    }
}

/* Who took it last; where nobody told of that, who was done with it last. */
static struct agent
agent_of(const struct task *task)
{
    return task->taken_by.sid.size > 0 ? task->taken_by : task->done_by;
}

/* Of all that had one of the ticket's tasks. */
static struct slice
last_agent(const struct ticket *ticket)
{
    struct agent last = {0};

    for (size_t i = 0; i < ticket->count; i++) {
        const struct agent agent = agent_of(&ticket->tasks[i]);

        if (!ticket->tasks[i].is_survey && agent.sid.size > 0) {
            learn_last(&last, agent.sid, agent.last_ms);
        }
    }
    return last.sid;
}

/* A browser says by its SID which agent it was. */
static struct slice
find_agent(const struct ticket *ticket)
{
    const struct event *event = &ticket->reading->event;
    const char *sid = payload_text(event->payload, "worker_sid");

    if (sid != NULL) {
        return slice_of(sid);
    }
    if (event->type == EVENT_TASK_COMPLETED) {
        return ticket->own != NULL ? agent_of(ticket->own).sid : (struct slice){0};
    }
    return last_agent(ticket);
}

/* As a reservation of theirs told it; absent: none did. */
static struct slice
name_of(struct slice sid, const struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        const struct slice task = slice_before(fact->name, '.');
        struct task told = {0};

        if (task.size < fact->name.size) {
            ticket_learn_agent(&told, slice_skip(fact->name, task.size + 1), 0);
        }
        if (fact->text.size > 0 && slice_equal(agent_of(&told).sid, sid)) {
            return fact->text;
        }
    }
    return (struct slice){0};
}

/* Who gave up had none, and who asks has none yet. */
static bool
may_have_agent(const struct event *event)
{
    return event->type == EVENT_TASK_COMPLETED ||
           event->type == EVENT_CONVERSATION_ENDED ||
           event->type == EVENT_SURVEY_COMPLETED;
}

static void
know_who(struct ticket *ticket, const struct facts *facts)
{
    struct event *event = &ticket->reading->event;
    const bool is_by_name = ticket->rules->agent == RULES_AGENT_NAME;

    static_assert((int)FACT_TEXT_MAX < (int)EVENT_AGENT_SIZE, "an event has room for it");
    if (ticket->rules->agent == RULES_AGENT_NONE || event->agent != NULL ||
        !may_have_agent(event)) {
        return;
    }
    const struct slice sid = find_agent(ticket);
    const struct slice said = is_by_name && sid.size > 0 ? name_of(sid, facts) : sid;

    if (said.size > 0 &&
        slice_to_text(said, event->agent_known, sizeof event->agent_known)) {
        event_trace(ticket->reading, "agent: as the ticket's reservations say");
    }
}

/* ---- how long ------------------------------------------------------------------------------ */

static const int64_t longest_ms = (int64_t)TICKET_SPAN_MAX_DAYS * 24 * 60 * 60 * MS_PER_S;

int64_t
ticket_span_ms(int64_t from_ms, int64_t to_ms)
{
    return from_ms > 0 && to_ms >= from_ms && to_ms - from_ms < longest_ms
               ? to_ms - from_ms
               : -1;
}

void
ticket_measure_handling(
    const struct task *task, int64_t end_ms, struct ticket_handling *ret_handling)
{
    const bool is_wrapped = task->wrapup_ms > 0 && task->wrapup_ms <= end_ms &&
                            task->wrapup_ms >= task->accepted_ms;

    ret_handling->handle_ms =
        ticket_span_ms(task->accepted_ms, is_wrapped ? task->wrapup_ms : end_ms);
    ret_handling->wrapup_ms = is_wrapped ? ticket_span_ms(task->wrapup_ms, end_ms) : -1;
}

static int64_t
whole_seconds(int64_t span_ms)
{
    return span_ms < 0 ? -1 : span_ms / MS_PER_S;
}

static void
know_how_long(struct ticket *ticket)
{
    struct event *event = &ticket->reading->event;
    struct ticket_handling handling;

    if (event->type == EVENT_TASK_COMPLETED && ticket->own != NULL) {
        ticket_measure_handling(ticket->own, event->date_ms, &handling);
        event->handling_s = whole_seconds(handling.handle_ms);
        event->wrapup_s = whole_seconds(handling.wrapup_ms);
    }
}

void
ticket_know_agent(struct ticket *ticket, const struct facts *facts)
{
    know_who(ticket, facts);
    know_how_long(ticket);
}
