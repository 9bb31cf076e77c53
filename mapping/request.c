/*
 * request.c - POST /events: the event itself.
 *
 * Only what is known is written, under one type for ever; each text is bounded so that all
 * together stay under Brevo's limit whatever a customer typed.
 */
#include "mapping/request.h"

#include <assert.h>

#include "mapping/timestamp.h"

/* A failed write is remembered: check once, at the end. */
struct properties {
    json_t *object;
    bool truncated;
    bool failed;
};

struct request_identifier
request_identify(const struct customer *customer)
{
    const struct request_identifier choices[] = {
        {"email_id", customer->email},
        {"ext_id", customer->ext_id},
        {"phone_id", customer->phone},
        {"whatsapp_id", customer->whatsapp},
    };
    size_t i = 0;

    while (i + 1 < LENGTH(choices) && choices[i].value[0] == '\0') {
        i++;
    }
    return choices[i];
}

static void
write_text(struct properties *properties, const char *key, const char *text)
{
    const struct slice whole = slice_of(text);
    const struct slice cut = slice_cut_text(whole, REQUEST_TEXT_MAX);

    if (whole.size == 0) {
        return;
    }
    properties->truncated |= cut.size < whole.size;
    properties->failed |= json_object_set_new(properties->object, key,
                              json_stringn(cut.data, cut.size)) != 0;
}

static void
write_integer(struct properties *properties, const char *key, int64_t number)
{
    if (number >= 0) {
        properties->failed |=
            json_object_set_new(properties->object, key, json_integer(number)) != 0;
    }
}

static json_t *
event_properties(const struct event *event)
{
    struct properties properties = {.object = json_object()};
    const struct {
        const char *key;
        const char *text;
    } texts[] = {
        {"source_event_id", event->source_event_id},
        {"ticket", event->ticket},
        {"task_sid", event->task_sid},
        {"conversation_sid", event_conversation(event)},
        {"interaction_sid", event_interaction(event)},
        {"message_sid", event->message_sid},
        {"channel", channel_name(event->channel)},
        {"direction", direction_name(event->direction)},
        {"queue", event->queue},
        {"workflow", event->workflow},
        {"agent", event_agent(event)},
        {"reason", event->reason},
        {"outcome", event->outcome},
        {"content", event->content},
        {"survey_id", event->survey_id},
        {"comment", event->comment},
    };
    /* 6: "\u0001"; 64: a key, quotes, numbers. */
    static_assert(LENGTH(texts) * (REQUEST_TEXT_MAX * 6 + 64) < REQUEST_PROPERTIES_MAX,
        "all texts at their longest must fit Brevo's limit");

    for (size_t i = 0; i < LENGTH(texts); i++) {
        write_text(&properties, texts[i].key, texts[i].text);
    }
    write_integer(&properties, "duration_s", event->duration_s);
    write_integer(&properties, "handling_s", event->handling_s);
    write_integer(&properties, "wrapup_s", event->wrapup_s);
    write_integer(&properties, "wait_s", event->wait_s);
    write_integer(&properties, "priority", event->priority);
    write_integer(&properties, "score", event->score);
    write_integer(&properties, "score_max", event->score_max);
    if (properties.truncated) {
        properties.failed |=
            json_object_set_new(properties.object, "truncated", json_true()) != 0;
    }
    if (properties.failed) {
        json_decref(properties.object);
        return NULL;
    }
    return properties.object;
}

json_t *
request_event(const struct event *event, const struct rules *rules)
{
    const struct request_identifier who = request_identify(&event->customer);
    const char *name = rules->event_names[event->type];
    char date[TIMESTAMP_TEXT_SIZE];

    assert(name != NULL && who.value[0] != '\0'); /* event_read() delivers no others */
    timestamp_format(event->date_ms, date);
    return json_pack("{s:s, s:s, s:{s:s}, s:o}", "event_name", name, "event_date", date,
        "identifiers", who.type, who.value, "event_properties", event_properties(event));
}

/* ---- what its contact becomes, along with it ------------------------------------------------ */

static bool
may_be_carried(const json_t *value)
{
    return json_is_string(value) || json_is_integer(value) || json_is_boolean(value);
}

bool
request_event_carry(json_t *event, const json_t *contact)
{
    json_t *carried = json_object();
    const char *name;
    json_t *value;
    bool is_whole = carried != NULL;

    json_object_foreach(json_object_get(contact, "attributes"), name, value)
    {
        if (request_writes_attribute(name)) { /* not those that identify */
            is_whole = is_whole && may_be_carried(value) &&
                       json_object_set(carried, name, value) == 0;
        }
    }
    if (!is_whole || json_object_size(carried) == 0) {
        json_decref(carried);
        return false;
    }
    return json_object_set_new(event, "contact_properties", carried) == 0;
}
