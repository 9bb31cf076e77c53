/*
 * ticket_alone.c - what one record by itself makes of its event: for `explain` and the like.
 */
#include "mapping/ticket.h"

void
ticket_judge_alone(struct event_reading *reading, const json_t *payload,
    const struct rules *rules, int64_t received_ms)
{
    const struct ticket_times times = {
        .now_ms = received_ms, .read_ms = received_ms, .has_waited = true};
    struct ticket_verdict verdict;
    struct ticket_says says;
    struct facts facts = {0};

    if (!ticket_may_deliver(reading)) {
        return;
    }
    ticket_read(reading, payload, rules, received_ms, &says);
    for (size_t i = 0; i < says.fact_count; i++) {
        facts_add(&facts, says.facts[i]);
    }
    ticket_judge(reading, &facts, rules, &times, &verdict);
    if (verdict.decision == TICKET_FILTERED) {
        reading->verdict = EVENT_FILTERED;
        reading->reason = verdict.reason;
    }
}
