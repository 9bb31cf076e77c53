/*
 * source.c - what the routes are called, outside and in records.
 */
#include "mapping/source.h"

static const struct {
    const char *name;
    const char *route;
} sources[SOURCE_COUNT] = {
    [SOURCE_FLEX_PLUGIN] = {"flex-plugin", "plugin"},
    [SOURCE_TASKROUTER] = {"taskrouter", "taskrouter"},
    [SOURCE_EVENT_STREAMS] = {"event-streams", "event_streams"},
    [SOURCE_CONVERSATIONS] = {"conversations", "conversations"},
    [SOURCE_INTERACTIONS] = {"interactions", "interactions"},
    [SOURCE_SURVEY] = {"survey", "survey"},
    [SOURCE_MESSAGING] = {"messaging", "messaging"},
};

const char *
source_name(enum source source)
{
    return sources[source].name;
}

const char *
source_route(enum source source)
{
    return sources[source].route;
}

enum source
source_by_trust(size_t rank)
{
    static const enum source sources_by_trust[SOURCE_COUNT] = {
        SOURCE_TASKROUTER,
        SOURCE_EVENT_STREAMS,
        SOURCE_CONVERSATIONS,
        SOURCE_INTERACTIONS,
        SOURCE_MESSAGING,
        SOURCE_SURVEY,
        SOURCE_FLEX_PLUGIN,
    };

    return sources_by_trust[rank];
}

bool
source_from_name(struct slice name, enum source *ret_source)
{
    for (size_t i = 0; i < SOURCE_COUNT; i++) {
        if (slice_is(name, sources[i].name)) {
            *ret_source = (enum source)i;
            return true;
        }
    }
    return false;
}
