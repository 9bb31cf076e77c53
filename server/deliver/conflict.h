/*
 * conflict.h - two contacts of one customer: one has the e-mail, another the phone.
 *
 * Who calls first and tells the e-mail later may have had a contact by it all the time. Brevo keeps a
 * phone with one contact, so the other is written without. Whose it is, is asked then, once: a contact
 * that has nothing but phones is the same customer, as met before. Its facts become the other's, those
 * that are told later, too, and the pair is listed for a person: contacts are never merged, for Brevo
 * deletes one of the two. A contact with an e-mail or an ext_id is somebody else, who shares the phone.
 *
 * A phone that is another's is not tried again for a week. What is known of it:
 *
 *   +taken.SMS, +taken.WHATSAPP   the hash of a number Brevo would not give to the contact, and when
 *   !moved                        of the one known by phone: whose facts its own are
 */
#pragma once

#include "mapping/history.h"
#include "server/deliver/job.h"

/* Notes of the queue: "<Brevo's number of the contact> <of the one with the phone>". */
#define CONFLICT_NOTES "conflicts"

enum {
    CONFLICT_NOTES_MAX = 10000,
};

/* These, REQUEST_* bits, are another contact's; whose is to be asked, or was. */
void conflict_refused(struct job *job, unsigned taken);
/* JOB_MEETING: whether the next call asks whose one is. */
bool conflict_asks(struct job *job);
/* That was answered; `found` NULL: nobody has it. */
void conflict_answered(struct job *job, const json_t *found);

/* JOB_MEETING, after that: facts move, where there are two. As meeting_hold(). */
int conflict_hold(struct queue *queue, struct job *job, const struct config *config,
    int64_t now_ms) MUST_USE;
/* The job is about that contact from now on. */
void conflict_turn_to_heir(struct job *job);
/* What the contact is to know of its phones; into what the event says of it. */
bool conflict_say(
    const struct job *job, int64_t now_ms, struct history_says *says) MUST_USE;
/* Phones that are known to be another's, REQUEST_* bits: not said again. -1: memory is out. */
int conflict_known(const struct job *job, const struct facts *known, int64_t now_ms);
/* What was told of a contact whose facts have become another's, is told of that, too: its heir. */
int conflict_pass_on(struct queue *queue, struct job *job,
    const struct history_says *says, const struct facts *known,
    const struct config *config) MUST_USE;
