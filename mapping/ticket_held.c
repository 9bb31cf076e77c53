/*
 * ticket_held.c - whether a task goes on with another agent.
 *
 * A browser tells that its agent is done with a task, Twilio that the task is over. Where a call was
 * handed on within one task the customer talks to somebody else between the two. So each reservation
 * of a task is a fact of its ticket, as Twilio told of it last.
 */
#include <stdio.h>

#include "mapping/event_subject.h"
#include "mapping/ticket_wait.h"

enum {
    LOOK_MAX_MS =
        60 * 1000, /* Twilio's word comes into the same record, and wakes nobody */
};

static const char reservation[] = "reservation.";
static const char accepted[] = "accepted";
static const char completed[] =
    "completed"; /* the greater text: of one time it is kept */

void
ticket_say_reservation(
    const struct event *event, bool is_accepted, struct ticket_says *says)
{
    char name[TICKET_NAME_SIZE];
    const char *sid;
    const char *task_sid;

    if (event_reservation(event->payload, &sid, &task_sid)) {
        (void)snprintf(
            name, sizeof name, "+%s.%s%s", task_sid, reservation, sid); /* fits */
        ticket_add_fact(says, name, event->date_ms, is_accepted ? accepted : completed);
    }
}

/* Of a fact "+WT….reservation.WR…" of this task the reservation's SID; absent, when it is none. */
static struct slice
reservation_of(const struct fact *fact, const char *task_sid)
{
    const struct slice name = slice_skip(fact->name, 1);
    const struct slice task = slice_before(name, '.');
    const size_t size = task.size + sizeof reservation; /* with the '.' before it */

    return slice_is(task, task_sid) && size <= name.size &&
                   slice_starts(slice_skip(name, task.size + 1), reservation)
               ? slice_skip(name, size)
               : (struct slice){0};
}

/* A browser that names no reservation may speak of the only one, and of none beside others. */
static bool
is_held(const struct event *event, const struct facts *facts)
{
    const char *own = payload_text(event->payload, "reservation_sid");
    const bool is_named = own != NULL && sid_is(own, "WR");
    size_t told = 0;
    size_t open = 0;

    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        const struct slice sid = reservation_of(fact, event->task_sid);

        told += sid.size > 0;
        open += sid.size > 0 && slice_is(fact->text, accepted) &&
                !(is_named && slice_is(sid, own));
    }
    return open > 0 && (is_named || told > 1);
}

int64_t
ticket_held_left_ms(struct event_reading *reading, const struct facts *facts,
    const struct rules *rules, const struct ticket_times *times)
{
    const struct ticket ticket = {.reading = reading, .rules = rules, .times = times};

    const int64_t wait_ms =
        is_held(&reading->event, facts) ? ticket_look_again_ms(&ticket) : 0;

    if (wait_ms > 0) {
        event_trace(
            reading, "ticket: waits for Twilio's word, another agent has the task");
    }
    return wait_ms < LOOK_MAX_MS ? wait_ms : LOOK_MAX_MS;
}
