/*
 * token_answer.h - what Twilio's IAM says of a Flex user's token.
 *
 *   200 {"valid":true,"expiration":"2026-01-01T08:00:00.000Z","worker_sid":"WK...", ...}
 *   200 {"valid":false,"code":...,"message":...}
 *
 * Nobody is let in on anything but the first; only the second says no. Whatever else comes (another
 * status, another document, one cut short) says nothing about the token.
 *
 * Source: https://github.com/twilio/twilio-flex-token-validator, and answers seen by it.
 */
#pragma once

#include "mapping/base.h"

enum {
    TOKEN_WORKER_SIZE = 40,
    TOKEN_VALID_S =
        300, /* a yes is kept, or until the token expires, if that is sooner */
    TOKEN_UNDATED_S = 30, /* a yes that does not say until when */
    TOKEN_INVALID_S = 30, /* a no */
};

enum token_verdict {
    TOKEN_PENDING, /* IAM has not answered yet */
    TOKEN_VALID,
    TOKEN_INVALID,
    TOKEN_EXPIRED, /* IAM calls it valid until a time that has passed: a clock is wrong */
    TOKEN_UNKNOWN, /* IAM did not say */
};

struct token_answer {
    enum token_verdict verdict;
    char worker_sid[TOKEN_WORKER_SIZE]; /* of a valid token; empty when IAM named none */
    int64_t keep_ms;                    /* how long the verdict holds; 0: not at all */
};

/* Reads a complete answer; a body that was cut off must not come here. */
struct token_answer token_answer_read(
    long status, struct slice body, int64_t now_unix_ms);
