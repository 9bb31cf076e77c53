/*
 * token.h - is this a Flex user's token? Twilio's IAM knows.
 *
 * A browser cannot keep a secret, so the Flex UI plugin sends its user's token (a JWE only Twilio
 * can read) and we ask POST {iam_url}/v1/Accounts/{AC...}/Tokens/validate. Verdicts are kept for a
 * while under the token's SHA-256; the token itself is kept only while the question is under way.
 * Several requests with one token are one question. When IAM cannot be asked nobody is let in.
 *
 * Source: https://github.com/twilio/twilio-flex-token-validator (request and answer; the account's
 * auth token is required there, an API key is not accepted).
 */
#pragma once

#include "mapping/base.h"
#include "server/net/http_client.h"

enum {
    TOKEN_SIZE_MAX = 8 * 1024, /* with the NUL; Flex tokens take up to 6 KB */
    TOKEN_WORKER_SIZE = 40,
    TOKEN_KEPT_MAX = 1024,   /* verdicts, the least recently used gives way */
    TOKEN_ASKING_MAX = 32,   /* questions under way */
    TOKEN_TIMEOUT_MS = 2000, /* of a question, every token of the ring included */
    TOKEN_VALID_S = 300,     /* or until it expires, if that is sooner */
    TOKEN_INVALID_S = 30,
};

enum token_verdict {
    TOKEN_PENDING, /* `done` will be called */
    TOKEN_VALID,
    TOKEN_INVALID,
    TOKEN_UNKNOWN, /* IAM did not say, or too many questions are under way */
};

/* One who wants to know; the caller keeps it where it is until the verdict. */
struct token_check {
    void (*done)(struct token_check *check);
    void *context;
    enum token_verdict verdict;
    char worker_sid[TOKEN_WORKER_SIZE]; /* of a valid token; empty when IAM named none */
    struct token_check *next;           /* ours while waiting */
};

struct token_checker;

struct token_checker_options {
    const char *iam_url; /* without a trailing slash */
    const char *account_sid;
    const char *const
        *auth_tokens; /* a ring: the first that IAM accepts is used from then on */
    size_t auth_token_count;
    struct http_client *client; /* outlives the checker's last question */
};

/* Options are borrowed. 0, -EINVAL when a URL or header would not fit, -ENOMEM. One thread. */
int token_checker_open(const struct token_checker_options *options,
    struct token_checker **ret_checker) MUST_USE;
/* Requires that the client was closed: no question is under way. */
void token_checker_close(struct token_checker **checker);

/*
 * Another ring from now on; it is borrowed, the old one no longer used. Questions under way are
 * asked again with the new one if the old one is what IAM refuses. `count` is not 0.
 */
void token_checker_set_tokens(
    struct token_checker *checker, const char *const *auth_tokens, size_t count);

/* Returns the verdict at once, also in check->verdict, or TOKEN_PENDING. */
enum token_verdict token_check(struct token_checker *checker, struct slice token,
    struct token_check *check) MUST_USE;
