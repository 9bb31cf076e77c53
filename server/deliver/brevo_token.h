/*
 * brevo_token.h - Brevo's machine-to-machine token: what the endpoint's answers mean, when to ask.
 *
 * RFC 6749: a client id and a secret are exchanged for a token that lives about an hour (4.4). The
 * next one is asked for at three quarters to four fifths of its life, whenever each worker likes, so
 * that not all ask at once. A token that Brevo refuses is thrown away whatever its age.
 *
 * Neither the network nor a clock is touched here: brevo_auth.c does.
 */
#pragma once

#include "server/net/http_client.h"

enum brevo_token_problem {
    BREVO_TOKEN_FINE,
    BREVO_TOKEN_UNAVAILABLE, /* no answer, or the answer of a server that fails or is busy */
    BREVO_TOKEN_BAD_ENDPOINT, /* whoever answers is no token endpoint */
    BREVO_TOKEN_INVALID_CLIENT,
    BREVO_TOKEN_INVALID_SCOPE,
    BREVO_TOKEN_REFUSED, /* for some other reason */
    BREVO_TOKEN_IP_BLOCKED,
    BREVO_TOKEN_PROBLEM_COUNT
};

const char *brevo_token_problem_name(enum brevo_token_problem problem); /* metric label */
/* What a person does about it; NULL of BREVO_TOKEN_FINE. */
const char *brevo_token_remedy(enum brevo_token_problem problem);
/* The cause of a pause; NULL: it passes by itself, or may. */
const char *brevo_token_cause(enum brevo_token_problem problem);

enum {
    BREVO_AUTH_SIZE = 8 * 1024, /* of the header; tokens are JWTs of a KB or two */
    BREVO_TOKEN_LIFE_MS = 60 * 60 * 1000, /* of one of which it is not said */
    BREVO_TOKEN_LIFE_MAX_MS = 24 * 60 * 60 * 1000,
    BREVO_TOKEN_RETRY_MIN_MS = 1000,
    BREVO_TOKEN_RETRY_MAX_MS = 60 * 1000,
    BREVO_TOKEN_DOUBT_MS = 60 * 1000,
};

struct brevo_token_answer {
    enum brevo_token_problem problem;
    char header[BREVO_AUTH_SIZE]; /* "Authorization: Bearer ..."; "" with a problem */
    int64_t life_ms;              /* from when it was asked for */
    int64_t after_ms;             /* with a problem: do not ask before; 0: not said */
};

/* Of the endpoint; nothing of it is kept, and nothing of it but its problem may be logged. */
void brevo_token_read(
    const struct http_exchange *exchange, struct brevo_token_answer *ret_answer);

struct brevo_token {
    char header[BREVO_AUTH_SIZE];     /* "": there is none */
    unsigned number;                  /* of the token: the first is 1 */
    int64_t end_us;                   /* of its life */
    int64_t next_us;                  /* no question before */
    int64_t wait_ms;                  /* the last one after a failure; 0: none failed */
    int64_t refused_us;               /* when one was thrown away; 0: never */
    enum brevo_token_problem problem; /* of the last answer */
};

/* `token` begins zeroed. */
bool brevo_token_is_usable(const struct brevo_token *token, int64_t now_us);
/* Takes in the answer to a question of `asked_us`. `random`: any number. */
void brevo_token_take(struct brevo_token *token, const struct brevo_token_answer *answer,
    int64_t asked_us, int64_t now_us, uint32_t random);
/*
 * Brevo refused the token of that number: it is thrown away. True: its successor may do better.
 * False: it was a successor itself, of one that was refused a moment ago; tokens are not what is
 * wrong.
 */
bool brevo_token_refuse(struct brevo_token *token, unsigned number, int64_t now_us);
