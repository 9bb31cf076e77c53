/*
 * conflict.c - a phone that is another contact's: whose → the same customer's, or somebody's.
 */
#include "server/deliver/conflict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "queue/facts.h"
#include "server/deliver/job_contact.h"
#include "server/ops/log.h"
#include "server/ops/sha256.h"

enum {
    TAKEN_DAYS = 7,
};

static const int64_t taken_ms = INT64_C(24) * 60 * 60 * MS_PER_S * TAKEN_DAYS;
static const char moved_name[] = "!moved";

static const struct phone {
    unsigned bit;
    const char *identifier; /* Brevo's name of its kind */
    const char *fact;
    size_t offset; /* in struct customer */
} phones[] = {
    {REQUEST_SMS, "phone_id", "+taken.SMS", offsetof(struct customer, phone)},
    {REQUEST_WHATSAPP, "whatsapp_id", "+taken.WHATSAPP",
        offsetof(struct customer, whatsapp)},
};

static const char *
number_of(const struct job *job, const struct phone *phone)
{
    return (const char *)&job->reading.event.customer + phone->offset;
}

/* ---- whose it is --------------------------------------------------------------------------- */

void
conflict_refused(struct job *job, unsigned taken)
{
    job->unsaid |= taken & REQUEST_PHONES;
    if (job->existing != NULL) { /* else it was found out: its creation has asked */
        job->unasked |= taken & REQUEST_PHONES;
    }
}

bool
conflict_asks(struct job *job)
{
    for (size_t i = 0; i < LENGTH(phones); i++) {
        if ((job->unasked & phones[i].bit) != 0) {
            job->unasked &= ~phones[i].bit;
            job->asks_owner = true;
            job->lookup = (struct request_identifier){
                phones[i].identifier, number_of(job, &phones[i])};
            job_next(job, BREVO_CONTACT_LOOKUP);
            return true;
        }
    }
    return false;
}

/* Nothing but phones tells whose it is. */
static bool
is_known_by_phone(const json_t *contact)
{
    const json_t *attributes = json_object_get(contact, "attributes");

    return job_contact_lacks_email(contact) &&
           json_string_length(json_object_get(contact, "ext_id")) == 0 &&
           json_string_length(json_object_get(attributes, "EXT_ID")) == 0;
}

void
conflict_answered(struct job *job, const json_t *found)
{
    const int64_t id = json_integer_value(json_object_get(found, "id"));

    job->asks_owner = false;
    job->lookup = job->identifier;
    job->other_id = id > 0 && id != job->contact_id && is_known_by_phone(found) ? id : 0;
    job->stage = JOB_MEETING;
}

/* ---- facts move ---------------------------------------------------------------------------- */

/* What Brevo had before us stays with the contact it had it of, and so do lists. */
static bool
moves(const struct fact *fact)
{
    return fact->name.data[0] != FACT_FIRST && !slice_starts(fact->name, "+taken.");
}

/*
 * First that they move, then they do: what somebody else tells of the other contact meanwhile is among
 * them, or is passed on. *ret_moved: they have not moved elsewhere before; of several who share the
 * phone it was the first one's.
 */
static int
move(struct queue *queue, const struct job *job, const struct config *config,
    int64_t now_ms, bool *ret_moved)
{
    const struct fact moved = {.name = slice_of(moved_name),
        .rank = now_ms,
        .text = slice_of(job->contact_id_text)};
    char from[CONTACT_SUBJECT_SIZE];
    char to[CONTACT_SUBJECT_SIZE];

    contact_subject(job->other_id, from);
    contact_subject(job->contact_id, to);
    struct queue_facts item = {.subject = slice_of(from),
        .facts = &moved,
        .count = 1,
        .life_ms = config->facts_retention_ms};
    const int r = queue_facts_merge(queue, &item, 1);

    if (r != QUEUE_OK) {
        return r;
    }
    const struct fact *told = facts_find(&item.all, slice_of(moved_name));

    *ret_moved = told != NULL && slice_is(told->text, job->contact_id_text);
    queue_facts_done(&item, 1);
    return !*ret_moved ? QUEUE_OK
                       : queue_facts_copy(queue, slice_of(from), slice_of(to), moves,
                             config->facts_retention_ms);
}

int
conflict_hold(
    struct queue *queue, struct job *job, const struct config *config, int64_t now_ms)
{
    char pair[QUEUE_NOTE_SIZE];
    bool has_moved = false;

    if (job->other_id == 0) {
        return QUEUE_OK;
    }
    (void)snprintf(pair, sizeof pair, "%" PRId64 " %" PRId64, job->contact_id,
        job->other_id); /* fits */
    int r = move(queue, job, config, now_ms, &has_moved);

    if (r == QUEUE_OK && has_moved) {
        r = queue_note_add(queue, CONFLICT_NOTES, pair, now_ms, CONFLICT_NOTES_MAX);
    }
    if (r == QUEUE_OK && has_moved) {
        log_warn("contact_conflict", "key=%s contact=%" PRId64 " by_phone=%" PRId64,
            job->record->key, job->contact_id, job->other_id);
    }
    if (r == QUEUE_OK) {
        job->other_id = 0;
    }
    return r;
}

int
conflict_pass_on(struct queue *queue, struct job *job, const struct history_says *says,
    const struct facts *known, const struct config *config)
{
    const struct fact *moved = facts_find(known, slice_of(moved_name));
    struct fact passed[HISTORY_FACTS_MAX];
    char subject[CONTACT_SUBJECT_SIZE];
    int64_t id;
    struct queue_facts item = {.subject = slice_of(subject),
        .facts = passed,
        .life_ms = config->facts_retention_ms};

    if (moved == NULL || !slice_to_int64(moved->text, &id) || id == job->contact_id ||
        !is_known_by_phone(job->existing)) {
        return QUEUE_OK;
    }
    contact_subject(id, subject);
    item.subject = slice_of(subject);
    for (size_t i = 0; i < says->fact_count; i++) {
        if (moves(&says->facts[i])) {
            passed[item.count++] = says->facts[i];
        }
    }
    if (item.count == 0) {
        return QUEUE_OK;
    }
    const int r = queue_facts_merge(queue, &item, 1);

    if (r == QUEUE_OK) {
        job->heir_id = job->heir_id == 0 ? id : job->heir_id; /* not in circles */
        queue_facts_done(&item, 1);
    }
    return r;
}

void
conflict_turn_to_heir(struct job *job)
{
    job_know_contact(job, job->heir_id, NULL);
    job->heir_id = -1;
    job->unsaid = 0;
    job->dropped = 0;
    job->refused = (struct contact_refused){0};
    job->meetings = 0;
    job->is_recalled = false;
    job->has_numbers = false;
}

/* ---- not again ----------------------------------------------------------------------------- */

bool
conflict_say(const struct job *job, int64_t now_ms, struct history_says *says)
{
    for (size_t i = 0; i < LENGTH(phones); i++) {
        char hash[SHA256_HEX_SIZE];

        if ((job->unsaid & phones[i].bit) == 0) {
            continue;
        }
        if (!sha256_try_hex(slice_of(number_of(job, &phones[i])), hash)) {
            return false;
        }
        history_say(says, phones[i].fact, now_ms, hash);
    }
    return true;
}

int
conflict_known(const struct job *job, const struct facts *known, int64_t now_ms)
{
    unsigned taken = 0;

    for (size_t i = 0; i < LENGTH(phones); i++) {
        const struct fact *fact = facts_find(known, slice_of(phones[i].fact));
        char hash[SHA256_HEX_SIZE];

        if (fact == NULL || fact->rank < now_ms - taken_ms) {
            continue;
        }
        if (!sha256_try_hex(slice_of(number_of(job, &phones[i])), hash)) {
            return -1;
        }
        taken |= slice_is(fact->text, hash) ? phones[i].bit : 0;
    }
    return (int)taken;
}
