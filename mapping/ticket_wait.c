/*
 * ticket_wait.c - how long an event of a ticket waits for what others have to say.
 */
#include "mapping/ticket_wait.h"

enum {
    OPEN_WAIT_PARTS = 4,
    MARGIN_PARTS = 4, /* of the age: a last look falls into it, and what comes of that */
    LOOK_MIN_MS = 1000,
    LOOK_MAX_MS = 10 * 60 * 1000,
    MARGIN_MAX_MS = 2 * LOOK_MAX_MS,
    WAIT_MAX_H = 24, /* what was lost of another task must not lose this event, too */
};

/* When it was read first, or what it says of its task's end was told, which may be held back. */
static int64_t
heard_ms(const struct ticket *ticket)
{
    const int64_t heard_ms = ticket->own != NULL ? ticket->own->heard_ms : 0;

    return heard_ms > ticket->times->read_ms ? heard_ms : ticket->times->read_ms;
}

/* Of several completions it is the last one that resolves the ticket: it goes first. */
int64_t
ticket_settle_left_ms(const struct ticket *ticket)
{
    const int64_t settle_ms = ticket->rules->ticket_settle_ms;
    int64_t due_ms = heard_ms(ticket) + settle_ms;

    for (size_t i = 0; i < ticket->count; i++) {
        const struct task *task = &ticket->tasks[i];
        const bool is_later = slice_is(task->closed_how, "completed") &&
                              task->closed_ms > ticket->reading->event.date_ms;
        const int64_t theirs_ms = task->heard_ms + settle_ms + settle_ms;

        due_ms = is_later && theirs_ms > due_ms ? theirs_ms : due_ms;
    }
    return due_ms - ticket->times->now_ms;
}

int64_t
ticket_look_again_ms(const struct ticket *ticket)
{
    const struct rules *rules = ticket->rules;
    const int64_t day_ms = (int64_t)WAIT_MAX_H * 60 * 60 * MS_PER_S;
    const int64_t age_ms = ticket->times->now_ms - ticket->times->read_ms;
    const int64_t wait_ms = age_ms / OPEN_WAIT_PARTS;
    const bool is_shorter =
        rules->max_event_age_ms > 0 && rules->max_event_age_ms < day_ms;
    const int64_t whole_ms = is_shorter ? rules->max_event_age_ms : day_ms;
    const int64_t part_ms = whole_ms / MARGIN_PARTS;
    const int64_t margin_ms = part_ms < MARGIN_MAX_MS ? part_ms : MARGIN_MAX_MS;
    const int64_t last_ms = ticket->reading->event.date_ms + whole_ms - margin_ms;

    if (ticket->times->now_ms >= last_ms) {
        return 0;
    }
    return wait_ms < LOOK_MIN_MS   ? LOOK_MIN_MS
           : wait_ms > LOOK_MAX_MS ? LOOK_MAX_MS
                                   : wait_ms;
}

/* Another task's end resolves the ticket; should it never be told, this one does. */
int64_t
ticket_open_left_ms(const struct ticket *ticket)
{
    return ticket_is_elsewhere_open(ticket) ? ticket_look_again_ms(ticket) : 0;
}

/* It may come back, or turn out to have been closed. */
int64_t
ticket_parked_left_ms(const struct ticket *ticket)
{
    return ticket_is_parked(ticket) ? ticket_look_again_ms(ticket) : 0;
}

/*
 * Counted by Twilio's time, so that what comes late need not wait again; but the newer task's
 * record gets the time to settle, and a clock ahead of ours costs no more than one that is right.
 */
static int64_t
left_after_ms(
    const struct ticket *ticket, int64_t end_ms, int64_t heard_ms, int64_t wait_ms)
{
    const int64_t settle_ms = ticket->rules->ticket_settle_ms;
    const int64_t least_ms = heard_ms + (settle_ms < wait_ms ? settle_ms : wait_ms);
    int64_t due_ms = end_ms + wait_ms;

    due_ms = due_ms < least_ms ? least_ms : due_ms;
    due_ms = due_ms > heard_ms + wait_ms ? heard_ms + wait_ms : due_ms;
    return due_ms - ticket->times->now_ms;
}

int64_t
ticket_newer_left_ms(const struct ticket *ticket)
{
    return left_after_ms(ticket, ticket->reading->event.date_ms, heard_ms(ticket),
        ticket->rules->ticket_abandoned_after_ms);
}

int64_t
ticket_notify_left_ms(const struct ticket *ticket)
{
    const int64_t wait_ms = ticket->rules->wait_notify_ms;

    return left_after_ms(ticket, ticket->reading->event.date_ms - wait_ms,
        ticket->times->read_ms, wait_ms);
}

/* From the end of whichever task ended last: it may go on in another one. */
int64_t
ticket_call_left_ms(const struct ticket *ticket)
{
    const struct event *event = &ticket->reading->event;
    const int64_t wait_ms = ticket->rules->ticket_voice_end_ms;

    if (!event->is_call) {
        return 0;
    }
    int64_t left_ms = left_after_ms(ticket, event->date_ms, heard_ms(ticket), wait_ms);

    for (size_t i = 0; i < ticket->count; i++) {
        const struct task *task = &ticket->tasks[i];
        const int64_t theirs_ms =
            task->heard_ms > 0
                ? left_after_ms(ticket, task->closed_ms, task->heard_ms, wait_ms)
                : 0;

        left_ms = theirs_ms > left_ms ? theirs_ms : left_ms;
    }
    return left_ms;
}

int64_t
ticket_call_open_left_ms(const struct ticket *ticket)
{
    return ticket->reading->event.is_call ? ticket_open_left_ms(ticket) : 0;
}

/* Looked at each time as much later as has passed already. */
int64_t
ticket_look_later_ms(const struct ticket *ticket, int64_t began_ms, int64_t whole_ms)
{
    const int64_t age_ms = ticket->times->now_ms - began_ms;
    const int64_t left_ms = whole_ms - age_ms;
    const int64_t wait_ms = age_ms > LOOK_MIN_MS ? age_ms : LOOK_MIN_MS;

    return left_ms < wait_ms ? left_ms : wait_ms;
}

int64_t
ticket_join_left_ms(const struct ticket *ticket)
{
    return ticket->count > 0 ? 0
                             : ticket_look_later_ms(ticket, ticket->times->read_ms,
                                   ticket->rules->ticket_join_wait_ms);
}

int64_t
ticket_identity_left_ms(const struct ticket *ticket)
{
    const bool is_created = ticket->reading->event.type == EVENT_TASK_CREATED;

    if (!ticket->reading->lacks_customer ||
        event_is_too_old(&ticket->reading->event, ticket->rules, ticket->times->now_ms)) {
        return 0;
    }
    return ticket_look_later_ms(ticket,
        is_created ? ticket->times->read_ms : heard_ms(ticket),
        ticket->rules->identity_wait_ms);
}
