/*
 * event_json.c - canonical events as JSON, for `explain` and the golden files.
 *
 * Unknown values are left out, so the JSON shows what was read and nothing else.
 */
#include <jansson.h>

#include "mapping/event.h"

/* A failed write is remembered: check once, at the end. */
struct writer {
    json_t *object;
    bool failed;
};

static void
write_value(struct writer *writer, const char *name, json_t *value)
{
    writer->failed |= json_object_set_new(writer->object, name, value) != 0;
}

static void
write_text(struct writer *writer, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        write_value(writer, name, json_string(text));
    }
}

static void
write_number(struct writer *writer, const char *name, int64_t number)
{
    if (number >= 0) {
        write_value(writer, name, json_integer(number));
    }
}

static json_t *
finish(struct writer *writer)
{
    if (writer->failed) {
        json_decref(writer->object);
        return NULL;
    }
    return writer->object;
}

static json_t *
customer_to_json(const struct customer *customer)
{
    struct writer writer = {.object = json_object()};

    write_text(&writer, "email", customer->email);
    write_text(&writer, "ext_id", customer->ext_id);
    write_text(&writer, "phone", customer->phone);
    write_text(&writer, "whatsapp", customer->whatsapp);
    return finish(&writer);
}

static json_t *
event_to_json(const struct event *event)
{
    struct writer writer = {.object = json_object()};

    write_text(&writer, "type", event_type_name(event->type));
    write_number(&writer, "date_ms", event->date_ms);
    write_text(&writer, "effect_key", event->effect_key);
    write_text(&writer, "source_event_id", event->source_event_id);
    write_text(&writer, "ticket", event->ticket);
    write_text(&writer, "task_sid", event->task_sid);
    write_text(&writer, "conversation_sid", event_conversation(event));
    write_text(&writer, "interaction_sid", event_interaction(event));
    write_text(&writer, "message_sid", event->message_sid);
    write_text(&writer, "channel", channel_name(event->channel));
    write_text(&writer, "direction", direction_name(event->direction));
    write_text(&writer, "queue", event->queue);
    write_text(&writer, "workflow", event->workflow);
    write_text(&writer, "agent", event_agent(event));
    write_text(&writer, "reason", event->reason);
    write_text(&writer, "outcome", event->outcome);
    write_text(&writer, "content", event->content);
    write_text(&writer, "survey_id", event->survey_id);
    write_text(&writer, "comment", event->comment);
    write_number(&writer, "duration_s", event->duration_s);
    write_number(&writer, "handling_s", event->handling_s);
    write_number(&writer, "wrapup_s", event->wrapup_s);
    write_number(&writer, "wait_s", event->wait_s);
    write_number(&writer, "priority", event->priority);
    write_number(&writer, "score", event->score);
    write_number(&writer, "score_max", event->score_max);
    write_value(&writer, "customer", customer_to_json(&event->customer));
    return finish(&writer);
}

json_t *
event_reading_to_json(const struct event_reading *reading)
{
    static const char *const verdicts[] = {
        [EVENT_DELIVER] = "deliver",
        [EVENT_FILTERED] = "filtered",
        [EVENT_PARKED] = "parked",
        [EVENT_UNRESOLVED] = "unresolved",
    };
    struct writer writer = {.object = json_object()};
    json_t *trace = json_array();

    write_text(&writer, "verdict", verdicts[reading->verdict]);
    write_text(&writer, "reason", reading->reason);
    write_text(&writer, "reservation_sid", reading->reservation_sid);
    for (size_t i = 0; i < reading->trace_count; i++) {
        writer.failed |=
            json_array_append_new(trace, json_string(reading->trace[i])) != 0;
    }
    write_value(&writer, "trace", trace);
    write_value(&writer, "event", event_to_json(&reading->event));
    return finish(&writer);
}
