/*
 * sid.h - Twilio's identifiers: two capital letters that say of what, and 32 hexadecimal digits.
 */
#pragma once

#include "mapping/base.h"

enum {
    SID_SIZE = 35, /* with the NUL */
};

bool sid_is(const char *text, const char *prefix);
