/*
 * fuzz_key.c - each body through every route: what is keyed is well formed and was in the body,
 * and a stripped body is the same one without its token.
 */
#include <jansson.h>
#include <string.h>

#include "mapping/form.h"
#include "mapping/key.h"
#include "mapping/scan.h"
#include "tests/fuzz/fuzz.h"

enum {
    TOKEN_SIZE = 1 << 16,
    SID_LENGTH = 34,
};

static bool
is_inside(struct slice part, struct slice whole)
{
    return part.data == NULL ||
           (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static void
check_event(const struct keyed_event *event, struct slice body)
{
    const char *slash = strchr(event->key, '/');

    fuzz_check(is_inside(event->type, body) && is_inside(event->bytes, body), "slices");
    fuzz_check(event->bytes.size > 0, "an event has bytes");
    if (event->kind == KEY_RAW || event->kind == KEY_IGNORED) {
        fuzz_check(event->key[0] == '\0' && event->subject[0] == '\0', "no key");
        return;
    }
    fuzz_check(event->kind == KEY_EVENT || event->kind == KEY_FACT, "kind");
    fuzz_check(slash != NULL && strcmp(slash + 1, event->subject) == 0, "type/subject");
    fuzz_check(strlen(event->subject) == SID_LENGTH, "a SID");
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
        json_string_value(child(data, "ConversationSid")),
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

static void
check_callback(const struct keyed_event *event, struct slice body)
{
    AUTO(form_done) struct form form = {0};

    if (form_parse(body, &form) != FORM_OK) {
        return;
    }
    if (event->kind == KEY_EVENT || event->kind == KEY_FACT) {
        const char *sid_name = event->kind == KEY_FACT ? "ReservationSid" : "TaskSid";
        const struct slice type = form_get(&form, "EventType");

        fuzz_check(slice_is(form_get(&form, sid_name), event->subject), "the subject");
        fuzz_check(type.size == strlen(event->key) - SID_LENGTH - 1 &&
                       memcmp(event->key, type.data, type.size) == 0,
            "the type");
    }
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
    }
    if (r == KEY_OK && source == SOURCE_EVENT_STREAMS) {
        check_stream(&events, body);
    }
    if (r == KEY_OK && source == SOURCE_TASKROUTER) {
        check_callback(&events.items[0], body);
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
