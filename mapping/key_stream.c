/*
 * key_stream.c - the CloudEvents of Event Streams. TaskRouter's hold the event in data/payload,
 * the others' data is the event.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/key_route.h"
#include "mapping/scan.h"

enum {
    EVENTS_FIRST_CAPACITY = 4,
    DATA_SIZE_MAX = 1 << 18, /* `data` that was sent as a string of JSON */
};

static const char data_prefix[] = "data/";

static bool
read_field(const void *context, enum twilio_field field, char *text, size_t capacity)
{
    const struct scan_field *fields = context;

    return field < TWILIO_STREAM_FIELDS && scan_text(fields[field].value, text, capacity);
}

/* `data` has been seen as a string of JSON: the same paths, one level up, in what it says. */
static int
read_inside(
    struct slice event, struct scan_field fields[TWILIO_STREAM_FIELDS], char **ret_text)
{
    struct scan_field data = {.path = "data"};

    if (scan_fields(event, &data, 1) != SCAN_OK || data.value.size == 0 ||
        data.value.size > DATA_SIZE_MAX) {
        return 0;
    }
    char *text = malloc(data.value.size);

    if (text == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < TWILIO_STREAM_FIELDS; i++) {
        const char *path = twilio_field_path((enum twilio_field)i);

        fields[i].path = i == TWILIO_TYPE ? path : path + strlen(data_prefix);
    }
    if (!scan_text(data.value, text, data.value.size) ||
        scan_fields(slice_of(text), fields, TWILIO_STREAM_FIELDS) != SCAN_OK) {
        free(text);
        return 0;
    }
    *ret_text = text;
    return 0;
}

static int
key_by_text(const char *type, struct keyed_event *event)
{
    struct scan_field fields[TWILIO_STREAM_FIELDS];
    const struct key_values values = {.read = read_field, .context = fields};
    char *text = NULL;
    const int r = read_inside(event->bytes, fields, &text);

    if (text != NULL) {
        key_set_by_type(SOURCE_EVENT_STREAMS, type, &values, event);
    }
    free(text);
    return r;
}

/* False when the element says no type at all. One too long to be ours reads as "". */
static bool
read_type(struct slice value, char type[TWILIO_TYPE_SIZE_MAX])
{
    if (scan_text(value, type, TWILIO_TYPE_SIZE_MAX)) {
        return type[0] != '\0';
    }
    return scan_string(value).size >= TWILIO_TYPE_SIZE_MAX;
}

/* One element. *event is written on 0 only; else -ENOMEM. */
static int
key_cloud_event(struct slice element,
    const struct scan_field fields[TWILIO_STREAM_FIELDS], struct keyed_event *event)
{
    const struct key_values values = {.read = read_field, .context = fields};
    char type[TWILIO_TYPE_SIZE_MAX];
    int r = 0;

    *event = (struct keyed_event){.kind = KEY_RAW, .bytes = element};
    if (!read_type(fields[TWILIO_TYPE].value, type)) {
        return 0;
    }
    event->type = scan_string(fields[TWILIO_TYPE].value);
    key_set_by_type(SOURCE_EVENT_STREAMS, type, &values, event);
    if (event->kind == KEY_RAW) {
        r = key_by_text(type, event);
    }
    if (event->kind == KEY_RAW && twilio_type_is_test(SOURCE_EVENT_STREAMS, type)) {
        event->kind =
            KEY_IGNORED; /* nothing to validate the sink with, and nothing lost */
    }
    return r;
}

/* ---- a batch ------------------------------------------------------------------------------ */

struct batch {
    struct keyed_events events;
    size_t capacity;
    struct scan_field fields[TWILIO_STREAM_FIELDS]; /* of the element at hand */
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
        batch->result = key_cloud_event(
            element, batch->fields, &batch->events.items[batch->events.count]);
    }
    if (batch->result != KEY_OK) {
        return false;
    }
    batch->events.count++;
    return true;
}

int
key_stream(struct slice body, struct keyed_events *ret_events)
{
    struct batch batch = {0};

    for (size_t i = 0; i < TWILIO_STREAM_FIELDS; i++) {
        batch.fields[i].path = twilio_field_path((enum twilio_field)i);
    }
    const int scanned =
        scan_elements(body, batch.fields, TWILIO_STREAM_FIELDS, batch_add, &batch);
    const int r = scanned == SCAN_E_SYNTAX ? KEY_E_UNPARSEABLE : batch.result;

    if (r != KEY_OK) {
        keyed_events_done(&batch.events);
        return r;
    }
    *ret_events = batch.events;
    return KEY_OK;
}
