/*
 * config_yaml.c - YAML to a configuration tree.
 *
 * Two passes. The first looks at libyaml's events, one by one, and refuses what we do not want
 * built: aliases (cycles, documents that grow when expanded), a second document, deep nesting
 * (libyaml takes quadratic time for it). The second has libyaml build its document of numbered
 * nodes and copies it breadth first.
 */
#include "server/config/config_yaml.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "server/config/options.h"

struct reader {
    const char *file;
    struct slice text;
    struct config_error *error;
    struct config_tree *tree;
    yaml_document_t *document;
    int *ids; /* by our index: libyaml's number */
};

/* How much of a stream has been seen. */
struct extent {
    unsigned documents;
    unsigned depth; /* lists and maps open */
};

static struct config_place
place_of(const struct reader *reader, const yaml_mark_t *mark)
{
    return (struct config_place){
        .file = reader->file,
        .line = mark->line < UINT_MAX ? (unsigned)mark->line + 1 : UINT_MAX,
        .column = mark->column < UINT_MAX ? (unsigned)mark->column + 1 : UINT_MAX,
    };
}

static int
refuse(const struct reader *reader, const yaml_mark_t *mark, const char *key,
    const char *what, const char *remedy)
{
    const struct config_place place = place_of(reader, mark);

    return config_fail(reader->error, &place, key, remedy, "%s", what);
}

static int
refuse_syntax(const struct reader *reader, const yaml_parser_t *parser)
{
    struct config_place place = place_of(reader, &parser->problem_mark);
    const char *remedy = "see docs/config.md for an example";

    if (parser->error == YAML_MEMORY_ERROR) {
        return config_fail_memory(reader->error);
    }
    if (parser->error == YAML_READER_ERROR) { /* has an offset only */
        config_place_find(&place, reader->text, parser->problem_offset);
        remedy = "save the file as UTF-8, without control characters";
    } else if (config_place_is_tab(&place, reader->text)) {
        remedy = "indent with spaces, not with tabs";
    }
    return config_fail(reader->error, &place, NULL, remedy, "not valid YAML, %s",
        parser->problem != NULL ? parser->problem : "for no reason given");
}

/* "key:" with nothing behind it, "key: null", "key: ~". */
static bool
is_nothing(const yaml_node_t *node)
{
    const char *text = (const char *)node->data.scalar.value;

    return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (*text == '\0' || strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0);
}

static bool
has_default_tag(const yaml_node_t *node)
{
    static const char *const defaults[] = {
        [YAML_NO_NODE] = "",
        [YAML_SCALAR_NODE] = YAML_DEFAULT_SCALAR_TAG,
        [YAML_SEQUENCE_NODE] = YAML_DEFAULT_SEQUENCE_TAG,
        [YAML_MAPPING_NODE] = YAML_DEFAULT_MAPPING_TAG,
    };

    return strcmp((const char *)node->tag, defaults[node->type]) == 0;
}

/* What goes for keys and values alike. */
static int
check_node(const struct reader *reader, const yaml_node_t *node)
{
    if (!has_default_tag(node)) {
        return refuse(reader, &node->start_mark, NULL, "tags are not understood",
            "write the value without its !tag");
    }
    if (node->type == YAML_SCALAR_NODE &&
        memchr(node->data.scalar.value, '\0', node->data.scalar.length) != NULL) {
        return refuse(
            reader, &node->start_mark, NULL, "a value holds a NUL", "remove the \\0");
    }
    return 0;
}

/* Copies what a value says by itself; its children follow when their turn comes. */
static int
set_value(const yaml_node_t *value, struct config_node *node)
{
    if (value->type == YAML_MAPPING_NODE) {
        node->kind = CONFIG_MAP;
    } else if (value->type == YAML_SEQUENCE_NODE) {
        node->kind = CONFIG_LIST;
    } else if (is_nothing(value)) {
        node->kind = CONFIG_NOTHING;
    } else {
        node->kind = CONFIG_SCALAR;
        node->text = slice_copy(slice_of((const char *)value->data.scalar.value));
        return node->text != NULL ? 0 : -ENOMEM;
    }
    return 0;
}

/* "<parent's path>.<key>"; with an empty key (a list's item) the parent's. */
static int
set_path(const char *parent, const char *key, struct config_node *node)
{
    AUTO(buffer_done)
    struct buffer path = {.max = (size_t)CONFIG_KEY_MAX * CONFIG_TREE_DEPTH_MAX};

    buffer_add_text(&path, parent);
    if (*parent != '\0' && *key != '\0') {
        buffer_add_text(&path, ".");
    }
    buffer_add_text(&path, key);
    node->path = path.failed ? NULL : slice_copy(buffer_slice(&path));
    if (node->path == NULL) {
        return -ENOMEM;
    }
    node->key = node->path + (path.size - strlen(key));
    return 0;
}

/* Appends one value. `key` is NULL for the root and in lists. */
static int
add_node(struct reader *reader, size_t parent, const yaml_node_t *key, int value_id)
{
    struct config_tree *tree = reader->tree;
    const yaml_node_t *value = yaml_document_get_node(reader->document, value_id);
    const struct config_place place = place_of(reader, &value->start_mark);
    const struct config_place key_place =
        key != NULL ? place_of(reader, &key->start_mark) : place;
    struct config_node node = {
        .line = place.line,
        .column = place.column,
        .key_line = key_place.line,
        .key_column = key_place.column,
        .parent = parent,
    };
    int r = check_node(reader, value);

    if (r != 0) {
        return r;
    }
    if (tree->count == CONFIG_TREE_NODES_MAX) {
        return refuse(reader, &value->start_mark, NULL, "too many values",
            "see docs/config.md for an example");
    }
    r = set_path(tree->count > 0 ? tree->nodes[parent].path : "",
        key != NULL ? (const char *)key->data.scalar.value : "", &node);
    r = r == 0 ? set_value(value, &node) : r;
    r = r == 0 ? config_tree_add(tree, &node) : r;
    if (r != 0) {
        free(node.path);
        free(node.text);
        return config_fail_memory(reader->error);
    }
    reader->ids[tree->count - 1] = value_id;
    return 0;
}

static int
check_key(struct reader *reader, size_t parent, int key_id)
{
    const yaml_node_t *key = yaml_document_get_node(reader->document, key_id);
    const char *text = (const char *)key->data.scalar.value;
    const struct config_node *map = &reader->tree->nodes[parent];
    const int r = check_node(reader, key);

    if (r != 0) {
        return r;
    }
    if (key->type != YAML_SCALAR_NODE || *text == '\0' ||
        strlen(text) >= CONFIG_KEY_MAX) {
        return refuse(reader, &key->start_mark, NULL, "a key is not a word",
            "write key: value; docs/config.md lists every key");
    }
    if (strcmp(text, "<<") == 0) {
        return refuse(reader, &key->start_mark, NULL, "merge keys are not understood",
            "write the keys out in both places");
    }
    for (size_t i = map->first; i < reader->tree->count; i++) {
        if (strcmp(reader->tree->nodes[i].key, text) == 0) {
            return refuse(reader, &key->start_mark, reader->tree->nodes[i].path,
                "a key is given twice", "keep one of the two");
        }
    }
    return 0;
}

static int
add_members(struct reader *reader, size_t parent, const yaml_node_t *map)
{
    for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
         pair < map->data.mapping.pairs.top; pair++) {
        int r = check_key(reader, parent, pair->key);

        if (r == 0) {
            r = add_node(reader, parent,
                yaml_document_get_node(reader->document, pair->key), pair->value);
        }
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

static int
add_items(struct reader *reader, size_t parent, const yaml_node_t *list)
{
    for (const yaml_node_item_t *item = list->data.sequence.items.start;
         item < list->data.sequence.items.top; item++) {
        const int r = add_node(reader, parent, NULL, *item);

        if (r != 0) {
            return r;
        }
    }
    return 0;
}

/* Appends the children of our node `index`. */
static int
expand(struct reader *reader, size_t index)
{
    struct config_tree *tree = reader->tree;
    const yaml_node_t *node =
        yaml_document_get_node(reader->document, reader->ids[index]);
    int r = 0;

    tree->nodes[index].first = tree->count;
    if (node->type == YAML_MAPPING_NODE) {
        r = add_members(reader, index, node);
    } else if (node->type == YAML_SEQUENCE_NODE) {
        r = add_items(reader, index, node);
    }
    tree->nodes[index].count = tree->count - tree->nodes[index].first;
    return r;
}

static int
copy_document(struct reader *reader)
{
    int r = add_node(reader, 0, NULL, 1); /* libyaml numbers from 1, the root first */

    for (size_t i = 0; r == 0 && i < reader->tree->count; i++) {
        r = expand(reader, i);
    }
    return r;
}

static int
copy_nodes(struct reader *reader)
{
    const size_t count =
        (size_t)(reader->document->nodes.top - reader->document->nodes.start);

    if (count == 0) {
        return 0;
    }
    reader->ids = calloc(count, sizeof(*reader->ids));
    const int r =
        reader->ids != NULL ? copy_document(reader) : config_fail_memory(reader->error);

    free(reader->ids);
    return r;
}

/* The second pass. */
static int
read_document(struct reader *reader, yaml_parser_t *parser)
{
    yaml_document_t document;

    if (yaml_parser_load(parser, &document) == 0) {
        return refuse_syntax(reader, parser);
    }
    reader->document = &document;
    const int r = copy_nodes(reader);

    reader->document = NULL;
    yaml_document_delete(&document);
    return r;
}

static int
check_event(const struct reader *reader, const yaml_event_t *event, struct extent *extent)
{
    switch ((int)event->type) {
    case YAML_ALIAS_EVENT:
        return refuse(reader, &event->start_mark, NULL, "aliases are not understood",
            "write the value out in both places");
    case YAML_DOCUMENT_START_EVENT:
        return extent->documents++ == 0
                   ? 0
                   : refuse(reader, &event->start_mark, NULL, "a second document",
                         "keep everything in one, without ---");
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return ++extent->depth <= CONFIG_TREE_DEPTH_MAX
                   ? 0
                   : refuse(reader, &event->start_mark, NULL, "nested too deeply",
                         "see docs/config.md for an example");
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        extent->depth--;
        return 0;
    default:
        return 0;
    }
}

/* The first pass. */
static int
check_stream(struct reader *reader, yaml_parser_t *parser)
{
    struct extent extent = {0};
    bool at_end = false;
    int r = 0;

    while (r == 0 && !at_end) {
        yaml_event_t event;

        if (yaml_parser_parse(parser, &event) == 0) {
            return refuse_syntax(reader, parser);
        }
        at_end = event.type == YAML_STREAM_END_EVENT;
        r = check_event(reader, &event, &extent);
        yaml_event_delete(&event);
    }
    return r;
}

static int
parse(struct reader *reader, int (*pass)(struct reader *, yaml_parser_t *))
{
    yaml_parser_t parser;

    if (yaml_parser_initialize(&parser) == 0) {
        return config_fail_memory(reader->error);
    }
    yaml_parser_set_input_string(
        &parser, (const unsigned char *)reader->text.data, reader->text.size);
    const int r = pass(reader, &parser);

    yaml_parser_delete(&parser);
    return r;
}

int
config_yaml_parse(struct slice text, const char *file, struct config_tree *tree,
    struct config_error *error)
{
    struct reader reader = {.file = file, .text = text, .error = error, .tree = tree};

    if (text.size == 0) { /* libyaml wants a pointer even for nothing */
        return 0;
    }
    int r = parse(&reader, check_stream);

    r = r == 0 ? parse(&reader, read_document) : r;
    if (r != 0) {
        config_tree_done(tree);
    }
    return r;
}

const char *
config_yaml_version(void)
{
    return yaml_get_version_string();
}
