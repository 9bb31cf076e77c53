/*
 * ticket.h - one matter of a customer's, however many tasks it takes.
 *
 * A transfer, an invitation and a conversation that was parked make new tasks of the same ticket.
 * So what becomes of a task's event depends on what is known of the others: each record says what
 * it knows of its ticket, as facts (fact.h), and then hears what all together know.
 *
 *   -WT….created    when, and the direction       -WT….accepted   by an agent; "then": when, too
 *   -WT….queued     when first                     -WT….outbound   some record of it states that
 *   -WT….closed     when, and how                 -WT….asked      its creation is told to Brevo
 *   -WT….heard      when we read that              -WT….call      when, if it may end a call
 *   -WT….wrapup     when the agent's wrap-up began
 *   +WT….taken_by.WK…, +WT….done_by.WK…  when that agent last took it, and was done with it; their
 *                   name where events are to have it. Neither where events name no agent
 *   +WT….reservation.WR…  an agent "accepted" it, or has "completed" it
 *   -WT….survey     it is nothing but a survey: no task of the ticket's
 *   -WT….workflow   its workflow's name was told, where that may be a survey's
 *   +survey.….answer, +survey.….comment, -survey.….heard: what was answered, and read first when
 *   +conversation   its latest state              -ticket         of an alias: whose facts they are
 *   +ticket         of a conversation: of its latest ticket, since when
 *   +contact        Brevo's number of whom it was told of
 *   -called.<name>  it was known by that name, too: what became of it then counts
 *   -email, -phone, -whatsapp, -ext_id            whose it is
 *   -channel, -conversation_sid, -interaction_sid  for its end, and for answers
 *
 * Pure. See docs/mapping.md for the rules as a table, and docs/decisions/0030-tickets.md.
 */
#pragma once

#include "mapping/event.h"
#include "mapping/fact.h"

enum {
    TICKET_NAME_SIZE = 96, /* of a fact */
    TICKET_FACTS_MAX = 14,
    TICKET_ALIASES_MAX = 4,
    TICKET_LINKS_MAX = 2,
    TICKET_CALLED_MAX = 4,   /* that count */
    TICKET_ANSWER_SIZE = 64, /* "4/5 csat" */
};

/* Why an event of a ticket is not delivered; EVENT_REASON_OUTBOUND is another. */
#define TICKET_REASON_ASKED "same_ticket" /* the ticket's first task was told */
#define TICKET_REASON_OPEN "ticket_open"  /* another of its tasks goes on */
#define TICKET_REASON_PARKED "conversation_parked"
#define TICKET_REASON_CALLBACK "callback_task"
#define TICKET_REASON_VOICEMAIL "voicemail_task"
#define TICKET_REASON_OTHER "canceled_other" /* neither gave up nor was left waiting */
#define TICKET_REASON_SHORT "short_wait"
#define TICKET_REASON_SERVED "was_served"
#define TICKET_REASON_NEWER "newer_task"
#define TICKET_REASON_OVER "wait_is_over" /* the task ended, and nobody had taken it */

#define TICKET_REASON_NOT_FLEX "not_flex" /* no task of it was ever seen */

/* What waits say of themselves. */
#define TICKET_WAIT_JOIN "not_flex"
#define TICKET_WAIT_SETTLE "ticket_settle"
#define TICKET_WAIT_OPEN "ticket_open"
#define TICKET_WAIT_HELD "task_goes_on"
#define TICKET_WAIT_PARKED "conversation_parked"
#define TICKET_WAIT_NEWER "newer_task"
#define TICKET_WAIT_NOTIFY "wait_notify"
#define TICKET_WAIT_CALL "voice_end"
#define TICKET_WAIT_IDENTITY "identity_wait"
#define TICKET_WAIT_QUEUE "survey_queue"
#define TICKET_WAIT_ANSWERS "csat_settle"

/* What a record says of its ticket. Its texts point into itself and the reading: it must stay. */
struct ticket_says {
    const char *ticket; /* the best name the record knows; NULL: it says nothing of one */
    const char *aliases[TICKET_ALIASES_MAX]; /* others that mean the same ticket */
    size_t alias_count;
    struct fact links[TICKET_LINKS_MAX]; /* what an alias is told: "-ticket", "+ticket" */
    size_t link_count;
    struct fact facts[TICKET_FACTS_MAX];
    size_t fact_count;
    bool is_about_waiting; /* when it began, or ended */
    char names[TICKET_FACTS_MAX][TICKET_NAME_SIZE];
    char answer[TICKET_ANSWER_SIZE];
    struct customer customer; /* whose ticket it is, as a task's record knows */
};

/* `now_ms`: of an end or answer, when it was read first; what waits for others waits from then on. */
void ticket_read(const struct event_reading *reading, const json_t *payload,
    const struct rules *rules, int64_t now_ms, struct ticket_says *ret_says);

/* Whose ticket it is, as somebody else knows; into the facts it says. `customer` must stay. */
void ticket_say_customer(
    const struct customer *customer, int64_t date_ms, struct ticket_says *says);

extern const char ticket_link_name[];
/* Whose facts those of an alias are; absent when they are its own. */
struct slice ticket_link(const struct facts *facts);
/* The same of a conversation at that time: it may go on through many tickets. */
struct slice ticket_link_at(const struct facts *facts, int64_t date_ms);
/* Whether what a conversation was told is another one of its tickets': an answer is to one of them. */
bool ticket_is_others(
    const struct fact *fact, const struct facts *facts, const char *ticket);
/* Whether it is a link, and nothing that is known of a ticket. */
bool ticket_is_link(const struct fact *fact);

/* What the ticket is told of a name it had; `name` is the fact's, and must stay. False: too long. */
bool ticket_called_fact(
    const char *ticket, char name[TICKET_NAME_SIZE], struct fact *ret_fact) MUST_USE;
/* Its names beside `ticket`. Returns how many. */
size_t ticket_called(const struct facts *facts, const char *ticket,
    char ret_names[TICKET_CALLED_MAX][EVENT_TICKET_SIZE]);

enum ticket_decision {
    TICKET_GOES_ON, /* nothing of the ticket speaks against it */
    TICKET_WAITS,   /* `wait_ms`, then it is asked again */
    TICKET_FILTERED,
};

struct ticket_verdict {
    enum ticket_decision decision;
    const char *reason; /* of a wait, too */
    int64_t wait_ms;
};

/* How long the ticket's customer waited for an agent, as far as is known. */
struct ticket_wait {
    int64_t wait_s; /* -1: unknown, or nobody waited */
    int64_t rank;   /* of two the lower one knows better */
    bool is_over;   /* a task was completed: there may be no other event to tell it by */
};

void ticket_waited(struct event_reading *reading, const struct facts *facts,
    const struct rules *rules, struct ticket_wait *ret_wait);

/* Whom the ticket was told of last: Brevo's number of the contact. Absent: nobody yet. */
struct slice ticket_contact(const struct facts *facts);
/* The fact that says so; borrows `contact`. */
struct fact ticket_contact_fact(struct slice contact, int64_t date_ms);

/* Whether anything is left for the ticket to decide. */
bool ticket_may_deliver(const struct event_reading *reading);

struct ticket_times {
    int64_t now_ms;
    int64_t read_ms; /* when the record was read first */
    bool has_waited; /* for everything there is to wait for */
};

/*
 * What becomes of an event that would be delivered, by what is known of its ticket, its own facts
 * included; of one that knows no customer, too: the ticket's becomes its own, and the reading's
 * verdict follows. Notes the rules that fired in the reading's trace; the event's direction becomes its
 * ticket's.
 */
void ticket_judge(struct event_reading *reading, const struct facts *facts,
    const struct rules *rules, const struct ticket_times *times,
    struct ticket_verdict *ret_verdict);

/*
 * Of a completion that only a browser told: how long it waits for Twilio's word, as another agent
 * has the task; in ms, 0: it does not. Asked before anything of its end is told.
 */
int64_t ticket_held_left_ms(struct event_reading *reading, const struct facts *facts,
    const struct rules *rules, const struct ticket_times *times);

/*
 * What the rules make of an event whose record alone has told, so far as that can tell: what it
 * would wait for is in the trace, and taken for over. Changes the reading's verdict.
 */
void ticket_judge_alone(struct event_reading *reading, const json_t *payload,
    const struct rules *rules, int64_t received_ms);

/* "abandoned" by who gave up, "unserved" when nobody came in time; NULL: canceled otherwise. */
const char *ticket_outcome(const char *canceled_reason, const struct rules *rules);
