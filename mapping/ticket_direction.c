/*
 * ticket_direction.c - who began a ticket: the customer or the business.
 */
#include "mapping/event_subject.h"
#include "mapping/ticket_known.h"

static const char none[] = "none"; /* is stated by its attributes */

const char *
ticket_direction_told(const struct event *event)
{
    const char *name = direction_name(event->direction);
    const bool is_silent =
        !json_is_object(json_object_get(event->payload, "task_attributes")) ||
        json_object_get(event->payload, "task_attributes_invalid") != NULL;

    return name != NULL ? name : is_silent ? "" : none;
}

enum event_direction
ticket_task_direction(const struct task *task)
{
    const bool is_inbound = slice_is(task->direction, "inbound");

    if (slice_is(task->direction, "outbound") || (!is_inbound && task->is_outbound)) {
        return DIRECTION_OUTBOUND;
    }
    return is_inbound ? DIRECTION_INBOUND : DIRECTION_UNKNOWN;
}

/* Of one whose attributes nobody told nothing is known. */
static const struct task *
first_of(const struct ticket *ticket)
{
    const struct task *first = NULL;

    for (size_t i = 0; i < ticket->count; i++) {
        const struct task *task = &ticket->tasks[i];
        const bool is_told = task->direction.size > 0 || task->is_outbound;

        if (task->is_known && is_told &&
            (first == NULL || task->created_ms < first->created_ms)) {
            first = task;
        }
    }
    return first;
}

/* What the ticket's first task states; one that states nothing is the customer's. */
static enum event_direction
direction_of(const struct ticket *ticket)
{
    const enum event_direction own = direction_read(ticket->reading->event.payload);
    const struct task *first = first_of(ticket);
    const enum event_direction stated =
        first != NULL ? ticket_task_direction(first) : own;
    const bool is_silent = stated == DIRECTION_UNKNOWN && own == DIRECTION_UNKNOWN;

    return stated == DIRECTION_OUTBOUND ? DIRECTION_OUTBOUND
           : is_silent                  ? DIRECTION_UNKNOWN
                                        : DIRECTION_INBOUND;
}

void
ticket_learn_direction(struct ticket *ticket)
{
    struct event *event = &ticket->reading->event;
    const enum event_direction direction = direction_of(ticket);

    ticket->is_outbound = direction == DIRECTION_OUTBOUND;
    if (event->direction != DIRECTION_UNKNOWN && event->direction != direction) {
        event_trace(ticket->reading,
            ticket->is_outbound ? "direction: outbound, as the ticket's first task"
                                : "direction: inbound, as the ticket's first task");
    }
    event->direction = direction;
}
