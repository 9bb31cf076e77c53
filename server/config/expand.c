/*
 * expand.c - ${NAME} in the texts of the configuration file.
 */
#include "server/config/expand.h"

#include <stdlib.h>
#include <string.h>

#define NAME_FIRST "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define NAME_CHARACTERS NAME_FIRST "0123456789"

const char *
config_environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != '\0' ? value : NULL;
}

/* Reads "NAME}" at `text`. The text behind it, or NULL. */
static const char *
read_name(const char *text, char ret_name[CONFIG_VARIABLE_SIZE])
{
    const struct slice name = {text, strspn(text, NAME_CHARACTERS)};

    if (name.size == 0 || strchr(NAME_FIRST, *text) == NULL || text[name.size] != '}' ||
        !slice_to_text(name, ret_name, CONFIG_VARIABLE_SIZE)) {
        return NULL;
    }
    return text + name.size + 1;
}

/* Appends what ${name} stands for. */
static void
add_variable(
    const char *name, struct buffer *expanded, char ret_unset[CONFIG_VARIABLE_SIZE])
{
    const char *value = config_environment(name);

    if (value != NULL) {
        buffer_add_text(expanded, value);
    } else {
        memcpy(ret_unset, name, CONFIG_VARIABLE_SIZE);
    }
}

/* Appends the "${NAME}" at `text`. The text behind it, or NULL. */
static const char *
expand_reference(
    const char *text, struct buffer *expanded, char ret_unset[CONFIG_VARIABLE_SIZE])
{
    char name[CONFIG_VARIABLE_SIZE];
    const char *rest = read_name(text + 2, name);

    if (rest != NULL) {
        add_variable(name, expanded, ret_unset);
    }
    return rest;
}

/* Appends the character at `text`, a dollar sign perhaps written twice, and what is plain. */
static const char *
expand_plain(const char *text, struct buffer *expanded)
{
    text += strncmp(text, "$$", 2) == 0 ? 1 : 0;
    const size_t size = 1 + strcspn(text + 1, "$");

    buffer_add(expanded, text, size);
    return text + size;
}

int
config_expand(
    const char *text, struct buffer *expanded, char ret_unset[CONFIG_VARIABLE_SIZE])
{
    ret_unset[0] = '\0';
    while (text != NULL && *text != '\0') {
        text = strncmp(text, "${", 2) == 0 ? expand_reference(text, expanded, ret_unset)
                                           : expand_plain(text, expanded);
    }
    return text != NULL ? CONFIG_EXPAND_OK : CONFIG_EXPAND_E_NAME;
}
