/*
 * sample_event.h - the event of a sample, before it is written as a form or as JSON.
 */
#pragma once

#include <jansson.h>

#include "server/cli/sample.h"

/* What an event is about: decides which document its sources send. */
enum sample_topic {
    TOPIC_TASK,
    TOPIC_RESERVATION,
    TOPIC_WORKER,
    TOPIC_CONVERSATION,
    TOPIC_SURVEY,
    TOPIC_MESSAGE,
    TOPIC_SINK,
    TOPIC_COUNT
};

struct sample_kind {
    const char *name;
    enum sample_topic topic;
    unsigned sources;   /* bits by enum source */
    enum source usual;  /* one of them */
    const char *status; /* of the task or message */
    int age_s;          /* of the task, when this happens */
    bool queued;        /* the task has a queue by now */
    const char *completed_reason;
    const char *canceled_reason;
};

struct sample_sids {
    char event[SAMPLE_SID_SIZE];
    char envelope[SAMPLE_SID_SIZE];
    char account[SAMPLE_SID_SIZE];
    char workspace[SAMPLE_SID_SIZE];
    char task[SAMPLE_SID_SIZE];
    char call[SAMPLE_SID_SIZE];
    char conference[SAMPLE_SID_SIZE];
    char conversation[SAMPLE_SID_SIZE];
    char interaction[SAMPLE_SID_SIZE];
    char interaction_channel[SAMPLE_SID_SIZE];
    char reservation[SAMPLE_SID_SIZE];
    char worker[SAMPLE_SID_SIZE];
    char activity[SAMPLE_SID_SIZE];
    char workflow[SAMPLE_SID_SIZE];
    char queue[SAMPLE_SID_SIZE];
    char message[SAMPLE_SID_SIZE];
    char messaging_service[SAMPLE_SID_SIZE];
    char chat_service[SAMPLE_SID_SIZE];
    char flex_instance[SAMPLE_SID_SIZE];
    char test_id[SAMPLE_ID_SIZE]; /* a UUID, of a sink test */
};

/* 0, -EINVAL for a given SID that is too long, or -errno of the random source. */
int sample_make_sids(const struct sample *sample, struct sample_sids *ret_sids) MUST_USE;

/* TaskChannelUniqueName */
const char *sample_task_channel(const struct sample *sample);
/* The attribute `channelType` and the interaction's MediaChannelType. */
const char *sample_channel_type(const struct sample *sample);
/* "whatsapp:", ...: what stands before an address on the channel; "" for most. */
const char *sample_address_prefix(const struct sample *sample);

/* "true", or "deliver": what marks a sample as one. */
const char *sample_marker(const struct sample *sample);

/*
 * Documents: what an event says, as an object without the marker. Each returns NULL when memory
 * is out; the caller owns the object.
 */

/* The task's attributes. */
json_t *sample_attributes(
    const struct sample *sample, const struct sample_sids *sids) MUST_USE;
/*
 * A TaskRouter event under the snake_case names of Event Streams, without type and time, which
 * the routes name differently.
 */
json_t *sample_task_event(
    const struct sample *sample, const struct sample_sids *sids) MUST_USE;
/* Conversations' post-action webhook, and the same in Event Streams. */
json_t *sample_conversation(
    const struct sample *sample, const struct sample_sids *sids) MUST_USE;
json_t *sample_conversation_data(
    const struct sample *sample, const struct sample_sids *sids) MUST_USE;
/* Flex's webhook when a channel of an interaction is closed; a call has one, too. */
json_t *sample_interaction(
    const struct sample *sample, const struct sample_sids *sids) MUST_USE;
/* A message's status callback, and the same in Event Streams. */
json_t *sample_message(
    const struct sample *sample, const struct sample_sids *sids) MUST_USE;
json_t *sample_message_data(
    const struct sample *sample, const struct sample_sids *sids) MUST_USE;
/* A survey's answer, as docs/http-api.md names the fields. */
json_t *sample_survey(
    const struct sample *sample, const struct sample_sids *sids) MUST_USE;
/* What a sink is sent by its Test call. */
json_t *sample_sink_test(
    const struct sample *sample, const struct sample_sids *sids) MUST_USE;
