/*
 * ticket_alone.c - what one record by itself makes of its event: for `explain` and the like.
 */
#include "mapping/ticket.h"

void
ticket_judge_alone(struct event_reading *reading, const json_t *payload,
    const struct rules *rules, int64_t received_ms)
{
    const struct ticket_times times = {received_ms, received_ms};
    struct rules without_waits = *rules;
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
    if (verdict.decision == TICKET_WAITS) {
        without_waits.max_event_age_ms = 1; /* too old to wait for anything */
        without_waits.ticket_settle_ms = 0;
        without_waits.ticket_abandoned_after_ms = 0;
        without_waits.ticket_join_wait_ms = 0;
        without_waits.ticket_voice_end_ms = 0;
        without_waits.wait_notify_ms = 0;
        without_waits.identity_wait_ms = 0;
        without_waits.csat_settle_ms = 0;
        without_waits.csat_queue_wait_ms = 0;
        ticket_judge(reading, &facts, &without_waits, &times, &verdict);
    }
    if (verdict.decision == TICKET_FILTERED) {
        reading->verdict = EVENT_FILTERED;
        reading->reason = verdict.reason;
    }
}
