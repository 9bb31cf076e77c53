/*
 * key.c - from raw bytes to record keys.
 *
 * What Twilio calls an event, what we call it and which SID it is about is one table. The routes
 * only differ in where they keep these words: a callback has them as form fields, a CloudEvent at
 * paths, a plugin post has no type because it only ever says one thing.
 */
#include "mapping/key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/form.h"
#include "mapping/scan.h"
#include "mapping/sid.h"

enum {
    TYPE_SIZE_MAX = 80, /* with the NUL; a longer one is not in our vocabulary */
    STATE_SIZE_MAX = 16,
    DATA_SIZE_MAX = 1 << 18, /* a CloudEvent's `data` that was sent as a string of JSON */
    EVENTS_FIRST_CAPACITY = 4,
};

enum subject {
    SUBJECT_TASK,
    SUBJECT_RESERVATION,
    SUBJECT_CONVERSATION,
    SUBJECT_COUNT
};

static const struct {
    const char *prefix;
    const char *form_name;
    const char *path; /* in a CloudEvent */
} subjects[SUBJECT_COUNT] = {
    [SUBJECT_TASK] = {"WT", "TaskSid", "data/payload/task_sid"},
    [SUBJECT_RESERVATION] = {"WR", "ReservationSid", "data/payload/reservation_sid"},
    [SUBJECT_CONVERSATION] = {"CH", "ConversationSid", "data/ConversationSid"},
};

static const char state_path[] = "data/StateTo";
static const char data_path[] = "data";

enum spelling {
    SPELLING_CALLBACK,
    SPELLING_STREAM,
    SPELLING_COUNT
};

struct meaning {
    const char *spelling[SPELLING_COUNT]; /* Twilio's type; NULL: not on this route */
    const char *state;                    /* only with this StateTo; NULL: always */
    const char *type;                     /* ours */
    enum key_kind kind;
    enum subject subject;
};

#define TASKROUTER "com.twilio.taskrouter."
#define CONVERSATIONS "com.twilio.conversations."

/* https://www.twilio.com/docs/taskrouter/api/event/reference and .../docs/events/event-types */
static const struct meaning meanings[] = {
    {{"task.created", TASKROUTER "task.created"}, NULL, "task.created", KEY_EVENT,
        SUBJECT_TASK},
    {{"task.completed", TASKROUTER "task.completed"}, NULL, "task.completed", KEY_EVENT,
        SUBJECT_TASK},
    {{"task.canceled", TASKROUTER "task.canceled"}, NULL, "task.canceled", KEY_EVENT,
        SUBJECT_TASK},
    {{"reservation.accepted", TASKROUTER "reservation.accepted"}, NULL,
        "reservation.accepted", KEY_FACT, SUBJECT_RESERVATION},
    {{"reservation.completed", TASKROUTER "reservation.completed"}, NULL,
        "reservation.completed", KEY_FACT, SUBJECT_RESERVATION},
    {{NULL, CONVERSATIONS "conversation-state.updated"}, "closed", "conversation.ended",
        KEY_EVENT, SUBJECT_CONVERSATION},
};

/*
 * Where plugins put the SID. Flex UI calls a reservation "task" and its SID `task.sid`, so many
 * post a WR... under a task's name: what a SID is, it says itself.
 */
static const char *const plugin_names[] = {"TaskSid", "taskSid", "task_sid", "Sid", "sid",
    "ReservationSid", "reservationSid", "reservation_sid"};

static const struct meaning *
find_meaning(enum spelling route, const char *type)
{
    for (size_t i = 0; i < LENGTH(meanings); i++) {
        const char *spelling = meanings[i].spelling[route];

        if (spelling != NULL && strcmp(spelling, type) == 0) {
            return &meanings[i];
        }
    }
    return NULL;
}

static void
set_key(struct keyed_event *event, enum key_kind kind, const char *type, const char *sid)
{
    event->kind = kind;
    (void)snprintf(event->key, sizeof(event->key), "%s/%s", type, sid);
    (void)snprintf(event->subject, sizeof(event->subject), "%s", sid);
}

/* ---- TaskRouter callbacks --------------------------------------------------------------- */

static int
key_callback(struct slice body, struct keyed_event *event)
{
    char type[TYPE_SIZE_MAX];
    char sid[SID_SIZE];

    *event = (struct keyed_event){
        .kind = KEY_RAW,
        .type = form_find(body, "EventType"),
        .bytes = body,
    };
    if (event->type.size == 0) {
        return KEY_E_UNPARSEABLE;
    }
    const struct meaning *meaning = form_decode(event->type, type, sizeof(type))
                                        ? find_meaning(SPELLING_CALLBACK, type)
                                        : NULL;

    if (meaning == NULL) {
        event->kind = KEY_IGNORED;
        return KEY_OK;
    }
    const char *sid_name = subjects[meaning->subject].form_name;

    if (form_decode(form_find(body, sid_name), sid, sizeof(sid)) &&
        sid_is(sid, subjects[meaning->subject].prefix)) {
        set_key(event, meaning->kind, meaning->type, sid);
    }
    return KEY_OK;
}

/* ---- Event Streams ---------------------------------------------------------------------- */

/* The event stays KEY_RAW when the values are not what its type needs. */
static void
key_by_values(const struct meaning *meaning, struct slice state_value,
    struct slice sid_value, struct keyed_event *event)
{
    char state[STATE_SIZE_MAX];
    char sid[SID_SIZE];

    if (meaning->state != NULL) {
        if (!scan_text(state_value, state, sizeof(state))) {
            return;
        }
        if (strcmp(state, meaning->state) != 0) {
            event->kind = KEY_IGNORED;
            return;
        }
    }
    if (scan_text(sid_value, sid, sizeof(sid)) &&
        sid_is(sid, subjects[meaning->subject].prefix)) {
        set_key(event, meaning->kind, meaning->type, sid);
    }
}

/* `data` has been seen as a string of JSON: the same paths, one level up, in what it says. */
static int
key_by_text(const struct meaning *meaning, struct keyed_event *event)
{
    struct scan_field data = {.path = data_path};
    struct scan_field fields[] = {
        {.path = state_path + sizeof(data_path)},
        {.path = subjects[meaning->subject].path + sizeof(data_path)},
    };

    if (scan_fields(event->bytes, &data, 1) != SCAN_OK || data.value.size == 0 ||
        data.value.size > DATA_SIZE_MAX) {
        return 0;
    }
    char *text = malloc(data.value.size);

    if (text == NULL) {
        return -ENOMEM;
    }
    if (scan_text(data.value, text, data.value.size) &&
        scan_fields(slice_of(text), fields, LENGTH(fields)) == SCAN_OK) {
        key_by_values(meaning, fields[0].value, fields[1].value, event);
    }
    free(text);
    return 0;
}

/* A type we can read: NULL for one outside our vocabulary. */
static bool
read_stream_type(struct slice value, const struct meaning **ret_meaning)
{
    char type[TYPE_SIZE_MAX];

    if (scan_text(value, type, sizeof(type))) {
        *ret_meaning = find_meaning(SPELLING_STREAM, type);
        return type[0] != '\0';
    }
    *ret_meaning = NULL;
    return scan_string(value).size >= sizeof(type);
}

static int
key_cloud_event(struct slice element, struct keyed_event *event)
{
    enum {
        TYPE = SUBJECT_COUNT,
        STATE,
        FIELD_COUNT
    };
    struct scan_field fields[FIELD_COUNT] = {
        [TYPE] = {.path = "type"},
        [STATE] = {.path = state_path},
    };
    const struct meaning *meaning = NULL;

    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        fields[i].path = subjects[i].path;
    }
    *event = (struct keyed_event){.kind = KEY_RAW, .bytes = element};
    if (scan_fields(element, fields, FIELD_COUNT) != SCAN_OK ||
        !read_stream_type(fields[TYPE].value, &meaning)) {
        return 0;
    }
    event->type = scan_string(fields[TYPE].value);
    if (meaning == NULL) {
        event->kind = KEY_IGNORED;
        return 0;
    }
    key_by_values(meaning, fields[STATE].value, fields[meaning->subject].value, event);
    return event->kind == KEY_RAW ? key_by_text(meaning, event) : 0;
}

/* ---- Flex UI plugin --------------------------------------------------------------------- */

/* The values under plugin_names, as they are written. */
static bool
find_plugin_fields(
    struct slice body, bool is_json, struct scan_field fields[LENGTH(plugin_names)])
{
    for (size_t i = 0; i < LENGTH(plugin_names); i++) {
        fields[i] = (struct scan_field){.path = plugin_names[i]};
        if (!is_json) {
            fields[i].value = form_find(body, plugin_names[i]);
        }
    }
    return !is_json || scan_fields(body, fields, LENGTH(plugin_names)) == SCAN_OK;
}

/* A task's SID wherever it is, before a reservation's. */
static bool
find_plugin_sid(struct slice body, bool is_json, char sid[SID_SIZE])
{
    static const enum subject wanted[] = {SUBJECT_TASK, SUBJECT_RESERVATION};
    struct scan_field fields[LENGTH(plugin_names)];

    if (!find_plugin_fields(body, is_json, fields)) {
        return false;
    }
    for (size_t i = 0; i < LENGTH(wanted) * LENGTH(fields); i++) {
        const struct slice value = fields[i % LENGTH(fields)].value;

        if ((is_json ? scan_text : form_decode)(value, sid, SID_SIZE) &&
            sid_is(sid, subjects[wanted[i / LENGTH(fields)]].prefix)) {
            return true;
        }
    }
    return false;
}

static int
key_plugin(struct slice body, bool is_json, struct keyed_event *event)
{
    char sid[SID_SIZE];

    if (!find_plugin_sid(body, is_json, sid)) {
        return KEY_E_UNPARSEABLE;
    }
    *event = (struct keyed_event){.bytes = body};
    set_key(event, KEY_EVENT, "task.completed", sid);
    return KEY_OK;
}

/* ---- all routes ------------------------------------------------------------------------- */

struct batch {
    struct keyed_events events;
    size_t capacity;
    int result;
};

static int
batch_reserve(struct batch *batch)
{
    if (batch->events.count == KEY_EVENTS_MAX) {
        return KEY_E_TOO_MANY;
    }
    if (batch->events.count < batch->capacity) {
        return KEY_OK;
    }
    const size_t capacity =
        batch->capacity == 0 ? EVENTS_FIRST_CAPACITY : batch->capacity * 2;
    struct keyed_event *items =
        reallocarray(batch->events.items, capacity, sizeof(*batch->events.items));

    if (items == NULL) {
        return -ENOMEM;
    }
    batch->events.items = items;
    batch->capacity = capacity;
    return KEY_OK;
}

static bool
batch_add(void *context, struct slice element)
{
    struct batch *batch = context;

    batch->result = batch_reserve(batch);
    if (batch->result == KEY_OK) {
        batch->result =
            key_cloud_event(element, &batch->events.items[batch->events.count]);
    }
    if (batch->result != KEY_OK) {
        return false;
    }
    batch->events.count++;
    return true;
}

static int
key_stream(struct slice body, struct keyed_events *ret_events)
{
    struct batch batch = {0};
    const int scanned = scan_elements(body, batch_add, &batch);
    const int r = scanned == SCAN_E_SYNTAX ? KEY_E_UNPARSEABLE : batch.result;

    if (r != KEY_OK) {
        keyed_events_done(&batch.events);
        return r;
    }
    *ret_events = batch.events;
    return KEY_OK;
}

static int
key_single(
    enum source source, struct slice body, bool is_json, struct keyed_events *ret_events)
{
    struct keyed_event event;
    int r = KEY_E_UNPARSEABLE;

    if (source == SOURCE_FLEX_PLUGIN) {
        r = key_plugin(body, is_json, &event);
    } else if (source == SOURCE_TASKROUTER && !is_json) {
        r = key_callback(body, &event);
    }
    if (r != KEY_OK) {
        return r;
    }
    struct keyed_event *items = malloc(sizeof(*items));

    if (items == NULL) {
        return -ENOMEM;
    }
    *items = event;
    *ret_events = (struct keyed_events){.items = items, .count = 1};
    return KEY_OK;
}

int
key_events(
    enum source source, struct slice body, bool is_json, struct keyed_events *ret_events)
{
    if (source == SOURCE_EVENT_STREAMS) {
        return is_json ? key_stream(body, ret_events) : KEY_E_UNPARSEABLE;
    }
    return key_single(source, body, is_json, ret_events);
}

void
keyed_events_done(struct keyed_events *events)
{
    free(events->items);
    *events = (struct keyed_events){0};
}
