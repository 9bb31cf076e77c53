/*
 * key_untyped.c - posts that have no type, because they only ever say one thing: those of a Flex
 * UI plugin, and answers to a survey. People wrote the code behind them, so names vary.
 */
#include "mapping/form.h"
#include "mapping/key_route.h"
#include "mapping/rules.h"
#include "mapping/scan.h"
#include "mapping/sid.h"

/* Names under which a SID may be. Of which kind it is, it says itself. */
struct sid_names {
    const char *prefix;
    const char *const *names; /* NULL-terminated */
};

/*
 * Flex UI calls a reservation "task" and its SID `task.sid`, so many plugins post a WR... under a
 * task's name. A task's SID, wherever it is, goes before a reservation's.
 */
static const char *const plugin_names[] = {"TaskSid", "taskSid", "task_sid", "Sid", "sid",
    "ReservationSid", "reservationSid", "reservation_sid", NULL};

static const struct sid_names plugin_sids[] = {
    {"WT", plugin_names},
    {"WR", plugin_names},
};

#define SPELLINGS(pascal, camel, snake) \
    (const char *const[])               \
    {                                   \
        pascal, camel, snake, NULL      \
    }

/* What an answer may be about, from the task to the flow that asked. */
static const struct sid_names survey_sids[] = {
    {"WT", SPELLINGS("TaskSid", "taskSid", "task_sid")},
    {"CH", SPELLINGS("ConversationSid", "conversationSid", "conversation_sid")},
    {"KD", SPELLINGS("InteractionSid", "interactionSid", "interaction_sid")},
    {"CA", SPELLINGS("CallSid", "callSid", "call_sid")},
    {"FN", SPELLINGS("ExecutionSid", "executionSid", "execution_sid")},
    {"FN", SPELLINGS("FlowExecutionSid", "flowExecutionSid", "flow_execution_sid")},
};

static bool
find_values(struct slice body, bool is_json, struct scan_field *fields, size_t count)
{
    if (is_json) {
        return scan_fields(body, fields, count) == SCAN_OK;
    }
    for (size_t i = 0; i < count; i++) {
        fields[i].value = form_find(body, fields[i].path);
    }
    return true;
}

enum sid_result {
    SID_FOUND,
    SID_NONE,
    SID_E_UNPARSEABLE, /* JSON, but no object */
};

/* The first SID of the right kind, in the order of `rows`. */
static enum sid_result
find_sid(struct slice body, bool is_json, const struct sid_names *rows, size_t row_count,
    char sid[SID_SIZE])
{
    struct scan_field fields[SCAN_FIELDS_MAX];
    const char *prefixes[SCAN_FIELDS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < row_count; i++) {
        for (size_t j = 0; rows[i].names[j] != NULL && count < LENGTH(fields); j++) {
            fields[count] = (struct scan_field){.path = rows[i].names[j]};
            prefixes[count++] = rows[i].prefix;
        }
    }
    if (!find_values(body, is_json, fields, count)) {
        return SID_E_UNPARSEABLE;
    }
    for (size_t i = 0; i < count; i++) {
        if ((is_json ? scan_text : form_decode)(fields[i].value, sid, SID_SIZE) &&
            sid_is(sid, prefixes[i])) {
            return SID_FOUND;
        }
    }
    return SID_NONE;
}

int
key_plugin(struct slice body, bool is_json, struct keyed_event *event)
{
    char sid[SID_SIZE];

    if (find_sid(body, is_json, plugin_sids, LENGTH(plugin_sids), sid) != SID_FOUND) {
        return KEY_E_UNPARSEABLE;
    }
    *event = (struct keyed_event){.bytes = body};
    key_set(event, KEY_EVENT, event_type_name(EVENT_TASK_COMPLETED), sid);
    return KEY_OK;
}

/* A survey asks several questions of one subject, each answer a post of its own. */
int
key_survey(struct slice body, bool is_json, struct keyed_event *event)
{
    char sid[SID_SIZE];
    const enum sid_result found =
        find_sid(body, is_json, survey_sids, LENGTH(survey_sids), sid);

    if (body.size == 0 || found == SID_E_UNPARSEABLE) {
        return KEY_E_UNPARSEABLE;
    }
    *event = (struct keyed_event){.kind = KEY_RAW, .bytes = body};
    if (found == SID_FOUND) {
        key_set(event, KEY_EVENT, event_type_name(EVENT_SURVEY_COMPLETED), sid);
        event->by_content = true;
    }
    return KEY_OK;
}
