/*
 * source.h - the routes an event comes by.
 */
#pragma once

#include "mapping/base.h"

enum source {
    SOURCE_FLEX_PLUGIN,
    SOURCE_TASKROUTER,
    SOURCE_EVENT_STREAMS,
    SOURCE_CONVERSATIONS,
    SOURCE_INTERACTIONS,
    SOURCE_SURVEY,
    SOURCE_MESSAGING,
    SOURCE_COUNT
};

/* "flex-plugin", "event-streams", ...: the --source names, metric labels. */
const char *source_name(enum source source);
/* The record's field for this route: "plugin", "taskrouter", "event_streams". */
const char *source_route(enum source source);
/*
 * The sources by whom to believe first when several tell of one event, rank 0 to SOURCE_COUNT - 1:
 * signed by Twilio with all details, signed with few, typed in by the author of a flow, posted
 * by a browser.
 */
enum source source_by_trust(size_t rank);
bool source_from_name(struct slice name, enum source *ret_source) MUST_USE;
