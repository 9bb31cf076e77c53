/*
 * sample.c - webhooks as Twilio would send them, made up on the spot.
 *
 * What an event says is put together once, as an object with the names of its source, marked, and
 * written the way the source writes: as a form, as JSON, or as one CloudEvent of a batch. What
 * TaskRouter says is made under the snake_case names of Event Streams; its callbacks spell the
 * same names in PascalCase and make every value a text.
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
    ORIGIN_SIZE = 128,
};

#define CALLBACK (1U << SOURCE_TASKROUTER)
#define STREAM (1U << SOURCE_EVENT_STREAMS)
#define PLUGIN (1U << SOURCE_FLEX_PLUGIN)
#define CONVERSATIONS (1U << SOURCE_CONVERSATIONS)
#define INTERACTIONS (1U << SOURCE_INTERACTIONS)
#define SURVEY (1U << SOURCE_SURVEY)
#define MESSAGING (1U << SOURCE_MESSAGING)

static const struct sample_kind kinds[] = {
    {"task.created", TOPIC_TASK, CALLBACK | STREAM, SOURCE_TASKROUTER, "pending", 0,
        false, NULL, NULL},
    {"task.updated", TOPIC_TASK, CALLBACK | STREAM, SOURCE_TASKROUTER, "assigned", 300,
        true, NULL, NULL},
    {"task.completed", TOPIC_TASK, CALLBACK | STREAM | PLUGIN, SOURCE_TASKROUTER,
        "completed", 912, true, "resolved", NULL},
    {"task.canceled", TOPIC_TASK, CALLBACK | STREAM, SOURCE_TASKROUTER, "canceled", 83,
        true, NULL, "hangup"},
    {"reservation.accepted", TOPIC_RESERVATION, CALLBACK | STREAM, SOURCE_TASKROUTER,
        "assigned", 47, true, NULL, NULL},
    {"worker.activity.update", TOPIC_WORKER, CALLBACK | STREAM, SOURCE_TASKROUTER, NULL,
        0, false, NULL, NULL},
    {"conversation.ended", TOPIC_CONVERSATION, STREAM | CONVERSATIONS | INTERACTIONS,
        SOURCE_EVENT_STREAMS, NULL, 0, false, NULL, NULL},
    {"survey.completed", TOPIC_SURVEY, SURVEY, SOURCE_SURVEY, NULL, 0, false, NULL, NULL},
    {"message.delivered", TOPIC_MESSAGE, STREAM | MESSAGING, SOURCE_MESSAGING,
        "delivered", 0, false, NULL, NULL},
    {"message.failed", TOPIC_MESSAGE, STREAM | MESSAGING, SOURCE_MESSAGING, "failed", 0,
        false, NULL, NULL},
    {"sink.test", TOPIC_SINK, STREAM, SOURCE_EVENT_STREAMS, NULL, 0, false, NULL, NULL},
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

/* A call has an interaction, but no conversation. */
bool
sample_has_source(
    const struct sample_kind *kind, enum source source, enum channel channel)
{
    const bool is_calls_end =
        kind->topic == TOPIC_CONVERSATION && channel == CHANNEL_VOICE;

    return (kind->sources & (1U << source)) != 0 &&
           (!is_calls_end || source == SOURCE_INTERACTIONS);
}

enum source
sample_default_source(const struct sample_kind *kind, enum channel channel)
{
    return sample_has_source(kind, kind->usual, channel) ? kind->usual
                                                         : SOURCE_INTERACTIONS;
}

/* ---- TaskRouter's and the plugin's documents -------------------------------------------------- */

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

static json_t *
make_callback(const struct sample *sample, const struct sample_sids *sids)
{
    AUTO(payload_release) json_t *event = sample_task_event(sample, sids);
    AUTO(payload_release)
    json_t *callback = json_pack("{s:s, s:I, s:I}", "EventType", sample->kind->name,
        "Timestamp", (json_int_t)(sample->now_ms / MS_PER_S), "TimestampMs",
        (json_int_t)sample->now_ms);
    const char *name;
    json_t *value;

    if (event == NULL || callback == NULL) {
        return NULL;
    }
    json_object_foreach(event, name, value)
    {
        char pascal[NAME_SIZE];

        to_pascal(name, pascal);
        if (json_object_set(callback, pascal, value) != 0) {
            return NULL;
        }
    }
    return json_incref(callback);
}

static json_t *
make_stream_payload(const struct sample *sample, const struct sample_sids *sids)
{
    AUTO(payload_release) json_t *event = sample_task_event(sample, sids);
    char time[TIMESTAMP_TEXT_SIZE];

    timestamp_format(sample->now_ms, time);
    json_t *rest =
        json_pack("{s:s, s:s}", "eventtype", sample->kind->name, "timestamp", time);

    return json_object_update_new(event, rest) == 0 ? json_incref(event) : NULL;
}

/* A Flex UI plugin's post after a task was completed; its attributes are an object. */
static json_t *
make_plugin_post(const struct sample *sample, const struct sample_sids *sids)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:o}", "TaskSid",
        sids->task, "ReservationSid", sids->reservation, "WorkerSid", sids->worker,
        "TaskChannelUniqueName", sample_task_channel(sample), "TaskQueueSid", sids->queue,
        "TaskQueueFriendlyName", "Support", "Age", sample->kind->age_s, "Reason",
        sample->kind->completed_reason, "TaskAttributes",
        sample_attributes(sample, sids));
}

/* ---- documents -------------------------------------------------------------------------------- */

typedef json_t *make_document(
    const struct sample *sample, const struct sample_sids *sids);

static make_document *const documents[TOPIC_COUNT][SOURCE_COUNT] = {
    [TOPIC_TASK] =
        {
            [SOURCE_TASKROUTER] = make_callback,
            [SOURCE_EVENT_STREAMS] = make_stream_payload,
            [SOURCE_FLEX_PLUGIN] = make_plugin_post,
        },
    [TOPIC_RESERVATION] =
        {
            [SOURCE_TASKROUTER] = make_callback,
            [SOURCE_EVENT_STREAMS] = make_stream_payload,
        },
    [TOPIC_WORKER] =
        {
            [SOURCE_TASKROUTER] = make_callback,
            [SOURCE_EVENT_STREAMS] = make_stream_payload,
        },
    [TOPIC_CONVERSATION] =
        {
            [SOURCE_CONVERSATIONS] = sample_conversation,
            [SOURCE_INTERACTIONS] = sample_interaction,
            [SOURCE_EVENT_STREAMS] = sample_conversation_data,
        },
    [TOPIC_SURVEY] = {[SOURCE_SURVEY] = sample_survey},
    [TOPIC_MESSAGE] =
        {
            [SOURCE_MESSAGING] = sample_message,
            [SOURCE_EVENT_STREAMS] = sample_message_data,
        },
    [TOPIC_SINK] = {[SOURCE_EVENT_STREAMS] = sample_sink_test},
};

static json_t *
make_marked(const struct sample *sample, const struct sample_sids *sids)
{
    AUTO(payload_release)
    json_t *document = documents[sample->kind->topic][sample->source](sample, sids);

    return json_object_set_new(
               document, "flexbrevo_test", json_string(sample_marker(sample))) == 0
               ? json_incref(document)
               : NULL;
}

/* ---- Event Streams' layers -------------------------------------------------------------------- */

static const struct {
    const char *type;
    bool is_prefix; /* of the type: the event's name follows */
    const char *schema;
} streams[TOPIC_COUNT] = {
    [TOPIC_TASK] = {"com.twilio.taskrouter.", true, "TaskRouter.WDSEvent/4"},
    [TOPIC_RESERVATION] = {"com.twilio.taskrouter.", true, "TaskRouter.WDSEvent/4"},
    [TOPIC_WORKER] = {"com.twilio.taskrouter.", true, "TaskRouter.WDSEvent/4"},
    [TOPIC_CONVERSATION] = {"com.twilio.conversations.conversation-state.updated", false,
        "Conversations.ConversationStateUpdated/2"},
    [TOPIC_MESSAGE] = {"com.twilio.messaging.", true, "Messaging.MessageStatus/8"},
    [TOPIC_SINK] = {"com.twilio.eventstreams.test-event", false,
        "EventStreams.TestSink/1.json"},
};

/* The REST path an event is said to come from. */
static void
write_origin(
    const struct sample *sample, const struct sample_sids *sids, char text[ORIGIN_SIZE])
{
    const enum sample_topic topic = sample->kind->topic;

    if (topic == TOPIC_CONVERSATION) {
        (void)snprintf(text, ORIGIN_SIZE, "/v1/Conversations/%s", sids->conversation);
    } else if (topic == TOPIC_MESSAGE) {
        (void)snprintf(text, ORIGIN_SIZE, "/2010-04-01/Accounts/%s/Messages/%s.json",
            sids->account, sids->message);
    } else if (topic == TOPIC_SINK) {
        (void)snprintf(text, ORIGIN_SIZE, "Sink");
    } else {
        (void)snprintf(text, ORIGIN_SIZE, "/v1/Workspaces/%s/Events", sids->workspace);
    }
}

/* What Event Streams says around a TaskRouter event. Takes over the reference to it. */
static json_t *
wrap_payload(const struct sample *sample, const struct sample_sids *sids, json_t *payload)
{
    char time[TIMESTAMP_TEXT_SIZE];

    timestamp_format(sample->now_ms, time);
    return json_pack("{s:s, s:s, s:s, s:s, s:O, s:s, s:s, s:o}", "sid", sids->event,
        "account_sid", sids->account, "timestamp", time, "level", "INFO", "group",
        json_object_get(payload, "resource_type"), "product_name", "TaskRouter",
        "payload_type", "application/json", "payload", payload);
}

/* A batch of one CloudEvent. Takes over the reference to `data`. */
static json_t *
wrap_data(const struct sample *sample, const struct sample_sids *sids, json_t *data)
{
    const enum sample_topic topic = sample->kind->topic;
    char time[TIMESTAMP_TEXT_SIZE];
    char type[NAME_SIZE];
    char origin[ORIGIN_SIZE];

    timestamp_format(sample->now_ms, time);
    write_origin(sample, sids, origin);
    (void)snprintf(type, sizeof(type), "%s%s", streams[topic].type,
        streams[topic].is_prefix ? sample->kind->name : "");
    return json_pack("[{s:s, s:s, s:s, s:s, s:s+, s:s, s:s, s:o}]", "specversion", "1.0",
        "type", type, "source", origin, "id",
        topic == TOPIC_SINK ? sids->account : sids->envelope, /* as Twilio does */
        "dataschema", "https://events-schemas.twilio.com/", streams[topic].schema,
        "datacontenttype", "application/json", "time", time, "data", data);
}

static json_t *
wrap_stream(const struct sample *sample, const struct sample_sids *sids, json_t *document)
{
    const bool is_taskrouters =
        documents[sample->kind->topic][SOURCE_EVENT_STREAMS] == make_stream_payload;

    return wrap_data(
        sample, sids, is_taskrouters ? wrap_payload(sample, sids, document) : document);
}

/* ---- bodies ------------------------------------------------------------------------------------ */

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

/* In a form a number is its digits and an object a text of JSON. */
static bool
add_value(struct buffer *body, const char *name, const json_t *value)
{
    if (json_is_string(value)) {
        add_field(body, name, slice_of(json_string_value(value)));
        return true;
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    if (text == NULL) {
        return false;
    }
    add_field(body, name, slice_of(text));
    free(text);
    return true;
}

static int
write_form(json_t *document, struct buffer *body)
{
    const char *name;
    json_t *value;

    json_object_foreach(document, name, value)
    {
        if (!add_value(body, name, value)) {
            return -ENOMEM;
        }
    }
    return body->failed ? -ENOMEM : 0;
}

static int
write_json(const json_t *document, struct buffer *body)
{
    char *text = json_dumps(document, JSON_COMPACT);

    if (text != NULL) {
        buffer_add_text(body, text);
    }
    free(text);
    return text == NULL || body->failed ? -ENOMEM : 0;
}

static void
tell_subject(const struct sample *sample, const struct sample_sids *sids,
    struct sample_subject *ret_subject)
{
    const struct {
        const char *name;
        const char *id;
    } subjects[TOPIC_COUNT] = {
        [TOPIC_TASK] = {"task_sid", sids->task},
        [TOPIC_RESERVATION] = {"task_sid", sids->task},
        [TOPIC_WORKER] = {"worker_sid", sids->worker},
        [TOPIC_CONVERSATION] = {"task_sid", sids->task},
        [TOPIC_SURVEY] = {"task_sid", sids->task},
        [TOPIC_MESSAGE] = {"message_sid", sids->message},
        [TOPIC_SINK] = {"test_id", sids->test_id},
    };

    ret_subject->name = subjects[sample->kind->topic].name;
    (void)snprintf(
        ret_subject->id, sizeof(ret_subject->id), "%s", subjects[sample->kind->topic].id);
}

int
sample_compose(
    const struct sample *sample, struct buffer *body, struct sample_subject *ret_subject)
{
    AUTO(payload_release) json_t *document = NULL;
    struct sample_sids sids;
    int r = sample_make_sids(sample, &sids);

    buffer_init(body, SAMPLE_BODY_MAX);
    if (r != 0) {
        return r;
    }
    document = make_marked(sample, &sids);
    if (document != NULL && sample->source == SOURCE_EVENT_STREAMS) {
        document = wrap_stream(sample, &sids, document);
    }
    if (document == NULL) {
        return -ENOMEM;
    }
    r = sample->is_form ? write_form(document, body) : write_json(document, body);
    if (r == 0) {
        tell_subject(sample, &sids, ret_subject);
    }
    return r;
}
