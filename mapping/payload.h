/*
 * payload.h - one shape for what seven routes say in their dialects.
 *
 * Callbacks are forms with PascalCase names. Event Streams are JSON, TaskRouter's with snake_case
 * names two levels down, Conversations' in PascalCase, messaging's in camelCase. The Flex UI
 * plugin and surveys post either. All become one flat JSON object with snake_case names (for
 * TaskRouter the ones its Events API uses; "MessagingBinding.Address" stays), in which
 *   - task_attributes and worker_attributes are objects, whichever way they were sent; a text
 *     that is no JSON object reads as an empty one and sets task_attributes_invalid,
 *   - every other value is what was sent (string or number): readers coerce; nulls and empty
 *     texts are left out,
 *   - `event_type` is the canonical name ("task.completed", "conversation.ended"; twilio_type.h),
 *     or Twilio's own outside the vocabulary; always there,
 *   - `sid` is Twilio's name of the event: EV... where known, else the CloudEvent's id,
 *   - `date_ms` is Twilio's own time of the event in Unix ms, absent when the route has none
 *     (the plugin: an agent's browser does not date Brevo's events),
 *   - what a survey's Email, Phone and Channel say is among the task_attributes, as `email`,
 *     `phone` and `channelType`, and whom a message was sent to, as `customerAddress`; an
 *     interaction's MediaChannelSid that is a conversation's is its `conversation_sid`,
 *   - the Flex user token and whatever else only the transport needed are gone.
 * So one reader serves every route, and merging routes is a union of objects.
 */
#pragma once

#include <jansson.h>

#include "mapping/key.h"

enum {
    PAYLOAD_NAME_SIZE = 64,      /* longer member names are none of Twilio's: left out */
    PAYLOAD_MERGE_DEPTH_MAX = 8, /* objects below are taken from one route, not merged */
};

enum payload_result {
    PAYLOAD_OK = 0,
    PAYLOAD_E_UNPARSEABLE, /* park the bytes, reason `unparseable` */
};

/*
 * Parses one record field: the raw bytes of `source` as ingest stored them.
 * A form is told from JSON by its first non-blank byte.
 * On PAYLOAD_OK the caller owns *ret_payload (json_decref). Else returns PAYLOAD_E_* or -ENOMEM.
 */
int payload_parse(enum source source, struct slice bytes, json_t **ret_payload) MUST_USE;

/*
 * Adds to `payload` what only `other` knows, objects member by member. What `payload` has stays:
 * callers start with the most trusted route (signed Twilio data before the plugin's). The task
 * attributes as they were before stay under `trusted`: an address only `other` knows must not go
 * before one of theirs because it came under a better name.
 * 0 or -ENOMEM.
 */
int payload_merge(json_t *payload, json_t *other) MUST_USE;

/*
 * A record derived from another's bytes is what its key says it is: names the event by that.
 * 0 or -ENOMEM.
 */
int payload_name(json_t *payload, struct slice record_key) MUST_USE;

/* json_decref for AUTO(). */
void payload_release(json_t **payload);

/*
 * Readers: NULL or false when absent, empty or of another type; numbers may be written as
 * strings.
 */
const char *payload_text(const json_t *payload, const char *name);
bool payload_integer(
    const json_t *payload, const char *name, int64_t *ret_number) MUST_USE;
/* `path` walks objects: "task_attributes/customers/email" (name parts may hold dots). */
const json_t *payload_at(const json_t *payload, const char *path);
const char *payload_text_at(const json_t *payload, const char *path);
/* A task attribute by a configured path, where dots separate: "customers.email". */
const json_t *payload_attribute(const json_t *payload, const char *path);
/* A string, or a whole number written out. False for any other value, an empty or a longer one. */
bool payload_scalar(const json_t *value, char *text, size_t capacity) MUST_USE;
