/*
 * profile.c - what the left side of `field_mapping` means.
 */
#include "mapping/profile.h"

#include <errno.h>
#include <string.h>

#include "mapping/address.h"
#include "mapping/payload.h"

#define ATTRIBUTES "attributes."

enum {
    SOURCES_MAX = 3,
    PROFILE_NUMBER_SIZE = 24, /* an int64 and the NUL */
};

struct profile_path {
    const char *path;
    const char
        *sources[SOURCES_MAX]; /* task attributes, best first; none: see history.h */
    bool is_name;              /* of a person: the first word only */
};

static const struct profile_path paths[] = {
    {.path = "identity", .sources = {"identity"}},
    {.path = "friendly_name",
        .sources = {"customers.name", "customerName", "name"},
        .is_name = true},
    {.path = "customer_tier",
        .sources = {"customer_tier", "customerTier", "customers.category"}},
    {.path = "account_id",
        .sources = {"account_id", "accountId", "customers.external_id"}},
    {.path = "last_conversation_date"},
    {.path = "total_conversations"},
    {.path = "avg_wait_time"},
    {.path = "last_csat_score"},
    {.path = "preferred_channel"},
};

static const struct profile_path *
find_path(const char *path)
{
    for (size_t i = 0; i < LENGTH(paths); i++) {
        if (strcmp(paths[i].path, path) == 0) {
            return &paths[i];
        }
    }
    return NULL;
}

static bool
is_attribute_path(const char *path)
{
    return slice_starts(slice_of(path), ATTRIBUTES) && path[strlen(ATTRIBUTES)] != '\0';
}

bool
profile_path_is_known(const char *path)
{
    return is_attribute_path(path) || find_path(path) != NULL;
}

bool
profile_path_is_computed(const char *path)
{
    const struct profile_path *known = find_path(path);

    return known != NULL && known->sources[0] == NULL;
}

static bool
says_nothing(const json_t *value)
{
    return value == NULL || json_is_null(value) || json_is_object(value) ||
           json_is_array(value) ||
           (json_is_string(value) &&
               slice_trim(slice_of(json_string_value(value))).size == 0);
}

static struct slice
first_word(struct slice text)
{
    size_t size = 0;

    text = slice_trim(text);
    while (size < text.size && text.data[size] != ' ' && text.data[size] != '\t') {
        size++;
    }
    return (struct slice){.data = text.data, .size = size};
}

/*
 * Where Flex has no name it shows the number, the address or a word of its own: none of them may
 * become "Dear +34600".
 */
static struct slice
given_name(struct slice text)
{
    static const char *const stand_ins[] = {"customer", "anonymous", "unknown", "guest",
        "visitor", "user", "null", "undefined"};
    static const char *const never = "0123456789@+:/\\<>{}[]()_%";
    struct slice name = first_word(text);

    if (name.size > 0 && name.data[name.size - 1] == ',') { /* "Ruiz, Ana" */
        name = first_word(slice_skip(slice_trim(text), name.size));
    }
    for (size_t i = 0; i < name.size; i++) {
        if (strchr(never, name.data[i]) != NULL) {
            return slice_of(NULL);
        }
    }
    for (size_t i = 0; i < LENGTH(stand_ins); i++) {
        if (slice_is_nocase(name, stand_ins[i])) {
            return slice_of(NULL);
        }
    }
    return name;
}

static bool
is_named(const json_t *value)
{
    return given_name(slice_of(json_string_value(value))).size > 0;
}

const json_t *
profile_at(const json_t *payload, const char *path)
{
    const struct profile_path *known = find_path(path);
    const json_t *first = NULL;

    if (is_attribute_path(path)) {
        return payload_attribute(payload, path + strlen(ATTRIBUTES));
    }
    for (size_t i = 0; known != NULL && i < SOURCES_MAX && known->sources[i] != NULL;
         i++) {
        const json_t *value = payload_attribute(payload, known->sources[i]);

        if (says_nothing(value)) {
            continue;
        }
        if (!known->is_name || is_named(value)) {
            return value;
        }
        first = first != NULL ? first : value;
    }
    return first;
}

static int
text_value(const struct profile_path *known, struct slice text, json_t **ret_value)
{
    text = known != NULL && known->is_name ? given_name(text) : slice_trim(text);
    text = slice_cut_text(text, PROFILE_TEXT_MAX);
    if (text.size == 0) {
        return PROFILE_E_NOTHING;
    }
    *ret_value = json_stringn(text.data, text.size);
    return *ret_value != NULL ? PROFILE_OK : -ENOMEM;
}

int
profile_value(const json_t *payload, const char *path, json_t **ret_value)
{
    const struct profile_path *known = find_path(path);
    const json_t *value = profile_at(payload, path);
    char number[PROFILE_NUMBER_SIZE];

    if (says_nothing(value)) {
        return PROFILE_E_NOTHING;
    }
    if (json_is_string(value)) {
        return text_value(known, slice_of(json_string_value(value)), ret_value);
    }
    if (known != NULL) { /* they are text attributes in Brevo: account 42 is "42" */
        return payload_scalar(value, number, sizeof number)
                   ? text_value(known, slice_of(number), ret_value)
                   : PROFILE_E_NOTHING;
    }
    *ret_value = json_deep_copy(value);
    return *ret_value != NULL ? PROFILE_OK : -ENOMEM;
}
