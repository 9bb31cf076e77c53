/*
 * token_question.c - a token IAM is asked about, and all who wait for the verdict.
 */
#include "server/proof/token_question.h"

#include <stdlib.h>
#include <string.h>

enum {
    BODY_MAX = TOKEN_SIZE_MAX + 16, /* {"token":"..."} */
};

bool
question_is_token(struct slice token)
{
    for (size_t i = 0; i < token.size; i++) {
        const char c = token.data[i];

        if (c <= ' ' || c > '~' || c == '"' || c == '\\') {
            return false;
        }
    }
    return token.size > 0 && token.size < TOKEN_SIZE_MAX;
}

struct question *
question_new(const char *hash, struct slice token)
{
    struct question *question = calloc(1, sizeof(*question));

    if (question == NULL) {
        return NULL;
    }
    memcpy(question->hash, hash, sizeof(question->hash));
    buffer_init(&question->body, BODY_MAX);
    buffer_add_text(&question->body, "{\"token\":\"");
    buffer_add_slice(&question->body, token);
    buffer_add_text(&question->body, "\"}");
    if (question->body.failed) {
        question_free(question);
        return NULL;
    }
    return question;
}

void
question_free(struct question *question)
{
    http_exchange_done(&question->exchange);
    buffer_done(&question->body);
    free(question);
}

void
question_wait(struct question *question, struct token_check *check)
{
    check->next = question->waiting;
    question->waiting = check;
}

void
questions_add(struct questions *questions, struct question *question)
{
    struct question **link = &questions->first;

    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = question;
    questions->count++;
}

void
questions_remove(struct questions *questions, const struct question *question)
{
    struct question **link = &questions->first;

    while (*link != question) {
        link = &(*link)->next;
    }
    *link = question->next;
    questions->count--;
}

struct question *
questions_find(const struct questions *questions, const char *hash)
{
    struct question *question = questions->first;

    while (question != NULL && strcmp(question->hash, hash) != 0) {
        question = question->next;
    }
    return question;
}

struct question *
questions_find_held(const struct questions *questions)
{
    struct question *question = questions->first;

    while (question != NULL && !question->held) {
        question = question->next;
    }
    return question;
}
