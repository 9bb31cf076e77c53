/*
 * sample_event.c - the names of a sample, and what TaskRouter says of it.
 */
#include "server/cli/sample_event.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "mapping/payload.h"

enum {
    PREFIX_SIZE = 2,
    SID_DIGITS = SAMPLE_SID_SIZE - 1 - PREFIX_SIZE,
    ADDRESS_SIZE = 300, /* of a customer, with the channel's prefix */
};

/* The ways a channel shows in a task. */
static const struct {
    const char *channel_type; /* attribute `channelType` */
    const char *task_channel; /* TaskChannelUniqueName */
    const char *prefix;       /* of the customer's address */
} channels[CHANNEL_COUNT] = {
    [CHANNEL_UNKNOWN] = {"web", "chat", ""},
    [CHANNEL_VOICE] = {"voice", "voice", ""},
    [CHANNEL_SMS] = {"sms", "sms", ""},
    [CHANNEL_WHATSAPP] = {"whatsapp", "chat", "whatsapp:"},
    [CHANNEL_WEBCHAT] = {"web", "chat", ""},
    [CHANNEL_EMAIL] = {"email", "email", ""},
    [CHANNEL_MESSENGER] = {"messenger", "chat", "messenger:"},
    [CHANNEL_VIDEO] = {"video", "video", ""},
    [CHANNEL_OTHER] = {"custom", "default", ""},
};

const char *
sample_task_channel(const struct sample *sample)
{
    return channels[sample->channel].task_channel;
}

const char *
sample_channel_type(const struct sample *sample)
{
    return channels[sample->channel].channel_type;
}

const char *
sample_address_prefix(const struct sample *sample)
{
    return channels[sample->channel].prefix;
}

const char *
sample_marker(const struct sample *sample)
{
    return sample->deliver ? "deliver" : "true";
}

/* ---- SIDs ------------------------------------------------------------------------------------- */

bool
sample_is_sid(const char *text, const char *prefix)
{
    return strlen(text) == SAMPLE_SID_SIZE - 1 &&
           strncmp(text, prefix, PREFIX_SIZE) == 0 &&
           strspn(text + PREFIX_SIZE, "0123456789abcdef") == SID_DIGITS;
}

int
sample_make_sid(const char *prefix, char ret_sid[SAMPLE_SID_SIZE])
{
    uint64_t random[2];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return errno != 0 ? -errno : -EIO;
    }
    (void)snprintf(ret_sid, SAMPLE_SID_SIZE, "%.2s%016" PRIx64 "%016" PRIx64, prefix,
        random[0], random[1]);
    return 0;
}

/* The given SID where there is one; it is the caller's to check. */
static int
take_sid(const char *given, const char *prefix, char ret_sid[SAMPLE_SID_SIZE])
{
    if (given == NULL) {
        return sample_make_sid(prefix, ret_sid);
    }
    return slice_to_text(slice_of(given), ret_sid, SAMPLE_SID_SIZE) ? 0 : -EINVAL;
}

static void
derive_sid(const char *prefix, const char *sid, char ret_sid[SAMPLE_SID_SIZE])
{
    (void)snprintf(ret_sid, SAMPLE_SID_SIZE, "%.2s%.32s", prefix, sid + PREFIX_SIZE);
}

/* A random UUID as RFC 4122 numbers them (version 4), from a random SID's digits. */
static int
make_uuid(char ret_uuid[SAMPLE_ID_SIZE])
{
    char sid[SAMPLE_SID_SIZE];
    const int r = sample_make_sid("--", sid);
    const char *digits = sid + PREFIX_SIZE;

    if (r == 0) {
        (void)snprintf(ret_uuid, SAMPLE_ID_SIZE, "%.8s-%.4s-4%.3s-8%.3s-%.12s", digits,
            digits + 8, digits + 12, digits + 15, digits + 18);
    }
    return r;
}

int
sample_make_sids(const struct sample *sample, struct sample_sids *ret_sids)
{
    const struct {
        const char *given;
        const char *prefix;
        char *sid;
    } list[] = {
        {NULL, "EV", ret_sids->event},
        {NULL, "EZ", ret_sids->envelope},
        {sample->account_sid, "AC", ret_sids->account},
        {sample->workspace_sid, "WS", ret_sids->workspace},
        {sample->task_sid, "WT", ret_sids->task},
        {NULL, "WK", ret_sids->worker},
        {NULL, "WA", ret_sids->activity},
        {NULL, "WW", ret_sids->workflow},
        {NULL, "WQ", ret_sids->queue},
        {NULL, "SM", ret_sids->message},
        {NULL, "MG", ret_sids->messaging_service},
        {NULL, "IS", ret_sids->chat_service},
        {NULL, "GO", ret_sids->flex_instance},
    };

    for (size_t i = 0; i < LENGTH(list); i++) {
        const int r = take_sid(list[i].given, list[i].prefix, list[i].sid);

        if (r != 0) {
            return r;
        }
    }
    derive_sid("CA", ret_sids->task, ret_sids->call);
    derive_sid("CF", ret_sids->task, ret_sids->conference);
    derive_sid("CH", ret_sids->task, ret_sids->conversation);
    derive_sid("KD", ret_sids->task, ret_sids->interaction);
    derive_sid("UO", ret_sids->task, ret_sids->interaction_channel);
    derive_sid("WR", ret_sids->task, ret_sids->reservation);
    return make_uuid(ret_sids->test_id);
}

/* ---- attributes ------------------------------------------------------------------------------- */

/* Sets a member unless `text` is NULL. False when memory is out, here and below. */
static bool
set_text(json_t *object, const char *name, const char *text)
{
    return text == NULL || json_object_set_new(object, name, json_string(text)) == 0;
}

static bool
set_number(json_t *object, const char *name, int64_t number)
{
    return json_object_set_new(object, name, json_integer(number)) == 0;
}

/* The customer's address on the channel. */
static bool
set_address(json_t *attributes, const struct sample *sample)
{
    const bool by_mail = sample->channel == CHANNEL_EMAIL;
    const char *prefix = channels[sample->channel].prefix;
    const char *address = by_mail ? sample->email : sample->phone;
    char text[ADDRESS_SIZE];

    if (address == NULL) {
        return true;
    }
    const int size = snprintf(text, sizeof(text), "%s%s", prefix, address);

    return size > 0 && (size_t)size < sizeof(text) &&
           set_text(attributes, "customerAddress", text) &&
           set_text(attributes, "from", text);
}

/* Flex's own: a call has its call's SID, what is written a conversation and an interaction. */
static bool
set_medium(
    json_t *attributes, const struct sample *sample, const struct sample_sids *sids)
{
    if (sample->channel == CHANNEL_VOICE) {
        return set_text(attributes, "call_sid", sids->call) &&
               json_object_set_new(attributes, "conference",
                   json_pack("{s:s}", "sid", sids->conference)) == 0;
    }
    return set_text(attributes, "conversationSid", sids->conversation) &&
           set_text(attributes, "flexInteractionSid", sids->interaction) &&
           json_object_set_new(attributes, "conversations",
               json_pack("{s:s}", "conversation_id", sids->interaction)) == 0;
}

json_t *
sample_attributes(const struct sample *sample, const struct sample_sids *sids)
{
    AUTO(payload_release) json_t *customers = json_object();
    AUTO(payload_release) json_t *attributes = json_object();

    if (!set_text(customers, "email", sample->email) ||
        !set_text(customers, "phone", sample->phone) ||
        !set_text(attributes, "direction", "inbound") ||
        !set_text(attributes, "channelType", channels[sample->channel].channel_type) ||
        !set_address(attributes, sample) || !set_medium(attributes, sample, sids) ||
        json_object_set(attributes, "customers", customers) != 0) {
        return NULL;
    }
    return json_incref(attributes);
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Attributes travel as a text of JSON. */
static bool
set_attributes(json_t *event, const struct sample *sample, const struct sample_sids *sids)
{
    AUTO(payload_release) json_t *attributes = sample_attributes(sample, sids);
    char *text = json_dumps(attributes, JSON_COMPACT);
    const bool done = text != NULL && set_text(event, "task_attributes", text);

    free(text);
    return done;
}

static bool
set_queue(json_t *event, const struct sample_kind *kind, const struct sample_sids *sids)
{
    return !kind->queued || (set_text(event, "task_queue_sid", sids->queue) &&
                                set_text(event, "task_queue_name", "Support"));
}

static bool
set_worker(json_t *event, const struct sample_sids *sids)
{
    return set_text(event, "worker_sid", sids->worker) &&
           set_text(event, "worker_name", "agent_40example_2Ecom") &&
           set_text(event, "worker_attributes",
               "{\"email\":\"agent@example.com\",\"full_name\":\"Sam Agent\"}");
}

static bool
set_reservation(json_t *event, const struct sample_sids *sids)
{
    return set_text(event, "reservation_sid", sids->reservation) &&
           set_number(event, "reservation_version", 1) && set_worker(event, sids);
}

/* An agent who goes on a break after twenty minutes. */
static bool
set_activity(json_t *event, const struct sample_sids *sids)
{
    return set_worker(event, sids) && set_number(event, "worker_version", 32) &&
           set_text(event, "worker_activity_sid", sids->activity) &&
           set_text(event, "worker_activity_name", "Break") &&
           set_text(event, "worker_previous_activity_name", "Available") &&
           set_number(event, "worker_time_in_previous_activity", 1312) &&
           set_number(event, "worker_time_in_previous_activity_ms", 1312449);
}

static bool
set_task(json_t *event, const struct sample *sample, const struct sample_sids *sids)
{
    const struct sample_kind *kind = sample->kind;
    const int64_t created_s = sample->now_ms / MS_PER_S - kind->age_s;

    return set_text(event, "task_sid", sids->task) &&
           set_attributes(event, sample, sids) &&
           set_number(event, "task_age", kind->age_s) &&
           set_number(event, "task_priority", 0) &&
           set_text(event, "task_assignment_status", kind->status) &&
           set_text(event, "task_completed_reason", kind->completed_reason) &&
           set_text(event, "task_canceled_reason", kind->canceled_reason) &&
           set_number(event, "task_date_created", created_s) &&
           set_text(event, "task_channel_unique_name", sample_task_channel(sample)) &&
           set_text(event, "workflow_sid", sids->workflow) &&
           set_text(event, "workflow_name", "Assign to Anyone") &&
           set_queue(event, kind, sids);
}

static bool
set_resource(json_t *event, const char *type, const char *sid)
{
    return set_text(event, "resource_type", type) && set_text(event, "resource_sid", sid);
}

/* What the event is about, by its topic. */
static bool
set_topic(json_t *event, const struct sample *sample, const struct sample_sids *sids)
{
    const enum sample_topic topic = sample->kind->topic;

    if (topic == TOPIC_WORKER) {
        return set_resource(event, "worker", sids->worker) && set_activity(event, sids);
    }
    if (topic == TOPIC_RESERVATION) {
        return set_resource(event, "reservation", sids->reservation) &&
               set_task(event, sample, sids) && set_reservation(event, sids);
    }
    return set_resource(event, "task", sids->task) && set_task(event, sample, sids);
}

json_t *
sample_task_event(const struct sample *sample, const struct sample_sids *sids)
{
    AUTO(payload_release) json_t *event = json_object();

    if (!set_text(event, "sid", sids->event) ||
        !set_text(event, "event_description", sample->kind->name) ||
        !set_text(event, "account_sid", sids->account) ||
        !set_text(event, "workspace_sid", sids->workspace) ||
        !set_text(event, "workspace_name", "Flex Task Assignment") ||
        !set_topic(event, sample, sids)) {
        return NULL;
    }
    return json_incref(event);
}
