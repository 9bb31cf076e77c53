/*
 * mapping_side.c - what one configuration makes of recorded events.
 */
#include "server/cli/mapping_side.h"

#include <stdio.h>
#include <string.h>

#include "mapping/twilio_type.h"
#include "server/deliver/telling.h"

enum {
    SUBJECTS_MAX = 500 * 1000, /* about 100,000 tickets, with their tasks: 300 MB */
};

void
mapping_side_init(struct mapping_side *side, const struct config *config, int64_t now_ms)
{
    *side = (struct mapping_side){.config = config,
        .now_ms = now_ms,
        .told = {.subjects_max = SUBJECTS_MAX},
        .claims = {.subjects_max = SUBJECTS_MAX}};
}

void
mapping_side_done(struct mapping_side *side)
{
    fact_store_done(&side->told);
    fact_store_done(&side->claims);
}

/* ---- told ------------------------------------------------------------------------------------ */

/* Its reading, and all that is known of its ticket; *ret_facts is empty where it has none. */
static int
hear(struct mapping_side *side, const struct mapping_record *record, struct job *job,
    struct facts *ret_facts)
{
    const struct rules *rules = &side->config->rules;
    const struct telling_place place = {fact_store_merge, &side->told};
    const struct event_context context = {
        .record_key = slice_of(record->key),
        .received_ms = record->received_ms > 0 ? record->received_ms : side->now_ms,
    };

    event_read(record->payload, rules, &context, &job->reading);
    ticket_read(&job->reading, record->payload, rules, context.received_ms, &job->says);
    return job->says.ticket != NULL ? telling_hear_at(&place, job, rules, ret_facts) : 0;
}

int
mapping_side_tell(struct mapping_side *side, const struct mapping_record *record)
{
    struct job job = {0};
    struct facts facts = {0};
    const int r = hear(side, record, &job, &facts);

    telling_done(&facts);
    return r;
}

/* ---- claimed --------------------------------------------------------------------------------- */

/*
 * Of several that would tell the same the lowest one does: of completions the last, as they give way
 * to each other; else the earliest, and what ends a call waits to see whether it goes on.
 */
static int64_t
claim_rank(const struct event *event, const struct rules *rules)
{
    if (event->type == EVENT_TASK_COMPLETED) {
        return -event->date_ms;
    }
    return event->date_ms + (event->is_call ? rules->ticket_voice_end_ms : 0);
}

/* By the ticket's best name alone: the names are all known by now. */
static int
claim_effect(
    struct mapping_side *side, const struct mapping_record *record, struct job *job)
{
    struct event_reading *reading = &job->reading;
    const struct fact fact = {.name = slice_of("-record"),
        .rank = claim_rank(&reading->event, &side->config->rules),
        .text = slice_of(record->key)};
    struct queue_facts item = {
        .subject = slice_of(reading->event.effect_key), .facts = &fact, .count = 1};
    const int r = fact_store_merge(&side->claims, &item, 1);

    if (r == 0 && !slice_is(item.all.items[0].text, record->key)) {
        reading->verdict = EVENT_FILTERED;
        reading->reason = "already_delivered";
    }
    queue_facts_done(&item, 1);
    return r;
}

/* ---- judged ---------------------------------------------------------------------------------- */

/* Until when whoever waits for others hears of them, by Twilio's time. */
static int64_t
heard_until_ms(const struct event *event, const struct rules *rules)
{
    if (event->type == EVENT_TASK_WAITING) {
        return event->date_ms;
    }
    if (event->type == EVENT_TASK_CANCELED) {
        return event->date_ms + rules->ticket_abandoned_after_ms;
    }
    return event->is_call ? event->date_ms + rules->ticket_voice_end_ms : INT64_MAX;
}

/* "-WT….created": its task is none of those that are known by then. */
static bool
is_of_later_task(const struct fact *fact, const struct facts *facts, int64_t until_ms)
{
    const struct slice task = slice_before(slice_skip(fact->name, 1), '.');
    char name[TICKET_NAME_SIZE];

    (void)snprintf(name, sizeof name, "-%.*s.created", (int)task.size, task.data);
    const struct fact *created = facts_find(facts, slice_of(name));

    return created != NULL && created->rank > until_ms;
}

/*
 * What was told when the event's wait was over. Who waits to be taken is judged by nothing that came
 * later; who waits for another task may hear of that one for longer.
 */
static void
take_until(const struct facts *facts, const struct event *event,
    const struct rules *rules, struct facts *ret_known)
{
    const int64_t until_ms = heard_until_ms(event, rules);
    const bool is_waiting = event->type == EVENT_TASK_WAITING;

    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];

        if (is_waiting ? fact->rank <= until_ms
                       : !is_of_later_task(fact, facts, until_ms)) {
            ret_known->items[ret_known->count++] = *fact;
        }
    }
}

static void
judge_by_ticket(const struct mapping_side *side, const struct facts *facts,
    struct event_reading *reading)
{
    const struct rules *rules = &side->config->rules;
    const struct ticket_times times = {
        .now_ms = side->now_ms, .read_ms = side->now_ms, .has_waited = true};
    struct ticket_verdict verdict;
    struct facts known = {0};

    take_until(facts, &reading->event, rules, &known);
    ticket_judge(reading, &known, rules, &times, &verdict);
    if (verdict.decision == TICKET_FILTERED) {
        reading->verdict = EVENT_FILTERED;
        reading->reason = verdict.reason;
    }
}

/* What ends with a call's task is a record where such an end is told only. */
static bool
is_made(const struct event *event, const struct rules *rules)
{
    return !event->is_call || rules->ticket_voice_end_ms > 0;
}

/* Reasons that may be for want of something that is not recorded. */
static const char *
find_doubt(const struct mapping_side *side, const struct job *job)
{
    const struct event_reading *reading = &job->reading;
    const bool may_ask = side->config->identity_asks_twilio && job->says.ticket != NULL &&
                         reading->event.conversation_sid != NULL;

    return reading->verdict == EVENT_FILTERED &&
                   is_made(&reading->event, &side->config->rules) &&
                   (strcmp(reading->reason, TICKET_REASON_NOT_FLEX) == 0 ||
                       (reading->lacks_customer && may_ask))
               ? reading->reason
               : NULL;
}

int
mapping_side_judge(struct mapping_side *side, const struct mapping_record *record,
    struct mapping_judgement *ret_judgement)
{
    const size_t left_out = side->told.left_out + side->claims.left_out;
    const struct rules *rules = &side->config->rules;
    struct facts facts = {0};

    *ret_judgement = (struct mapping_judgement){0};
    struct job *job = &ret_judgement->job;
    struct event_reading *reading = &job->reading;
    int r = hear(side, record, job, &facts);

    if (r == 0 && job->says.ticket != NULL && ticket_may_deliver(reading)) {
        judge_by_ticket(side, &facts, reading);
    }
    telling_done(&facts);
    ret_judgement->is_made = is_made(&reading->event, rules);
    if (r == 0 && reading->verdict == EVENT_DELIVER && ret_judgement->is_made) {
        r = claim_effect(side, record, job);
    }
    ret_judgement->is_mute =
        reading->verdict == EVENT_DELIVER && record->received_ms > 0 &&
        event_is_too_old(&reading->event, rules, record->received_ms);
    ret_judgement->doubt = side->told.left_out + side->claims.left_out > left_out
                               ? "no_room"
                               : find_doubt(side, job);
    return r;
}
