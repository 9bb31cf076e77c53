/*
 * fuzz_key.c - each body through every route: what is keyed is well formed and was in the body,
 * and a stripped body is the same one without its token.
 */
#include <jansson.h>
#include <string.h>

#include "mapping/form.h"
#include "mapping/payload.h"
#include "mapping/scan.h"
#include "mapping/twilio_type.h"
#include "tests/fuzz/fuzz.h"

enum {
    TOKEN_SIZE = 1 << 16,
};

static bool
is_inside(struct slice part, struct slice whole)
{
    return part.data == NULL ||
           (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

/* "type/subject", and of types that come many times what tells them apart. */
static void
check_key(const struct keyed_event *event)
{
    const char *slash = strchr(event->key, '/');
    const bool has_subject =
        slash != NULL && strncmp(slash + 1, event->subject, strlen(event->subject)) == 0;

    fuzz_check(strlen(event->key) + 1 + KEY_CONTENT_DIGITS < KEY_SIZE_MAX, "room");
    fuzz_check(slash != NULL && slash > event->key, "a type");
    fuzz_check(has_subject || strncmp(slash, "/EV", 3) == 0, "a subject, or an event");
    fuzz_check(event->subject[0] != '\0' && strpbrk(event->key, " \r\n\"\\") == NULL,
        "nothing in a key that would need escaping");
    fuzz_check(event->kind == KEY_FACT
                   ? twilio_type_is_fact(slice_before(slice_of(event->key), '/'))
                   : !twilio_type_is_fact(slice_before(slice_of(event->key), '/')),
        "facts are facts to the worker, too");
}

static void
check_event(struct keyed_event *event, struct slice body)
{
    fuzz_check(is_inside(event->type, body) && is_inside(event->bytes, body), "slices");
    fuzz_check(event->bytes.size > 0, "an event has bytes");
    if (event->kind == KEY_RAW || event->kind == KEY_IGNORED) {
        fuzz_check(event->key[0] == '\0' && event->subject[0] == '\0', "no key");
        fuzz_check(!event->by_content, "nothing to complete");
        return;
    }
    fuzz_check(event->kind == KEY_EVENT || event->kind == KEY_FACT, "kind");
    check_key(event);
}

static const json_t *
child(const json_t *tree, const char *name)
{
    return json_object_get(tree, name);
}

/* One element of a batch, read the slow way; only where `data` is an object. */
static void
check_stream_event(const struct keyed_event *event)
{
    json_t *tree =
        json_loadb(event->bytes.data, event->bytes.size, JSON_DECODE_ANY, NULL);
    const json_t *data = child(tree, "data");
    const char *const sids[] = {
        json_string_value(child(child(data, "payload"), "task_sid")),
        json_string_value(child(child(data, "payload"), "reservation_sid")),
        json_string_value(child(child(data, "payload"), "worker_sid")),
        json_string_value(child(data, "ConversationSid")),
        json_string_value(child(data, "messageSid")),
        json_string_value(child(data, "test_id")),
    };
    bool found = !json_is_object(data);

    for (size_t i = 0; i < LENGTH(sids); i++) {
        found = found || (sids[i] != NULL && strcmp(sids[i], event->subject) == 0);
    }
    fuzz_check(found, "the subject is one of the SIDs");
    json_decref(tree);
}

static void
check_stream(const struct keyed_events *events, struct slice body)
{
    json_t *tree = json_loadb(body.data, body.size, JSON_REJECT_DUPLICATES, NULL);

    if (tree == NULL) {
        return; /* not readable to the end: nothing to compare with */
    }
    fuzz_check(events->count == (json_is_array(tree) ? json_array_size(tree) : 1),
        "an event for each element");
    for (size_t i = 0; i < events->count; i++) {
        if (events->items[i].kind == KEY_EVENT || events->items[i].kind == KEY_FACT) {
            check_stream_event(&events->items[i]);
        }
    }
    json_decref(tree);
}

/* The subject of a form is the value of one of its fields. */
static void
check_form(const struct keyed_event *event, struct slice body)
{
    AUTO(form_done) struct form form = {0};
    bool found = false;

    if (form_parse(body, &form) != FORM_OK ||
        (event->kind != KEY_EVENT && event->kind != KEY_FACT)) {
        return;
    }
    for (size_t i = 0; i < form.count; i++) {
        found = found || slice_is(form.fields[i].value, event->subject);
    }
    fuzz_check(found, "the subject is in the form");
}

/* TaskRouter's names of events are ours. */
static void
check_callback(const struct keyed_event *event, struct slice body)
{
    AUTO(form_done) struct form form = {0};

    if (form_parse(body, &form) == FORM_OK &&
        (event->kind == KEY_EVENT || event->kind == KEY_FACT)) {
        fuzz_check(slice_equal(form_get(&form, "EventType"),
                       slice_before(slice_of(event->key), '/')),
            "the type");
    }
}

/*
 * The worker reads the type that was keyed. (Where a state decides, or a form's fields do, a body
 * may say it twice in two spellings, and the two may take either.)
 */
static void
check_type(const struct keyed_event *event)
{
    const struct slice type = slice_before(slice_of(event->key), '/');
    json_t *payload = NULL;

    if ((event->kind != KEY_EVENT && event->kind != KEY_FACT) ||
        slice_starts(type, "conversation.")) {
        return;
    }
    const int r = payload_parse(SOURCE_EVENT_STREAMS, event->bytes, &payload);

    fuzz_check(r == PAYLOAD_OK || r == PAYLOAD_E_UNPARSEABLE, "parsed or parked");
    fuzz_check(r != PAYLOAD_OK || slice_is(type, payload_text(payload, "event_type")),
        "the type that was keyed");
    json_decref(payload);
}

static void
check_route(enum source source, struct slice body, bool is_json)
{
    AUTO(keyed_events_done) struct keyed_events events = {0};
    const int r = key_events(source, body, is_json, &events);

    fuzz_check(r == KEY_OK || r == KEY_E_UNPARSEABLE || r == KEY_E_TOO_MANY, "result");
    fuzz_check(r == KEY_OK || (events.items == NULL && events.count == 0), "untouched");
    for (size_t i = 0; i < events.count; i++) {
        check_event(&events.items[i], body);
        if (source == SOURCE_EVENT_STREAMS) {
            check_type(&events.items[i]);
        }
    }
    if (r == KEY_OK && source == SOURCE_EVENT_STREAMS) {
        check_stream(&events, body);
    }
    if (r == KEY_OK && source == SOURCE_TASKROUTER) {
        check_callback(&events.items[0], body);
    }
    if (r == KEY_OK && !is_json) {
        check_form(&events.items[0], body);
    }
}

/* Equal but for a token's value; one of at most two bytes may have stayed. */
static void
check_same_but_token(json_t *before, json_t *after)
{
    static const char *const names[] = {"Token", "token"};

    fuzz_check(json_is_object(after), "a stripped object is an object");
    for (size_t i = 0; i < LENGTH(names); i++) {
        const json_t *left = json_object_get(after, names[i]);

        if (json_is_string(left)) {
            fuzz_check(json_string_length(left) == 0, "nothing left of a token");
            fuzz_check(json_object_get(before, names[i]) != NULL, "nothing added");
            (void)json_object_set_new(before, names[i], json_string(""));
        }
    }
    fuzz_check(json_equal(before, after), "the same but for the token");
}

static void
check_strip(struct slice body, bool is_json)
{
    static char token[TOKEN_SIZE];
    char *copy = slice_copy(body);

    fuzz_check(copy != NULL, "memory");
    json_t *before = json_loadb(body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
    const bool had_token = key_find_token(body, is_json, token, sizeof(token));
    const struct slice stripped = key_strip_token(copy, body.size, is_json);

    fuzz_check(
        had_token ? stripped.size < body.size : stripped.size <= body.size, "shorter");
    fuzz_check(
        !key_find_token(stripped, is_json, token, sizeof(token)), "no token is left");
    if (is_json && json_is_object(before) && scan_check(body) == SCAN_OK) {
        json_t *after = json_loadb(stripped.data, stripped.size, 0, NULL);

        check_same_but_token(before, after);
        json_decref(after);
    }
    fuzz_check(
        key_strip_token(copy, stripped.size, is_json).size == stripped.size, "once");
    json_decref(before);
    free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice body = {.data = (const char *)data, .size = size};

    for (int source = 0; source < SOURCE_COUNT; source++) {
        check_route((enum source)source, body, false);
        check_route((enum source)source, body, true);
    }
    check_strip(body, false);
    check_strip(body, true);
    return 0;
}
