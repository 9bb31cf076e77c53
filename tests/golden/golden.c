/*
 * golden.c - what captured bodies become, compared file by file.
 *
 *   golden [--update] DIRECTORY
 *
 * DIRECTORY holds a folder per route; <folder>/<case>.in is one event exactly as ingest stores it
 * (one trailing newline is not part of it, so that editors do no harm). In merged/ one case has
 * an input for each route that told it: <case>.taskrouter.in, <case>.flex-plugin.in, ...
 * Beside it <case>.event.json is how the event is read and judged, and <case>.brevo.json the two
 * requests; an event that is not delivered has none. --update rewrites both.
 */
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mapping/history.h"
#include "mapping/request.h"
#include "mapping/survey.h"
#include "mapping/ticket.h"
#include "tests/golden/golden_file.h"
#include "tests/golden/golden_rules.h"

enum {
    TEXT_SIZE_MAX = 1 << 20,
    INPUTS_MAX = SOURCE_COUNT,
};

static const int64_t received_ms = 1767230000000; /* 2026-01-01T01:13:20Z */

struct golden {
    const char *directory;
    bool update;
    size_t cases;
    size_t failed;
};

static void
settle_file(struct golden *golden, const char *path, const char *actual)
{
    char *expected = golden_read_file(path);

    if (golden->update) {
        if (actual != NULL) {
            golden_write_file(path, actual);
        } else {
            (void)unlink(path); /* mostly there is none */
        }
    } else if (expected == NULL ? actual != NULL
                                : actual == NULL || strcmp(expected, actual) != 0) {
        printf("%s: differs (- in the file, + now)\n", path);
        golden_print_difference(
            expected != NULL ? expected : "", actual != NULL ? actual : "");
        golden->failed++;
    }
    free(expected);
}

/* Takes over the reference to `value`; NULL: there must be no file. */
static void
settle_json(struct golden *golden, const char *path, json_t *value)
{
    AUTO(buffer_done) struct buffer text = {0};
    char *dumped =
        value != NULL ? json_dumps(value, JSON_INDENT(2) | REQUEST_REALS) : NULL;

    buffer_init(&text, TEXT_SIZE_MAX);
    if (value != NULL) {
        golden_must(dumped != NULL, "no memory", path);
        buffer_addf(&text, "%s\n", dumped);
        golden_must(!text.failed, "no memory", path);
    }
    settle_file(golden, path, text.data);
    free(dumped);
    json_decref(value);
}

/* The record key ingest gives this event, as far as there is one. */
static void
read_key(enum source source, struct slice body, char key[KEY_SIZE_MAX])
{
    AUTO(keyed_events_done) struct keyed_events events = {0};
    const bool is_json = slice_starts(slice_trim(body), "{");
    const int r = key_events(source, body, is_json, &events);

    golden_must(r >= 0, "no memory", "key");
    (void)snprintf(key, KEY_SIZE_MAX, "%s", "raw");
    if (r == KEY_OK && events.count == 1) {
        struct keyed_event *event = &events.items[0];

        if (event->by_content) { /* a hash would change with every blank of the input */
            key_add_content(event, "sha256");
        }
        (void)snprintf(key, KEY_SIZE_MAX, "%s",
            event->kind == KEY_IGNORED ? "ignored"
            : event->kind == KEY_RAW   ? "raw"
                                       : event->key);
    }
}

struct inputs {
    char *texts[INPUTS_MAX];
    enum source sources[INPUTS_MAX];
    size_t count;
};

static void
inputs_done(struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++) {
        free(inputs->texts[i]);
    }
    inputs->count = 0;
}

static void
add_input(struct inputs *inputs, enum source source, char *text)
{
    const size_t size = strlen(text);

    if (size > 0 && text[size - 1] == '\n') {
        text[size - 1] = '\0';
    }
    inputs->texts[inputs->count] = text;
    inputs->sources[inputs->count++] = source;
}

static void
find_inputs(const char *folder, const char *name, struct inputs *inputs)
{
    const struct slice last = slice_of(strrchr(folder, '/') + 1);

    for (size_t i = 0; i < SOURCE_COUNT; i++) {
        const enum source source = source_by_trust(i);
        const char *route = source_name(source);
        char path[PATH_SIZE_MAX];

        golden_make_path(path, slice_is(last, route) ? "%s/%s.in" : "%s/%s.%s.in", folder,
            name, route);
        char *text = golden_read_file(path);

        if (text != NULL) {
            add_input(inputs, source, text);
        }
    }
    golden_must(inputs->count > 0, "has no input of a known route", name);
}

/* The union of the inputs that parse; NULL when none does. */
static json_t *
merge_inputs(const struct inputs *inputs)
{
    json_t *merged = NULL;

    for (size_t i = 0; i < inputs->count; i++) {
        AUTO(payload_release) json_t *payload = NULL;
        const int r =
            payload_parse(inputs->sources[i], slice_of(inputs->texts[i]), &payload);

        golden_must(r >= 0, "no memory", inputs->texts[i]);
        if (r == PAYLOAD_OK && merged == NULL) {
            merged = json_incref(payload);
        } else if (r == PAYLOAD_OK) {
            golden_must(
                payload_merge(merged, payload) == 0, "no memory", inputs->texts[i]);
        }
    }
    return merged;
}

static json_t *
with_key(const char *key, json_t *reading)
{
    json_t *object = json_pack("{s:s}", "record", key);

    golden_must(
        reading != NULL && json_object_update(object, reading) == 0, "no memory", key);
    json_decref(reading);
    return object;
}

/* What the record says of its ticket: its name, its other names, facts as "<rank> <text>". */
static json_t *
says_to_json(const struct ticket_says *says)
{
    json_t *aliases = json_array();
    json_t *facts = json_object();

    for (size_t i = 0; i < says->alias_count; i++) {
        (void)json_array_append_new(aliases, json_string(says->aliases[i]));
    }
    for (size_t i = 0; i < says->fact_count; i++) {
        char value[64];

        (void)snprintf(value, sizeof value, "%lld %s", (long long)says->facts[i].rank,
            says->facts[i].text.data);
        (void)json_object_set_new(facts, says->facts[i].name.data, json_string(value));
    }
    return json_pack(
        "{s:s, s:o, s:o}", "name", says->ticket, "aliases", aliases, "facts", facts);
}

/* The reading, with what it says of its ticket, and what that alone would make of it. */
static json_t *
with_ticket(const json_t *payload, struct event_reading *reading)
{
    struct ticket_says says;

    ticket_read(reading, payload, &golden_rules, 0, &says);
    ticket_judge_alone(reading, payload, &golden_rules, received_ms);
    json_t *event = event_reading_to_json(reading);

    golden_must(event != NULL, "no memory", "a reading");
    if (says.ticket != NULL) {
        golden_must(json_object_set_new(event, "ticket", says_to_json(&says)) == 0,
            "no memory", says.ticket);
    }
    return event;
}

static json_t *
requests(const struct event *event)
{
    return json_pack("{s:o, s:o}", "contact", history_contact_alone(event, &golden_rules),
        "event", request_event(event, &golden_rules));
}

/* How a record of this key is read, and what Brevo then gets; NULL: nothing. */
static json_t *
read_record(const json_t *payload, const char *key, json_t **ret_brevo)
{
    const struct event_context context = {
        .record_key = slice_of(key), .received_ms = received_ms};
    struct event_reading reading;

    event_read(payload, &golden_rules, &context, &reading);
    json_t *event = with_key(key, with_ticket(payload, &reading));

    *ret_brevo = reading.verdict == EVENT_DELIVER ? requests(&reading.event) : NULL;
    return event;
}

/* The answers to surveys that a task carries are records of their own. */
static void
add_answers(const json_t *payload, const char *key, json_t *event)
{
    char keys[RULES_EXTRACTORS_MAX][KEY_SIZE_MAX];
    const size_t count = survey_split(payload, &golden_rules, slice_of(key), keys);

    for (size_t i = 0; i < count; i++) {
        json_t *brevo;
        json_t *answer = read_record(payload, keys[i], &brevo);

        if (json_object_get(event, "answers") == NULL) {
            golden_must(json_object_set_new(event, "answers", json_array()) == 0,
                "no memory", key);
        }
        golden_must(
            (brevo == NULL || json_object_set_new(answer, "brevo", brevo) == 0) &&
                json_array_append_new(json_object_get(event, "answers"), answer) == 0,
            "no memory", key);
    }
}

static void
run_case(struct golden *golden, const char *folder, const char *name)
{
    AUTO(inputs_done) struct inputs inputs = {0};
    AUTO(payload_release) json_t *payload = NULL;
    char key[KEY_SIZE_MAX];
    char path[PATH_SIZE_MAX];
    json_t *event;
    json_t *brevo = NULL;

    find_inputs(folder, name, &inputs);
    read_key(inputs.sources[0], slice_of(inputs.texts[0]), key);
    payload = merge_inputs(&inputs);
    if (payload == NULL) {
        event = with_key(key, json_pack("{s:s, s:s}", "verdict", "parked", "reason",
                                  EVENT_REASON_UNPARSEABLE));
    } else {
        event = read_record(payload, key, &brevo);
        add_answers(payload, key, event);
    }
    golden_make_path(path, "%s/%s.event.json", folder, name);
    settle_json(golden, path, event);
    golden_make_path(path, "%s/%s.brevo.json", folder, name);
    settle_json(golden, path, brevo);
    golden->cases++;
}

/* "created.flex-plugin.in" -> "created" */
static bool
case_name(const char *file, char name[PATH_SIZE_MAX])
{
    return slice_to_text((struct slice){.data = file, .size = strcspn(file, ".")}, name,
               PATH_SIZE_MAX) &&
           name[0] != '\0';
}

static bool
is_input(const struct dirent *entry)
{
    const char *end = strrchr(entry->d_name, '.');

    return end != NULL && strcmp(end, ".in") == 0;
}

static int
accepts_input(const struct dirent *entry)
{
    return is_input(entry);
}

static int
accepts_result(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && !is_input(entry);
}

/* Results whose input is gone would be taken for covered. */
static void
check_orphans(
    struct golden *golden, const char *folder, struct dirent **inputs, int count)
{
    struct dirent **results = NULL;
    const int result_count = scandir(folder, &results, accepts_result, alphasort);

    for (int i = 0; i < result_count; i++) {
        char wanted[PATH_SIZE_MAX];
        char name[PATH_SIZE_MAX];
        bool found = false;

        for (int j = 0; j < count && case_name(results[i]->d_name, wanted); j++) {
            found = found ||
                    (case_name(inputs[j]->d_name, name) && strcmp(wanted, name) == 0);
        }
        if (!found) {
            printf("%s/%s: has no input\n", folder, results[i]->d_name);
            golden->failed++;
        }
        free(results[i]);
    }
    free(results);
}

static void
run_folder(struct golden *golden, const char *folder_name)
{
    struct dirent **entries = NULL;
    char folder[PATH_SIZE_MAX];
    char last[PATH_SIZE_MAX] = "";
    char name[PATH_SIZE_MAX];

    golden_make_path(folder, "%s/%s", golden->directory, folder_name);
    const int count = scandir(folder, &entries, accepts_input, alphasort);

    golden_must(count > 0, "holds no inputs", folder);
    for (int i = 0; i < count; i++) {
        golden_must(
            case_name(entries[i]->d_name, name), "is no case's name", entries[i]->d_name);
        if (strcmp(name, last) != 0) {
            run_case(golden, folder, name);
        }
        memcpy(last, name, sizeof last);
    }
    check_orphans(golden, folder, entries, count);
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
}

int
main(int argc, char **argv)
{
    const bool update = argc == 3 && strcmp(argv[1], "--update") == 0;
    struct golden golden = {.update = update};

    if (argc != 2 && !update) {
        (void)fprintf(stderr, "usage: golden [--update] DIRECTORY\n");
        return 2;
    }
    golden.directory = argv[argc - 1];
    for (size_t i = 0; i < SOURCE_COUNT; i++) {
        run_folder(&golden, source_name((enum source)i));
    }
    run_folder(&golden, "merged");
    printf("%zu cases, %zu differences\n", golden.cases, golden.failed);
    return golden.failed == 0 ? 0 : 1;
}
