/*
 * analytics.c - what a record adds to which counters.
 */
#include "mapping/analytics.h"

#include <stdio.h>
#include <string.h>

#include "mapping/event_filter.h"
#include "mapping/sid.h"
#include "mapping/survey.h"
#include "mapping/ticket_known.h"
#include "mapping/timestamp.h"

static const int64_t longest_ms = (int64_t)TICKET_SPAN_MAX_DAYS * 24 * 60 * 60 * MS_PER_S;

const int64_t analytics_waits_s[ANALYTICS_WAITS - 1] = {
    5, 10, 20, 30, 60, 120, 300, 600, 1800};

static const char *const names[ANALYTICS_WHAT_COUNT] = {
    [ANALYTICS_HANDLED] = "handled",
    [ANALYTICS_ABANDONED] = "abandoned",
    [ANALYTICS_SHORT] = "short",
    [ANALYTICS_UNSERVED] = "unserved",
    [ANALYTICS_CANCELED] = "canceled",
    [ANALYTICS_WAIT] = "wait_5",
    [ANALYTICS_WAIT + 1] = "wait_10",
    [ANALYTICS_WAIT + 2] = "wait_20",
    [ANALYTICS_WAIT + 3] = "wait_30",
    [ANALYTICS_WAIT + 4] = "wait_60",
    [ANALYTICS_WAIT + 5] = "wait_120",
    [ANALYTICS_WAIT + 6] = "wait_300",
    [ANALYTICS_WAIT + 7] = "wait_600",
    [ANALYTICS_WAIT + 8] = "wait_1800",
    [ANALYTICS_WAIT + 9] = "wait_longer",
    [ANALYTICS_WAIT_MS] = "wait_ms",
    [ANALYTICS_HANDLE] = "handle",
    [ANALYTICS_HANDLE_MS] = "handle_ms",
    [ANALYTICS_WRAPUP] = "wrapup",
    [ANALYTICS_WRAPUP_MS] = "wrapup_ms",
    [ANALYTICS_ABANDON] = "abandon",
    [ANALYTICS_ABANDON_MS] = "abandon_ms",
    [ANALYTICS_ACTIVITY_MS] = "activity_ms",
};

static const char unknown[] = "unknown";

/* ---- the times of a task ------------------------------------------------------------------- */

/* In ms; -1: not known, or there was none. */
struct times {
    int64_t wait_ms;
    struct ticket_handling handling;
    int64_t abandon_ms;
};

/* An entry into a queue behind the end of the wait was not the first one, of which nobody told. */
static int64_t
waited_until(const struct task *task, int64_t end_ms)
{
    const bool is_by_queue = task->queued_ms > 0 && task->queued_ms <= end_ms;

    return ticket_span_ms(is_by_queue ? task->queued_ms : task->created_ms, end_ms);
}

static const char *
or_unknown(const char *text)
{
    return text != NULL ? text : unknown;
}

/* By what the task itself says: that of the ticket's first one is not its own. */
static const char *
direction_of(const struct task *task, const struct event *event)
{
    const enum event_direction told = ticket_task_direction(task);
    const char *name =
        direction_name(told != DIRECTION_UNKNOWN ? told : event->direction);

    return or_unknown(name);
}

/* Then nobody waits for an agent, though the task does. */
static bool
is_for_later(const struct ticket *ticket)
{
    return ticket_is_of_kind(ticket, &ticket->rules->callback_kinds) ||
           ticket_is_of_kind(ticket, &ticket->rules->voicemail_kinds);
}

static void
measure_handled(const struct task *task, int64_t end_ms, struct times *times)
{
    if (task->accepted_ms > 0) {
        times->wait_ms = waited_until(task, task->accepted_ms);
    }
    ticket_measure_handling(task, end_ms, &times->handling);
}

/* Without an age, and of which nobody told when it began, nothing is known of the wait. */
static void
measure_canceled(const struct task *task, const struct event *event, struct times *times)
{
    if (event->duration_s >= 0 || task->created_ms < event->date_ms) {
        times->abandon_ms = waited_until(task, event->date_ms);
    }
}

/* ---- counters ------------------------------------------------------------------------------ */

static void
add(struct analytics *analytics, enum analytics_what what, const char *whose,
    int64_t value)
{
    struct analytics_count *count = &analytics->counts[analytics->count];
    const int size =
        snprintf(count->name, sizeof(count->name), "%s %s", names[what], whose);

    if (size > 0 && (size_t)size < sizeof(count->name)) {
        count->value = value;
        analytics->count++;
    }
}

static void
add_span(struct analytics *analytics, enum analytics_what what, const char *whose,
    int64_t span_ms)
{
    if (span_ms >= 0) {
        add(analytics, what, whose, 1);
        add(analytics, what + 1, whose, span_ms);
    }
}

static void
add_wait(struct analytics *analytics, const char *whose, int64_t wait_ms)
{
    size_t bucket = 0;

    if (wait_ms < 0) {
        return;
    }
    while (bucket < LENGTH(analytics_waits_s) &&
           wait_ms > analytics_waits_s[bucket] * MS_PER_S) {
        bucket++;
    }
    add(analytics, ANALYTICS_WAIT + (enum analytics_what)bucket, whose, 1);
    add(analytics, ANALYTICS_WAIT_MS, whose, wait_ms);
}

static enum analytics_what
outcome_of(const struct ticket *ticket, bool is_outbound, int64_t waited_ms)
{
    const struct event *event = &ticket->reading->event;
    const char *outcome = ticket_outcome(event->reason, ticket->rules);
    const bool is_unserved = outcome != NULL && strcmp(outcome, "unserved") == 0;

    if (event->type == EVENT_TASK_COMPLETED) {
        return ANALYTICS_HANDLED;
    }
    if (outcome == NULL || is_outbound || (!is_unserved && is_for_later(ticket))) {
        return ANALYTICS_CANCELED;
    }
    if (is_unserved) {
        return ANALYTICS_UNSERVED;
    }
    return waited_ms >= 0 && waited_ms < ticket->rules->ticket_min_wait_ms
               ? ANALYTICS_SHORT
               : ANALYTICS_ABANDONED;
}

void
analytics_day(int64_t unix_ms, const struct zone *zone, char ret_day[ANALYTICS_DAY_SIZE])
{
    char text[TIMESTAMP_TEXT_SIZE];

    timestamp_format(
        unix_ms + (int64_t)zone_offset_s(zone, unix_ms / MS_PER_S) * MS_PER_S, text);
    memcpy(ret_day, text, ANALYTICS_DAY_SIZE - 1);
    ret_day[ANALYTICS_DAY_SIZE - 1] = '\0';
}

static int
cut(const char *text)
{
    return (int)slice_cut_text(slice_of(text), ANALYTICS_TEXT_MAX).size;
}

static bool
is_counted(const struct ticket *ticket, const struct task *own)
{
    const struct event *event = &ticket->reading->event;
    const bool is_end =
        event->type == EVENT_TASK_COMPLETED || event->type == EVENT_TASK_CANCELED;

    return is_end && event->task_sid != NULL && !own->is_survey &&
           !survey_is_task(event->payload, ticket->rules) &&
           event_concerns_tickets(event, ticket->rules);
}

void
analytics_of_task(struct event_reading *reading, const struct facts *facts,
    const struct rules *rules, struct analytics *ret_analytics)
{
    static const struct task not_remembered; /* of a ticket with too many */
    const struct event *event = &reading->event;
    struct ticket ticket = {.reading = reading, .rules = rules};
    struct times times = {-1, {-1, -1}, -1};
    char whose[ANALYTICS_NAME_SIZE];

    *ret_analytics = (struct analytics){0};
    ticket_learn(&ticket, facts);
    const struct task *own = ticket.own != NULL ? ticket.own : &not_remembered;

    if (!is_counted(&ticket, own)) {
        return;
    }
    const char *direction = direction_of(own, event);
    const char *queue = or_unknown(event->queue);
    const bool is_outbound = strcmp(direction, "outbound") == 0;

    (void)snprintf(whose, sizeof(whose), "%s %s %.*s",
        or_unknown(channel_name(event->channel)), direction, cut(queue),
        queue); /* fits */
    if (event->type == EVENT_TASK_COMPLETED) {
        measure_handled(own, event->date_ms, &times);
    } else {
        measure_canceled(own, event, &times);
    }
    const enum analytics_what outcome =
        outcome_of(&ticket, is_outbound, times.abandon_ms);

    analytics_day(event->date_ms, &rules->zone, ret_analytics->day);
    add(ret_analytics, outcome, whose, 1);
    add_wait(
        ret_analytics, whose, is_outbound || is_for_later(&ticket) ? -1 : times.wait_ms);
    add_span(ret_analytics, ANALYTICS_HANDLE, whose, times.handling.handle_ms);
    add_span(ret_analytics, ANALYTICS_WRAPUP, whose, times.handling.wrapup_ms);
    add_span(ret_analytics, ANALYTICS_ABANDON, whose,
        outcome == ANALYTICS_ABANDONED ? times.abandon_ms : -1);
}

/* ---- agents -------------------------------------------------------------------------------- */

/* Earlier versions of the event know seconds only. */
static int64_t
activity_ms(const json_t *payload)
{
    int64_t time;

    if (payload_integer(payload, "worker_time_in_previous_activity_ms", &time)) {
        return time;
    }
    if (payload_integer(payload, "worker_time_in_previous_activity", &time) &&
        time <= longest_ms / MS_PER_S) {
        return time * MS_PER_S;
    }
    return -1;
}

void
analytics_of_agent(
    const struct event *event, const struct rules *rules, struct analytics *ret_analytics)
{
    const json_t *payload = event->payload;
    const char *agent = payload_text(payload, "worker_sid");
    const char *name = payload_text(payload, "worker_previous_activity_name");
    const char *activity =
        name != NULL ? name : payload_text(payload, "worker_previous_activity_sid");
    const int64_t time_ms = activity_ms(payload);
    char whose[ANALYTICS_NAME_SIZE];

    *ret_analytics = (struct analytics){0};
    if (!slice_is(
            slice_of(payload_text(payload, "event_type")), "worker.activity.update") ||
        !event_concerns_tickets(event, rules) || agent == NULL || !sid_is(agent, "WK") ||
        activity == NULL || time_ms < 0 || time_ms > longest_ms) {
        return;
    }
    (void)snprintf(whose, sizeof(whose), "%s %.*s", agent, cut(activity), activity);
    add(ret_analytics, ANALYTICS_ACTIVITY_MS, whose, time_ms);
    analytics_day(event->date_ms, &rules->zone, ret_analytics->day);
    if (slice_to_text(slice_of(agent), ret_analytics->agent, ANALYTICS_AGENT_SIZE)) {
        ret_analytics->agent_name =
            rules->agent == RULES_AGENT_NAME ? event->agent : NULL;
    }
}

/* ---- names --------------------------------------------------------------------------------- */

/* The part before the next blank, taken off `rest`. */
static struct slice
take_word(struct slice *rest)
{
    const struct slice word = slice_before(*rest, ' ');

    *rest = slice_skip(*rest, word.size < rest->size ? word.size + 1 : rest->size);
    return word;
}

bool
analytics_name_read(struct slice name, struct analytics_name *ret_name)
{
    const struct slice what = take_word(&name);

    *ret_name = (struct analytics_name){.what = ANALYTICS_WHAT_COUNT};
    for (size_t i = 0; i < ANALYTICS_WHAT_COUNT; i++) {
        if (slice_is(what, names[i])) {
            ret_name->what = (enum analytics_what)i;
        }
    }
    if (ret_name->what == ANALYTICS_ACTIVITY_MS) {
        ret_name->agent = take_word(&name);
        ret_name->activity = name;
        return name.size > 0;
    }
    ret_name->channel = take_word(&name);
    ret_name->direction = take_word(&name);
    ret_name->queue = name;
    return ret_name->what != ANALYTICS_WHAT_COUNT && name.size > 0;
}

const char *
analytics_what_name(enum analytics_what what)
{
    return names[what];
}
