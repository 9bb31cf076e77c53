/*
 * token_question.h - a token IAM is asked about, and all who wait for the verdict; for the token
 * checker.
 */
#pragma once

#include "server/ops/sha256.h"
#include "server/proof/token.h"
#include "server/proof/token_ring.h"

struct question {
    struct question *next; /* the list's, oldest first */
    char hash[SHA256_HEX_SIZE];
    struct buffer body; /* what is sent: it holds the token */
    struct http_exchange exchange;
    struct token_checker *checker;
    struct token_pick pick; /* what was sent last */
    unsigned tries;
    bool held; /* until the scout is back */
    int64_t deadline_us;
    struct token_check *waiting;
};

struct questions {
    struct question *first;
    size_t count;
};

/* A Flex token is a JWE; anything else need not be asked about, nor quoted in JSON. */
bool question_is_token(struct slice token);

/* NULL when memory is out. Ownership: question_free(), when it is in no list any more. */
struct question *question_new(const char *hash, struct slice token) MUST_USE;
void question_free(struct question *question);
void question_wait(struct question *question, struct token_check *check);

void questions_add(struct questions *questions, struct question *question);
void questions_remove(struct questions *questions, const struct question *question);
struct question *questions_find(const struct questions *questions, const char *hash);
/* The oldest of those held, or NULL. */
struct question *questions_find_held(const struct questions *questions);
