/*
 * payload_read.c - merging payloads, and reading values out of one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mapping/member.h"
#include "mapping/payload.h"

static int
merge_objects(json_t *object, json_t *other, unsigned depth) // NOLINT(misc-no-recursion)
{
    const char *name;
    json_t *theirs;

    json_object_foreach(other, name, theirs)
    {
        json_t *ours = json_object_get(object, name);
        int r = 0;

        if (member_says_nothing(theirs)) {
            continue;
        }
        if (member_says_nothing(ours)) {
            /* A copy: a third route merged in later must not write into the second. */
            r = json_object_set_new(object, name, json_deep_copy(theirs)) == 0 ? 0
                                                                               : -ENOMEM;
        } else if (json_is_object(ours) && json_is_object(theirs) && depth > 0) {
            r = merge_objects(ours, theirs, depth - 1);
        }
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

int
payload_merge(json_t *payload, json_t *other)
{
    json_t *attributes = json_object_get(payload, "task_attributes");
    json_t *trusted = json_pack("{s:O*}", "task_attributes", attributes);

    /* What was known without `other`, which is the least trusted so far. */
    if (json_object_set_new(payload, "trusted", json_deep_copy(trusted)) != 0) {
        json_decref(trusted);
        return -ENOMEM;
    }
    json_decref(trusted);
    return merge_objects(payload, other, PAYLOAD_MERGE_DEPTH_MAX);
}

static const char *
text_of(const json_t *value)
{
    return json_is_string(value) && json_string_length(value) > 0
               ? json_string_value(value)
               : NULL;
}

const char *
payload_text(const json_t *payload, const char *name)
{
    return text_of(json_object_get(payload, name));
}

/* Whole numbers, written as 912 or as 912.0, up to where a real counts them one by one. */
static bool
number_of(const json_t *value, int64_t *ret_number)
{
    static const double whole_max = 9007199254740992.0; /* 2^53 */
    const double real = json_real_value(value);

    if (json_is_integer(value)) {
        *ret_number = json_integer_value(value);
        return true;
    }
    if (!json_is_real(value) || real < -whole_max || real > whole_max ||
        (double)(int64_t)real != real) {
        return false;
    }
    *ret_number = (int64_t)real;
    return true;
}

bool
payload_integer(const json_t *payload, const char *name, int64_t *ret_number)
{
    const json_t *value = json_object_get(payload, name);
    const char *text = text_of(value);

    if (number_of(value, ret_number)) {
        return true;
    }
    return text != NULL && slice_to_int64(slice_of(text), ret_number);
}

const json_t *
payload_at(const json_t *payload, const char *path)
{
    const char *end;

    while ((end = strchr(path, '/')) != NULL) {
        payload = json_object_getn(payload, path, (size_t)(end - path));
        path = end + 1;
    }
    return json_object_get(payload, path);
}

const char *
payload_text_at(const json_t *payload, const char *path)
{
    return text_of(payload_at(payload, path));
}

const json_t *
payload_attribute(const json_t *payload, const char *path)
{
    const json_t *object = json_object_get(payload, "task_attributes");

    for (;;) {
        /* A name may hold the dots itself: the whole rest is tried first. */
        const json_t *value = json_object_get(object, path);
        const char *dot = strchr(path, '.');

        if (value != NULL || dot == NULL) {
            return value;
        }
        object = json_object_getn(object, path, (size_t)(dot - path));
        path = dot + 1;
    }
}

bool
payload_scalar(const json_t *value, char *text, size_t capacity)
{
    int64_t number;

    if (number_of(value, &number)) {
        const int size = snprintf(text, capacity, "%" PRId64, number);

        return size > 0 && (size_t)size < capacity;
    }
    return text_of(value) != NULL &&
           slice_to_text(slice_of(text_of(value)), text, capacity);
}
