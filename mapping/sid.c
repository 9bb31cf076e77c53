/*
 * sid.c - Twilio's identifiers.
 */
#include "mapping/sid.h"

#include <string.h>

bool
sid_is(const char *text, const char *prefix)
{
    const size_t size = strlen(prefix);

    return strlen(text) == SID_SIZE - 1 && strncmp(text, prefix, size) == 0 &&
           strspn(text + size, "0123456789abcdefABCDEF") == SID_SIZE - 1 - size;
}
