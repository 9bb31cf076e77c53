/*
 * config_tree.h - a configuration file as plain nodes, whatever wrote them.
 *
 * Nodes stand in one array, breadth first: the root is the first, the children of a node are
 * neighbours. So walking it is a loop and depth is a number, not a risk.
 */
#pragma once

#include "server/config/place.h"

enum {
    CONFIG_TREE_BYTES_MAX = 1024 * 1024,
    CONFIG_TREE_NODES_MAX = 8192,
    CONFIG_TREE_DEPTH_MAX = 12,
};

enum config_kind {
    CONFIG_NOTHING, /* null, ~ or not a word */
    CONFIG_SCALAR,
    CONFIG_LIST,
    CONFIG_MAP,
};

struct config_node {
    enum config_kind kind;
    char *path;      /* dotted; of a list's items the list's own; "" for the root */
    const char *key; /* the last part of `path`; "" in lists and for the root */
    char *text;      /* CONFIG_SCALAR, as written: ${NAME} is not replaced */
    unsigned line;   /* of the value, from 1 */
    unsigned column;
    unsigned key_line; /* of the key, from 1; in lists of the value */
    unsigned key_column;
    size_t parent; /* index; the root's is itself */
    size_t first;  /* children: nodes[first .. first + count) */
    size_t count;
};

struct config_tree {
    struct config_node *nodes;
    size_t count; /* 0: an empty file */
    size_t capacity;
};

/* Appends a copy of `node` whose texts the tree then owns. 0 or -ENOMEM (texts are yours still). */
int config_tree_add(struct config_tree *tree, const struct config_node *node) MUST_USE;
void config_tree_done(struct config_tree *tree);
