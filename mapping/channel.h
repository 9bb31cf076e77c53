/*
 * channel.h - Brevo's view of Twilio's channel names.
 */
#pragma once

#include <jansson.h>

#include "mapping/base.h"

enum channel {
    CHANNEL_UNKNOWN,
    CHANNEL_VOICE,
    CHANNEL_SMS,
    CHANNEL_WHATSAPP,
    CHANNEL_WEBCHAT,
    CHANNEL_EMAIL,
    CHANNEL_MESSENGER,
    CHANNEL_VIDEO,
    CHANNEL_OTHER,
    CHANNEL_COUNT
};

/* "voice", "sms", ...; NULL for CHANNEL_UNKNOWN. */
const char *channel_name(enum channel channel);
bool channel_from_name(struct slice name, enum channel *ret_channel) MUST_USE;

/*
 * The channel of a merged payload: attribute `channelType`, else the prefix of the customer's
 * address, else the interaction's media channel, else the task channel, where `chat` and `web`
 * are webchat. A name we do not know is CHANNEL_OTHER; no name at all is CHANNEL_UNKNOWN.
 */
enum channel channel_read(const json_t *payload);
