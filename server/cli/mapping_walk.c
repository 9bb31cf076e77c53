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
    mapping_side_init(&walk->old_side, walk->old_config, walk->now_ms);
    mapping_side_init(&walk->new_side, walk->new_config, walk->now_ms);
    walk->records = json_array();
    walk->kinds = json_object();
    walk->made = json_object();
    walk->unjudged = json_object();
    return walk->records != NULL && walk->kinds != NULL && walk->made != NULL &&
                   walk->unjudged != NULL
               ? 0
               : -ENOMEM;
}

void
mapping_walk_done(struct mapping_walk *walk)
{
    json_decref(walk->records);
    json_decref(walk->kinds);
    json_decref(walk->made);
    json_decref(walk->unjudged);
    mapping_side_done(&walk->old_side);
    mapping_side_done(&walk->new_side);
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

/* Of no bytes there is no payload: NULL. 0 or -ENOMEM. */
static int
read_record(const char *key, const struct queue_recorded *recorded,
    struct mapping_record *ret_record, json_t **ret_payload)
{
    const int r = record_payload(
        slice_of(key), recorded->routes, recorded->route_count, ret_payload);

    *ret_record = (struct mapping_record){
        .key = key, .payload = *ret_payload, .received_ms = recorded->received_ms};
    return r;
}

static int
count_unjudged(struct mapping_walk *walk, const char *doubt)
{
    const json_int_t count = json_integer_value(json_object_get(walk->unjudged, doubt));

    return json_object_set_new(walk->unjudged, doubt, json_integer(count + 1)) == 0
               ? 0
               : -ENOMEM;
}

/* What both make of it; NULL when there are no bytes, or it happened too early, which is counted. */
static int
diff(struct mapping_walk *walk, const char *key, const struct queue_recorded *recorded,
    bool is_new, json_t **ret_changes)
{
    AUTO(payload_release) json_t *payload = NULL;
    struct mapping_record record;
    struct mapping_diff diff;
    int r = read_record(key, recorded, &record, &payload);

    *ret_changes = NULL;
    if (payload == NULL) {
        walk->without_bytes++;
        return r;
    }
    r = mapping_diff(&walk->old_side, &walk->new_side, &record, is_new, &diff);
    if (r == 0 && diff.date_ms < walk->since_ms) {
        walk->older++;
        json_decref(diff.changes);
        return 0;
    }
    if (r == 0 && diff.doubt != NULL && json_array_size(diff.changes) == 0) {
        r = count_unjudged(walk, diff.doubt);
    }
    *ret_changes = diff.changes;
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
is_fact(const char *key)
{
    return twilio_type_is_fact(slice_before(slice_of(key), '/'));
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

/* What a record makes, and of which routes. */
struct made {
    char keys[MADE_MAX][KEY_SIZE_MAX];
    size_t count;
    struct queue_recorded answer;
};

/* Only of the new configuration: what the old one makes is a record, and met as one. */
static int
list_new(struct mapping_walk *walk, const char *key,
    const struct queue_recorded *recorded, struct made *ret_made)
{
    AUTO(payload_release) json_t *payload = NULL;
    char old_keys[MADE_MAX][KEY_SIZE_MAX];
    char new_keys[MADE_MAX][KEY_SIZE_MAX];
    const int r =
        record_payload(slice_of(key), recorded->routes, recorded->route_count, &payload);

    *ret_made = (struct made){.answer.received_ms = recorded->received_ms};
    if (payload == NULL) {
        return r;
    }
    const size_t old_count =
        list_made(payload, &walk->old_config->rules, key, walk->now_ms, old_keys);
    const size_t new_count =
        list_made(payload, &walk->new_config->rules, key, walk->now_ms, new_keys);

    ret_made->answer.route_count =
        answers_routes(recorded->routes, recorded->route_count, ret_made->answer.routes);
    for (size_t i = 0; i < new_count; i++) {
        const bool is_told =
            !survey_is_answer(slice_of(new_keys[i])) || ret_made->answer.route_count > 0;

        if (!holds(old_keys, old_count, new_keys[i]) && is_told) {
            memcpy(ret_made->keys[ret_made->count++], new_keys[i], KEY_SIZE_MAX);
        }
    }
    return r;
}

static const struct queue_recorded *
bytes_of(const char *key, const struct made *made, const struct queue_recorded *recorded)
{
    return survey_is_answer(slice_of(key)) ? &made->answer : recorded;
}

static int
compare_made(
    struct mapping_walk *walk, const char *key, const struct queue_recorded *recorded)
{
    struct made made;
    int r = list_new(walk, key, recorded, &made);

    for (size_t i = 0; r == 0 && i < made.count; i++) {
        AUTO(payload_release) json_t *changes = NULL;

        if (json_object_get(walk->made, made.keys[i]) != NULL) {
            continue;
        }
        r = diff(
            walk, made.keys[i], bytes_of(made.keys[i], &made, recorded), true, &changes);
        if (changes != NULL && json_object_set(walk->made, made.keys[i], changes) != 0) {
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

    if (is_fact(key)) {
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

/* ---- before anything is compared ------------------------------------------------------------- */

/* What it tells one side, or would have done by it: the judgement is made again when all are known. */
static int
learn(struct mapping_side *side, enum mapping_pass pass, const char *key,
    const struct queue_recorded *recorded)
{
    AUTO(payload_release) json_t *payload = NULL;
    struct mapping_judgement judgement;
    struct mapping_record record;
    const int r = read_record(key, recorded, &record, &payload);

    if (payload == NULL || r != 0) {
        return r;
    }
    return pass == MAPPING_TELL ? mapping_side_tell(side, &record)
           : is_fact(key)       ? 0
                                : mapping_side_judge(side, &record, &judgement);
}

static int
learn_all(
    struct mapping_walk *walk, const char *key, const struct queue_recorded *recorded)
{
    struct made made;
    int r = learn(&walk->old_side, walk->pass, key, recorded);

    r = r == 0 ? learn(&walk->new_side, walk->pass, key, recorded) : r;
    r = r == 0 ? list_new(walk, key, recorded, &made) : r;
    for (size_t i = 0; r == 0 && i < made.count; i++) {
        r = learn(&walk->new_side, walk->pass, made.keys[i],
            bytes_of(made.keys[i], &made, recorded));
    }
    return r;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void
look_at_batch(struct mapping_walk *walk)
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
            walk->result = (walk->pass == MAPPING_COMPARE ? compare : learn_all)(
                walk, walk->keys[i], &recorded[i]);
        }
        free(walk->keys[i]);
    }
    walk->count = 0;
}

void
mapping_walk_take(struct mapping_walk *walk, unsigned partition, struct slice key)
{
    if (walk->count == LENGTH(walk->keys) || walk->partition != partition) {
        look_at_batch(walk);
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

    look_at_batch(walk);
    walk->pass++;
    json_object_foreach(walk->made, key, changes)
    {
        if (walk->result == QUEUE_OK && json_is_array(changes)) {
            walk->result = keep_changes(walk, key, changes);
        }
    }
}
