/*
 * config_source.c - where the values of a key come from, and which of them wins.
 */
#include "server/config/config_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "server/config/expand.h"
#include "server/ops/file.h"

enum {
    TEXT_MAX = 64 * 1024,   /* of one value, variables replaced */
    SECRET_MAX = 16 * 1024, /* of a secret's file */
    REMEDY_SIZE = 128,
};

/* ---- files ----------------------------------------------------------------------------- */

/* The value is found: `text`, which stands at finding->place. */
static int
take_text(const struct config_source *source, const struct config_option *option,
    const char *text, struct config_finding *finding)
{
    finding->found = true;
    return config_value_split(
               option, text, &finding->place, source->config, &finding->items) == 0
               ? 0
               : config_fail_memory(source->error);
}

static int
fail_secret(const struct config_source *source, const char *path, const char *key, int r)
{
    const struct config_place place = {.file = path};
    char remedy[REMEDY_SIZE];

    if (r == -ENOMEM) {
        return config_fail_memory(source->error);
    }
    (void)snprintf(remedy, sizeof(remedy),
        r == -EFBIG
            ? "a secret has at most %d bytes"
            : "it must be readable by the user who runs flexbrevo, %d bytes at most",
        SECRET_MAX);
    return config_fail(source->error, &place, key, remedy,
        "cannot read the secret's file, %s", strerror(-r));
}

/* The items in the file at `path`, blanks and line ends around them cut off. */
static int
read_secret(const struct config_source *source, const struct config_option *option,
    const char *path, const char *key, struct config_finding *finding)
{
    AUTO(buffer_done) struct buffer bytes = {0};
    const int r = file_read(path, SECRET_MAX, &bytes);
    const char *kept_path = config_keep(source->config, slice_of(path));
    const char *text = config_keep(source->config, slice_trim(buffer_slice(&bytes)));

    if (r == -EACCES && option->is_secret && source->command == CONFIG_FOR_TOOL) {
        return 0; /* whoever may look at the state need not know the secrets */
    }
    if (r != 0) {
        return fail_secret(source, path, key, r);
    }
    if (kept_path == NULL || text == NULL) {
        return config_fail_memory(source->error);
    }
    finding->place = (struct config_place){.file = kept_path};
    if (*text == '\0') {
        return config_fail(source->error, &finding->place, key,
            "write the secret into it, and nothing else", "the secret's file is empty");
    }
    return take_text(source, option, text, finding);
}

/* ---- ${NAME} --------------------------------------------------------------------------- */

static struct config_place
place_of(const struct config_source *source, const struct config_node *node)
{
    return (struct config_place){
        .file = source->file, .line = node->line, .column = node->column};
}

/*
 * Appends the node's text with its variables replaced. Sets finding->unset_variable, and goes on,
 * where one is not set.
 */
static int
expand(const struct config_source *source, const struct config_node *node,
    struct config_finding *finding, struct buffer *text)
{
    const struct config_place place = place_of(source, node);
    char unset[CONFIG_VARIABLE_SIZE];

    if (config_expand(node->text, text, unset) == CONFIG_EXPAND_E_NAME) {
        return config_fail(source->error, &place, node->path,
            "write ${NAME}, or $$ for a dollar sign", "no variable's name behind ${");
    }
    if (*unset != '\0') {
        finding->unset_variable = config_keep(source->config, slice_of(unset));
        finding->place = place;
    }
    return 0;
}

/* The node's text, kept; "" for nothing. NULL with the error set. */
static char *
expanded(const struct config_source *source, const struct config_node *node,
    struct config_finding *finding)
{
    AUTO(buffer_done) struct buffer text = {.max = TEXT_MAX};
    const struct config_place place = place_of(source, node);

    if (node->kind == CONFIG_SCALAR && expand(source, node, finding, &text) != 0) {
        return NULL;
    }
    if (text.failed) {
        (void)config_fail(source->error, &place, node->path, "shorten it", "too long");
        return NULL;
    }
    char *kept = config_keep(source->config, buffer_slice(&text));

    if (kept == NULL) {
        (void)config_fail_memory(source->error);
    }
    return kept;
}

int
config_source_fail_unset(const struct config_source *source,
    const struct config_option *option, const struct config_finding *finding)
{
    return config_fail(source->error, &finding->place, option->key,
        "set it, or write the value here", "environment variable %s is not set",
        finding->unset_variable);
}

/* ---- the configuration file ------------------------------------------------------------ */

static int
fail_kind(const struct config_source *source, const struct config_option *option,
    const struct config_node *node)
{
    const struct config_place place = place_of(source, node);

    if (config_value_is_map(option->type) && strcmp(node->path, option->key) == 0) {
        return config_fail(source->error, &place, node->path,
            "write one `name: value` per line below it", "not a map");
    }
    if (config_value_is_records(option->type) && strcmp(node->path, option->key) == 0) {
        return config_fail(source->error, &place, node->path,
            "write a list of maps: `- name: value` and more such lines below it",
            "not a list of maps");
    }
    if (config_value_is_list(option->type)) {
        return config_fail(source->error, &place, node->path, "write [one, two]",
            "a list has plain values only");
    }
    return config_fail(
        source->error, &place, node->path, "write one value", "not a value");
}

/* Appends one item, called as `item` is. What begins a map has no text. */
static int
add_item(const struct config_source *source, const struct config_option *option,
    const struct config_node *node, struct config_item item,
    struct config_finding *finding)
{
    const char *called = item.part != NULL ? item.part : item.name;

    if (node->kind == CONFIG_LIST || (node->kind == CONFIG_MAP && *called != '\0')) {
        return fail_kind(source, option, node);
    }
    item.text = expanded(source, node, finding);
    if (item.text == NULL) {
        return EX_CONFIG;
    }
    item.name_place = (struct config_place){
        .file = source->file, .line = node->key_line, .column = node->key_column};
    item.place = place_of(source, node);
    config_items_add(&finding->items, &item);
    return 0;
}

/* A map in a list, or in a map: what begins it, then its entries. */
static int
add_record(const struct config_source *source, const struct config_option *option,
    const struct config_node *node, struct config_finding *finding)
{
    const struct config_node *children = source->tree->nodes + node->first;
    const bool has_parts = config_value_has_parts(option->type);
    struct config_item item = {.name = node->key, .part = has_parts ? "" : NULL};
    int r = node->kind == CONFIG_MAP ? add_item(source, option, node, item, finding)
                                     : fail_kind(source, option, node);

    for (size_t i = 0; r == 0 && i < node->count; i++) {
        *(has_parts ? &item.part : &item.name) = children[i].key;
        r = add_item(source, option, &children[i], item, finding);
    }
    return r;
}

/* Appends one child of a list or map. */
static int
add_child(const struct config_source *source, const struct config_option *option,
    const struct config_node *node, struct config_finding *finding)
{
    const bool is_map = node->kind == CONFIG_MAP;
    const char *name = config_value_is_map(option->type) ? node->key : NULL;

    if (config_value_is_records(option->type) ||
        (is_map && config_value_has_parts(option->type))) {
        return add_record(source, option, node, finding);
    }
    return is_map ? fail_kind(source, option, node)
                  : add_item(source, option, node, (struct config_item){.name = name},
                        finding);
}

static int
read_children(const struct config_source *source, const struct config_option *option,
    const struct config_node *node, struct config_finding *finding)
{
    const struct config_node *children = source->tree->nodes + node->first;

    for (size_t i = 0; i < node->count; i++) {
        const int r = add_child(source, option, &children[i], finding);

        if (r != 0) {
            return r;
        }
    }
    finding->found = true;
    return 0;
}

/* One value; for a list, one written as in the environment. An empty one is none. */
static int
read_scalar(const struct config_source *source, const struct config_option *option,
    const struct config_node *node, struct config_finding *finding)
{
    const char *text = expanded(source, node, finding);

    if (text == NULL) {
        return EX_CONFIG;
    }
    if (*text == '\0' || finding->unset_variable != NULL) {
        return 0;
    }
    finding->place = place_of(source, node);
    return take_text(source, option, text, finding);
}

static int
read_value(const struct config_source *source, const struct config_option *option,
    const struct config_node *node, struct config_finding *finding)
{
    const bool is_records = config_value_is_records(option->type);
    const enum config_kind children = config_value_is_map(option->type) ? CONFIG_MAP
                                      : is_records || config_value_is_list(option->type)
                                          ? CONFIG_LIST
                                          : CONFIG_SCALAR;

    if (node->kind == CONFIG_SCALAR && children != CONFIG_MAP && !is_records) {
        return read_scalar(source, option, node, finding);
    }
    if (node->kind == children) {
        return read_children(source, option, node, finding);
    }
    return node->kind == CONFIG_NOTHING ? 0 : fail_kind(source, option, node);
}

/* The secret in the file that the `_file` form names. */
static int
read_file_form(const struct config_source *source, const struct config_option *option,
    const struct config_node *node, struct config_finding *finding)
{
    if (node->kind == CONFIG_LIST || node->kind == CONFIG_MAP) {
        const struct config_place place = place_of(source, node);

        return config_fail(
            source->error, &place, node->path, "write the path of a file", "not a path");
    }
    const char *path = expanded(source, node, finding);

    if (path == NULL) {
        return EX_CONFIG;
    }
    if (*path == '\0' || finding->unset_variable != NULL) {
        return 0;
    }
    return read_secret(source, option, path, node->path, finding);
}

static bool
is_used(const struct config_source *source, const struct config_option *option)
{
    return option->used_by == 0 || (option->used_by & (1U << source->command)) != 0;
}

/* An unset variable takes the value with it, or is an error. */
static int
judge_unset(const struct config_source *source, const struct config_option *option,
    struct config_finding *finding)
{
    if (finding->unset_variable == NULL) {
        return 0;
    }
    if (is_used(source, option) && (!option->is_secret || option->must_resolve)) {
        return config_source_fail_unset(source, option, finding);
    }
    finding->found = false;
    return 0;
}

static int
find_in_tree(const struct config_source *source, const struct config_option *option,
    const struct config_mention *mention, struct config_finding *finding)
{
    int r = 0;

    if (mention->value != NULL) {
        r = read_value(source, option, mention->value, finding);
    }
    const bool given = finding->found && finding->items.count > 0;
    const bool twice = given && mention->file != NULL &&
                       mention->file->kind != CONFIG_NOTHING &&
                       mention->file->text != NULL && *mention->file->text != '\0';

    if (r == 0 && twice) {
        const struct config_place place = place_of(source, mention->file);

        return config_fail(source->error, &place, mention->file->path,
            "keep one of the two", "the value is given as well as its file");
    }
    if (r == 0 && mention->file != NULL && !given && is_used(source, option)) {
        finding->unset_variable = NULL; /* the value's does not matter any more */
        r = read_file_form(source, option, mention->file, finding);
    }
    return r == 0 ? judge_unset(source, option, finding) : r;
}

/* ---- the environment ------------------------------------------------------------------- */

static int
find_in_environment(const struct config_source *source,
    const struct config_option *option, struct config_finding *finding)
{
    const char *value =
        option->variable != NULL ? config_environment(option->variable) : NULL;
    char file_variable[CONFIG_VARIABLE_SIZE] = "";

    if (option->variable != NULL && option_has_file_form(option)) {
        (void)snprintf(file_variable, sizeof(file_variable),
            "%s" OPTION_FILE_VARIABLE_SUFFIX, option->variable);
    }
    const char *path = config_environment(file_variable);

    finding->place = (struct config_place){.variable = option->variable};
    if (value != NULL && path != NULL) {
        return config_fail(source->error, &finding->place, option->key,
            "unset one of the two", "%s is set as well", file_variable);
    }
    if (value != NULL) {
        return take_text(source, option, value, finding);
    }
    return path != NULL && is_used(source, option)
               ? read_secret(source, option, path, option->key, finding)
               : 0;
}

int
config_source_find(const struct config_source *source, const struct config_option *option,
    const struct config_mention *mention, struct config_finding *ret_finding)
{
    *ret_finding = (struct config_finding){0};
    const int r = find_in_environment(source, option, ret_finding);

    if (r != 0 || ret_finding->found) {
        return r;
    }
    return find_in_tree(source, option, mention, ret_finding);
}
