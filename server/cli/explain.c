/*
 * explain.c - what a webhook's body would become, told as JSON.
 *
 * Walks the product's own functions in their order: keyed as ingest does it, then read and
 * mapped as the worker does it. Nothing is decided here.
 */
#include "server/cli/explain.h"

#include <stdio.h>
#include <string.h>

#include "mapping/derived.h"
#include "mapping/event.h"
#include "mapping/event_subject.h"
#include "mapping/survey.h"
#include "mapping/ticket.h"
#include "server/cli/explain_counts.h"
#include "server/cli/explain_extractors.h"
#include "server/cli/explain_requests.h"
#include "server/ingest/routes.h"
#include "server/ops/sha256.h"
#include "server/proof/verify.h"

static const struct {
    const char *reason;
    const char *remedy;
} remedies[] = {
    {"no_identity",
        "an email address or a phone number in the task's attributes, or another "
        "route of the same event that knows one"},
    {"anonymous_caller", "the caller withheld the number; an email address in the task's "
                         "attributes would identify the customer"},
    {"own_number",
        "the only number is in identity.own_numbers; an address of the customer, or "
        "the right `direction` in the attributes"},
    {"internal_contact",
        "the only address is an agent's or of identity.internal_domains"},
    {EVENT_REASON_FACTS,
        "nothing: it says something of a task, a conversation or an agent "
        "and never becomes an event"},
    {EVENT_REASON_FOREIGN,
        "account_sid and workspace_sid of the configuration are others"},
    {EVENT_REASON_TEST, "trigger --deliver: the configured Brevo is a live one"},
    {EVENT_REASON_NOT_MAPPED, "a line for this event in event_mapping"},
    {EVENT_REASON_SWITCHED_OFF, "the switches under `sync` in the configuration"},
    {EVENT_REASON_CHANNEL_OFF, "the channel's name in `channels` of the configuration"},
    {EVENT_REASON_SURVEY,
        "nothing: conversations.kind, or an extractor of csat.extractors, says that the "
        "task is a survey"},
    {EVENT_REASON_OUTBOUND, "`outbound` in the configuration: what the business began is "
                            "neither requested nor given up, or left out altogether"},
    {TICKET_REASON_ASKED, "nothing: an earlier task of the ticket was told"},
    {TICKET_REASON_OPEN, "nothing: another task of the ticket goes on"},
    {TICKET_REASON_PARKED,
        "nothing: the ticket is resolved when the conversation came back"},
    {TICKET_REASON_NEWER, "nothing: a newer task of the ticket took over"},
    {TICKET_REASON_OVER, "nothing: the task ended before anybody took it"},
    {TICKET_REASON_NOT_FLEX,
        "a task's record that names the conversation: without one it is none "
        "of Flex's, or came ticket.join_wait too early"},
    {TICKET_REASON_CALLBACK, "nothing: nobody was waiting for a callback's task"},
    {TICKET_REASON_VOICEMAIL, "nothing: nobody was waiting for a voicemail's task"},
    {TICKET_REASON_OTHER,
        "TaskCanceledReason, or the words for it in ticket.abandoned_reasons and "
        "ticket.unserved_reasons"},
    {TICKET_REASON_SHORT, "ticket.min_wait in the configuration"},
    {TICKET_REASON_SERVED, "nothing: an agent took a task of this ticket"},
    {EVENT_REASON_OTHER_CONTACT,
        "brevo.only_contacts of the configuration: it names others"},
    {EVENT_REASON_NO_ANSWER,
        "a Score in the survey's post, or where csat.extractors says that it is"},
    {EVENT_REASON_BAD_SCORE,
        "a whole number on its scale: from 0 to ScoreMax, to 5 without one, or as "
        "`scale` in csat.extractors says"},
    {EVENT_REASON_UNPARSEABLE,
        "nothing by itself: the bytes are kept for a person to look at"},
    {EVENT_REASON_TOO_OLD, "brevo.max_event_age; the contact is updated all the same, if "
                           "contacts.create lets it"},
    {EVENT_REASON_UNRESOLVED, "reservation.accepted or reservation.completed of the same "
                              "reservation, which names its task"},
    {"not_in_vocabulary", "nothing: it is acknowledged, counted and not stored"},
};

static const char *
find_remedy(const char *reason)
{
    for (size_t i = 0; i < LENGTH(remedies); i++) {
        if (strcmp(remedies[i].reason, reason) == 0) {
            return remedies[i].remedy;
        }
    }
    return NULL;
}

/* Sets verdict, reason and remedy. False when memory is out, here and below. */
static bool
set_verdict(json_t *record, const char *verdict, const char *reason)
{
    return json_object_update_new(
               record, json_pack("{s:s, s:s, s:s*}", "verdict", verdict, "reason", reason,
                           "remedy", find_remedy(reason))) == 0;
}

/* ---- records ---------------------------------------------------------------------------------- */

/*
 * What only a browser told waits for Twilio's word, and a completion of nobody we know for the
 * browser's: noted, and taken for over, as what a ticket waits for.
 */
static void
note_twin(struct event_reading *reading, enum source source)
{
    if (source == SOURCE_FLEX_PLUGIN && reading->verdict != EVENT_UNRESOLVED) {
        event_trace(reading, "plugin: waits queue.plugin_wait for Twilio's signed word");
    }
    if (source != SOURCE_FLEX_PLUGIN && reading->lacks_customer &&
        reading->event.type == EVENT_TASK_COMPLETED) {
        event_trace(reading, "plugin: waits queue.plugin_wait for it to say whose it is");
    }
}

static bool
read_payload(const json_t *payload, const char *key, const struct explain_input *input,
    json_t *record)
{
    const struct event_context context = {
        .record_key = slice_of(key),
        .received_ms = input->now_ms,
    };
    struct event_reading reading;

    event_read(payload, &input->config->rules, &context, &reading);
    note_twin(&reading, input->source);
    ticket_judge_alone(&reading, payload, &input->config->rules, input->now_ms);
    if (json_object_update_new(record, event_reading_to_json(&reading)) != 0 ||
        !explain_extractors(payload, &input->config->rules, record) ||
        !explain_counts(&reading, input, record)) {
        return false;
    }
    switch (reading.verdict) {
    case EVENT_DELIVER:
        if (event_is_too_old(&reading.event, &input->config->rules, input->now_ms) &&
            !set_verdict(record, "filtered", EVENT_REASON_TOO_OLD)) {
            return false;
        }
        return explain_requests(&reading.event, input, record);
    case EVENT_UNRESOLVED:
        return set_verdict(record, "unresolved", EVENT_REASON_UNRESOLVED);
    case EVENT_FILTERED:
        return set_verdict(record, "filtered", reading.reason);
    case EVENT_PARKED:
        break;
    }
    return set_verdict(record, "parked", reading.reason);
}

static bool
read_event(
    const struct keyed_event *keyed, const struct explain_input *input, json_t *record)
{
    AUTO(payload_release) json_t *payload = NULL;
    const int r = payload_parse(input->source, keyed->bytes, &payload);

    if (r != PAYLOAD_OK) {
        return r > 0 && set_verdict(record, "parked", EVENT_REASON_UNPARSEABLE);
    }
    return payload_name(payload, slice_of(keyed->key)) == 0 &&
           read_payload(payload, keyed->key, input, record);
}

/* Answers to surveys that a task's record carries become records of their own. */
static bool
explain_answers(
    const struct keyed_event *keyed, const struct explain_input *input, json_t *records)
{
    AUTO(payload_release) json_t *payload = NULL;
    char keys[RULES_EXTRACTORS_MAX][KEY_SIZE_MAX];
    const int r = input->source != SOURCE_FLEX_PLUGIN
                      ? payload_parse(input->source, keyed->bytes, &payload)
                      : PAYLOAD_E_UNPARSEABLE;

    if (r != PAYLOAD_OK) {
        return r > 0;
    }
    const size_t count =
        survey_split(payload, &input->config->rules, slice_of(keyed->key), keys);

    for (size_t i = 0; i < count; i++) {
        json_t *record = json_pack("{s:s}", "record_key", keys[i]);

        if (json_array_append_new(records, record) != 0 ||
            !read_payload(payload, keys[i], input, record)) {
            return false;
        }
    }
    return true;
}

/* What could not even be keyed is stored under its hash, and parked. */
static bool
park_raw(struct slice bytes, enum source source, json_t *record)
{
    char hash[SHA256_HEX_SIZE];

    sha256_hex(bytes, hash);
    return json_object_set_new(record, "record_key",
               json_sprintf("raw/%s/%s", source_name(source), hash)) == 0 &&
           set_verdict(record, "parked", EVENT_REASON_UNPARSEABLE);
}

static void
complete_key(struct keyed_event *keyed)
{
    char hash[SHA256_HEX_SIZE];

    if (keyed->by_content) {
        sha256_hex(keyed->bytes, hash);
        key_add_content(keyed, hash);
    }
}

/* Not shown where it is no text, or none that was sent in plain letters. */
static bool
set_type(json_t *record, struct slice type)
{
    return json_object_update_new(record,
               json_pack("{s:o*}", "type", json_stringn(type.data, type.size))) == 0;
}

static bool
explain_event(
    struct keyed_event *keyed, const struct explain_input *input, json_t *record)
{
    complete_key(keyed);
    switch (keyed->kind) {
    case KEY_IGNORED:
        return set_verdict(record, "ignored", "not_in_vocabulary") &&
               set_type(record, keyed->type);
    case KEY_RAW:
        return park_raw(keyed->bytes, input->source, record);
    case KEY_FACT:
    case KEY_EVENT:
        break;
    }
    return json_object_set_new(record, "record_key", json_string(keyed->key)) == 0 &&
           read_event(keyed, input, record);
}

static bool
explain_one(struct keyed_event *keyed, const struct explain_input *input, json_t *records)
{
    AUTO(payload_release) json_t *record = json_object();

    return explain_event(keyed, input, record) && json_array_append(records, record) == 0;
}

/* What the event tells beside: the same bytes under another key. */
static bool
explain_derived(
    const struct keyed_event *keyed, const struct explain_input *input, json_t *records)
{
    AUTO(payload_release) json_t *payload = NULL;
    const struct event_context context = {
        .record_key = slice_of(keyed->key), .received_ms = input->now_ms};
    enum event_type types[DERIVED_MAX];
    struct event_reading reading;

    if (keyed->kind != KEY_EVENT ||
        payload_parse(input->source, keyed->bytes, &payload) != PAYLOAD_OK) {
        return true;
    }
    event_read(payload, &input->config->rules, &context, &reading);
    const size_t count = event_derived(&reading, &input->config->rules, types);

    for (size_t i = 0; i < count; i++) {
        struct keyed_event derived = *keyed;

        (void)!event_derived_key(&reading, types[i], derived.key); /* of a SID */
        if (!explain_one(&derived, input, records)) {
            return false;
        }
    }
    return true;
}

static bool
refuse(json_t *record)
{
    return set_verdict(record, "refused", EVENT_REASON_UNPARSEABLE) &&
           json_object_set_new(record, "remedy",
               json_string("a JSON object or a form with TaskSid; nothing is kept")) == 0;
}

/* A body that is no document of its route: Twilio's is kept, a browser is told. */
static bool
explain_unparseable(struct slice body, const struct explain_input *input, json_t *records)
{
    AUTO(payload_release) json_t *record = json_object();
    const bool done = input->source == SOURCE_FLEX_PLUGIN
                          ? refuse(record)
                          : park_raw(body, input->source, record);

    return done && json_array_append(records, record) == 0;
}

static bool
explain_events(
    const struct keyed_events *events, const struct explain_input *input, json_t *records)
{
    bool done = true;

    for (size_t i = 0; i < events->count && done; i++) {
        done = explain_one(&events->items[i], input, records) &&
               explain_answers(&events->items[i], input, records) &&
               explain_derived(&events->items[i], input, records);
    }
    return done;
}

/* The content type is not captured: where a source sends forms, too, the first byte tells. */
static bool
is_json(enum source source, struct slice body)
{
    const struct route *route = route_find(slice_of(route_path(source)));
    const struct slice text = slice_trim(body);

    return route->takes_json &&
           (!route->takes_form || slice_starts(text, "{") || slice_starts(text, "["));
}

json_t *
explain_body(const struct explain_input *input)
{
    AUTO(keyed_events_done) struct keyed_events events = {0};
    AUTO(payload_release) json_t *records = json_array();
    struct slice body = buffer_slice(input->body);
    const bool json = is_json(input->source, body);

    /* A form has no line ends: the editor or shell that saved it does. */
    while (!json && body.size > 0 && strchr("\r\n", body.data[body.size - 1]) != NULL) {
        body.size--;
    }
    if (input->source == SOURCE_FLEX_PLUGIN && body.size > 0) {
        body = key_strip_token(input->body->data, body.size, json);
    }
    const int r = key_events(input->source, body, json, &events);

    if (r < 0 || (r > 0 && !explain_unparseable(body, input, records)) ||
        (r == KEY_OK && !explain_events(&events, input, records))) {
        return NULL;
    }
    return json_pack(
        "{s:s, s:O}", "source", source_name(input->source), "records", records);
}
