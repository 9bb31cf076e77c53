/*
 * job_contact.c - whom Brevo knows: looked up → found, joined with an e-mail, new, or erased.
 */
#include "server/deliver/job_contact.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/deliver/conflict.h"
#include "server/ops/log.h"

enum {
    BAD_ANSWER_DELAY_MS = 1000,
    STATUS_FOUND = 200,
    STATUS_INVALID = 400, /* of an identifier: nobody has such a one */
};

static void
keep_existing(struct job *job, json_t *existing)
{
    json_decref(job->existing);
    job->existing = existing;
}

void
contact_subject(int64_t id, char subject[CONTACT_SUBJECT_SIZE])
{
    (void)snprintf(subject, CONTACT_SUBJECT_SIZE, "contact/%" PRId64, id); /* fits */
}

void
job_know_contact(struct job *job, int64_t id, json_t *existing)
{
    job->contact_id = id;
    (void)snprintf(job->contact_id_text, JOB_ID_SIZE, "%" PRId64, id); /* fits */
    keep_existing(job, existing);
    job->seen_us = job->claimed_us; /* or later */
    job->is_new = false;
    job->stage = JOB_MEETING;
}

/* ---- met lately --------------------------------------------------------------------------- */

/*
 * What was tried before may have reached Brevo, and be applied after whatever has made what is
 * remembered: only a look tells.
 */
void
job_recall(struct job *job, const struct contact_cache *cache, int64_t now_us)
{
    if (job->stage != JOB_READY || job->has_begun || job->is_shadow || job->is_probe ||
        job->record->attempts > 1) {
        return;
    }
    const struct contact_met *met = contact_cache_find(cache, job->lookup, now_us);

    if (contact_cache_refuses_list(cache, request_contact_list(job->contact), now_us)) {
        job->dropped |= REQUEST_LIST;
    }
    if (met != NULL) {
        job_know_contact(job, met->id, json_incref(met->contact));
        job->seen_us = met->seen_us;
        job->refused = met->refused;
        job->dropped |= contact_was_refused(&job->refused, &job->reading.event.customer);
        job->is_recalled = true;
    }
}

void
job_remember(
    const struct job *job, struct contact_cache *cache, const struct rules *rules)
{
    const struct queue_settlement *settlement = &job->settlement;
    const bool is_said =
        job->stage == JOB_TURNING || settlement->outcome == QUEUE_DELIVERED ||
        (settlement->outcome == QUEUE_FILTERED && settlement->reason == job->mute);
    const struct contact_met met = {
        .id = job->contact_id,
        .seen_us = job->seen_us,
        .refused = job->refused,
        .contact = job->existing,
    };

    if (!job->has_begun && !job->is_recalled) {
        return;
    }
    if (job->refused_list != 0 && (job->dropped & REQUEST_LIST) != 0) {
        contact_cache_refuse_list(cache, job->refused_list, job->seen_us);
    }
    if (job->only_numbers) { /* nobody is met by a number, and it is met by other names */
        contact_cache_forget_number(cache, job->contact_id);
    } else if (is_said && job->existing != NULL && job->contact_id > 0) {
        contact_cache_keep(cache, job->identifier, &met, rules);
    } else {
        contact_cache_forget(cache, job->identifier);
    }
}

/* ---- looked up ---------------------------------------------------------------------------- */

static void
look_up(struct job *job, struct request_identifier identifier)
{
    job->lookup = identifier;
    job_next(job, BREVO_CONTACT_LOOKUP);
}

struct request_identifier
job_second_identifier(const struct job *job)
{
    const struct customer *customer = &job->reading.event.customer;
    const bool has_asked_phone = strcmp(job->lookup.type, "phone_id") == 0;
    const bool has_asked_whatsapp = strcmp(job->lookup.type, "whatsapp_id") == 0;

    if (strcmp(job->identifier.type, "email_id") != 0 || has_asked_whatsapp) {
        return (struct request_identifier){"whatsapp_id", ""};
    }
    if (customer->phone[0] != '\0' && !has_asked_phone) {
        return (struct request_identifier){"phone_id", customer->phone};
    }
    return (struct request_identifier){"whatsapp_id", customer->whatsapp};
}

bool
job_contact_again(struct job *job, struct request_identifier identifier)
{
    if (job->has_looked_again || identifier.value[0] == '\0') {
        return false;
    }
    job->has_looked_again = true;
    job->asks_by_creating = false;
    look_up(job, identifier);
    return true;
}

bool
job_contact_updated(struct job *job)
{
    if (job->was_updated) {
        return false;
    }
    job->was_updated = true;
    job->asks_by_creating = false;
    look_up(job, job->identifier);
    return true;
}

bool
job_contact_doubted(struct job *job)
{
    if (!job->is_recalled) {
        return false;
    }
    job->is_recalled = false;
    job->has_numbers = false;
    (void)json_object_del(job->event, "contact_properties"); /* may have had none */
    look_up(job, job->identifier);
    return true;
}

/* A 200 that is no contact: somebody between us and Brevo answers in its place. */
static void
retry_bad_answer(struct job *job)
{
    const int64_t attempts = job->record->attempts;

    if (attempts >= BREVO_ATTEMPTS_MAX) {
        job_park(job, "bad_answer");
        return;
    }
    job_retry(job, "bad_answer", BAD_ANSWER_DELAY_MS * attempts);
}

/* ---- missing ------------------------------------------------------------------------------ */

/* Its number is asked for: it lives on under another identifier, or was deleted. */
static void
learn_erasure(struct job *job, bool is_gone)
{
    job->erasure = is_gone ? JOB_IS_ERASED : JOB_IS_NEW;
    job->stage = JOB_MEETING;
}

void
job_contact_missing(struct job *job, const struct brevo_verdict *verdict)
{
    const bool is_gone = verdict != NULL && verdict->is_gone;
    struct request_identifier second = {0};

    if (job->asks_owner) {
        conflict_answered(job, NULL);
    } else if (job->only_numbers) {
        job_filter(job, job->mute);
    } else if (job->erasure == JOB_ASKS_WHETHER_ERASED) {
        learn_erasure(job, is_gone);
    } else if (job->next == BREVO_CONTACT_UPDATE && job_contact_doubted(job)) {
        return; /* gone since, or what was said was refused: a look tells */
    } else if (job->next == BREVO_CONTACT_UPDATE) {
        /* Gone since, or the e-mail is invalid, or another's by now: it stays as it is. */
        job->has_looked_again = true;
        job->erasure = JOB_IS_NEW;
        job_know_contact(job, 0, NULL);
    } else {
        second = job_second_identifier(job);
        job->is_unsure |= !is_gone && job->exchange.status != STATUS_INVALID;
        if (second.value[0] != '\0' && !job->asks_by_creating) {
            look_up(job, second);
        } else {
            job_know_contact(job, 0, NULL);
        }
    }
}

/* ---- found -------------------------------------------------------------------------------- */

bool
job_contact_lacks_email(const json_t *contact)
{
    static const char synthetic[] = "@mailin-sms.com";
    const struct slice email =
        slice_of(json_string_value(json_object_get(contact, "email")));
    const size_t size = sizeof synthetic - 1;

    return email.size == 0 ||
           (email.size > size &&
               slice_is_nocase(slice_skip(email, email.size - size), synthetic));
}

/* Without a number or attributes it is not the whole contact: what it has would be overwritten. */
static bool
is_contact(const json_t *answer)
{
    const json_t *attributes = json_object_get(answer, "attributes");

    return json_is_integer(json_object_get(answer, "id")) &&
           (json_is_object(attributes) || json_is_array(attributes));
}

/* NULL: it is no JSON. Statistics grow with each campaign, and nobody asks for them. */
static json_t *
read_contact(const struct buffer *answer)
{
    json_t *contact =
        answer->size > 0 ? json_loadb(answer->data, answer->size, 0, NULL) : NULL;

    (void)json_object_del(contact, "statistics"); /* may have none, or be no object */
    return contact;
}

void
job_contact_found(struct job *job)
{
    const struct buffer *answer = &job->exchange.answer;
    const bool is_second = job->lookup.value != job->identifier.value;

    if (job->erasure == JOB_ASKS_WHETHER_ERASED) {
        learn_erasure(job, false);
        return;
    }
    if (answer->failed && job->asks_owner) {
        conflict_answered(job, NULL);
        return;
    }
    if (answer->failed) {
        /* Too long to read, so nothing can be known to be missing: it is left as it is. */
        log_warn("contact_unread", "key=%s bytes_max=%d", job->record->key,
            BREVO_LONG_ANSWER_MAX);
        job_next(job, BREVO_EVENT);
        return;
    }
    AUTO(payload_release) json_t *found = read_contact(answer);

    if (job->exchange.status != STATUS_FOUND || json_is_array(found)) {
        job_contact_missing(job, NULL); /* nothing was found out */
    } else if (!is_contact(found)) {
        retry_bad_answer(job);
    } else if (job->asks_owner) {
        conflict_answered(job, found);
    } else if (is_second && !job_contact_lacks_email(found)) {
        job_contact_missing(
            job, &(struct brevo_verdict){.is_gone = true}); /* another person's */
    } else {
        job->is_joining = is_second;
        job_know_contact(
            job, json_integer_value(json_object_get(found, "id")), json_incref(found));
    }
}

/* ---- new, or joined ----------------------------------------------------------------------- */

static bool
creates(const struct config *config)
{
    return strcmp(config->contacts_create, "always") == 0;
}

static void
create(struct job *job, const struct config *config)
{
    json_decref(job->contact);
    job->contact = job_compose_contact(job, &config->rules);
    job->lookup = job->identifier;
    if (job->contact == NULL) {
        job_lack_memory(job);
    } else {
        (void)!request_contact_drop(job->contact, job->dropped);
        job_next(job, BREVO_CONTACT_UPSERT);
    }
}

void
job_create(struct job *job, struct slice known_id, const struct config *config)
{
    const bool may_be_erased = job->erasure == JOB_MAY_BE_ERASED && !job->is_unsure &&
                               !config->contacts_recreate;

    if (job->erasure == JOB_IS_ERASED) {
        job_filter(job, "erased_in_brevo");
    } else if (!creates(config) && job->is_unsure) {
        retry_bad_answer(job); /* it would be left out because of somebody on the way */
    } else if (!creates(config)) {
        job_filter(job, "unknown_contact");
    } else if (may_be_erased &&
               slice_to_text(known_id, job->contact_id_text, JOB_ID_SIZE) &&
               known_id.size > 0) {
        job->erasure = JOB_ASKS_WHETHER_ERASED;
        look_up(job, (struct request_identifier){"contact_id", job->contact_id_text});
    } else {
        create(job, config);
    }
}

/* It stays one contact, with one history. */
void
job_join(struct job *job, const struct config *config)
{
    json_t *body =
        json_pack("{s:{s:s}}", "attributes", "EMAIL", job->reading.event.customer.email);

    job->is_joining = false;
    if (strcmp(config->contacts_create, "never") == 0) {
        json_decref(body);
        job_filter(job, "unknown_contact"); /* by the e-mail, and nothing is changed */
    } else if (body == NULL) {
        job_lack_memory(job);
    } else {
        json_decref(job->contact);
        job->contact = body;
        job->lookup = (struct request_identifier){"contact_id", job->contact_id_text};
        job_next(job, BREVO_CONTACT_UPDATE);
    }
}
