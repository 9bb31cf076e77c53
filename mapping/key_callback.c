/*
 * key_callback.c - the callbacks of TaskRouter, Conversations, Interactions and messaging: forms
 * that name their type and their subject in fields of their own.
 */
#include "mapping/form.h"
#include "mapping/key_route.h"

static bool
read_field(const void *context, enum twilio_field field, char *text, size_t capacity)
{
    const struct slice *body = context;
    const char *name = twilio_field_form(field);

    return name != NULL && form_decode(form_find(*body, name), text, capacity);
}

/* Absent when none of the fields is there, or says anything. */
static struct slice
find_type(enum source source, struct slice body)
{
    const enum twilio_field *field = twilio_type_fields(source);
    struct slice value = {0};

    for (; *field != TWILIO_FIELD_COUNT && value.size == 0; field++) {
        value = form_find(body, twilio_field_form(*field));
    }
    return value;
}

int
key_callback(enum source source, struct slice body, struct keyed_event *event)
{
    const struct key_values values = {.read = read_field, .context = &body};
    const struct slice value = find_type(source, body);
    char type[TWILIO_TYPE_SIZE_MAX];

    if (value.size == 0) {
        return KEY_E_UNPARSEABLE;
    }
    *event = (struct keyed_event){.kind = KEY_RAW, .type = value, .bytes = body};
    if (form_decode(value, type, sizeof(type))) {
        key_set_by_type(source, type, &values, event);
    } else {
        event->kind = KEY_IGNORED;
    }
    return KEY_OK;
}
