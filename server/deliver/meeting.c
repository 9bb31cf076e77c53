/*
 * meeting.c - the facts of a contact, and who it was known as.
 */
#include "server/deliver/meeting.h"

#include <stdio.h>
#include <string.h>

#include "mapping/history_base.h"
#include "mapping/overwrite.h"
#include "queue/facts.h"
#include "server/deliver/conflict.h"
#include "server/deliver/job_contact.h"
#include "server/ops/sha256.h"

enum {
    LINKS_MAX = 4,
    SUBJECT_SIZE = 96,
    CREATED_AFTER_MS = 5 * 60 * 1000, /* what was created may not be shown before */
    SHOWN_AFTER_MS = 60 * 1000, /* what was shown may not be shown to everybody before */
};

static const char link_name[] = "+id";

/* ---- links: whom an identifier was ---------------------------------------------------------- */

struct links {
    char subjects[LINKS_MAX][SUBJECT_SIZE];
    struct queue_facts items[LINKS_MAX];
    unsigned asked[LINKS_MAX]; /* REQUEST_* bit: only asked for; 0: the contact's own */
    size_t count;
};

/* "known/<hash>": names nobody. False when memory is out, here and below. */
static bool
add_link(struct links *links, const char *kind, const char *value)
{
    AUTO(buffer_done)
    struct buffer text = {.max = SUBJECT_SIZE + CUSTOMER_EMAIL_SIZE};
    char *subject = links->subjects[links->count];
    char hash[SHA256_HEX_SIZE];

    buffer_addf(&text, "%s:%s", kind, value);
    if (text.failed || !sha256_try_hex(buffer_slice(&text), hash)) {
        return false;
    }
    (void)snprintf(subject, SUBJECT_SIZE, "known/%s", hash); /* fits */
    links->items[links->count++] = (struct queue_facts){.subject = slice_of(subject)};
    return true;
}

/* Brevo shows a phone without its '+'. */
static bool
is_same(const char *held, const char *value)
{
    return held != NULL && value[0] != '\0' &&
           slice_is_nocase(slice_of(held[0] == '+' ? held + 1 : held),
               value[0] == '+' ? value + 1 : value);
}

/*
 * Those of the customer's identifiers that the contact has in Brevo; and phones in place of which it has
 * another: who was met by such a one first is the same customer.
 */
static bool
links_of_contact(const struct job *job, struct links *links)
{
    const struct customer *customer = &job->reading.event.customer;
    const json_t *attributes = json_object_get(job->existing, "attributes");
    const struct {
        const char *kind;
        const char *value;
        const json_t *held;
        unsigned phone;
    } identifiers[LINKS_MAX] = {
        {"email", customer->email, json_object_get(job->existing, "email"), 0},
        {"ext_id", customer->ext_id, json_object_get(job->existing, "ext_id"), 0},
        {"phone", customer->phone, json_object_get(attributes, "SMS"), REQUEST_SMS},
        {"whatsapp", customer->whatsapp, json_object_get(attributes, "WHATSAPP"),
            REQUEST_WHATSAPP},
    };

    for (size_t i = 0; i < LINKS_MAX; i++) {
        const bool own =
            is_same(json_string_value(identifiers[i].held), identifiers[i].value);
        const bool other = identifiers[i].phone != 0 && identifiers[i].value[0] != '\0' &&
                           json_string_length(identifiers[i].held) > 0;

        links->asked[links->count] = own ? 0 : identifiers[i].phone;
        if ((own || other) &&
            !add_link(links, identifiers[i].kind, identifiers[i].value)) {
            return false;
        }
    }
    return true;
}

/* The one the event is about: a phone beside an e-mail may be others' as well. */
static bool
link_of_event(const struct job *job, struct links *links)
{
    static const struct {
        const char *type;
        const char *kind;
    } kinds[] = {{"email_id", "email"}, {"ext_id", "ext_id"}, {"phone_id", "phone"},
        {"whatsapp_id", "whatsapp"}};
    size_t i = 0;

    while (i + 1 < LENGTH(kinds) && strcmp(kinds[i].type, job->identifier.type) != 0) {
        i++;
    }
    return add_link(links, kinds[i].kind, job->identifier.value);
}

/* Its contact's number, if it was one, and long enough ago to be shown if it still were. */
static struct slice
id_of(const struct links *links, int64_t now_ms)
{
    const struct fact *link =
        links->count > 0 ? facts_find(&links->items[0].all, slice_of(link_name)) : NULL;

    return link != NULL && link->rank < now_ms - CREATED_AFTER_MS ? link->text
                                                                  : (struct slice){0};
}

/* When the contact was seen, or, if Brevo showed it, as much earlier as that is sooner believed. */
static int64_t
link_rank(const struct job *job)
{
    const int64_t seen_ms = job_now_ms(job, job->seen_us);

    return job->is_new ? seen_ms : seen_ms - (CREATED_AFTER_MS - SHOWN_AFTER_MS);
}

/* ---- meetings ------------------------------------------------------------------------------- */

static int
create(struct queue *queue, struct job *job, const struct config *config, int64_t now_ms)
{
    struct links links = {0};
    int r = QUEUE_OK;

    if (!link_of_event(job, &links)) {
        job_lack_memory(job);
        return QUEUE_OK;
    }
    r = queue_facts_merge(queue, links.items, links.count);
    if (r == QUEUE_OK) {
        job_create(job, id_of(&links, now_ms), config);
        queue_facts_done(links.items, links.count);
    }
    return r;
}

/*
 * Its ticket learns whom it was told of, and a task's end how long that one waited. Of a telling that
 * comes between, one of the two hears: this one, or the fact that tells it (job_read.c).
 */
static int
meet_ticket(struct queue *queue, struct job *job, const struct config *config)
{
    struct event *event = &job->reading.event;
    const struct fact contact =
        ticket_contact_fact(slice_of(job->contact_id_text), event->date_ms);
    struct queue_facts item = {
        .subject = slice_of(job->ticket), .facts = &contact, .count = 1};
    struct ticket_wait wait;

    if (job->ticket[0] == '\0' || job->only_numbers || job->meetings > 0 ||
        event->type > EVENT_CONVERSATION_ENDED) {
        return QUEUE_OK;
    }
    const int r = queue_facts_merge(queue, &item, 1);

    if (r == QUEUE_OK) {
        ticket_waited(&job->reading, &item.all, &config->rules, &wait);
        event->wait_s = event->type == EVENT_TASK_COMPLETED ? wait.wait_s : -1;
        event->wait_rank = wait.rank;
        queue_facts_done(&item, 1);
    }
    return r;
}

/* A phone may have been another contact's, which is known by it. */
static void
suspect(struct job *job, const struct links *links)
{
    for (size_t i = 0; i < links->count; i++) {
        const struct fact *link = facts_find(&links->items[i].all, slice_of(link_name));

        if (link != NULL && !slice_is(link->text, job->contact_id_text)) {
            job->suspected |= links->asked[i];
        }
    }
}

/*
 * When the contact was seen, and not when it was remembered: it may be gone since. In a cluster they are
 * elsewhere, and do without: the next event tells them.
 */
static int
tell_links(struct queue *queue, struct job *job, const struct config *config)
{
    struct links links = {0};

    job->suspected = 0;
    const struct fact id = {.name = slice_of(link_name),
        .rank = link_rank(job),
        .text = slice_of(job->contact_id_text)};

    if (!job->only_numbers && !links_of_contact(job, &links)) {
        job_lack_memory(job);
        return QUEUE_OK;
    }
    for (size_t i = 0; i < links.count; i++) {
        links.items[i].facts = &id;
        links.items[i].count = links.asked[i] == 0 ? 1 : 0;
        links.items[i].life_ms = config->facts_retention_ms;
    }
    const int r =
        links.count > 0 ? queue_facts_merge(queue, links.items, links.count) : QUEUE_OK;

    if (r == QUEUE_OK) {
        suspect(job, &links);
        queue_facts_done(links.items, links.count);
    }
    return r == QUEUE_E_NODE ? QUEUE_OK : r;
}

/* What all know of the contact. */
static void
hear(struct job *job, const struct facts *known, const struct config *config,
    int64_t now_ms)
{
    const int taken = conflict_known(job, known, now_ms);

    if (taken < 0) {
        job_lack_memory(job);
        return;
    }
    job->dropped |= (unsigned)taken;
    job->suspected &= ~((unsigned)taken | job->unsaid); /* that was asked */
    if (job->suspected != 0 && !job->is_sent) {
        /* It would be refused; whose it is, is asked. */
        conflict_refused(job, job->suspected);
    } else {
        job_meet(job, known, config);
    }
}

/*
 * Tells what the event says, and hears what was known before and what is known then: of one round trip,
 * for nobody knows by what is known then what was there before.
 */
static int
tell(struct queue *queue, struct job *job, const struct history_says *says,
    const struct config *config, int64_t now_ms)
{
    char subject[CONTACT_SUBJECT_SIZE];

    contact_subject(job->contact_id, subject);
    struct queue_facts asked[] = {
        {.subject = slice_of(subject)},
        {.subject = slice_of(subject),
            .facts = says->facts,
            .count = says->fact_count,
            .life_ms = config->facts_retention_ms},
    };
    const bool may_differ =
        job->is_recalled && overwrite_is_told(&job->reading.event, &config->rules);
    const size_t first = may_differ ? 0 : 1;
    const struct facts *known = &asked[1].all;
    int r = queue_facts_merge(queue, asked + first, LENGTH(asked) - first);

    if (r != QUEUE_OK) {
        return r;
    }
    r = conflict_pass_on(queue, job, says, known, config);
    const bool is_doubtful =
        (job->is_recalled && !history_base_is_known(known, &config->rules)) ||
        (may_differ && overwrite_is_doubtful(&job->reading.event, &asked[0].all, known,
                           job->existing, &config->rules));

    if (r == QUEUE_OK && !(is_doubtful && job_contact_doubted(job))) {
        hear(job, known, config, now_ms);
    }
    queue_facts_done(asked, LENGTH(asked));
    return r;
}

static int
meet(struct queue *queue, struct job *job, const struct config *config, int64_t now_ms)
{
    struct history_says says;
    int r = meet_ticket(queue, job, config);

    if (r == QUEUE_OK) {
        r = tell_links(queue, job, config);
    }
    if (r != QUEUE_OK || job->stage != JOB_MEETING) {
        return r;
    }
    /* What is remembered may be from before Redis lost what was counted since: no base to count from. */
    history_read(&job->reading.event, &config->rules,
        job->is_recalled ? NULL : job->existing, &says);
    if (says.failed || !conflict_say(job, now_ms, &says)) {
        job_lack_memory(job);
        return QUEUE_OK;
    }
    return tell(queue, job, &says, config, now_ms);
}

int
meeting_hold(
    struct queue *queue, struct job *job, const struct config *config, int64_t now_ms)
{
    if (job->existing == NULL) {
        return create(queue, job, config, now_ms);
    }
    if (job->is_joining) {
        job_join(job, config);
        return QUEUE_OK;
    }
    const int r = conflict_hold(queue, job, config, now_ms);

    if (r != QUEUE_OK || conflict_asks(job)) {
        return r;
    }
    const int met = meet(queue, job, config, now_ms);

    if (met == QUEUE_OK && job->stage == JOB_MEETING) {
        (void)conflict_asks(job); /* or others have something to say first */
    }
    return met;
}
