/*
 * ticket_known.h - what is known of a ticket, as its facts tell it. What the files of tickets share;
 * ticket.h is for everybody else.
 */
#pragma once

#include "mapping/ticket.h"

enum {
    TICKET_TASKS_MAX = 64,
    TICKET_SPAN_MAX_DAYS = 400, /* else a wrong clock */
};

/* Who took a task, or was done with it, and when last. */
struct agent {
    struct slice sid; /* absent: not told */
    int64_t last_ms;
};

struct task {
    struct slice sid;
    int64_t created_ms;
    int64_t queued_ms;   /* 0: not told */
    int64_t accepted_ms; /* 0: not told, though it may be accepted */
    int64_t heard_ms;    /* when we first read of its end */
    int64_t closed_ms;   /* 0: not told */
    int64_t
        wrapup_ms;   /* when its agent had no more to say to the customer; 0: not told */
    int64_t call_ms; /* when its end may have been that of a call; 0: not told */
    struct slice direction;  /* at its creation; absent: nobody told its attributes */
    struct slice closed_how; /* absent: open */
    struct agent taken_by;   /* the last one who did */
    struct agent done_by;
    bool is_known;    /* since when, that is */
    bool is_outbound; /* as some record states, at its creation or later */
    bool is_accepted;
    bool is_asked;
    bool is_survey;        /* of the event's own: others are left out */
    bool is_workflow_told; /* its name */
};

struct ticket {
    struct event_reading *reading;
    const struct rules *rules;
    const struct ticket_times *times;
    struct task tasks[TICKET_TASKS_MAX];
    size_t count;
    const struct task *own; /* NULL: there was no room */
    bool is_outbound;
    enum channel channel; /* its tasks'; CHANNEL_UNKNOWN where nobody asks */
    int64_t inactive_ms;  /* since when the conversation is parked; 0: it is not */
    int64_t
        answered_ms; /* when we first read an answer to the event's survey; 0: not told */
};

/* Its tasks, by what `facts` tell; the reading and the rules are there. */
void ticket_learn(struct ticket *ticket, const struct facts *facts);
/* What `facts` tell; the event's direction is the ticket's from then on. */
void ticket_know(struct ticket *ticket, struct event_reading *reading,
    const struct facts *facts, const struct rules *rules,
    const struct ticket_times *times);
/* What the event's own task is for is one of these. */
bool ticket_is_of_kind(const struct ticket *ticket, const struct rules_texts *kinds);
/* It went on then, as far as we were told, and was not too old for that. */
bool ticket_is_open(const struct task *task, int64_t time_ms);
/* A task other than the event's own does. */
bool ticket_is_elsewhere_open(const struct ticket *ticket);
bool ticket_is_parked(const struct ticket *ticket);

/* ---- ticket_agent.c ------------------------------------------------------------------------ */

/* Who the agent of a reservation is, as far as events are to say it; whether it was just accepted. */
void ticket_say_agent(const struct event *event, const struct rules *rules,
    bool is_accepted, struct ticket_says *says);
/* Of a fact "+WT….taken_by.WK…" what follows the task; nothing, when it is none of an agent. */
void ticket_learn_agent(struct task *task, struct slice what, int64_t told_ms);

/* In ms; -1: not known, or there was none. */
struct ticket_handling {
    int64_t handle_ms;
    int64_t wrapup_ms;
};

/* From one time to the other, in ms; -1: the first is not known, or it is none. */
int64_t ticket_span_ms(int64_t from_ms, int64_t to_ms);
/* How long the agent had the task, and wrote it up, when it ended then. */
void ticket_measure_handling(
    const struct task *task, int64_t end_ms, struct ticket_handling *ret_handling);
/* What the event says of its agent and of that, where its own record does not. */
void ticket_know_agent(struct ticket *ticket, const struct facts *facts);

/* ---- ticket_direction.c -------------------------------------------------------------------- */

/* What the event's record tells of its task: "inbound", "outbound"; "none", where its attributes state
 * neither; nothing, where it has none. */
const char *ticket_direction_told(const struct event *event);
/* DIRECTION_UNKNOWN: it states none. */
enum event_direction ticket_task_direction(const struct task *task);
/* Whether the ticket is outbound; the event has its ticket's direction from then on. */
void ticket_learn_direction(struct ticket *ticket);

/* ---- ticket_held.c ------------------------------------------------------------------------- */

/* Whether an agent took it, or is done with it. */
void ticket_say_reservation(
    const struct event *event, bool is_accepted, struct ticket_says *says);

/* ---- ticket.c ------------------------------------------------------------------------------ */

/* Copies the name; one that is too long is left out. The text is borrowed. */
void ticket_add_fact(
    struct ticket_says *says, const char *name, int64_t rank, const char *text);

/* ---- ticket_complete.c --------------------------------------------------------------------- */

/* Into the event, what it lacks: whose it is; of an answer or an end by which names and channel. */
void ticket_complete(struct ticket *ticket, const struct facts *facts);

/* ---- ticket_survey.c ----------------------------------------------------------------------- */

/* What an answer says, as far as one may be delivered. */
void ticket_say_answer(
    const struct event_reading *reading, int64_t now_ms, struct ticket_says *says);
/* Of an answer: the last value of each field, whichever record told it. */
void ticket_learn_answer(struct ticket *ticket, const struct facts *facts);

/* Whether it is part of an answer. */
bool ticket_is_of_survey(const struct fact *fact);
bool ticket_is_survey(const struct ticket *ticket);
/* Until a request's queue is told, which may be a survey's. */
int64_t ticket_queue_left_ms(const struct ticket *ticket);
/* Until no more answers to the survey are waited for. */
int64_t ticket_answers_left_ms(const struct ticket *ticket);
bool ticket_lacks_score(const struct ticket *ticket);
