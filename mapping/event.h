/*
 * event.h - the canonical event: what happened with a customer, whichever route said it.
 */
#pragma once

#include "mapping/customer.h"
#include "mapping/direction.h"
#include "mapping/payload.h"
#include "mapping/sid.h"

enum {
    EVENT_EFFECT_SIZE = 160,
    EVENT_TICKET_SIZE = 65,    /* with the NUL; a longer name is not a ticket's */
    EVENT_SURVEY_ID_SIZE = 65, /* with the NUL; a longer one is refused */
    EVENT_COMMENT_SIZE = 641,  /* with the NUL; a longer one is cut */
    EVENT_AGENT_SIZE = 641,
    EVENT_NUMBER_SIZE = 24, /* an int64 and the NUL */
    EVENT_TRACE_MAX = 24,
};

/*
 * Absent texts are NULL, absent numbers -1. Texts point into the payload or the context's record
 * key, which must outlive.
 */
struct event {
    enum event_type type; /* EVENT_TYPE_COUNT: none of ours, never delivered */
    int64_t date_ms;      /* Twilio's time; the receipt's when no route carried one */
    int64_t told_ms; /* when its bytes were true, whatever the event's date becomes */
    char effect_key[EVENT_EFFECT_SIZE]; /* "resolved/<ticket>": claimed before the send */
    const char *source_event_id; /* its own EV... where known, else the record key */
    const char *task_sid;
    const char
        *ticket; /* as far as this event knows; see ticket.h and event_set_ticket() */
    const char *conversation_sid;
    const char *interaction_sid;
    const char *call_sid; /* the customer's, of a call */
    /* What the ticket's tasks know where the event does not; "" else. They name no effect. */
    char told_conversation[SID_SIZE];
    char told_interaction[SID_SIZE];
    const char *message_sid;
    enum channel channel;
    enum event_direction direction;
    const char *queue;
    const char *workflow;
    const char *agent; /* by rules->agent, as the event's own record has it */
    char agent_known[EVENT_AGENT_SIZE]; /* else as its ticket has it; "": nobody knows */
    const char *reason;
    const char *outcome; /* what became of it: the agent's word, or how it was given up */
    const char *content; /* what it was about, in the agent's words */
    /* Where a task's attributes have these as numbers, their texts are here. */
    char ticket_number[EVENT_NUMBER_SIZE];
    char outcome_number[EVENT_NUMBER_SIZE];
    char content_number[EVENT_NUMBER_SIZE];
    /*
     * Seconds from the task's creation to its end: waiting, handling and wrap-up together, for
     * that is what TaskAge says at task.completed and task.canceled.
     */
    int64_t duration_s;
    int64_t handling_s; /* of its task, by the agent, until the wrap-up */
    int64_t wrapup_s;
    int64_t wait_s; /* of its ticket, until an agent took it, or the customer gave up */
    int64_t wait_rank; /* of two, the lower one knows better: see struct ticket_wait */
    int64_t priority;
    int64_t score; /* of a survey, on a scale from score_min to score_max */
    int64_t score_max;
    int64_t score_min;  /* 0 but where configuration says otherwise */
    bool is_scored;     /* something was given as score, though it may be no number */
    bool is_other_kind; /* of survey: it asked for something else than satisfaction */
    char survey_id[EVENT_SURVEY_ID_SIZE]; /* "" for other events */
    bool is_call; /* EVENT_CONVERSATION_ENDED: of a call, as one of its tasks tells */
    char comment[EVENT_COMMENT_SIZE]; /* "" unless an extractor says where it is */
    const json_t *payload; /* borrowed: profile fields are read from it by path */
    struct customer customer;
};

/* Outcome of reading a record: an event to deliver, or why there is none. */
enum event_verdict {
    EVENT_DELIVER,
    EVENT_FILTERED, /* settle with `reason` */
    EVENT_PARKED,   /* keep for a person, with `reason` */
    EVENT_UNRESOLVED, /* the plugin named a reservation (`reservation_sid`): resolve, then fold */
};

/*
 * Why an event is not delivered: the `reason` labels beside customer_reason()'s. The last two are
 * for whoever goes on from a reading.
 */
#define EVENT_REASON_FACTS "facts" /* says something of its subject, is no event */
#define EVENT_REASON_FOREIGN "foreign_account"
#define EVENT_REASON_TEST "test_event"
#define EVENT_REASON_NOT_MAPPED "not_mapped"
#define EVENT_REASON_SURVEY "survey_task"
#define EVENT_REASON_SWITCHED_OFF "switched_off"
#define EVENT_REASON_CHANNEL_OFF "channel_off"
#define EVENT_REASON_OUTBOUND "outbound"
#define EVENT_REASON_OTHER_CONTACT "other_contact" /* than rules->only_contacts */
#define EVENT_REASON_NO_ANSWER "no_answer"
#define EVENT_REASON_BAD_SCORE "bad_score"               /* parked */
#define EVENT_REASON_UNPARSEABLE "unparseable"           /* parked */
#define EVENT_REASON_TOO_OLD "too_old_for_automation"    /* event_is_too_old() */
#define EVENT_REASON_UNRESOLVED "unresolved_reservation" /* parked, in the end */

struct event_reading {
    enum event_verdict verdict;
    const char *reason;  /* an EVENT_REASON_* or customer_reason(); NULL: deliver */
    bool lacks_customer; /* EVENT_FILTERED: but for that; another route may know one */
    char reservation_sid[40]; /* EVENT_UNRESOLVED */
    const char
        *trace[EVENT_TRACE_MAX]; /* static texts: each rule that fired, for `explain` */
    size_t trace_count;
    struct event event; /* EVENT_DELIVER: complete; else as far as it was read */
};

/* What the queue knows of a record beside its bytes. */
struct event_context {
    struct slice record_key; /* NUL-terminated; outlives the reading */
    int64_t received_ms;     /* when the first route arrived */
};

/*
 * Reads the canonical event out of a merged payload and judges it by `rules`. Pure: the same
 * input gives the same reading. The first of these that holds decides:
 *   1. unresolved: the plugin named only a reservation; nothing else is known yet,
 *   2. facts: kept for what they say of a task, a conversation, an agent (twilio_type.h),
 *   3. not_mapped: a type that is no canonical event,
 *   4. unparseable (parked): a canonical event without a subject,
 *   5. foreign_account: another account or workspace; its other contents are none of ours,
 *   6. test_event: made by `trigger`, marked flexbrevo_test, and rules->filter_tests,
 *   7. not_mapped, switched_off, channel_off: what configuration leaves out, from the general
 *      to the particular,
 *   8. survey_task: asked after the conversation; its own end is nobody's support case
 *      (no_answer: and nobody has answered),
 *   9. outbound: a request or an abandonment that the business began is neither (rules->outbound),
 *  10. no_answer, bad_score (parked): a survey that says nothing, or nothing to be understood,
 *  11. who it is about: customer_reason(). Last, because a later route may still answer it.
 * A record whose key says "survey.completed" is one, though its bytes may tell of a task: survey.h.
 * The event's age is not judged here: a too old one still updates the contact. The task is the
 * one in the record key, also of a reservation that was resolved; else the one the payload names.
 * What is no SID of the right kind names nothing.
 */
void event_read(const json_t *payload, const struct rules *rules,
    const struct event_context *context, struct event_reading *ret_reading);

/*
 * Others know more of the ticket than the event: names its effect anew. The text, shorter than
 * EVENT_TICKET_SIZE, must outlive the event.
 */
void event_set_ticket(struct event *event, const struct rules *rules, const char *ticket);
/*
 * The effect's name when it was still that of the task, whatever its ticket. False: it is the
 * same, or there is none.
 */
bool event_effect_by_task(
    const struct event *event, char key[EVENT_EFFECT_SIZE]) MUST_USE;
/* The name it has where its ticket has that name. False: it is the same, or not named so. */
bool event_effect_as(const struct event *event, const struct rules *rules,
    const char *ticket, char key[EVENT_EFFECT_SIZE]) MUST_USE;

/* Its own, else what its ticket told; NULL: neither knows. */
const char *event_conversation(const struct event *event);
const char *event_interaction(const struct event *event);
/* The agent, whoever told; NULL: nobody, or none is to be named. */
const char *event_agent(const struct event *event);

/* Whether the event is older than rules->max_event_age_ms (0: never): contact yes, event no. */
bool event_is_too_old(
    const struct event *event, const struct rules *rules, int64_t now_ms);

/*
 * True when `payload` tells which task a reservation belongs to; the texts point into it.
 * Facts records are read for this before they are settled.
 */
bool event_reservation(const json_t *payload, const char **ret_reservation_sid,
    const char **ret_task_sid) MUST_USE;

/*
 * Verdict, reason, trace and the event as JSON (golden files, `explain`). NULL when memory is out.
 * The caller owns it.
 */
json_t *event_reading_to_json(const struct event_reading *reading) MUST_USE;
