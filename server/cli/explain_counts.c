/*
 * explain_counts.c - what a record adds to the counters of queues and agents.
 */
#include "server/cli/explain_counts.h"

#include "mapping/analytics.h"
#include "mapping/ticket.h"

/* Of a task: with what others tell of it there may be a wait, too. */
static void
count_task(struct event_reading *reading, const struct explain_input *input,
    struct analytics *ret_analytics)
{
    struct ticket_says says;
    struct facts facts = {0};

    ticket_read(
        reading, reading->event.payload, &input->config->rules, input->now_ms, &says);
    for (size_t i = 0; i < says.fact_count; i++) {
        facts_add(&facts, says.facts[i]);
    }
    analytics_of_task(reading, &facts, &input->config->rules, ret_analytics);
}

bool
explain_counts(
    struct event_reading *reading, const struct explain_input *input, json_t *record)
{
    const bool are_kept = input->config->analytics_retention_ms > 0;
    struct analytics analytics = {0};

    if (are_kept) {
        count_task(reading, input, &analytics);
    }
    if (are_kept && input->config->sync_agent_activity && analytics.count == 0) {
        analytics_of_agent(&reading->event, &input->config->rules, &analytics);
    }
    json_t *counts = analytics.count > 0 ? json_object() : NULL;

    for (size_t i = 0; i < analytics.count; i++) {
        const struct analytics_count *count = &analytics.counts[i];

        if (json_object_set_new(counts, count->name, json_integer(count->value)) != 0) {
            json_decref(counts);
            return false;
        }
    }
    return analytics.count == 0 || json_object_set_new(record, "counts", counts) == 0;
}
