/*
 * option_suggest.c - the key somebody meant who wrote another one.
 */
#include <stdio.h>
#include <string.h>

#include "server/config/options.h"

enum {
    WORD_MAX = 40,    /* longer words are like nothing we know */
    DISTANCE_MAX = 2, /* typing errors; short words get fewer */
    LETTERS_PER_ERROR = 3,
};

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t
option_distance(const char *a, const char *b)
{
    const size_t size_a = strlen(a);
    const size_t size_b = strlen(b);
    size_t row[WORD_MAX + 1]; /* Levenshtein, one row at a time */

    if (size_a > WORD_MAX || size_b > WORD_MAX) {
        return WORD_MAX;
    }
    for (size_t j = 0; j <= size_b; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= size_a; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= size_b; j++) {
            const size_t replaced = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);

            diagonal = row[j];
            row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[size_b];
}

/* So many typing errors are one of this word still. */
static size_t
errors_max(const char *word)
{
    return least(DISTANCE_MAX, strlen(word) / LETTERS_PER_ERROR);
}

const char *
option_nearest(const char *word, const char *const *names, size_t count)
{
    size_t best = errors_max(word) + 1;
    const char *nearest = NULL;

    for (size_t i = 0; i < count; i++) {
        const size_t distance = option_distance(word, names[i]);

        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

static const char *
last_word(const char *key)
{
    const char *dot = strrchr(key, '.');

    return dot != NULL ? dot + 1 : key;
}

/*
 * `known` up to the word that stands beside the last one of `key`; absent when it lives in
 * another section.
 */
static struct slice
sibling(const char *key, const char *known)
{
    const size_t section = (size_t)(last_word(key) - key);

    if (strncmp(key, known, section) != 0) {
        return (struct slice){0};
    }
    return (struct slice){known, section + strcspn(known + section, ".")};
}

static bool
suggest_sibling(const char *key, char ret_key[CONFIG_KEY_MAX])
{
    const char *word = last_word(key);
    const size_t most = errors_max(word);
    size_t best = most + 1;
    char known[CONFIG_KEY_MAX];

    for (size_t i = 0; i < config_option_count; i++) {
        if (!slice_to_text(sibling(key, config_options[i].key), known, sizeof(known)) ||
            *known == '\0') {
            continue;
        }
        const size_t distance = option_distance(word, last_word(known));

        if (distance < best) {
            best = distance;
            memcpy(ret_key, known, sizeof(known));
        }
    }
    return best <= most;
}

static bool
suggest_elsewhere(const char *key, char ret_key[CONFIG_KEY_MAX])
{
    for (size_t i = 0; i < config_option_count; i++) {
        if (strcmp(last_word(config_options[i].key), last_word(key)) == 0) {
            (void)snprintf(ret_key, CONFIG_KEY_MAX, "%s", config_options[i].key);
            return true;
        }
    }
    return false;
}

bool
option_suggest(const char *key, char ret_key[CONFIG_KEY_MAX])
{
    return suggest_sibling(key, ret_key) || suggest_elsewhere(key, ret_key);
}
