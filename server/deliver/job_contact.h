/*
 * job_contact.h - whom a delivery is about, as Brevo knows it, and what it is to know of them.
 *
 * Looked up by the best identifier; one that is not known by e-mail may be by phone, and gains the
 * e-mail then. What Brevo has is compared with all that is known of the contact (mapping/history.h)
 * and only what is new is said, once more whenever others told something meanwhile.
 *
 * In job_contact.c who it is, in job_meet.c what is said.
 */
#pragma once

#include "mapping/fact.h"
#include "server/deliver/contact_cache.h"
#include "server/deliver/job.h"

enum {
    CONTACT_SUBJECT_SIZE = 40,
};

/* JOB_READY, before its first call: whoever was met lately is not looked up. */
void job_recall(struct job *job, const struct contact_cache *cache, int64_t now_us);
/* JOB_FINISHED, JOB_TURNING: what Brevo has of its contact by now is remembered, or, in doubt, forgotten. */
void job_remember(
    const struct job *job, struct contact_cache *cache, const struct rules *rules);

/* After an answer to a lookup, or to what joins an e-mail. */
void job_contact_found(struct job *job);
void job_contact_missing(struct job *job, const struct brevo_verdict *verdict);
/* Looks once more, by this: somebody has it. False when that was done before, or it is "". */
bool job_contact_again(struct job *job, struct request_identifier identifier);
/* The same, of one that Brevo updated though it was not found. False when that was done before. */
bool job_contact_updated(struct job *job);
/* The same, of one that was not looked up: it is now. False when it was. */
bool job_contact_doubted(struct job *job);
/* By what a contact unknown by its e-mail may be known; "" when by nothing else. */
struct request_identifier job_second_identifier(const struct job *job);

/* After an answer to whatever says something of a contact. */
void job_contact_said(struct job *job);
/* The event was taken, and the attributes it carried. */
void job_event_said(struct job *job);
/* It was there already; with other numbers, perhaps, than it would have had now. */
void job_event_found(struct job *job);
void job_contact_refused(struct job *job, const struct brevo_verdict *verdict);
/* Whether what Brevo refused for an unknown reason goes once more, without the list it would join. */
bool job_contact_unlisted(struct job *job, const struct brevo_verdict *verdict) MUST_USE;

/* Of a contact as Brevo shows it: the e-mail is one Brevo made up, or there is none. */
bool job_contact_lacks_email(const json_t *contact);
/* What is known of the contact is kept under. */
void contact_subject(int64_t id, char subject[CONTACT_SUBJECT_SIZE]);
/* Brevo's number of the contact, 0: it has none; Brevo has `existing`, which is taken over. */
void job_know_contact(struct job *job, int64_t id, json_t *existing);

/*
 * JOB_MEETING, of a contact Brevo does not have. `known_id` is the number one of its identifiers
 * had, "" for none: then Brevo is asked for that before anything is created.
 */
void job_create(struct job *job, struct slice known_id, const struct config *config);
/* JOB_MEETING, of one it knows by its phone. */
void job_join(struct job *job, const struct config *config);
/* JOB_MEETING, of one it knows: what is left to say, by all that is known. */
void job_meet(struct job *job, const struct facts *known, const struct config *config);
