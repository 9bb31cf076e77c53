/*
 * mapping_walk.c - the recorded events, each mapped by two configurations.
 */
#include "server/cli/mapping_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/derived.h"
#include "mapping/survey.h"
#include "mapping/twilio_type.h"
#include "server/cli/cli.h"
#include "server/cli/mapping_diff.h"
#include "server/deliver/answers.h"
#include "server/deliver/record_payload.h"

enum {
    KINDS_MAX = 1000,                              /* of changes, counted apart */
    MADE_MAX = RULES_EXTRACTORS_MAX + DERIVED_MAX, /* of one record */
};

int
mapping_walk_init(struct mapping_walk *walk)
{
    walk->records = json_array();
    walk->kinds = json_object();
    walk->made = json_object();
    return walk->records != NULL && walk->kinds != NULL && walk->made != NULL ? 0
                                                                              : -ENOMEM;
}

void
mapping_walk_done(struct mapping_walk *walk)
{
    json_decref(walk->records);
    json_decref(walk->kinds);
    json_decref(walk->made);
}

/* ---- what was found -------------------------------------------------------------------------- */

char *
mapping_walk_kind(const json_t *change)
{
    AUTO(buffer_done) struct buffer text = {0};
    char *before = json_dumps(json_object_get(change, "before"), JSON_ENCODE_ANY);
    char *after = json_dumps(json_object_get(change, "after"), JSON_ENCODE_ANY);

    buffer_init(&text, CLI_FILE_MAX);
    buffer_addf(&text, "%s: %s -> %s", json_string_value(json_object_get(change, "path")),
        before != NULL ? before : "", after != NULL ? after : "");
    free(before);
    free(after);
    return text.failed ? NULL : slice_copy(buffer_slice(&text));
}

static int
count_kinds(struct mapping_walk *walk, const json_t *changes)
{
    size_t i;
    json_t *change;

    json_array_foreach(changes, i, change)
    {
        char *kind = mapping_walk_kind(change);
        const json_int_t count =
            kind != NULL ? json_integer_value(json_object_get(walk->kinds, kind)) : 0;
        const bool fits = count > 0 || json_object_size(walk->kinds) < KINDS_MAX;
        const bool failed =
            kind == NULL || (fits && json_object_set_new(walk->kinds, kind,
                                         json_integer(count + 1)) != 0);

        free(kind);
        if (failed) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int
keep_changes(struct mapping_walk *walk, const char *key, json_t *changes)
{
    walk->compared++;
    if (json_array_size(changes) == 0) {
        return 0;
    }
    walk->different++;
    if (json_array_size(walk->records) < walk->shown_max &&
        json_array_append_new(walk->records,
            json_pack("{s:s, s:O}", "record", key, "changes", changes)) != 0) {
        return -ENOMEM;
    }
    return count_kinds(walk, changes);
}

/* ---- one event ------------------------------------------------------------------------------- */

/* What both make of it; NULL when there are no bytes, or it happened too early, which is counted. */
static int
diff(struct mapping_walk *walk, const char *key, const struct queue_recorded *recorded,
    bool is_new, json_t **ret_changes)
{
    AUTO(payload_release) json_t *payload = NULL;
    const struct event_context context = {
        .record_key = slice_of(key), .received_ms = walk->now_ms};
    int r =
        record_payload(slice_of(key), recorded->routes, recorded->route_count, &payload);

    *ret_changes = NULL;
    if (payload == NULL) {
        walk->without_bytes++;
        return r;
    }
    const struct mapping_diff_input input = {
        .payload = payload,
        .context = &context,
        .old_config = is_new ? NULL : walk->old_config,
        .new_config = walk->new_config,
        .since_ms = walk->since_ms,
    };

    r = mapping_diff(&input, ret_changes);
    walk->older += r == 0 && *ret_changes == NULL ? 1 : 0;
    return r;
}

/* ---- what is made of it ---------------------------------------------------------------------- */

/* The keys of the records that are made of this one beside its own event. How many. */
static size_t
list_made(const json_t *payload, const struct rules *rules, const char *key,
    int64_t now_ms, char keys[MADE_MAX][KEY_SIZE_MAX])
{
    const struct event_context context = {
        .record_key = slice_of(key), .received_ms = now_ms};
    enum event_type types[DERIVED_MAX];
    struct event_reading reading;
    size_t count = survey_split(payload, rules, slice_of(key), keys);

    event_read(payload, rules, &context, &reading);
    const size_t derived = event_derived(&reading, rules, types);

    for (size_t i = 0; i < derived; i++) {
        count += event_derived_key(&reading, types[i], keys[count]) ? 1 : 0;
    }
    return count;
}

static bool
holds(char keys[MADE_MAX][KEY_SIZE_MAX], size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* What only the new configuration makes; what the old one made is a record, and compared as one. */
static int
compare_made(
    struct mapping_walk *walk, const char *key, const struct queue_recorded *recorded)
{
    AUTO(payload_release) json_t *payload = NULL;
    struct queue_recorded answer = {0};
    char old_keys[MADE_MAX][KEY_SIZE_MAX];
    char new_keys[MADE_MAX][KEY_SIZE_MAX];
    int r =
        record_payload(slice_of(key), recorded->routes, recorded->route_count, &payload);

    if (payload == NULL) {
        return r;
    }
    const size_t old_count =
        list_made(payload, &walk->old_config->rules, key, walk->now_ms, old_keys);
    const size_t new_count =
        list_made(payload, &walk->new_config->rules, key, walk->now_ms, new_keys);

    answer.route_count =
        answers_routes(recorded->routes, recorded->route_count, answer.routes);
    for (size_t i = 0; r == 0 && i < new_count; i++) {
        const bool is_answer = survey_is_answer(slice_of(new_keys[i]));
        AUTO(payload_release) json_t *changes = NULL;

        if (holds(old_keys, old_count, new_keys[i]) ||
            json_object_get(walk->made, new_keys[i]) != NULL ||
            (is_answer && answer.route_count == 0)) {
            continue;
        }
        r = diff(walk, new_keys[i], is_answer ? &answer : recorded, true, &changes);
        if (changes != NULL && json_object_set(walk->made, new_keys[i], changes) != 0) {
            r = -ENOMEM;
        }
    }
    return r;
}

/* A fact is told to nobody, but what is made of it may be. */
static int
compare(struct mapping_walk *walk, const char *key, const struct queue_recorded *recorded)
{
    AUTO(payload_release) json_t *changes = NULL;

    if (twilio_type_is_fact(slice_before(slice_of(key), '/'))) {
        return compare_made(walk, key, recorded);
    }
    int r = diff(walk, key, recorded, false, &changes);

    if (r != 0 || changes == NULL) {
        return r;
    }
    r = keep_changes(walk, key, changes);
    if (r == 0 && json_object_set_new(walk->made, key, json_null()) != 0) {
        r = -ENOMEM;
    }
    return r == 0 ? compare_made(walk, key, recorded) : r;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void
compare_batch(struct mapping_walk *walk)
{
    struct queue_recorded recorded[QUEUE_RECORDED_MAX];
    struct slice keys[QUEUE_RECORDED_MAX];

    for (size_t i = 0; i < walk->count; i++) {
        keys[i] = slice_of(walk->keys[i]);
    }
    if (walk->result == QUEUE_OK && walk->count > 0) {
        walk->result =
            queue_recorded(walk->queue, walk->partition, keys, walk->count, recorded);
    }
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->result == QUEUE_OK) {
            walk->result = compare(walk, walk->keys[i], &recorded[i]);
        }
        free(walk->keys[i]);
    }
    walk->count = 0;
}

void
mapping_walk_take(struct mapping_walk *walk, unsigned partition, struct slice key)
{
    if (walk->count == LENGTH(walk->keys) || walk->partition != partition) {
        compare_batch(walk);
    }
    walk->partition = partition;
    walk->keys[walk->count] = slice_copy(key);
    if (walk->keys[walk->count] == NULL) {
        walk->result = -ENOMEM;
        return;
    }
    walk->count++;
}

void
mapping_walk_end(struct mapping_walk *walk)
{
    const char *key;
    json_t *changes;

    compare_batch(walk);
    json_object_foreach(walk->made, key, changes)
    {
        if (walk->result == QUEUE_OK && json_is_array(changes)) {
            walk->result = keep_changes(walk, key, changes);
        }
    }
}
