/*
 * config_print.c - the effective configuration, secrets masked.
 *
 * Values are made once, as JSON; the YAML is section lines with JSON values behind their keys,
 * which YAML reads as its own. What is printed can be read back in.
 */
#include "server/config/config_print.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/config/config_extractors.h"
#include "server/config/config_fields.h"
#include "server/config/config_set.h"

enum {
    INDENT = 2,
};

#define MASK "****"

/* ---- values ---------------------------------------------------------------------------- */

typedef json_t *value_to_json(const struct config_option *option, const void *field);

static json_t *
number_json(double number)
{
    return number == floor(number) ? json_integer((json_int_t)number) : json_real(number);
}

/*
 * The user and password of a URL are as secret as a token. They stand before the last '@' of the
 * authority, which ends with the first '/', or among the options behind a '?' after that.
 */
static json_t *
url_json(const char *url)
{
    const char *scheme_end = strstr(url, "://");
    const char *authority = scheme_end != NULL ? scheme_end + strlen("://") : url;
    const char *path = authority + strcspn(authority, "/");
    const char *login_end = memrchr(authority, '@', (size_t)(path - authority));
    const char *shown = login_end != NULL ? login_end : authority;
    const char *options = path + strcspn(path, "?");
    const bool has_options = *options != '\0';

    return json_sprintf("%.*s%s%.*s%s", (int)(authority - url), url,
        login_end != NULL ? MASK : "", (int)(options - shown), shown,
        has_options ? "?" MASK : "");
}

static json_t *
text_to_json(const struct config_option *option, const void *field)
{
    const char *text;

    memcpy(&text, field, sizeof(text));
    if (text == NULL) {
        return json_null();
    }
    if (option->has_file) {
        return url_json(text);
    }
    return json_string(option->is_secret ? MASK : text);
}

static json_t *
bool_to_json(const struct config_option *option, const void *field)
{
    (void)option;
    return json_boolean(*(const bool *)field);
}

static json_t *
integer_to_json(const struct config_option *option, const void *field)
{
    (void)option;
    return json_integer(*(const int64_t *)field);
}

static json_t *
duration_to_json(const struct config_option *option, const void *field)
{
    char text[CONFIG_DURATION_TEXT_SIZE];

    (void)option;
    config_duration_text(*(const int64_t *)field, text);
    return json_string(text);
}

static json_t *
size_to_json(const struct config_option *option, const void *field)
{
    char text[CONFIG_DURATION_TEXT_SIZE];

    (void)option;
    config_size_text(*(const int64_t *)field, text);
    return json_string(text);
}

static json_t *
rate_to_json(const struct config_option *option, const void *field)
{
    const double rate = *(const double *)field;

    return option->type == OPTION_RATE && rate <= 0 ? json_string("auto")
                                                    : number_json(rate);
}

static json_t *
level_to_json(const struct config_option *option, const void *field)
{
    (void)option;
    return json_string(log_level_name(*(const enum log_level *)field));
}

static json_t *
agent_to_json(const struct config_option *option, const void *field)
{
    (void)option;
    return json_string(config_agent_name(*(const enum rules_agent *)field));
}

static json_t *
outbound_to_json(const struct config_option *option, const void *field)
{
    (void)option;
    return json_string(config_outbound_name(*(const enum rules_outbound *)field));
}

static json_t *
texts_to_json(const struct config_option *option, const void *field)
{
    const struct config_texts *texts = field;
    json_t *list = json_array();

    for (size_t i = 0; i < texts->count; i++) {
        (void)json_array_append_new(
            list, json_string(option->is_secret ? MASK : texts->items[i]));
    }
    return list;
}

/* One stands by itself, as most people write it. */
static json_t *
urls_to_json(const struct config_option *option, const void *field)
{
    const struct config_texts *texts = field;

    return texts->count == 1 ? json_string(texts->items[0])
                             : texts_to_json(option, field);
}

static json_t *
rules_texts_to_json(const struct config_option *option, const void *field)
{
    const struct rules_texts *texts = field;
    json_t *list = json_array();

    (void)option;
    for (size_t i = 0; i < texts->count; i++) {
        (void)json_array_append_new(list, json_string(texts->items[i]));
    }
    return list;
}

bool
config_channel_is_choice(enum channel channel)
{
    return channel != CHANNEL_UNKNOWN && channel != CHANNEL_OTHER;
}

static json_t *
channels_to_json(const struct config_option *option, const void *field)
{
    const bool *channels = field;
    json_t *list = json_array();

    (void)option;
    for (size_t i = 0; i < CHANNEL_COUNT; i++) {
        if (config_channel_is_choice((enum channel)i) && channels[i]) {
            (void)json_array_append_new(list, json_string(channel_name((enum channel)i)));
        }
    }
    return list;
}

static json_t *
fields_to_json(const struct config_option *option, const void *field)
{
    (void)option;
    return config_fields_to_json(field);
}

static json_t *
events_to_json(const struct config_option *option, const void *field)
{
    const char *const *names = field;
    json_t *map = json_object();

    (void)option;
    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++) {
        (void)json_object_set_new(map, event_type_name((enum event_type)i),
            json_string(names[i] != NULL ? names[i] : ""));
    }
    return map;
}

static json_t *
extractors_to_json(const struct config_option *option, const void *field)
{
    const struct rules *rules = field;
    json_t *list = json_array();

    (void)option;
    for (size_t i = 0; i < rules->extractor_count; i++) {
        (void)json_array_append_new(
            list, config_extractor_to_json(&rules->extractors[i]));
    }
    return list;
}

static value_to_json *const to_json[OPTION_TYPE_COUNT] = {
    [OPTION_TEXT] = text_to_json,
    [OPTION_URL] = text_to_json,
    [OPTION_BOOL] = bool_to_json,
    [OPTION_INTEGER] = integer_to_json,
    [OPTION_DURATION] = duration_to_json,
    [OPTION_SIZE] = size_to_json,
    [OPTION_RATE] = rate_to_json,
    [OPTION_SHARE] = rate_to_json,
    [OPTION_LOG_LEVEL] = level_to_json,
    [OPTION_AGENT] = agent_to_json,
    [OPTION_OUTBOUND] = outbound_to_json,
    [OPTION_TEXTS] = texts_to_json,
    [OPTION_URLS] = urls_to_json,
    [OPTION_RULES_TEXTS] = rules_texts_to_json,
    [OPTION_CHANNELS] = channels_to_json,
    [OPTION_FIELD_MAP] = fields_to_json,
    [OPTION_EVENT_MAP] = events_to_json,
    [OPTION_EXTRACTORS] = extractors_to_json,
};

json_t *
config_option_to_json(const struct config_option *option, const struct config *config)
{
    return to_json[option->type](option, (const char *)config + option->offset);
}

/* ---- sections -------------------------------------------------------------------------- */

/* The object a dotted key's last part belongs in, made where missing. */
static json_t *
section_of(json_t *root, const char *key, const char **ret_name)
{
    json_t *section = root;
    char name[CONFIG_KEY_MAX];
    const char *dot;

    while ((dot = strchr(key, '.')) != NULL &&
           slice_to_text((struct slice){key, (size_t)(dot - key)}, name, sizeof(name))) {
        if (json_object_get(section, name) == NULL) {
            (void)json_object_set_new(section, name, json_object());
        }
        section = json_object_get(section, name);
        key = dot + 1;
    }
    *ret_name = key;
    return section;
}

json_t *
config_to_json(const struct config *config)
{
    json_t *root = json_object();

    for (size_t i = 0; i < config_option_count; i++) {
        const char *name;
        json_t *section = section_of(root, config_options[i].key, &name);

        if (json_object_set_new(
                section, name, config_option_to_json(&config_options[i], config)) != 0) {
            json_decref(root);
            return NULL;
        }
    }
    return root;
}

/* Prints "name:" for each section of `key` that the key before it, `last`, was not in. */
static int
print_sections(const char *last, const char *key, FILE *out)
{
    size_t start = 0;
    int depth = 0;
    const char *dot;

    while ((dot = strchr(key + start, '.')) != NULL) {
        const size_t end = (size_t)(dot - key) + 1;

        if (strncmp(last, key, end) != 0) {
            (void)fprintf(out, "%*s%.*s:\n", depth * INDENT, "", (int)(end - 1 - start),
                key + start);
        }
        start = end;
        depth++;
    }
    return depth;
}

static void
print_value(const json_t *value, FILE *out)
{
    (void)json_dumpf(value, out, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
}

/* One line, or for a map that holds something one more per entry. */
static void
print_option(const char *name, json_t *value, int depth, FILE *out)
{
    json_t *entry;
    const char *entry_name;

    (void)fprintf(out, "%*s%s:", depth * INDENT, "", name);
    if (json_object_size(value) == 0) {
        (void)fputc(' ', out);
        print_value(value, out);
    }
    (void)fputc('\n', out);
    json_object_foreach(value, entry_name, entry)
    {
        json_t *quoted = json_string(entry_name);

        (void)fprintf(out, "%*s", (depth + 1) * INDENT, "");
        print_value(quoted, out);
        (void)fputs(": ", out);
        print_value(entry, out);
        (void)fputc('\n', out);
        json_decref(quoted);
    }
}

void
config_print(const struct config *config, FILE *out)
{
    const char *last = "";

    for (size_t i = 0; i < config_option_count; i++) {
        const char *key = config_options[i].key;
        const char *dot = strrchr(key, '.');
        const int depth = print_sections(last, key, out);
        json_t *value = config_option_to_json(&config_options[i], config);

        print_option(dot != NULL ? dot + 1 : key, value, depth, out);
        json_decref(value);
        last = key;
    }
}
