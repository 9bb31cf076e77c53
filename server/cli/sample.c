/*
 * sample.c - webhooks as Twilio would send them, made up on the spot.
 *
 * An event is put together once, as an object with the snake_case names of Event Streams, and
 * written in the dialect of its route: callbacks spell the same names in PascalCase and make
 * every value a text. What the plugin posts is another, smaller set.
 *
 * Sources: https://www.twilio.com/docs/taskrouter/api/event/reference (fields),
 * https://www.twilio.com/docs/events/event-types (envelopes).
 */
#include "server/cli/sample.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/payload.h"
#include "mapping/timestamp.h"
#include "server/cli/sample_event.h"

enum {
    NAME_SIZE = 64,
};

#define CALLBACK (1U << SOURCE_TASKROUTER)
#define STREAM (1U << SOURCE_EVENT_STREAMS)
#define PLUGIN (1U << SOURCE_FLEX_PLUGIN)

static const struct sample_kind kinds[] = {
    {"task.created", CALLBACK | STREAM, "task", "pending", 0, false, NULL, NULL},
    {"task.completed", CALLBACK | STREAM | PLUGIN, "task", "completed", 912, true,
        "resolved", NULL},
    {"task.canceled", CALLBACK | STREAM, "task", "canceled", 83, true, NULL, "hangup"},
    {"reservation.accepted", CALLBACK | STREAM, "reservation", "assigned", 47, true, NULL,
        NULL},
    {"conversation.ended", STREAM, NULL, NULL, 0, false, NULL, NULL},
};

const struct sample_kind *
sample_find(const char *event)
{
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        if (strcmp(kinds[i].name, event) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

bool
sample_has_source(const struct sample_kind *kind, enum source source)
{
    return (kind->sources & (1U << source)) != 0;
}

enum source
sample_default_source(const struct sample_kind *kind)
{
    return sample_has_source(kind, SOURCE_TASKROUTER) ? SOURCE_TASKROUTER
                                                      : SOURCE_EVENT_STREAMS;
}

static const char *
marker(const struct sample *sample)
{
    return sample->deliver ? "deliver" : "true";
}

/* ---- TaskRouter's form ------------------------------------------------------------------------ */

static void
add_field(struct buffer *body, const char *name, struct slice value)
{
    if (body->size > 0) {
        buffer_add_text(body, "&");
    }
    buffer_add_percent_encoded(body, slice_of(name));
    buffer_add_text(body, "=");
    buffer_add_percent_encoded(body, value);
}

static void
add_number_field(struct buffer *body, const char *name, int64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    add_field(body, name, slice_of(text));
}

/* "task_sid" -> "TaskSid" */
static void
to_pascal(const char *snake, char ret_pascal[NAME_SIZE])
{
    bool capital = true;
    size_t size = 0;

    for (; *snake != '\0' && size + 1 < NAME_SIZE; snake++) {
        if (*snake == '_') {
            capital = true;
            continue;
        }
        ret_pascal[size++] = (char)(capital ? *snake - 'a' + 'A' : *snake);
        capital = false;
    }
    ret_pascal[size] = '\0';
}

static int
write_callback(
    const struct sample *sample, const struct sample_sids *sids, struct buffer *body)
{
    AUTO(payload_release) json_t *event = sample_task_event(sample, sids);
    const char *name;
    json_t *value;

    if (event == NULL) {
        return -ENOMEM;
    }
    add_field(body, "EventType", slice_of(sample->kind->name));
    add_number_field(body, "Timestamp", sample->now_ms / MS_PER_S);
    add_number_field(body, "TimestampMs", sample->now_ms);
    json_object_foreach(event, name, value)
    {
        char pascal[NAME_SIZE];

        to_pascal(name, pascal);
        if (json_is_integer(value)) {
            add_number_field(body, pascal, json_integer_value(value));
        } else {
            add_field(body, pascal, slice_of(json_string_value(value)));
        }
    }
    add_field(body, "flexbrevo_test", slice_of(marker(sample)));
    return body->failed ? -ENOMEM : 0;
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static int
write_json(json_t *value, struct buffer *body)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;

    if (text != NULL) {
        buffer_add_text(body, text);
    }
    free(text);
    return text == NULL || body->failed ? -ENOMEM : 0;
}

/* What Event Streams says of a TaskRouter event: the event, one level down. */
static json_t *
make_stream_data(
    const struct sample *sample, const struct sample_sids *sids, const char *time)
{
    AUTO(payload_release) json_t *event = sample_task_event(sample, sids);

    json_t *rest = json_pack("{s:s, s:s, s:s}", "eventtype", sample->kind->name,
        "timestamp", time, "flexbrevo_test", marker(sample));

    if (json_object_update_new(event, rest) != 0) {
        return NULL;
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "sid", sids->event,
        "account_sid", sids->account, "timestamp", time, "level", "INFO", "group",
        sample->kind->resource, "product_name", "TaskRouter", "payload_type",
        "application/json", "payload", event);
}

static json_t *
make_conversation_data(
    const struct sample *sample, const struct sample_sids *sids, const char *time)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "AccountSid", sids->account,
        "ConversationSid", sids->conversation, "StateUpdated", time, "StateFrom",
        "active", "StateTo", "closed", "Reason", "API", "flexbrevo_test", marker(sample));
}

static int
write_stream(
    const struct sample *sample, const struct sample_sids *sids, struct buffer *body)
{
    const bool is_task = sample->kind->resource != NULL;
    char time[TIMESTAMP_TEXT_SIZE];
    char type[NAME_SIZE];

    timestamp_format(sample->now_ms, time);
    (void)snprintf(type, sizeof(type), "com.twilio.%s%s", is_task ? "taskrouter." : "",
        is_task ? sample->kind->name : "conversations.conversation-state.updated");

    AUTO(payload_release)
    json_t *batch = json_pack("[{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}]", "specversion",
        "1.0", "type", type, "source", "flexbrevo trigger", "id", sids->envelope,
        "dataschema",
        is_task
            ? "https://events-schemas.twilio.com/TaskRouter.WDSEvent/4"
            : "https://events-schemas.twilio.com/Conversations.ConversationStateUpdated/2",
        "datacontenttype", "application/json", "time", time, "data",
        is_task ? make_stream_data(sample, sids, time)
                : make_conversation_data(sample, sids, time));

    return write_json(batch, body);
}

/* A Flex UI plugin's post after a task was completed; its attributes are an object. */
static int
write_plugin(
    const struct sample *sample, const struct sample_sids *sids, struct buffer *body)
{
    AUTO(payload_release)
    json_t *post = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:o}",
        "TaskSid", sids->task, "ReservationSid", sids->reservation, "WorkerSid",
        sids->worker, "TaskChannelUniqueName", sample_task_channel(sample),
        "TaskQueueSid", sids->queue, "TaskQueueFriendlyName", "Support", "Age",
        sample->kind->age_s, "Reason", sample->kind->completed_reason, "flexbrevo_test",
        marker(sample), "TaskAttributes", sample_attributes(sample, sids));

    return write_json(post, body);
}

int
sample_compose(const struct sample *sample, struct buffer *body)
{
    static int (*const writers[SOURCE_COUNT])(
        const struct sample *, const struct sample_sids *, struct buffer *) = {
        [SOURCE_TASKROUTER] = write_callback,
        [SOURCE_EVENT_STREAMS] = write_stream,
        [SOURCE_FLEX_PLUGIN] = write_plugin,
    };
    struct sample_sids sids;
    const int r = sample_make_sids(sample, &sids);

    buffer_init(body, SAMPLE_BODY_MAX);
    return r != 0 ? r : writers[sample->source](sample, &sids, body);
}
