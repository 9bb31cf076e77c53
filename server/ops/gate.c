/*
 * gate.c - lets one of many alike messages through every ten seconds.
 */
#include "server/ops/gate.h"

bool
gate_pass(struct gate *gate, int64_t now_us, int64_t *ret_count)
{
    gate->count++;
    if (now_us < gate->next_us) {
        return false;
    }
    *ret_count = gate->count;
    gate->count = 0;
    gate->next_us = now_us + (int64_t)GATE_INTERVAL_S * US_PER_S;
    return true;
}
