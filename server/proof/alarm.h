/*
 * alarm.h - do signatures fail altogether?
 *
 * A wrong signature is nothing: anybody can send one. Many, and no right one among them, are a
 * token that was rotated or a proxy that changes URLs, and every event is being refused. That is
 * said once, as the gauge `signatures_failing` and as an error, and taken back by the next right
 * signature: whoever sends wrong ones cannot keep it up while Twilio's verify.
 *
 * One for the process, whatever loops it has. Thread-safe.
 */
#pragma once

#include "mapping/base.h"

enum {
    ALARM_MISMATCHES = 20, /* well-formed, since the last right one */
    ALARM_QUIET_S = 60,    /* without a right one */
};

/* Makes the gauge known, as 0. */
void alarm_open(void);
/* `now_us` is monotonic and not 0. */
void alarm_verified(int64_t now_us);
void alarm_mismatch(int64_t now_us);
