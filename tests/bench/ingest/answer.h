/*
 * answer.h - reads as much of an HTTP answer as a load generator needs.
 */
#pragma once

#include "mapping/base.h"

enum {
    ANSWER_CLASSES = 6, /* first digit of the status: 1 .. 5 */
};

enum answer_result {
    ANSWER_OK = 0,
    ANSWER_CUT, /* more has to come */
    ANSWER_BAD, /* not HTTP/1.1, of unknown length, or more than one answer */
};

struct answer {
    unsigned class; /* of the status: 2 for 204 */
    bool closes;    /* says "Connection: close" */
};

enum answer_result answer_parse(struct slice bytes, struct answer *ret_answer) MUST_USE;
