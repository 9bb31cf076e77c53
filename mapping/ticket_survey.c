/*
 * ticket_survey.c - surveys among a ticket's facts: which tasks are none of its own, and what was
 * answered.
 *
 * A survey may be answered in several posts, or task attributes that are filled one by one. Each
 * record tells what it knows; when no more are waited for, each has the last value of each field,
 * and one of them is delivered.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mapping/survey.h"
#include "mapping/ticket_wait.h"

static const char csat[] = "csat";
static const char other[] = "other";

/* "+survey.default.answer": of the event's survey. */
static void
write_name(
    const struct event *event, char rule, const char *what, char name[TICKET_NAME_SIZE])
{
    static_assert(
        TICKET_NAME_SIZE >= sizeof "+survey..comment" + EVENT_SURVEY_ID_SIZE, "all fit");
    (void)snprintf(
        name, TICKET_NAME_SIZE, "%csurvey.%s.%s", rule, event->survey_id, what);
}

void
ticket_say_answer(
    const struct event_reading *reading, int64_t now_ms, struct ticket_says *says)
{
    const struct event *event = &reading->event;
    char name[TICKET_NAME_SIZE];

    if (!ticket_may_deliver(reading)) {
        return;
    }
    if (event->is_scored) {
        (void)snprintf(says->answer, sizeof says->answer, "%" PRId64 "/%" PRId64 " %s",
            event->score, event->score_max, event->is_other_kind ? other : csat);
        write_name(event, '+', "answer", name);
        ticket_add_fact(says, name, event->date_ms, says->answer);
    }
    if (event->comment[0] != '\0') {
        write_name(event, '+', "comment", name);
        ticket_add_fact(says, name, event->date_ms, event->comment);
    }
    write_name(event, '-', "heard", name);
    ticket_add_fact(says, name, now_ms, "");
}

/* "4/5 csat": score, scale and kind are of one answer. */
bool
ticket_is_of_survey(const struct fact *fact)
{
    return slice_starts(slice_skip(fact->name, 1), "survey.");
}

static void
learn_score(const struct fact *fact, struct event *event)
{
    const struct slice score = slice_before(fact->text, '/');
    const struct slice rest = slice_skip(
        fact->text, score.size < fact->text.size ? score.size + 1 : score.size);
    const struct slice scale = slice_before(rest, ' ');

    if (slice_to_int64(score, &event->score) &&
        slice_to_int64(scale, &event->score_max)) {
        event->is_scored = true;
        event->is_other_kind = slice_is(slice_trim(slice_skip(rest, scale.size)), other);
        event->date_ms = fact->rank;
    }
}

static const struct fact *
find(const struct facts *facts, const struct event *event, char rule, const char *what)
{
    char name[TICKET_NAME_SIZE];

    write_name(event, rule, what, name);
    return facts_find(facts, slice_of(name));
}

void
ticket_learn_answer(struct ticket *ticket, const struct facts *facts)
{
    struct event *event = &ticket->reading->event;
    const struct fact *answer = find(facts, event, '+', "answer");
    const struct fact *comment = find(facts, event, '+', "comment");
    const struct fact *heard = find(facts, event, '-', "heard");

    if (answer != NULL) {
        learn_score(answer, event);
    }
    if (comment != NULL) {
        (void)!slice_to_text(comment->text, event->comment, sizeof event->comment);
    }
    ticket->answered_ms = heard != NULL ? heard->rank : 0;
}

bool
ticket_is_survey(const struct ticket *ticket)
{
    return ticket->own != NULL && ticket->own->is_survey &&
           ticket->reading->event.type != EVENT_SURVEY_COMPLETED;
}

/* Whoever knew the queue would have said that it is a survey's. */
static bool
is_queue_told(const struct task *task)
{
    return task->queued_ms > 0 || task->is_accepted || task->closed_how.size > 0;
}

static unsigned
told_of(const struct task *task)
{
    return task == NULL ? 0
                        : (is_queue_told(task) ? SURVEY_TOLD_QUEUE : 0) |
                              (task->is_workflow_told ? SURVEY_TOLD_WORKFLOW : 0);
}

/* It is told within a second, mostly, and then ever more seldom looked for. */
int64_t
ticket_queue_left_ms(const struct ticket *ticket)
{
    const struct rules *rules = ticket->rules;

    return survey_may_be_task(ticket->reading->event.payload, rules, told_of(ticket->own))
               ? ticket_look_later_ms(
                     ticket, ticket->times->read_ms, rules->csat_queue_wait_ms)
               : 0;
}

int64_t
ticket_answers_left_ms(const struct ticket *ticket)
{
    const int64_t first_ms =
        ticket->answered_ms > 0 ? ticket->answered_ms : ticket->times->read_ms;

    return first_ms + ticket->rules->csat_settle_ms - ticket->times->now_ms;
}

bool
ticket_lacks_score(const struct ticket *ticket)
{
    return !ticket->reading->event.is_scored;
}
