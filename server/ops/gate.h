/*
 * gate.h - lets one of many alike messages through every ten seconds, and counts the others.
 *
 * What anybody can cause by sending requests must not fill the log.
 */
#pragma once

#include "mapping/base.h"

enum {
    GATE_INTERVAL_S = 10,
};

/* Zeroed: open. */
struct gate {
    int64_t next_us; /* monotonic */
    int64_t count;   /* since the last that passed */
};

/* True: say it now; *ret_count is how many times it happened since the last time, this included. */
bool gate_pass(struct gate *gate, int64_t now_us, int64_t *ret_count) MUST_USE;
