/*
 * config_tree.c - a configuration file as plain nodes.
 */
#include "server/config/config_tree.h"

#include <errno.h>
#include <stdlib.h>

enum {
    FIRST_CAPACITY = 64,
};

int
config_tree_add(struct config_tree *tree, const struct config_node *node)
{
    if (tree->count == tree->capacity) {
        const size_t capacity = tree->capacity > 0 ? tree->capacity * 2 : FIRST_CAPACITY;
        struct config_node *nodes =
            reallocarray(tree->nodes, capacity, sizeof(*tree->nodes));

        if (nodes == NULL) {
            return -ENOMEM;
        }
        tree->nodes = nodes;
        tree->capacity = capacity;
    }
    tree->nodes[tree->count++] = *node;
    return 0;
}

void
config_tree_done(struct config_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        free(tree->nodes[i].path);
        free(tree->nodes[i].text);
    }
    free(tree->nodes);
    *tree = (struct config_tree){0};
}
