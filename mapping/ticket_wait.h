/*
 * ticket_wait.h - how long an event of a ticket waits for what others have to say. What
 * ticket_judge.c's rules ask; ticket.h is for everybody else.
 *
 * Each says how much of a wait is left, in ms; at 0 and below it is over.
 */
#pragma once

#include "mapping/ticket_known.h"

/* Until what others tell at the same time is known, too. */
int64_t ticket_settle_left_ms(const struct ticket *ticket);
/* Until something is worth another look, ever more seldom; no longer than the event may be told. */
int64_t ticket_look_again_ms(const struct ticket *ticket);
/* For the end of another task that goes on. */
int64_t ticket_open_left_ms(const struct ticket *ticket);
/* For a conversation that is parked. */
int64_t ticket_parked_left_ms(const struct ticket *ticket);
/* Of a wait from `began_ms` on, until another look is worth it. */
int64_t ticket_look_later_ms(
    const struct ticket *ticket, int64_t began_ms, int64_t whole_ms);
/* For a newer task of a customer who seems to have given up. */
int64_t ticket_newer_left_ms(const struct ticket *ticket);
/* For an agent, until it was long enough to be told. */
int64_t ticket_notify_left_ms(const struct ticket *ticket);
/* For another task of a call that seems to be over; and for its end. */
int64_t ticket_call_left_ms(const struct ticket *ticket);
int64_t ticket_call_open_left_ms(const struct ticket *ticket);
/* For the task's record: it may come later than its conversation's. */
int64_t ticket_join_left_ms(const struct ticket *ticket);
/* For whoever says whose ticket it is, when the event does not. */
int64_t ticket_identity_left_ms(const struct ticket *ticket);
