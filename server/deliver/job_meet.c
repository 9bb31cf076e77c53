/*
 * job_meet.c - what is left to say → said → nothing is left to say → the event.
 */
#include <inttypes.h>
#include <string.h>

#include "mapping/history_base.h"
#include "mapping/overwrite.h"
#include "server/deliver/conflict.h"
#include "server/deliver/job_contact.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"

enum {
    STATUS_CREATED = 201,
    STATUS_BAD_REQUEST = 400,
    STATUS_NOT_FOUND = 404,
    MEETINGS_MAX = 4, /* everybody writes of it at once: the next event says the rest */
};

/* ---- what was said ------------------------------------------------------------------------ */

/* What Brevo took is what it has, whether or not it would show it. */
static bool
note_attributes(json_t *existing, json_t *news)
{
    json_t *attributes = json_object_get(existing, "attributes");

    if (!json_is_object(attributes)) {
        attributes = json_object();
        if (json_object_set_new(existing, "attributes", attributes) != 0) {
            return false;
        }
    }
    return news == NULL || json_object_update(attributes, news) == 0;
}

static bool
note_lists(json_t *existing, const json_t *said)
{
    json_t *joined = json_object_get(existing, "listIds");
    json_t *lists = json_object_get(said, "listIds");

    if (lists == NULL) {
        return true;
    }
    return json_is_array(joined) ? json_array_extend(joined, lists) == 0
                                 : json_object_set(existing, "listIds", lists) == 0;
}

static bool
note_identifier(json_t *existing, const char *name, json_t *value)
{
    return value == NULL || json_object_set(existing, name, value) == 0;
}

/* EMAIL is an attribute where it is changed, and none where it is shown. */
static bool
note_said(const struct job *job)
{
    const json_t *said = job->contact;
    json_t *email = json_object_get(json_object_get(said, "attributes"), "EMAIL");

    return note_attributes(job->existing, json_object_get(said, "attributes")) &&
           note_lists(job->existing, said) &&
           note_identifier(job->existing, "email", json_object_get(said, "email")) &&
           note_identifier(job->existing, "email", email) &&
           note_identifier(job->existing, "ext_id", json_object_get(said, "ext_id"));
}

/*
 * Whether the answer says that a contact was created: the one we had not found, or another one in
 * place of one that was deleted since. It has what we said, and nothing else.
 */
static bool
is_created(const struct job *job, int64_t *ret_id)
{
    const struct buffer *answer = &job->exchange.answer;
    const bool is_told =
        job->exchange.status == STATUS_CREATED && !answer->failed && answer->size > 0;
    AUTO(payload_release)
    json_t *created = is_told ? json_loadb(answer->data, answer->size, 0, NULL) : NULL;
    const json_t *id = json_object_get(created, "id");

    *ret_id = json_integer_value(id);
    return json_is_integer(id) && *ret_id != job->contact_id;
}

/*
 * What was said of one that is gone are also numbers, by the facts of that one: they are not what the
 * new one had before us. All its attributes are said anew, by its own facts.
 */
static void
begin_anew(struct job *job, int64_t id)
{
    if (job->existing != NULL) {
        (void)json_object_del(job->contact, "attributes"); /* may have none */
    }
    job->is_recalled = false; /* met just now: a look would show those numbers */
    job_know_contact(job, id, json_object());
    job->is_new = true;
}

static void
tell_unlisted(const struct job *job)
{
    counter_add(
        metrics_counter(METRIC_BREVO_DROPPED, request_optional_name(REQUEST_LIST), NULL),
        1);
    log_warn("list_refused",
        "key=%s list=%" PRId64
        " do=\"correct connectors.twilio_flex.lists, or give Brevo a list "
        "of that number: flexbrevo check names those it has not\"",
        job->record->key, job->refused_list);
}

void
job_contact_said(struct job *job)
{
    int64_t id;

    if (job->refused_list != 0 && (job->dropped & REQUEST_LIST) == 0) {
        job->dropped |= REQUEST_LIST; /* without it Brevo took it: so that was why */
        tell_unlisted(job);
    }

    job->lookup = job->only_numbers ? job->lookup : job->identifier;
    if (is_created(job, &id)) {
        begin_anew(job, id);
    } else if (job->existing == NULL) { /* updated: somebody was faster */
        if (!job_contact_updated(job)) {
            log_warn("contact_unmet", "key=%s", job->record->key);
            job_next(job, BREVO_EVENT);
        }
        return;
    }
    if (!note_said(job)) {
        job_lack_memory(job);
        return;
    }
    job->stage = JOB_MEETING;
}

void
job_event_said(struct job *job)
{
    json_t *numbers = json_object_get(job->event, "contact_properties");

    job->is_sent = true;
    if (!job->has_numbers || !note_attributes(job->existing, numbers)) {
        job_next(job, BREVO_EVENT); /* is said: what comes after it */
    } else {
        job->stage = JOB_MEETING; /* others may have told more meanwhile */
    }
}

void
job_event_found(struct job *job)
{
    job->is_sent = true;
    if (job->has_numbers) {
        job->stage = JOB_MEETING;
    } else {
        job_next(job, BREVO_EVENT);
    }
}

/* ---- what was refused --------------------------------------------------------------------- */

/* What Brevo refuses by name, once; then, or when it names none, all but the best, once. */
static unsigned
drop_identifiers(struct job *job, unsigned refused)
{
    unsigned dropped = 0;

    if (!job->has_dropped) {
        job->has_dropped = true;
        dropped = request_contact_drop(job->contact, refused);
    }
    if (dropped == 0 && !job->has_best_only) {
        job->has_best_only = true;
        dropped = request_contact_drop(job->contact, REQUEST_OPTIONAL);
    }
    return dropped;
}

static void
tell_dropped(const struct job *job, unsigned dropped)
{
    for (unsigned bit = 1; bit <= REQUEST_OPTIONAL; bit <<= 1) {
        if ((dropped & bit) != 0) {
            const char *name = request_optional_name(bit);

            counter_add(metrics_counter(METRIC_BREVO_DROPPED, name, NULL), 1);
            log_warn(
                "identifier_dropped", "key=%s identifier=%s", job->record->key, name);
        }
    }
}

bool
job_contact_unlisted(struct job *job, const struct brevo_verdict *verdict)
{
    const int64_t list = request_contact_list(job->contact);
    const bool is_refused = (job->exchange.status == STATUS_BAD_REQUEST ||
                                job->exchange.status == STATUS_NOT_FOUND) &&
                            verdict->code[0] != '\0'; /* by Brevo, not on the way */

    if (job->next != BREVO_CONTACT_UPSERT || !is_refused ||
        request_contact_drop(job->contact, REQUEST_LIST) == 0) {
        return false;
    }
    job->refused_list = list;
    job_next(job, BREVO_CONTACT_UPSERT);
    return true;
}

void
job_contact_refused(struct job *job, const struct brevo_verdict *verdict)
{
    const bool is_phone_taken =
        verdict->is_taken && (verdict->refused & REQUEST_PHONES) != 0;

    /* Whoever has it may lack the e-mail. */
    if (job->existing == NULL && is_phone_taken &&
        job_contact_again(job, job_second_identifier(job))) {
        return;
    }
    const unsigned dropped = drop_identifiers(job, verdict->refused);

    if (dropped == 0) {
        job_park(job, verdict->reason);
        return;
    }
    job->dropped |= dropped;
    contact_refuse(&job->refused, &job->reading.event.customer, dropped);
    tell_dropped(job, dropped);
    if (verdict->is_taken) {
        conflict_refused(job, dropped);
    } else {
        job->unsaid |= dropped & verdict->refused & REQUEST_PHONES;
    }
    if (job->existing != NULL) {
        /* Whose it is may be asked first, and nothing may be left to say. */
        job->stage = JOB_MEETING;
    } else {
        job_next(job, BREVO_CONTACT_UPSERT);
    }
}

/* ---- what is left to say ------------------------------------------------------------------ */

enum {
    LEFT_PROFILE = 1,     /* what fills gaps, or joins lists */
    LEFT_NUMBERS = 2,     /* what follows from facts: true whenever it is said */
    LEFT_OVERWRITTEN = 4, /* the same of profile fields, which no event carries */
};

/* Into job->contact. LEFT_* bits: there is something, 0: Brevo has it all, -1: memory is out. */
static int
compose(struct job *job, const struct facts *known, const struct rules *rules)
{
    json_decref(job->contact);
    job->contact = job->only_numbers ? json_object() : job_compose_contact(job, rules);
    if (job->contact == NULL || !history_recall(job->existing, known)) {
        return -1;
    }
    (void)!request_contact_drop(job->contact, job->dropped);
    overwrite_hold(job->contact, rules);
    const bool is_news =
        !job->only_numbers && request_contact_reduce(job->contact, job->existing);
    const int written = history_write(job->contact, known, job->existing, rules);
    const int overwritten =
        overwrite_write(job->contact, &job->reading.event, known, job->existing, rules);

    return written < 0 || overwritten < 0
               ? -1
               : (written > 0 ? LEFT_NUMBERS : 0) | (is_news ? LEFT_PROFILE : 0) |
                     (overwritten > 0 ? LEFT_OVERWRITTEN : 0);
}

/* Brevo may show a whole number as 42.0. */
static bool
is_fraction(const json_t *value)
{
    return json_is_real(value) && history_hundredths(value) % 100 != 0;
}

/*
 * Of what is remembered, but what may be again what it was: in between another one may have written
 * something else. (A fraction, which no event carries, is compared with what is remembered.) NULL
 * when memory is out.
 */
static json_t *
forget_returning(const json_t *remembered, const struct rules *rules)
{
    static const char *const returning[] = {HISTORY_WAIT, HISTORY_CSAT, HISTORY_CHANNEL};
    json_t *attributes = json_copy(json_object_get(remembered, "attributes"));

    for (size_t i = 0; i < LENGTH(returning); i++) {
        const char *name = history_attribute(rules, returning[i]);

        if (name != NULL && !is_fraction(json_object_get(attributes, name))) {
            (void)json_object_del(attributes, name); /* may have none */
        }
    }
    return json_pack("{s:o}", "attributes", attributes);
}

/* job->contact's numbers, and those of one we remember that others may have changed and we had not. */
static bool
carry_anew(struct job *job, const struct facts *known, const struct rules *rules)
{
    AUTO(payload_release) json_t *told = forget_returning(job->existing, rules);
    AUTO(payload_release) json_t *numbers = json_object();

    return told != NULL && numbers != NULL &&
           history_write(numbers, known, told, rules) > 0 &&
           request_event_carry(job->event, numbers);
}

/* Numbers may go along with the event, when there is one to come. False: they are left to be said. */
static bool
carry(struct job *job, int left, const struct facts *known, const struct config *config)
{
    if ((left & ~LEFT_NUMBERS) != 0 || !config->rules.contact_properties ||
        job->only_numbers || job->mute != NULL || job->is_sent) {
        return left == 0;
    }
    job->has_numbers = job->is_recalled
                           ? carry_anew(job, known, &config->rules)
                           : left != 0 && request_event_carry(job->event, job->contact);
    return job->has_numbers || left == 0;
}

/* Whom we only remember may have been deleted since: what is said by number creates nobody. */
static void
say_from_memory(struct job *job, const struct facts *known, const struct rules *rules)
{
    json_decref(job->contact);
    job->contact = json_object();
    if (job->contact == NULL ||
        history_write(job->contact, known, job->existing, rules) < 0 ||
        overwrite_write(job->contact, &job->reading.event, known, job->existing, rules) <
            0) {
        job_lack_memory(job);
        return;
    }
    job->lookup = (struct request_identifier){"contact_id", job->contact_id_text};
    job_next(job, BREVO_CONTACT_UPDATE);
}

void
job_meet(struct job *job, const struct facts *known, const struct config *config)
{
    if (++job->meetings > MEETINGS_MAX || strcmp(config->contacts_create, "never") == 0) {
        job_next(job, BREVO_EVENT);
        return;
    }
    const int left = compose(job, known, &config->rules);

    if (left < 0) {
        job_lack_memory(job);
    } else if (carry(job, left, known, config)) {
        job_next(job, BREVO_EVENT);
    } else if (job->is_recalled && (left & LEFT_PROFILE) == 0) {
        say_from_memory(job, known, &config->rules);
    } else if (!job_contact_doubted(job)) {
        /* Gaps are not filled from memory: somebody may have filled them. */
        job_next(job, job->only_numbers ? BREVO_CONTACT_UPDATE : BREVO_CONTACT_UPSERT);
    }
}
