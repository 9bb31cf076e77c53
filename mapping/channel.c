/*
 * channel.c - Brevo's view of Twilio's channel names.
 */
#include "mapping/channel.h"

#include "mapping/address.h"
#include "mapping/direction.h"
#include "mapping/payload.h"

static const char *const channel_names[CHANNEL_COUNT] = {
    [CHANNEL_VOICE] = "voice",
    [CHANNEL_SMS] = "sms",
    [CHANNEL_WHATSAPP] = "whatsapp",
    [CHANNEL_WEBCHAT] = "webchat",
    [CHANNEL_EMAIL] = "email",
    [CHANNEL_MESSENGER] = "messenger",
    [CHANNEL_VIDEO] = "video",
    [CHANNEL_OTHER] = "other",
};

const char *
channel_name(enum channel channel)
{
    return channel_names[channel];
}

bool
channel_from_name(struct slice name, enum channel *ret_channel)
{
    static const struct {
        const char *name;
        enum channel channel;
    } aliases[] = {
        {"chat", CHANNEL_WEBCHAT},
        {"web", CHANNEL_WEBCHAT},
    };

    for (size_t i = CHANNEL_UNKNOWN + 1; i < CHANNEL_COUNT; i++) {
        if (slice_is_nocase(name, channel_names[i])) {
            *ret_channel = (enum channel)i;
            return true;
        }
    }
    for (size_t i = 0; i < LENGTH(aliases); i++) {
        if (slice_is_nocase(name, aliases[i].name)) {
            *ret_channel = aliases[i].channel;
            return true;
        }
    }
    return false;
}

/* CHANNEL_UNKNOWN when the path holds no name at all. */
static enum channel
channel_at(const json_t *payload, const char *path)
{
    const char *name = payload_text_at(payload, path);
    enum channel channel = CHANNEL_OTHER;

    if (name == NULL) {
        return CHANNEL_UNKNOWN;
    }
    return channel_from_name(slice_of(name), &channel) ? channel : CHANNEL_OTHER;
}

/* What the customer's address says of itself: "whatsapp:+346..." */
static enum channel
channel_of_address(const json_t *payload)
{
    const bool outbound = direction_read(payload) == DIRECTION_OUTBOUND;
    const char *const paths[] = {
        "task_attributes/customerAddress",
        outbound ? "task_attributes/outbound_to" : "task_attributes/from",
        outbound ? "task_attributes/to" : "task_attributes/caller",
    };

    for (size_t i = 0; i < LENGTH(paths); i++) {
        struct address address;

        address_read(slice_of(payload_text_at(payload, paths[i])), &address);
        if (address.channel != CHANNEL_UNKNOWN) {
            return address.channel;
        }
    }
    return CHANNEL_UNKNOWN;
}

enum channel
channel_read(const json_t *payload)
{
    enum channel channel = channel_at(payload, "task_attributes/channelType");

    if (channel == CHANNEL_UNKNOWN) {
        channel = channel_of_address(payload);
    }
    if (channel == CHANNEL_UNKNOWN) {
        channel = channel_at(payload, "media_channel_type");
    }
    if (channel == CHANNEL_UNKNOWN) {
        channel = channel_at(payload, "task_channel_unique_name");
    }
    return channel;
}
