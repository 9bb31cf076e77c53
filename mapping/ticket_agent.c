/*
 * ticket_agent.c - what an agent did with a ticket's task.
 *
 * Each span is of the task alone, and of what was told: where a time is not known, neither is what
 * would be measured from it.
 */
#include "mapping/ticket_known.h"

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

void
ticket_know_agent(struct ticket *ticket)
{
    struct event *event = &ticket->reading->event;
    struct ticket_handling handling;

    if (event->type == EVENT_TASK_COMPLETED && ticket->own != NULL) {
        ticket_measure_handling(ticket->own, event->date_ms, &handling);
        event->handling_s = whole_seconds(handling.handle_ms);
        event->wrapup_s = whole_seconds(handling.wrapup_ms);
    }
}
