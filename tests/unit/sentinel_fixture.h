/*
 * sentinel_fixture.h - Sentinels that say what a test wants them to say.
 *
 * One child process serves them all; what they answer, and what they were asked, is shared memory.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum {
    SENTINELS = 3,
    SENTINEL_ANSWER_SIZE = 128,
    SENTINEL_URL_SIZE = 192,
};

struct sentinel_fixture {
    uint16_t port;
    _Atomic int asked;
    _Atomic int epoch; /* of its configuration, told behind each answer */
    /* RESP, set before it is asked; empty: never answers; "close": hangs up instead */
    char answer[SENTINEL_ANSWER_SIZE];
    char question[1024]; /* the last one, as it came */
};

extern struct sentinel_fixture *sentinels; /* SENTINELS of them */

/* cmocka group set-up and tear-down. */
int start_sentinels(void **state);
int stop_sentinels(void **state);
/* "sentinel://[login@]127.0.0.1:P,127.0.0.1:P,127.0.0.1:P/mymaster[options]" */
const char *sentinel_url(const char *login, const char *options);
/* All of them were asked nothing yet; what was asked before is answered by now. */
void forget_questions(void);
/* Lets Sentinel `index` name the master at 127.0.0.1:`port`. */
void sentinel_names(int index, uint16_t port);
