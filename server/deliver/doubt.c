/*
 * doubt.c - the look for an event that Brevo may have, and what follows from it.
 */
#include "server/deliver/doubt.h"

#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "mapping/timestamp.h"
#include "server/deliver/job_contact.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"

enum {
    DATE_SIZE = sizeof "2026-11-29" - 1,
    DAY_MS = 24 * 60 * 60 * 1000,
    EVENTS_MAX =
        25, /* of an answer: what we send fits many times into what is read of one */
};

/* ---- doubts ------------------------------------------------------------------------------- */

/* False of what is none. */
static bool
read_contact(struct job *job, struct slice number)
{
    char text[JOB_ID_SIZE];
    int64_t id;

    if (!slice_to_int64(number, &id) || id <= 0 ||
        !slice_to_text(number, text, sizeof text)) {
        return false;
    }
    memcpy(job->doubted_contact, text, sizeof text);
    return true;
}

/*
 * The mark is the word, and behind it whom it was sent to: "EV1@57". Of a claim that did not end it
 * is the word alone; then the ticket may know whom it was told of.
 */
static void
read_mark(struct job *job, const char *mark)
{
    const char *at = strrchr(mark, '@');

    (void)snprintf(job->doubted_word, QUEUE_WORD_SIZE, "%s", mark); /* fits */
    if (at != NULL && read_contact(job, slice_of(at + 1))) {
        job->doubted_word[at - mark] = '\0';
    }
}

/* Into the word. Of what it has no room for the mark is what it was. */
static void
write_mark(struct job *job)
{
    char *word = job->doubted_word;
    const char *id = job->contact_id > 0 ? job->contact_id_text : job->doubted_contact;
    char mark[QUEUE_WORD_SIZE];
    const int size = snprintf(mark, sizeof mark, "%s@%s",
        word[0] != '\0' ? word : job->reading.event.source_event_id, id);

    if (id[0] != '\0' && size > 0 && size < QUEUE_WORD_SIZE) {
        memcpy(word, mark, sizeof mark);
        job->settlement.doubted_word = word;
    }
}

void
doubt_hear(struct job *job, const struct facts *facts)
{
    (void)read_contact(job, ticket_contact(facts)); /* or nobody was told of it yet */
}

void
doubt_take(struct job *job, const struct queue_effect *effect, int64_t now_us)
{
    const int64_t age_ms = job_now_ms(job, now_us) - effect->doubted_ms;

    if (effect->doubted_ms == 0 || job->lookup_after_ms == 0) {
        return;
    }
    job->doubted_ms = effect->doubted_ms;
    read_mark(job, effect->doubted_word);
    if (age_ms < job->lookup_after_ms) {
        job_delay(job, "unknown_outcome", job->lookup_after_ms - MAX(age_ms, 0));
    }
}

void
doubt_leave(struct job *job, const struct brevo_verdict *verdict)
{
    if (job->next == BREVO_EVENT && verdict->is_unseen && job->lookup_after_ms > 0) {
        job->settlement.is_doubted = true;
        write_mark(job);
        job->settlement.delay_ms = MAX(job->settlement.delay_ms, job->lookup_after_ms);
    }
}

/* ---- looking ------------------------------------------------------------------------------ */

static void
tell(const struct job *job, const char *result)
{
    counter_add(metrics_counter(METRIC_BREVO_LOOKUPS, result, NULL), 1);
    log_info("looked_up", "key=%s result=%s", job->record->key, result);
}

static void
send_again(struct job *job, const char *result)
{
    tell(job, result);
    job->doubted_ms = 0;
    job_next(job, BREVO_EVENT);
}

bool
doubt_must_look(struct job *job)
{
    if (job->doubted_ms > 0 && job->contact_id == 0 && job->doubted_contact[0] == '\0') {
        tell(job, "failed");
        job->doubted_ms = 0;
    }
    return job->doubted_ms > 0;
}

static void
write_day(struct buffer *url, const char *name, int64_t time_ms)
{
    char text[TIMESTAMP_TEXT_SIZE];

    timestamp_format(time_ms, text);
    buffer_addf(url, "&%s=%.*s", name, (int)DATE_SIZE, text);
}

/* Whoever it is now, and whom it was sent to: not always the same. */
static void
write_contacts(const struct job *job, struct buffer *url)
{
    const char *now = job->contact_id > 0 ? job->contact_id_text : "";
    const char *then = job->doubted_contact;

    if (now[0] != '\0') {
        buffer_addf(url, "contact_id=%s&", now);
    }
    if (then[0] != '\0' && strcmp(then, now) != 0) {
        buffer_addf(url, "contact_id=%s&", then);
    }
}

/* Whole days, and one more on each side: how Brevo counts their ends does not matter then. */
void
doubt_write_query(const struct job *job, struct buffer *url)
{
    const char *name = json_string_value(json_object_get(job->event, "event_name"));
    const int64_t date_ms = job->reading.event.date_ms;

    buffer_add_text(url, "?");
    write_contacts(job, url);
    buffer_add_text(url, "event_name=");
    buffer_add_percent_encoded(url, slice_of(name));
    write_day(url, "startDate", date_ms - DAY_MS);
    write_day(url, "endDate", date_ms + DAY_MS);
    buffer_addf(url, "&limit=%d", EVENTS_MAX);
}

/* ---- answered ----------------------------------------------------------------------------- */

/*
 * Another record, or this one before it knew more, may have been sent by another word; and earlier
 * versions sent all answers of one task's bytes by the same.
 */
static bool
is_ours(const struct job *job, const json_t *event)
{
    const json_t *properties = json_object_get(event, "event_properties");
    const char *id = json_string_value(json_object_get(properties, "source_event_id"));
    const char *survey = json_string_value(json_object_get(properties, "survey_id"));

    return id != NULL &&
           (strcmp(id, job->reading.event.source_event_id) == 0 ||
               strcmp(id, job->doubted_word) == 0) &&
           strcmp(survey != NULL ? survey : "", job->reading.event.survey_id) == 0;
}

/* "found", "absent", or "failed" for what is no list of events. */
static const char *
read_answer(const struct job *job)
{
    const struct buffer *answer = &job->exchange.answer;
    AUTO(payload_release)
    json_t *body = !answer->failed && answer->size > 0
                       ? json_loadb(answer->data, answer->size, 0, NULL)
                       : NULL;
    const json_t *events = json_object_get(body, "events");

    for (size_t i = 0; i < json_array_size(events); i++) {
        if (is_ours(job, json_array_get(events, i))) {
            return "found";
        }
    }
    return json_is_array(events) || json_is_integer(json_object_get(body, "count"))
               ? "absent"
               : "failed";
}

static struct counter *
forbidden(void)
{
    return metrics_counter(METRIC_LOOKUPS_FORBIDDEN, NULL, NULL);
}

static void
note_allowed(void)
{
    if (counter_get(forbidden()) != 0) {
        log_info(
            "lookups_allowed", "endpoint=%s", brevo_endpoint_name(BREVO_EVENT_LOOKUP));
        counter_set(forbidden(), 0);
    }
}

void
doubt_answered(struct job *job)
{
    const char *result = read_answer(job);

    note_allowed();
    if (strcmp(result, "found") == 0) {
        tell(job, result);
        job_event_found(job);
    } else {
        send_again(job, result);
    }
}

void
doubt_untold(struct job *job, const struct brevo_verdict *verdict)
{
    if (verdict->after_ms > 0 && counter_get(forbidden()) == 0) {
        log_warn("lookups_forbidden",
            "do=\"Brevo refuses GET /events to this API key: what it may have taken is sent "
            "again without a look, and may be doubled; give the key read access to events\"");
        counter_set(forbidden(), 1);
    }
    send_again(job, verdict->reason);
}

void
doubt_retry(struct job *job, const struct brevo_verdict *verdict)
{
    if (job->record->now_ms - job->doubted_ms >= DOUBT_LOOKS_MS) {
        send_again(job, "failed");
        return;
    }
    job->settlement.free_attempt = verdict->is_rate_limit;
    job_retry(job, verdict->reason, verdict->after_ms);
}

void
doubt_skip(struct job *job)
{
    send_again(job, counter_get(forbidden()) != 0 ? "forbidden" : "limited");
}
