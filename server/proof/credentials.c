/*
 * credentials.c - all that is secret in ingest and exchanged while it runs.
 *
 * The texts lie behind the struct, in one piece: one place to wipe.
 */
#include "server/proof/credentials.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static_assert(CONFIG_AUTH_TOKENS_MAX + 1 <= VERIFY_TOKENS_MAX, "auth_token is one more");

static size_t
text_size(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

static size_t
texts_size(const struct config *config)
{
    size_t size = text_size(config->auth_token) + text_size(config->survey_token);

    for (size_t i = 0; i < config->auth_tokens.count; i++) {
        size += text_size(config->auth_tokens.items[i]);
    }
    for (size_t i = 0; i < SOURCE_COUNT; i++) {
        size += text_size(config->routes[i].basic_auth);
    }
    return size;
}

/* Copies `text` to the end of the texts, which `end` moves. */
static const char *
take_text(char **end, const char *text)
{
    const size_t size = text_size(text);
    char *copy = *end;

    if (text == NULL) {
        return NULL;
    }
    memcpy(copy, text, size);
    *end += size;
    return copy;
}

static void
take_texts(struct credentials *credentials, const struct config *config)
{
    char *end = credentials->texts;

    if (config->auth_token != NULL) {
        credentials->auth_tokens[0] = take_text(&end, config->auth_token);
        credentials->auth_token_count = 1;
        credentials->has_auth_token = true;
    }
    for (size_t i = 0; i < config->auth_tokens.count; i++) {
        credentials->auth_tokens[credentials->auth_token_count++] =
            take_text(&end, config->auth_tokens.items[i]);
    }
    credentials->survey_token = take_text(&end, config->survey_token);
    for (size_t i = 0; i < SOURCE_COUNT; i++) {
        credentials->basic_auth[i] = take_text(&end, config->routes[i].basic_auth);
    }
    assert(end == credentials->texts + credentials->size);
}

int
credentials_open(const struct config *config, struct credentials **ret_credentials)
{
    const size_t size = texts_size(config);
    struct credentials *credentials = calloc(1, sizeof(*credentials) + size);

    if (credentials == NULL) {
        return -ENOMEM;
    }
    credentials->size = size;
    take_texts(credentials, config);
    const int r = verifier_open(
        credentials->auth_tokens, credentials->auth_token_count, &credentials->verifier);

    if (r < 0) {
        credentials_close(&credentials);
        return r;
    }
    *ret_credentials = credentials;
    return 0;
}

void
credentials_close(struct credentials **credentials)
{
    if (*credentials == NULL) {
        return;
    }
    verifier_close(&(*credentials)->verifier);
    explicit_bzero((*credentials)->texts, (*credentials)->size);
    free(*credentials);
    *credentials = NULL;
}
