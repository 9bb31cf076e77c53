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

#include "server/net/http_client.h"
#include "server/proof/token_answer.h"

enum {
    TOKEN_SIZE_MAX = 8 * 1024, /* with the NUL; Flex tokens take up to 6 KB */
    TOKEN_ASKING_MAX = 32,     /* questions under way, those that wait for the ring too */
    TOKEN_TIMEOUT_MS = 2000,   /* of a question, every auth token of the ring included */
    TOKEN_TRIES_MAX =
        20, /* requests for one question: the ring, and a new one meanwhile */
    TOKEN_REFUSED_PAUSE_S =
        5, /* nobody is asked when no auth token of the ring was accepted */
    TOKEN_LIMITED_PAUSE_S =
        2, /* nor when IAM asks for patience; or as long as it says, */
    TOKEN_LIMITED_PAUSE_MAX_S = 30, /* but no longer than this */
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
        *auth_tokens; /* a ring: the one that IAM accepts is used from then on */
    size_t auth_token_count;
    struct http_client *client; /* outlives the checker's last question */
};

/*
 * Texts are copied. One thread. 0, -ENOMEM, or -EINVAL: the URL does not fit, or see
 * token_checker_set_tokens().
 */
int token_checker_open(const struct token_checker_options *options,
    struct token_checker **ret_checker) MUST_USE;
/* Requires that the client was closed: no question is under way. */
void token_checker_close(struct token_checker **checker);

/*
 * Replaces the ring. Tokens are copied. Questions under way go on, with the new ring where IAM
 * has refused the old one. 0, -ENOMEM, or -EINVAL for none, too many (VERIFY_TOKENS_MAX), an empty
 * or an endless one; then the old ring stays.
 */
int token_checker_set_tokens(
    struct token_checker *checker, const char *const *tokens, size_t count) MUST_USE;

/*
 * Returns the verdict, also in check->verdict, or TOKEN_PENDING: then `done` is called within
 * TOKEN_TIMEOUT_MS. TOKEN_UNKNOWN also when too many questions are under way.
 */
enum token_verdict token_check(struct token_checker *checker, struct slice token,
    struct token_check *check) MUST_USE;
